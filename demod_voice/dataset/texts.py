"""The text that belongs to a recording: found beside it or in a folder, read, and made fit for training.

For ``talk.mp3`` these are looked for, and the first that is there is taken: subtitles before a transcript, the
recording's language before none, SubRip before WebVTT::

    talk.en-US.srt  talk.en.srt  talk.srt  (.vtt alike)  talk.en.txt  talk.txt

``talk.mp3.srt`` does as well, and so does another form of the language (``talk.en-GB.srt`` for ``en-US``). A text of
another language is never taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from demod_voice.dataset.cutting.cut import TimedText
from demod_voice.errors import Fault, FaultsError
from demod_voice.formats.document import LANGUAGE_TAG
from demod_voice.formats.foreign_text import read_foreign_text
from demod_voice.formats.subtitle_text import names_before_text, read_text
from demod_voice.formats.subtitles import SUFFIXES as SUBTITLES
from demod_voice.formats.subtitles import read_subtitles
from demod_voice.records.hashing import hash_file
from demod_voice.text.clean import clean

TRANSCRIPTS = (".txt",)
_SUFFIXES = (*SUBTITLES, *TRANSCRIPTS)
_QUOTES = str.maketrans({**dict.fromkeys("‘’‚‛ʼ`´", "'"), **dict.fromkeys("“”„‟", '"')})


@dataclass(frozen=True, slots=True)
class FoundText:
    """A recording's text."""

    path: Path
    sha256: str
    """Of the file's bytes."""
    lines: tuple[TimedText, ...] = ()
    """Of subtitles."""
    transcript: str = ""
    """Of a plain transcript, a paragraph a line; its times are to be found by alignment."""
    notes: tuple[str, ...] = ()
    """What was left out, guessed, or not used."""


def find_text(recording: Path, folder: Path | None, language: str) -> FoundText | None:
    """The text of a recording, or None.

    Args:
        recording: its file.
        folder: where texts are; None = beside the recording. With a folder nothing is looked for elsewhere.
        language: BCP 47 tag of what is spoken.

    Raises:
        UsageError, FaultsError: the text is there, and cannot be used.
    """
    found = text_files(recording, folder, language)
    if not found:
        return None
    chosen = read_text_file(found[0])
    others = ", ".join(each.name for each in found[1:4])
    unused = (f"{found[0].name} was taken, and not {others}",) if others else ()
    return FoundText(chosen.path, chosen.sha256, chosen.lines, chosen.transcript, (*chosen.notes, *unused))


def text_files(recording: Path, folder: Path | None, language: str) -> list[Path]:
    """Every text of a recording, the one that is taken first."""
    ranked = []
    for stem in dict.fromkeys((recording.stem, recording.name)):
        for path in _listed(folder or recording.parent).get(stem, ()):
            tag = path.name[len(stem) : len(path.name) - len(path.suffix)].strip(".")
            rank = _rank(tag, language)
            if rank is not None and path != recording:
                ranked.append((path.suffix.lower() in TRANSCRIPTS, rank, _SUFFIXES.index(path.suffix.lower()), path))
    return [path for *_, path in sorted(ranked)]


def read_text_file(path: Path) -> FoundText:
    """A file's text, whatever kind it is: subtitles that are called .txt are subtitles.

    Raises:
        UsageError, FaultsError: it cannot be used.
    """
    notes: list[Fault] = []
    plain = path.suffix.lower() in TRANSCRIPTS
    text = read_foreign_text(path, "transcripts", "give a plain text", notes) if plain else ""
    if plain and "-->" not in text:
        paragraphs = "\n".join(_paragraphs(text.split("\n")))
        if not paragraphs:
            raise FaultsError(str(path), [*notes, Fault(None, "nothing is said in it")])
        rows = tuple(f"{path.name}: {note.message}" for note in notes)
        return FoundText(path, hash_file(path), (), paragraphs, rows)
    found = read_subtitles(path)
    lines = [TimedText(each.start_s, each.end_s, fit(each.text), each.speaker, each.mixed) for each in found.cues]
    return FoundText(path, hash_file(path), tuple(lines), "", found.notes)


def fit(text: str) -> str:
    """A text as training wants it: NFC, straight quotes, single spaces, nothing invisible. Nothing else is changed."""
    return clean(text.translate(_QUOTES))


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """What is said in each line: sounds in brackets and names of speakers are left out, as in subtitles."""
    spoken = names_before_text([read_text([line]) for line in lines])
    return (fit(each.text) for each in spoken if each.text)


def _rank(tag: str, language: str) -> int | None:
    """How well a name's language fits; None when it is another, or no language at all."""
    if not tag:
        return 2
    if not LANGUAGE_TAG.fullmatch(tag):
        return None
    has, wanted = tag.lower().replace("_", "-"), language.lower().replace("_", "-")
    if has == wanted:
        return 0
    if has == wanted.split("-")[0]:
        return 1
    return 3 if has.split("-")[0] == wanted.split("-")[0] else None


@lru_cache(maxsize=16)
def _listing(folder: Path, changed_ns: int) -> dict[str, tuple[Path, ...]]:  # noqa: ARG001
    """Texts of a folder by every beginning of their names that ends at a dot."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _SUFFIXES and path.is_file():
            stem = path.stem
            while stem:
                found.setdefault(stem, []).append(path)
                stem = stem.rpartition(".")[0]
    return {stem: tuple(paths) for stem, paths in found.items()}


def _listed(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The folder as it is now; an unreadable one holds nothing."""
    try:
        return _listing(folder, folder.stat().st_mtime_ns)
    except OSError:
        return {}
