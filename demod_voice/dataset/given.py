"""What comes with a recording: its text, and who speaks when."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demod_voice.dataset.cutting.cut import TimedText
from demod_voice.dataset.sources import shown
from demod_voice.dataset.texts import find_text
from demod_voice.formats.rttm import Turn, read_rttm
from demod_voice.records.hashing import hash_file


@dataclass(frozen=True, slots=True)
class Given:
    """The material of one recording."""

    lines: tuple[TimedText, ...] = ()
    """Cues of subtitles."""
    transcript: str = ""
    """A text without times."""
    turns: tuple[Turn, ...] = ()
    """Who speaks when."""
    source: str = ""
    """Name of the file that the text is from."""
    hashes: tuple[str, ...] = ()
    """Of the files that this is from."""
    notes: tuple[str, ...] = ()

    @property
    def has_text(self) -> bool:
        """There is nothing to recognise."""
        return bool(self.lines or self.transcript)


def find_given(path: Path, texts: Path | None, rttm: Path | None, *, with_text: bool, language: str) -> Given:
    """The material of a recording.

    Args:
        path: the recording.
        texts: folder of subtitles and transcripts; None = beside the recording.
        rttm: folder of diarizations; None = beside the recording.
        with_text: False looks for none.
        language: of the recording (BCP 47): ``talk.en.srt`` wins over ``talk.de.srt``.

    Raises:
        UsageError, FaultsError: a file is there, and cannot be used.
    """
    found = find_text(path, texts, language) if with_text else None
    turns, turns_path = _turns(path, rttm)
    hashes = (*([found.sha256] if found else []), *([hash_file(turns_path)] if turns_path else []))
    if found is None:
        return Given(turns=turns, hashes=hashes)
    return Given(found.lines, found.transcript, turns, shown(found.path.name), hashes, found.notes)


def _turns(path: Path, folder: Path | None) -> tuple[tuple[Turn, ...], Path | None]:
    """The turns of this recording; a file may hold those of others too."""
    found = (folder or path.parent) / f"{path.stem}.rttm"
    if not found.is_file():
        return (), None
    turns = read_rttm(found)
    own = tuple(each for each in turns if each.recording == path.stem)
    return own or turns, found
