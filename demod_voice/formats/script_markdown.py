"""Episode scripts in Markdown. The format is described in docs/scripts.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from demod_voice.config.settings import Limits
from demod_voice.errors import Fault
from demod_voice.formats.building import Builder
from demod_voice.formats.document import Place, load_yaml, place_of
from demod_voice.formats.script import Script
from demod_voice.formats.speakers import read_speakers

FRONT_KEYS = ("title", "id", "language", "seed", "speakers", "author", "album", "date", "description")
META_KEYS = ("author", "album", "date", "description")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TURN = re.compile(
    r"(?:\*\*|__)?(?P<name>[^\s:*_\\][^:\\\n]{0,59}?)(?::(?:\*\*|__)|(?:\*\*|__)?:)(?:\s+|$)(?P<text>.*)"
)
_NAME = re.compile(r"[^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*){0,2}")
_PAUSE_LINE = re.compile(r"\[pause[^\[\]]*\]", re.IGNORECASE)


def read_markdown(text: str, source: str, limits: Limits, faults: list[Fault]) -> Script:
    """A Markdown script; what is wrong is put into ``faults``."""
    front, body, shift = _front_matter(text, faults)
    place = place_of(front, faults) if isinstance(front, dict) else Place({}, {}, None, faults)
    place.only(FRONT_KEYS)
    speakers = read_speakers(place)
    if not speakers and not faults:
        faults.append(Fault(1, "the script names no speakers", "begin with front matter: see docs/scripts.md"))
    builder = Builder(speakers, limits, faults)
    title = _Body(builder, shift).read(body) if speakers else ""
    return script_of(place, builder, source, title)


def script_of(place: Place, builder: Builder, source: str, title: str) -> Script:
    """The finished script, from the front matter (or the ``episode`` mapping) and the body."""
    chapters = builder.finish()
    return Script(
        title=place.text("title") or title or source.rsplit(".", 1)[0],
        language=place.text("language"),
        speakers=builder.speakers,
        chapters=chapters,
        source=source,
        episode_id=place.text("id") or place.text("episode_id"),
        seed=place.whole("seed", 0, 2**31 - 1),
        trailing_pause_s=builder.pause or 0.0,
        metadata={key: place.text(key) for key in META_KEYS if place.text(key)},
    )


class _Body:
    """Reads the lines after the front matter."""

    def __init__(self, builder: Builder, shift: int) -> None:
        self.builder = builder
        self.shift = shift
        self.title = ""
        self.only = next(iter(builder.speakers)) if len(builder.speakers) == 1 else ""
        self.turn: tuple[str, list[str], int] | None = None

    def read(self, body: str) -> str:
        for number, row in enumerate(_without_comments(body).split("\n"), self.shift + 1):
            self._row(row.strip(), number)
        self._end_turn()
        return self.title

    def _row(self, row: str, number: int) -> None:
        if not row:
            self._end_turn()
            self.builder.paragraph()
        elif row.startswith("#"):
            self._heading(row, number)
        elif re.fullmatch(r"(-\s*){3,}|(\*\s*){3,}|(_\s*){3,}", row):
            self._end_turn()
            self.builder.paragraph()
        elif _PAUSE_LINE.fullmatch(row):
            self._end_turn()
            self._pause(row, number)
        else:
            self._words(row, number)

    def _heading(self, row: str, number: int) -> None:
        self._end_turn()
        marks = len(row) - len(row.lstrip("#"))
        text = row.lstrip("#").strip().rstrip("#").strip()
        if marks == 1:
            self.title = self.title or text
            self.builder.paragraph()
        elif marks == 2:
            self.builder.chapter(text, number)
        else:
            self.builder.faults.append(Fault(number, f"a heading of level {marks}", "# is the title, ## a chapter"))

    def _pause(self, row: str, number: int) -> None:
        from demod_voice.formats.markup import read_line

        for seconds, _ in read_line(row, lambda what, hint: self.builder.faults.append(Fault(number, what, hint))):
            if seconds is not None:
                self.builder.add_pause(seconds)

    def _words(self, row: str, number: int) -> None:
        match = _TURN.match(row)
        name = match["name"].strip() if match else ""
        if match and (name in self.builder.speakers or self._is_name(name)):
            self._end_turn()
            self.turn = (name, [match["text"]], number)
        elif self.turn is not None:
            self.turn[1].append(row)
        elif self.only:
            self.turn = (self.only, [row], number)
        else:
            names = ", ".join(self.builder.speakers)
            self.builder.faults.append(Fault(number, f"nobody says {row[:40]!r}", f"begin it with a name: {names}"))

    def _is_name(self, name: str) -> bool:
        """It looks like a speaker's name where one is expected: at the start of a paragraph or of another turn."""
        looks = bool(_NAME.fullmatch(name)) and all(word[:1].isupper() for word in name.split()) and len(name) <= 40
        return looks and not self.only

    def _end_turn(self) -> None:
        if self.turn is not None:
            speaker, rows, number = self.turn
            self.turn = None
            self.builder.say(speaker, " ".join(rows), number)


def _front_matter(text: str, faults: list[Fault]) -> tuple[Mapping[str, Any] | None, str, int]:
    """(front matter, body, lines before the body)."""
    rows = text.split("\n")
    if not rows or rows[0].rstrip() != "---":
        return None, text, 0
    for number, row in enumerate(rows[1:], 1):
        if row.rstrip() in ("---", "..."):
            front = load_yaml("\n".join(rows[1:number]), 1, faults)
            if front is not None and not isinstance(front, dict):
                faults.append(Fault(2, "the front matter must be a mapping of key: value"))
                front = None
            return front, "\n".join(rows[number + 1 :]), number + 1
    faults.append(Fault(1, "the front matter is not closed", "end it with a line of ---"))
    return None, "", len(rows)


def _without_comments(body: str) -> str:
    """Comments blanked out, line ends kept, so that line numbers stay true."""
    return _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), body)
