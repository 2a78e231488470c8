"""A line's text in stretches, each said in one manner: what markup becomes, and what speech is made from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a line. Ratios and decibels come on top of the speaker's own."""

    text: str
    """As written; what a transcript shows."""
    rate: float = 1.0
    """Ratio of speed; 2 is twice as fast."""
    pitch: float = 1.0
    """Ratio of frequency; 2 is an octave higher."""
    volume_db: float = 0.0
    emphasis: str = ""
    """``strong``, ``moderate`` or ``reduced``."""
    say_as: str = ""
    """How the text is read: ``characters``, ``digits``, ``cardinal``, ``ordinal``, ``date``, ``time``, ``telephone``."""
    alias: str = ""
    """Words that are said instead of the text."""
    phonemes: str = ""
    """IPA that is said instead of the text."""
    language: str = ""
    """BCP 47, when it is not the line's."""
    style: str = ""
    """A wish for the engine (``laugh``, ``whisper``), from a tag in brackets."""

    @property
    def plain(self) -> bool:
        """Nothing is asked of it but its words."""
        return self == Span(self.text)
