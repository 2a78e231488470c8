"""What comes with a recording: its text, and who speaks when."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demod_voice.dataset.cutting import TimedText
from demod_voice.errors import UsageError
from demod_voice.formats.rttm import Turn, read_rttm
from demod_voice.formats.subtitles import read_subtitles
from demod_voice.records.hashing import hash_file


@dataclass(frozen=True, slots=True)
class Given:
    """The material of one recording."""

    lines: tuple[TimedText, ...] = ()
    transcript: str = ""
    turns: tuple[Turn, ...] = ()
    source: str = ""
    """Name of the file that the text is from."""
    hashes: tuple[str, ...] = ()
    """Of the files that it is from."""
    notes: tuple[str, ...] = ()


def find_given(path: Path, texts: Path | None, rttm: Path | None, *, with_text: bool, language: str) -> Given:
    """The material of a recording, beside it or in these folders.

    Raises:
        UsageError, FaultsError: a file is damaged, or a folder does not exist.
    """
    for folder in (texts, rttm):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{folder} is no folder")
    hashes = []
    lines: tuple[TimedText, ...] = ()
    source = ""
    notes: tuple[str, ...] = ()
    if with_text:
        for suffix in (".srt", ".vtt", f".{language}.srt", f".{language}.vtt"):
            found = (texts or path.parent) / f"{path.stem}{suffix}"
            if found.is_file():
                subtitles = read_subtitles(found)
                lines = tuple(TimedText(c.start_s, c.end_s, c.text, c.speaker) for c in subtitles.cues)
                source, notes = found.name, subtitles.notes
                hashes.append(hash_file(found))
                break
    turns: tuple[Turn, ...] = ()
    beside = (rttm or path.parent) / f"{path.stem}.rttm"
    if beside.is_file():
        turns = read_rttm(beside)
        hashes.append(hash_file(beside))
    return Given(lines, "", turns, source, tuple(hashes), notes)
