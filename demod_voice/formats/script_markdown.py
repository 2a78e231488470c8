"""Episode scripts in Markdown. The format is described in docs/scripts.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from demod_voice.config.settings import Limits
from demod_voice.errors import Fault
from demod_voice.formats.building import Builder
from demod_voice.formats.chapter_notes import read_chapter_notes
from demod_voice.formats.context import read_context
from demod_voice.formats.document import Place, load_yaml, nearest, place_of, shown
from demod_voice.formats.hints import NOTHING, row_hints, split_hints
from demod_voice.formats.inherited import ALONE, SHARED_KEYS, Outer, lexicons_of, mixes_of, speakers_of
from demod_voice.formats.markup import plain_text
from demod_voice.formats.script import Script
from demod_voice.formats.tags import TagError

META_KEYS = ("author", "album", "date", "description", "genre", "cover", "episode", "season", "guid", "link")
"""What is published with an episode: see docs/publishing.md."""
FRONT_KEYS = ("title", "id", "language", "seed", "context", "speakers", "chapters", *SHARED_KEYS, *META_KEYS)
_DATE = re.compile(r"[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01])(?:[T ][0-9:.+Z-]+)?)?)?")
_GONE = "\ue0ff"
"""Stands where a comment stood: a row of nothing else is no blank row."""
_COMMENT = re.compile(r"(?<!\\)<!--.*?(?:-->|\Z)", re.DOTALL)
_TURN = re.compile(
    r"(?:\*\*|__)?(?P<name>[^\s:：*_\\#\[\]<>][^:：\\\[\]<>]{0,59}?)(?:[:：](?:\*\*|__)|(?:\*\*|__)?[:：])(?P<text>.*)"
)
_NAME = re.compile(r"[^\W\d_][\w.'’-]*(?: \w[\w.'’-]*){0,2}")
_HEADING = re.compile(r"(?P<marks>#+)(?:\s+(?P<text>.*))?")
_LIST = re.compile(r"(?:>\s*)+|[-*+]\s+")
_BETWEEN = re.compile(r"(?:(?:\[(?:pause|sfx)\b[^\[\]]*\]|<(?:pause|break)\b[^<>]*/>)\s*)+", re.IGNORECASE)
"""A row of pauses and effects between two lines."""


def read_markdown(text: str, source: str, limits: Limits, faults: list[Fault], outer: Outer = ALONE) -> Script:
    """A Markdown script; what is wrong is put into ``faults``."""
    front, body, shift = _front_matter(text, faults)
    place = place_of(front, faults) if isinstance(front, dict) else Place({}, {}, None, faults)
    place.only(FRONT_KEYS)
    speakers = speakers_of(place, outer)
    if not speakers and not faults:
        faults.append(
            Fault(1, "the script names no speakers", "begin with front matter (docs/scripts.md), or give --cast FILE")
        )
    builder = Builder(speakers, limits, faults)
    title = _Body(builder, shift).read(body) if speakers else ""
    return script_of(place, builder, source, title, outer)


def script_of(place: Place, builder: Builder, source: str, title: str, outer: Outer) -> Script:
    """The finished script, from the front matter (or the ``episode`` mapping) and the body."""
    chapters = builder.finish()
    _check_date(place)
    show, folder, roots = outer.show, outer.folder, outer.roots
    cover = "" if show.cover is None else str(show.cover.resolve())
    inherited = {"author": show.author, "album": show.title, "cover": cover}
    return Script(
        title=place.text("title") or title or source.rsplit(".", 1)[0],
        language=place.language("language") or show.language,
        speakers=builder.speakers,
        chapters=chapters,
        source=source,
        episode_id=place.text("id") or place.text("episode_id"),
        seed=place.whole("seed", 0, 2**31 - 1),
        context_turns=read_context(place),
        trailing_pause_s=builder.pause or 0.0,
        trailing_effects=tuple(builder.effects),
        metadata={key: text for key in META_KEYS if (text := place.text(key) or inherited.get(key, ""))},
        chapter_notes=read_chapter_notes(place, [chapter.title for chapter in chapters]),
        lexicons=(*show.lexicons, *lexicons_of(place, folder, roots)),
        mixes=(*show.mixes, *mixes_of(place, "", folder, roots)),
        show=show,
    )


def _check_date(place: Place) -> None:
    """A date that players cannot read as one is a fault."""
    date = place.text("date")
    if date and not _DATE.fullmatch(date):
        place.fault("date", f"{place.path('date')} is {shown(date)}, not a date", "as 2026, 2026-11 or 2026-11-21")


class _Body:
    """Reads the lines after the front matter."""

    def __init__(self, builder: Builder, shift: int) -> None:
        self.builder = builder
        self.shift = shift
        self.title = ""
        self.only = next(iter(builder.speakers)) if len(builder.speakers) == 1 else ""
        self.named = True
        """Turns begin with a name; without one in the whole script, what looks like a name is none."""
        self.turn: tuple[str, list[str], int] | None = None

    def read(self, body: str) -> str:
        """Feed the builder; the title is what ``#`` says."""
        rows = self._without_comments(body).split("\n")
        self.named = not self.only or any(self._turn(_unlisted(row.strip())) for row in rows)
        for number, row in enumerate(rows, self.shift + 1):
            self._row(row.strip(), number)
        self._end_turn()
        return self.title

    def _row(self, row: str, number: int) -> None:
        heading = _HEADING.fullmatch(row)
        if _GONE in row:
            row = row.replace(_GONE, "").strip()
            if row:
                self._row(row, number)
            elif self.turn is not None:
                self.turn[1].append("")
        elif not row:
            self._end_turn()
            self.builder.paragraph()
        elif heading:
            self._heading(len(heading["marks"]), heading["text"] or "", number)
        elif re.fullmatch(r"(?:-\s*+){3,}|(?:\*\s*+){3,}|(?:_\s*+){3,}", row):
            self._end_turn()
            self.builder.paragraph()
        elif row.startswith("(") and self._hints(row, number):
            pass
        elif _BETWEEN.fullmatch(row):
            self._end_turn()
            self.builder.between(row, number)
        else:
            self._words(_unlisted(row), number)

    def _heading(self, marks: int, text: str, number: int) -> None:
        self._end_turn()
        text = re.sub(r"(?:^|\s)#+$", "", text).strip()
        if marks == 1:
            if self.title:
                self._fault(number, f"a second title {shown(text)}", "# is the episode's title, ## a chapter")
            self.title = self.title or plain_text(text)
            self.builder.paragraph()
        elif marks == 2:
            self.builder.chapter(text, number)
        else:
            self._fault(number, f"a heading of level {marks}", "# is the title, ## a chapter")

    def _fault(self, line: int, message: str, hint: str | None) -> None:
        self.builder.faults.append(Fault(line, message, hint))

    def _hints(self, row: str, number: int) -> bool:
        """Below a heading a row of hints is for the whole chapter."""
        first = self.turn is None and not self.builder.begun
        try:
            hints = row_hints(row, bare=first)
        except TagError as error:
            self.builder.put(error, number)
            return True
        if hints is None:
            return False
        if not first:
            self._fault(number, f"the hints {row[:60]} stand alone", "put them after a name, or below a heading")
        elif hints.timed:
            self._fault(number, f"{row[:60]} cannot be meant for a whole chapter", "put it after a name")
        else:
            self.builder.manner = hints
        return True

    def _turn(self, row: str) -> tuple[str, str] | None:
        """(a known speaker, what is said), when the row begins with one."""
        match = _TURN.match(row)
        name = self.builder.speaker(match["name"]) if match else ""
        return (name, match["text"].strip()) if match and name in self.builder.speakers else None

    def _words(self, row: str, number: int) -> None:
        turn = self._turn(row) or self._unknown(row)
        if turn:
            self._end_turn()
            self.turn = (*turn[:1], [turn[1]], number)
        elif self.turn is not None:
            self.turn[1].append(row)
        elif self.only:
            self.turn = (self.only, [row], number)
        else:
            names = ", ".join(self.builder.speakers)
            self._fault(number, f"nobody says {row[:40]!r}", f"begin it with a name: {names}")

    def _unknown(self, row: str) -> tuple[str, str] | None:
        """(what looks like the name of a speaker that there is not, the rest); nothing where no turn has a name."""
        match = _TURN.match(row) if self.named else None
        if match is None or not (match["text"][:1].isspace() or not match["text"]):
            return None
        name = match["name"].strip()
        looks = bool(_NAME.fullmatch(name)) and all(word[0].isupper() or word[0].isdigit() for word in name.split())
        near = nearest(name, self.builder.speakers, self.builder.faults, cutoff=0.8)
        return (name, match["text"]) if (looks and len(name) <= 40) or near else None

    def _without_comments(self, body: str) -> str:
        """Comments blanked out, line ends kept, so that line numbers stay true."""
        for match in _COMMENT.finditer(body):
            if not match[0].endswith("-->"):
                line = self.shift + 1 + body.count("\n", 0, match.start())
                self._fault(line, "a comment that is not closed", "end it with -->")
        return _COMMENT.sub(lambda match: _GONE + f"\n{_GONE}" * match[0].count("\n"), body.replace(_GONE, ""))

    def _end_turn(self) -> None:
        if self.turn is None:
            return
        speaker, rows, number = self.turn
        self.turn = None
        text, hints = "\n".join(rows), NOTHING
        try:
            hints, text = split_hints(text)
        except TagError as error:
            self.builder.put(error, number)
        self.builder.say(speaker, text, number, hints)


def _unlisted(row: str) -> str:
    """Without the sign of a list or a quotation."""
    match = _LIST.match(row)
    return row[match.end() :] if match else row


def _front_matter(text: str, faults: list[Fault]) -> tuple[Mapping[str, Any] | None, str, int]:
    """(front matter, body, lines before the body)."""
    rows = text.split("\n")
    first = next((number for number, row in enumerate(rows) if row.strip()), 0)
    if rows[first].rstrip() != "---":
        return None, text, 0
    for number, row in enumerate(rows[first + 1 :], first + 1):
        if row.rstrip() in ("---", "..."):
            front = load_yaml("\n".join(rows[first + 1 : number]), first + 1, faults)
            if front is not None and not isinstance(front, dict):
                faults.append(Fault(first + 2, "the front matter must be a mapping of key: value"))
                front = None
            return front, "\n".join(rows[number + 1 :]), number + 1
    faults.append(Fault(first + 1, "the front matter is not closed", "end it with a line of ---"))
    return None, "", len(rows)
