"""Where a recording holds speech: a probability for each frame, and the regions made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.032
"""Seconds of a frame: 512 samples at 16 kHz, as Silero's model counts."""
RELEASE = 0.15
"""Speech ends where the probability falls so far below the threshold it began at (as Silero's own reader does)."""


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of time in a recording."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class SpeechTrack:
    """A recording's speech, frame by frame."""

    probabilities: NDArray[np.float32]
    """0..1, shape (frames,); frame n is the time from ``n * FRAME_S``."""
    detector: str
    """Engine that found it (``vad``), or ``energy``."""
    model: str = ""
    revision: str = ""
    degraded: tuple[str, ...] = ()
    """What was asked and not had, a phrase each (the energy fallback)."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.probabilities) * FRAME_S

    def regions(
        self, threshold: float = 0.5, min_speech_s: float = 0.1, min_silence_s: float = 0.1
    ) -> tuple[Region, ...]:
        """Stretches of speech: from the threshold up, until ``RELEASE`` below it.

        Args:
            threshold: probability at which speech begins.
            min_speech_s: shorter stretches are no speech.
            min_silence_s: shorter pauses do not divide.
        """
        high, low = self.probabilities >= threshold, self.probabilities < max(0.01, threshold - RELEASE)
        state = np.where(high, 1, np.where(low, -1, 0)).astype(np.int8)
        known = np.flatnonzero(state)
        if not len(known):
            return ()
        held = np.zeros(len(state), np.int8)
        last = np.maximum.accumulate(np.where(state != 0, np.arange(len(state)), -1))
        held[last >= 0] = state[last[last >= 0]]
        edges = np.diff(np.concatenate(([0], (held == 1).astype(np.int8), [0])))
        starts, ends = np.flatnonzero(edges == 1) * FRAME_S, np.flatnonzero(edges == -1) * FRAME_S
        joined: list[list[float]] = []
        for start, end in zip(starts, ends, strict=True):
            if joined and start - joined[-1][1] < min_silence_s:
                joined[-1][1] = float(end)
            else:
                joined.append([float(start), float(end)])
        return tuple(Region(start, end) for start, end in joined if end - start >= min_speech_s)
