"""How a recording gets its text: from subtitles, from a transcript that is aligned, or from a recogniser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demod_voice.dataset.assemble import Asked
from demod_voice.dataset.clips import Texts
from demod_voice.dataset.cutting import TimedText
from demod_voice.dataset.given import Given
from demod_voice.dataset.hearing import Heard, Workshop
from demod_voice.formats.cues import SpokenWord


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of a recording's text before it is cut."""

    lines: tuple[TimedText, ...] = ()
    words: tuple[SpokenWord, ...] = ()
    recognise: Texts | None = None
    """Gives the finished clips their texts."""
    notes: tuple[str, ...] = ()


class Texter:
    """Gives recordings their text."""

    def __init__(self, asked: Asked, shop: Workshop) -> None:
        self._asked, self._shop = asked, shop

    def key(self) -> list[str]:
        """What the texts depend on beside the recording's own material."""
        return [str(self._asked.text), self._asked.language]

    def prepare(self, given: Given, heard: Heard, scratch: Path) -> Said:  # noqa: ARG002
        """What is known before the cut."""
        return Said(lines=given.lines)
