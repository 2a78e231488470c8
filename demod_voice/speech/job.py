"""What is asked for: one line, its voice and its wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demod_voice.text.spans import Span
from demod_voice.voices.resolved import ResolvedVoice


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier turn of the conversation, which a line goes on from."""

    text: str
    speaker: str
    """Empty = who speaks the line; else a name that tells the others apart."""
    sha256: str
    """Of its take: part of what the line's own take is made of."""
    path: Path
    """The take, a WAV."""


@dataclass(frozen=True, slots=True)
class LineJob:
    """One line to speak."""

    id: str
    """Names the line among others of the same voice; with the seed it makes the seed of each attempt."""
    text: str
    """As written."""
    voice: ResolvedVoice
    language: str = ""
    """BCP 47."""
    seed: int = 0
    """Base seed: the episode's, or the speaker's."""
    hints: Mapping[str, Any] = field(default_factory=dict)
    """Wishes of the script about this line; what no engine honours yet is told as a degradation."""
    spans: tuple[Span, ...] = ()
    """The text in stretches, where it is not all said alike; else empty."""
    turns: int = 0
    """So many earlier turns it should go on from, where its engine continues a conversation."""
    context: tuple[Turn, ...] = ()
    """Those turns, the oldest first, once they have takes."""

    @property
    def estimated_s(self) -> float:
        """How long it will be, by its words and the usual rate of its engine; an estimate for people."""
        return max(1, len(self.text.split())) / (self.voice.engine.words_per_minute * self.voice.speed) * 60.0


@dataclass(frozen=True, slots=True)
class Question:
    """Can this line be said? Asked of its engine before anything is spoken."""

    who: str
    """Label of every answer: the speaker, or the voice."""
    job: LineJob
    line: int | None = None
    """Where the text stands in its file, 1-based."""
    voice_line: int | None = None
    """Where the voice is named in that file, 1-based."""
    voice_source: str = ""
    """The file where the voice is named, when it is another one."""
