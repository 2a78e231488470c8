"""The sound of a quiet room, so that pauses are not holes: shaped noise as a function of (seed, absolute sample)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from demod_voice.audio.clip import Samples
from demod_voice.mix.cells import CELL, ROUND, stretch
from demod_voice.units import gain_from_db

TAPS = 513
_KEY = 0x726F6F6D
"""Keeps the generator apart from the dither's of the same seed."""


def room_tone(seed: int, start: int, count: int, sample_rate: int, channel: int, level_dbfs: float) -> Samples:
    """Noise that falls by 6 dB an octave above 200 Hz, shape (count,).

    Args:
        seed: of the episode.
        start: absolute position of the first sample.
        count: how many.
        sample_rate: Hz.
        channel: another channel has other noise.
        level_dbfs: RMS.
    """
    made = stretch(lambda number: _shaped(seed, channel, number, sample_rate), start, count)
    return np.asarray(made * np.float32(gain_from_db(level_dbfs)))


@lru_cache(maxsize=2 * ROUND)
def _shaped(seed: int, channel: int, number: int, sample_rate: int) -> Samples:
    """One cell of absolute time after the filter: always the same piece, so always the same rounding."""
    from scipy.signal import fftconvolve

    white = np.concatenate([_white(seed, channel, number), _white(seed, channel, (number + 1) % ROUND)[: TAPS - 1]])
    return np.asarray(fftconvolve(white.astype(np.float64), _shape(sample_rate), "valid")).astype(np.float32)


@lru_cache(maxsize=8)
def _white(seed: int, channel: int, number: int) -> Samples:
    generator = Generator(Philox(key=[seed ^ _KEY, channel], counter=[0, 0, number, 0]))
    return generator.standard_normal(CELL, dtype=np.float32)


@lru_cache(maxsize=4)
def _shape(sample_rate: int) -> NDArray[np.float64]:
    """A linear-phase filter of unit power gain for white noise."""
    from scipy.signal import firwin2

    nyquist = sample_rate / 2
    points = np.unique([0.0, 30.0, 60.0, 200.0, *np.geomspace(250.0, nyquist, 24)])
    gains = np.where(points <= 200.0, 1.0, 200.0 / np.maximum(points, 200.0))
    gains[points < 60.0] = 0.0
    taps = firwin2(TAPS, points, gains, fs=sample_rate)
    return np.asarray(taps / np.sqrt(np.sum(taps**2)))
