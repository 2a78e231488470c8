"""Filters as second-order sections, and how long they remember: what is filtered in pieces starts so much earlier."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HIGH_PASS_ORDER = 4
FORGOTTEN_DB = 140.0
"""What came before is so much weaker when a filter counts as settled: below the last bit of 24."""


@lru_cache(maxsize=64)
def high_pass(corner_hz: float, sample_rate: int) -> Floats:
    """Butterworth high-pass of order 4 (24 dB an octave), -3 dB at the corner; shape (2, 6)."""
    from scipy.signal import butter

    sections: Floats = butter(HIGH_PASS_ORDER, corner_hz, "highpass", fs=sample_rate, output="sos")
    return sections


@lru_cache(maxsize=256)
def notch(frequency_hz: float, width_hz: float, sample_rate: int) -> Floats:
    """A notch that takes one frequency out; ``width_hz`` between its -3 dB points. Shape (1, 6)."""
    from scipy.signal import iirnotch, tf2sos

    sections: Floats = tf2sos(*iirnotch(frequency_hz, frequency_hz / width_hz, fs=sample_rate))
    return sections


def settling_s(sections: Floats) -> float:
    """Seconds (times the rate: samples) until what came before is ``FORGOTTEN_DB`` weaker, by the slowest pole."""
    slowest = max(float(np.abs(np.roots(row[3:])).max(initial=0.0)) for row in sections)
    return FORGOTTEN_DB / 20.0 * math.log(10.0) / -math.log(min(slowest, 1.0 - 1e-9)) if slowest > 0.0 else 0.0


def filtered(sections: Floats, samples: NDArray[np.floating]) -> Floats:
    """Samples of shape (n,) through the sections, from rest."""
    from scipy.signal import sosfilt

    made: Floats = sosfilt(sections, samples.astype(np.float64, copy=False))
    return made


def power_response(sections: Floats, frequencies_hz: Floats, sample_rate: int) -> Floats:
    """By how much each frequency's power is multiplied, shape as given."""
    turn = np.exp(-2j * np.pi * frequencies_hz / sample_rate)
    response = np.ones_like(turn)
    for b0, b1, b2, a0, a1, a2 in sections:
        response *= (b0 + b1 * turn + b2 * turn**2) / (a0 + a1 * turn + a2 * turn**2)
    power: Floats = np.square(np.abs(response))
    return power
