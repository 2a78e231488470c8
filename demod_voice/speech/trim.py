"""Silence at the edges of what an engine made is cut down, so that an episode's pauses are the ones it asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from demod_worker.messages import Word

from demod_voice.audio.clip import Clip

LEAD_S = 0.05
"""Silence kept before the first sound: enough for a fade in front of a soft consonant."""
TAIL_S = 0.15
"""Silence kept after the last sound: speech dies away slower than it begins."""
THRESHOLD_DB = -50.0
"""Relative to the clip's own peak, so that a quiet voice keeps its soft ends. Neural engines' noise lies below it."""
RUN_ON_S = 0.01
"""Silence kept where two pieces run on: the two crossfade there."""
TIME_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A clip without its long silences."""

    clip: Clip
    words: tuple[Word, ...]
    """Word times from the new start."""
    lead_s: float
    """Seconds cut off before."""
    tail_s: float
    """Seconds cut off after."""


def trim(clip: Clip, words: Sequence[Word], lead_s: float = LEAD_S, tail_s: float = TAIL_S) -> Trimmed:
    """Cut leading silence down to ``lead_s`` and trailing silence to ``tail_s``; a silent clip stays as it is."""
    first, last = sounding(clip)
    begin = max(0, first - round(lead_s * clip.sample_rate))
    end = min(clip.num_samples, last + round(tail_s * clip.sample_rate))
    rate = clip.sample_rate
    cut = Clip(np.ascontiguousarray(clip.samples[:, begin:end]), rate)
    moved = shift(words, -begin / rate, cut.duration_s)
    return Trimmed(cut, moved, round(begin / rate, TIME_DIGITS), round((clip.num_samples - end) / rate, TIME_DIGITS))


def sounding(clip: Clip) -> tuple[int, int]:
    """First sample above the threshold and one past the last; the whole clip when none is."""
    magnitude = np.abs(clip.samples)
    magnitude = magnitude[0] if len(magnitude) == 1 else magnitude.max(axis=0, initial=0.0)
    peak = float(magnitude.max(initial=0.0))
    if peak <= 0.0:
        return 0, clip.num_samples
    loud = magnitude > peak * 10.0 ** (THRESHOLD_DB / 20.0)
    return int(loud.argmax()), len(loud) - int(loud[::-1].argmax())


def shift(words: Sequence[Word], offset_s: float, length_s: float) -> tuple[Word, ...]:
    """Word times moved by ``offset_s`` and kept within 0..``length_s``, to the microsecond."""
    return tuple(
        Word(word.text, _within(word.start_s + offset_s, length_s), _within(word.end_s + offset_s, length_s))
        for word in words
    )


def _within(time_s: float, length_s: float) -> float:
    return round(min(max(time_s, 0.0), length_s), TIME_DIGITS)
