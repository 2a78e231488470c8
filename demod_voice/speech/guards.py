"""What can be wrong with what an engine made: each take is looked at before it is kept.

Fatal findings are never kept. The others are tried again; when every attempt has one, the best take is kept and says
so among its degradations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.units import db_from_gain

SILENT_DBFS = -60.0
CLIPPED_AT = 0.999
CLIPPED_FRACTION = 0.05
"""One sample in twenty at full scale: a waveform cut flat, not a loud syllable (hot masters stay under 1 %)."""
SHORTEST_S_PER_CHAR = 0.005
"""Read English takes about 0.065 s a character; the fastest espeak about 0.015."""
LONGEST_S_PER_CHAR = 0.5
"""Per letter: four times a very slow reader."""
LONGEST_S_PER_SYMBOL = 2.0
"""Per digit, sign, emoji or ideograph: each may be read as several words."""
LONGEST_SPARE_S = 4.0
"""Added to the longest length, for engines that pad short texts."""
_IDEOGRAPHS = 0x2E80


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a take."""

    what: str
    """A phrase: ``all silent``."""
    fatal: bool
    """True when such a take is never kept."""
    badness: float = 0.0
    """To compare takes that are not fatal: smaller is better."""


def examine(clip: Clip, text: str, speed: float = 1.0) -> Finding | None:
    """The worst thing that is wrong with ``clip`` as a reading of ``text``, or None.

    Args:
        clip: what the engine made.
        text: what it was given.
        speed: the rate that was asked of the engine, as a ratio.
    """
    if clip.num_samples == 0:
        return Finding("empty", fatal=True)
    if not np.isfinite(clip.samples).all():
        return Finding("not a number in its samples", fatal=True)
    if peak_dbfs(clip) < SILENT_DBFS:
        return Finding("all silent", fatal=True)
    return _length(clip, text, speed) or _clipping(clip)


def peak_dbfs(clip: Clip) -> float:
    """Level of the largest sample, dBFS."""
    return db_from_gain(float(np.abs(clip.samples).max(initial=0.0)))


def length_bounds_s(text: str, speed: float = 1.0) -> tuple[float, float]:
    """Shortest and longest believable length of a reading of ``text``, in seconds."""
    letters = sum(each.isalpha() and ord(each) < _IDEOGRAPHS for each in text)
    spoken = sum(not each.isspace() for each in text)
    longest = LONGEST_SPARE_S + LONGEST_S_PER_CHAR * letters + LONGEST_S_PER_SYMBOL * (spoken - letters)
    return SHORTEST_S_PER_CHAR * letters / max(speed, 1.0), longest / min(speed, 1.0)


def _length(clip: Clip, text: str, speed: float) -> Finding | None:
    shortest, longest = length_bounds_s(text, speed)
    length = clip.duration_s
    if length < shortest:
        return Finding(f"too short: {length:.2f} s for {len(text)} characters", fatal=False, badness=shortest / length)
    if length > longest:
        return Finding(f"too long: {length:.1f} s for {len(text)} characters", fatal=False, badness=length / longest)
    return None


def _clipping(clip: Clip) -> Finding | None:
    clipped = float(np.mean(np.abs(clip.samples) >= CLIPPED_AT))
    if clipped <= CLIPPED_FRACTION:
        return None
    return Finding(f"clipped: {clipped:.0%} of its samples are at full scale", fatal=False, badness=1.0 + clipped)
