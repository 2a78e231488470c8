"""How rate, pitch and volume are written (``slow``, ``80%``, ``+2st``, ``-3dB``): the same in tags, hints and data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
"""Ratios of speed. SSML 1.1 names these words and leaves their values to the processor."""
PITCHES = {"x-low": 0.7, "low": 0.85, "medium": 1.0, "default": 1.0, "high": 1.2, "x-high": 1.4}
"""Ratios of frequency, about -6, -3, +3 and +6 semitones."""
VOLUMES = {"x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 4.0, "x-loud": 6.0}
"""Decibels."""
BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 1.0, "x-strong": 1.5}
"""Seconds of a ``<break strength>``."""
LEAST_RATIO, MOST_RATIO = 0.25, 4.0
LEAST_DB, MOST_DB = -40.0, 20.0
_RATIO = re.compile(r"(?P<sign>[+-]?)(?P<number>\d{1,4}(?:\.\d{1,6})?)(?P<unit>%|st)?")
_DECIBELS = re.compile(r"(?P<number>[+-]?\d{1,3}(?:\.\d{1,6})?)\s*db", re.IGNORECASE)


def read_rate(text: str) -> float:
    """A ratio of speed from ``slow``, ``80%``, ``+20%`` or ``1.2``.

    Raises:
        ValueError: not one; the message says what may be written.
    """
    return _ratio(text, RATES, "", "80%, +20% or 1.2")


def read_pitch(text: str) -> float:
    """A ratio of frequency from ``low``, ``+2st``, ``+10%`` or ``0.9``.

    Raises:
        ValueError: not one; the message says what may be written.
    """
    return _ratio(text, PITCHES, "st", "+2st, +10% or 0.9")


def read_volume(text: str) -> float:
    """Decibels from ``soft`` or ``+3dB``.

    Raises:
        ValueError: not one; the message says what may be written.
    """
    known = f"{', '.join(VOLUMES)}, or as in +3dB, from {LEAST_DB:g} to {MOST_DB:g} dB"
    word = VOLUMES.get(text.strip().lower())
    match = _DECIBELS.fullmatch(text.strip())
    if word is None and match is None:
        raise ValueError(known)
    level = word if word is not None or match is None else float(match["number"])
    if level is None or not LEAST_DB <= level <= MOST_DB:
        raise ValueError(known)
    return level


PROSODY: Mapping[str, Callable[[str], float]] = {"rate": read_rate, "pitch": read_pitch, "volume": read_volume}
"""What a prosody tag or mapping may hold, and who reads it."""


def _ratio(text: str, words: Mapping[str, float], unit: str, examples: str) -> float:
    """A sign makes a percentage a change: ``+10%`` is 1.1; without one it is the ratio: ``80%`` is 0.8."""
    problem = ValueError(f"{', '.join(words)}, or as in {examples}, from {LEAST_RATIO:g} to {MOST_RATIO:g} times")
    written = text.strip().lower()
    if written in words:
        return words[written]
    match = _RATIO.fullmatch(written)
    if match is None or (match["unit"] == "st" and unit != "st") or (match["sign"] and not match["unit"]):
        raise problem
    number = float(match["sign"] + match["number"])
    if match["unit"] == "%":
        ratio = (100.0 + number) / 100.0 if match["sign"] else number / 100.0
    else:
        ratio = 2.0 ** (number / 12.0) if match["unit"] else number
    if not LEAST_RATIO <= ratio <= MOST_RATIO:
        raise problem
    return ratio
