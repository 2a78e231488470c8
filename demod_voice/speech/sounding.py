"""Where a take sounds and where it pauses: the measures that ``guards`` judges by. Arrays in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.clip import Clip
from demod_voice.units import SILENCE_DB

FRAME_S = 0.01
SPEECH_DB = 35.0
"""A frame sounds when it is at most so far below the take's speech level: soft consonants lie 20 to 30 dB below vowels."""
LOUD_DB = 20.0
"""A frame is loud when it is at most so far below the speech level: every syllable has such frames, breath has none."""
NOISE_DB = 50.0
"""What is softer than this, below the speech level, is silence."""
BRIDGED_S = 0.15
"""Gaps that belong to speech: the closure before a plosive takes 50 to 100 ms."""
SHORTEST_S = 0.03
"""Shorter sounds are clicks."""
END_S = 0.003
"""Length of the end that is compared with what comes before it: shorter than the shortest decay that was seen (espeak at
its fastest lets a vowel end within 6 ms)."""
BEFORE_END_S = 0.2


@dataclass(frozen=True, slots=True)
class Sounding:
    """A take in stretches of sound."""

    stretches: tuple[tuple[float, float], ...]
    """(begin, end) in seconds of each, in order."""
    trailing_s: float
    """Seconds of soft sound after the last loud one, up to the end or to silence."""
    end_db: float
    """Level of the last 3 ms, dB: relative to the 0.2 s before or to the speech, whichever is less; ``SILENCE_DB`` when
    the take ends in silence."""

    @property
    def active_s(self) -> float:
        """Seconds of sound, without the pauses."""
        return sum(end - begin for begin, end in self.stretches)

    @property
    def pauses(self) -> tuple[tuple[float, float, float], ...]:
        """(seconds of sound before, of the pause, of sound after) of each pause between two stretches."""
        found = []
        before = 0.0
        for (begin, end), (following, _) in zip(self.stretches, self.stretches[1:], strict=False):
            before += end - begin
            found.append((before, following - end, self.active_s - before))
        return tuple(found)


def sounding(clip: Clip) -> Sounding:
    """Measure a take that is not silent; shape (channels, samples)."""
    levels = _levels(clip)
    speech = _speech_level(levels)
    found = _stretches(levels > speech - SPEECH_DB)
    loud = np.flatnonzero(levels > speech - LOUD_DB)
    last = int(loud[-1]) + 1 if loud.size else 0
    quiet = np.flatnonzero(levels[last:] <= max(speech - NOISE_DB, SILENCE_DB + 1.0))
    trailing = int(quiet[0]) if quiet.size else len(levels) - last
    return Sounding(found, trailing * FRAME_S, _end(clip, speech))


def _levels(clip: Clip) -> NDArray[np.float64]:
    """Level of each frame, dBFS, shape (frames,)."""
    length = max(1, round(FRAME_S * clip.sample_rate))
    count = clip.num_samples
    padded = np.zeros(count + -count % length)
    padded[:count] = _wave(clip, 0, count)
    np.square(padded, out=padded)
    power = padded.reshape(-1, length).mean(axis=1)
    levels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 10.0 ** (SILENCE_DB / 10.0)))
    return levels


def _speech_level(levels: NDArray[np.float64]) -> float:
    """Level of the loud syllables: the 90th percentile of what is not silence."""
    heard = np.sort(levels[levels > float(levels.max()) - NOISE_DB])
    place = (len(heard) - 1) * 0.9
    below = int(place)
    low, high, part = float(heard[below]), float(heard[min(below + 1, len(heard) - 1)]), place - below
    return high - (high - low) * (1.0 - part) if part >= 0.5 else low + (high - low) * part


def _stretches(active: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], active, [False])).astype(np.int8)))
    runs: list[list[float]] = []
    for begin, end in (edges.reshape(-1, 2) * FRAME_S).tolist():
        if runs and begin - runs[-1][1] < BRIDGED_S:
            runs[-1][1] = end
        else:
            runs.append([begin, end])
    return tuple((begin, end) for begin, end in runs if end - begin >= SHORTEST_S)


def _end(clip: Clip, speech_dbfs: float) -> float:
    count = clip.num_samples
    last = max(0, count - max(1, round(END_S * clip.sample_rate)))
    earlier = max(0, last - round(BEFORE_END_S * clip.sample_rate))
    end, before = _power(_wave(clip, last, count)), _power(_wave(clip, earlier, last))
    if end <= 0.0 or before <= 0.0:
        return SILENCE_DB
    return float(min(10.0 * np.log10(end / before), 10.0 * np.log10(end) - speech_dbfs))


def _wave(clip: Clip, begin: int, end: int) -> NDArray[np.float64]:
    """The mean of all channels, shape (end - begin,)."""
    part = clip.samples[:, begin:end].astype(np.float64)
    wave: NDArray[np.float64] = part[0] if len(part) == 1 else part.mean(axis=0)
    return wave


def _power(wave: NDArray[np.float64]) -> float:
    return float(np.mean(np.square(wave))) if wave.size else 0.0
