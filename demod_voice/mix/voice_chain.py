"""What a voice goes through before it is mixed: high-pass, de-esser, compressor. Sample by sample, in blocks.

Each processor keeps its state from block to block, so the result does not depend on where a clip is cut. Levels are
followed in cells of a millisecond or so by one-pole filters; attack and release are two of them of which the one that
reduces more wins, which needs no loop over samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.clip import Samples
from demod_voice.formats.mix_spec import Compression

Floats = NDArray[np.float64]

SIBILANT_HZ = 5000.0
"""Lower edge of the band in which s and sh lie."""
SIBILANT_DB = -8.0
"""Level of that band against the whole from which a sound counts as sibilant; vowels lie below -20 dB."""
MOST_REDUCTION_DB = 12.0
"""What full strength takes away at most; 0.3 is 3.6 dB."""
CELL = 32
"""Samples that share one measured level; a block that is not the last has whole cells."""
UNTOUCHED = 10.0 ** (-0.01 / 20.0)
"""A gain nearer to 1 is none."""
FLOOR = 1e-7
"""Power (-70 dBFS) below which nothing is worked on."""


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """What is done to a voice; the defaults are gentle."""

    high_pass_hz: float = 70.0
    """Rumble and breath pops below go, 12 dB an octave; 0 = off."""
    de_ess: float = 0.3
    """0 (off) to 1."""
    compressor: Compression | None = None


class VoiceChain:
    """One voice's processors, with their state.

    Args:
        settings: what to do.
        sample_rate: Hz.
    """

    def __init__(self, settings: ChainSettings, sample_rate: int) -> None:
        self._steps: list[_HighPass | _DeEsser | _Compressor] = []
        if settings.high_pass_hz:
            self._steps.append(_HighPass(settings.high_pass_hz, sample_rate))
        if settings.de_ess and sample_rate > 2.2 * SIBILANT_HZ:
            self._steps.append(_DeEsser(settings.de_ess, sample_rate))
        if settings.compressor is not None:
            self._steps.append(_Compressor(settings.compressor, sample_rate))

    def process(self, samples: Samples) -> Samples:
        """The next samples of one channel, shape (n,), worked on; n is a multiple of ``CELL`` but in the last block."""
        if not self._steps or not len(samples):
            return samples
        worked = samples.astype(np.float64)
        for step in self._steps:
            worked = step.process(worked)
        return worked.astype(np.float32)


class _HighPass:
    """Second-order Butterworth."""

    def __init__(self, frequency_hz: float, sample_rate: int) -> None:
        self._sos = _design(frequency_hz, sample_rate)
        self._state = np.zeros((len(self._sos), 2))

    def process(self, samples: Floats) -> Floats:
        from scipy.signal import sosfilt

        out, self._state = sosfilt(self._sos, samples, zi=self._state)
        return np.asarray(out)


@lru_cache(maxsize=16)
def _design(frequency_hz: float, sample_rate: int) -> Floats:
    """Second-order sections of the high-pass."""
    from scipy.signal import butter

    return np.asarray(butter(2, frequency_hz, "highpass", fs=sample_rate, output="sos"))


class _DeEsser:
    """Turns the voice down for as long as its sibilant band rules; elsewhere the samples go through unchanged."""

    def __init__(self, strength: float, sample_rate: int) -> None:
        self._strength = strength
        self._band = _HighPass(SIBILANT_HZ, sample_rate)
        self._band_power, self._power = _Follower(0.004, sample_rate), _Follower(0.004, sample_rate)
        self._gain = _Gain(0.001, 0.030, sample_rate)

    def process(self, samples: Floats) -> Floats:
        power = np.maximum(self._power.process(_power(samples)), FLOOR)
        band_power = self._band_power.process(_power(self._band.process(samples)))
        ratio_db = 10.0 * np.log10(np.maximum(band_power, 1e-12) / power)
        wanted = np.clip(ratio_db - SIBILANT_DB, 0.0, -SIBILANT_DB) * (MOST_REDUCTION_DB / -SIBILANT_DB)
        wanted[power <= FLOOR] = 0.0
        return self._gain.apply(samples, -self._strength * wanted)


class _Compressor:
    """Feed-forward: what is over the threshold comes down by the ratio."""

    def __init__(self, settings: Compression, sample_rate: int) -> None:
        self._settings = settings
        self._power = _Follower(0.010, sample_rate)
        self._gain = _Gain(settings.attack_s, settings.release_s, sample_rate)

    def process(self, samples: Floats) -> Floats:
        power = np.maximum(self._power.process(_power(samples)), 1e-12)
        over_db = np.maximum(10.0 * np.log10(power) - self._settings.threshold_db, 0.0)
        return self._gain.apply(samples, -over_db * (1.0 - 1.0 / self._settings.ratio))


class _Follower:
    """A one-pole low-pass over cells: the running mean of a power."""

    def __init__(self, time_s: float, sample_rate: int) -> None:
        self._pole = float(np.exp(-CELL / (time_s * sample_rate)))
        self._state = np.zeros(1)

    def process(self, values: Floats) -> Floats:
        from scipy.signal import lfilter

        out, self._state = lfilter([1.0 - self._pole], [1.0, -self._pole], values, zi=self._state)
        return np.asarray(out)


class _Gain:
    """A gain in dB, a value for each cell: quick on its way down, slow on its way up, straight inside a cell."""

    def __init__(self, attack_s: float, release_s: float, sample_rate: int) -> None:
        self._quick, self._slow = _Follower(attack_s, sample_rate), _Follower(release_s, sample_rate)
        self._last = 1.0

    def apply(self, samples: Floats, gain_db: Floats) -> Floats:
        """The samples with the smoothed gain."""
        smooth = 10.0 ** (np.minimum(self._quick.process(gain_db), self._slow.process(gain_db)) / 20.0)
        smooth[smooth > UNTOUCHED] = 1.0
        from_, to = np.concatenate([[self._last], smooth[:-1]]), smooth
        self._last = float(smooth[-1])
        if (from_ == 1.0).all() and self._last == 1.0:
            return samples
        ramp = (np.arange(CELL) + 1.0) / CELL
        gains = from_[:, np.newaxis] + (to - from_)[:, np.newaxis] * ramp
        return np.asarray(samples * gains.reshape(-1)[: len(samples)])


def _power(samples: Floats) -> Floats:
    """Mean square of each cell; a last one that is not whole is filled with zeros."""
    cells = -(-len(samples) // CELL)
    if len(samples) != cells * CELL:
        samples = np.pad(samples, (0, cells * CELL - len(samples)))
    rows = samples.reshape(cells, CELL)
    return np.asarray(np.einsum("ij,ij->i", rows, rows) / CELL)
