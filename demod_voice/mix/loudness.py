"""Loudness and true peak after ITU-R BS.1770-4 and EBU Tech 3341/3342, in blocks: memory does not grow with length.

Feeding the same samples in other block sizes gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.clip import Samples
from demod_voice.media.wav import read_blocks, wav_info
from demod_voice.units import db_from_gain

Floats = NDArray[np.float64]

OFFSET_LUFS = -0.691
"""BS.1770-4 annex 1, equation 2."""
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0
"""Relative gate of the loudness range. Source: EBU Tech 3342, 3.1."""
HOPS_A_SECOND = 10
HOPS_IN_BLOCK = 4
"""Gating blocks of 400 ms that overlap by 75 %."""
HOPS_IN_SHORT_TERM = 30
OVERSAMPLING = 4
TAPS = 12
"""Taps a phase of the interpolator, as many as BS.1770-4 annex 2 shows."""
NO_LOUDNESS = -200.0
"""What silence, or less than 400 ms, reads: no gating block passes."""
BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class LoudnessReport:
    """What was measured in a file."""

    lufs: float
    """Integrated loudness; ``NO_LOUDNESS`` for silence."""
    true_peak_dbtp: float
    lra_lu: float
    sample_peak_dbfs: float
    duration_s: float
    rms_dbfs: float = NO_LOUDNESS
    """Unweighted, over the whole file."""


@dataclass(frozen=True, slots=True)
class Hops:
    """The weighted energy of a stream in steps of 100 ms: what its integrated loudness is made of."""

    energies: Floats
    """Sum of squares over all channels, shape (n,)."""
    length: int
    """Samples of a step."""

    def integrated(self) -> float:
        """Integrated loudness in LUFS; ``NO_LOUDNESS`` when no 400 ms block is louder than -70 LUFS."""
        blocks = self.mean_squares(HOPS_IN_BLOCK)
        loud = blocks[_lufs(blocks) > ABSOLUTE_GATE_LUFS]
        if not len(loud):
            return NO_LOUDNESS
        threshold = float(_lufs(loud.mean())) + RELATIVE_GATE_LU
        return float(_lufs(loud[_lufs(loud) > threshold].mean()))

    def mean_squares(self, hops: int) -> Floats:
        """Mean squares of windows of so many steps, one at each step, shape (n - hops + 1,)."""
        if len(self.energies) < hops:
            return np.zeros(0)
        sums = np.convolve(self.energies, np.ones(hops), "valid")
        return sums / (hops * self.length)


def one_after_the_other(parts: Sequence[Hops]) -> Hops:
    """Streams of any rates as one, in steps of one sample each that has the step's mean square."""
    return Hops(np.concatenate([np.zeros(0), *(each.energies / each.length for each in parts)]), 1)


@dataclass(frozen=True, slots=True)
class Heard:
    """A file's numbers, and the energies behind them."""

    report: LoudnessReport
    hops: Hops


class Meter:
    """Integrated loudness, loudness range and true peak of a stream.

    Args:
        sample_rate: Hz.
        num_channels: 1 or 2 (weights 1; surround is not mixed here).
        peaks: False leaves the true peak out, which takes most of the time of a quiet stream.
    """

    def __init__(self, sample_rate: int, num_channels: int, peaks: bool = True) -> None:
        self._rate = sample_rate
        self._sos = k_weighting(sample_rate)
        self._state = np.zeros((len(self._sos), num_channels, 2))
        self._hop = round(sample_rate / HOPS_A_SECOND)
        self._rest = np.zeros((num_channels, 0))
        self._energies: list[Floats] = []
        self._peak = TruePeak(num_channels)
        self._peaks = peaks
        self._power = 0.0
        self.count = 0
        """Samples heard so far, of all channels."""

    def push(self, samples: Samples) -> None:
        """Add samples of shape (channels, n)."""
        if not samples.shape[1]:
            return
        from scipy.signal import sosfilt

        if self._peaks:
            self._peak.push(samples)
        self._power += float(np.vdot(samples, samples))
        self.count += samples.size
        weighted, self._state = sosfilt(self._sos, samples.astype(np.float64), axis=1, zi=self._state)
        joined = np.concatenate([self._rest, weighted], axis=1) if self._rest.shape[1] else weighted
        count = joined.shape[1] // self._hop
        whole = joined[:, : count * self._hop].reshape(joined.shape[0], count, self._hop)
        if count:
            self._energies.append(np.square(whole).sum(axis=2).sum(axis=0))
        self._rest = joined[:, count * self._hop :].copy()

    def integrated(self) -> float:
        """Integrated loudness in LUFS; ``NO_LOUDNESS`` when no 400 ms block is louder than -70 LUFS."""
        return self.hops().integrated()

    def hops(self) -> Hops:
        """The energies so far."""
        return Hops(np.concatenate(self._energies) if self._energies else np.zeros(0), self._hop)

    def loudness_range(self) -> float:
        """Loudness range in LU (EBU Tech 3342): 10th to 95th percentile of the gated short-term loudness."""
        blocks = self.hops().mean_squares(HOPS_IN_SHORT_TERM)
        loud = blocks[_lufs(blocks) >= ABSOLUTE_GATE_LUFS]
        if not len(loud):
            return 0.0
        levels = _lufs(loud)
        levels = np.sort(levels[levels >= float(_lufs(loud.mean())) + RANGE_GATE_LU])
        low, high = (levels[round((len(levels) - 1) * part)] for part in (0.10, 0.95))
        return float(high - low)

    def loudest(self) -> float:
        """Highest momentary loudness (400 ms) in LUFS; ``NO_LOUDNESS`` for silence or less than 400 ms."""
        blocks = self.hops().mean_squares(HOPS_IN_BLOCK)
        return max(NO_LOUDNESS, float(_lufs(blocks.max()))) if len(blocks) else NO_LOUDNESS

    def rms_dbfs(self) -> float:
        """Unweighted RMS of all samples of all channels, dBFS (a full-scale square wave is 0)."""
        return 10.0 * math.log10(max(self._power / max(1, self.count), 1e-20))

    def true_peak_dbtp(self) -> float:
        """Highest true peak of any channel, dBTP."""
        return db_from_gain(self._peak.value())

    def sample_peak_dbfs(self) -> float:
        """Highest sample of any channel, dBFS."""
        return db_from_gain(self._peak.sample_peak)


class TruePeak:
    """Peak of the signal between its samples, by 4x oversampling, where it could beat the peak so far.

    The skip is exact: an interpolated value is at most its largest sample times the largest sum of a phase's
    absolute coefficients. Source: BS.1770-4 annex 2; at 96 kHz and more, 2x would do and 4x is only finer.
    """

    def __init__(self, num_channels: int) -> None:
        self._phases = interpolator()
        self._most = float(np.abs(self._phases).sum(axis=1).max())
        self._tail = np.zeros((num_channels, TAPS - 1), np.float32)
        self._highest = 0.0
        self.sample_peak = 0.0
        """Largest absolute sample so far."""

    def push(self, samples: Samples) -> None:
        """Add samples of shape (channels, n)."""
        if not samples.shape[1]:
            return
        joined = np.concatenate([self._tail, samples], axis=1)
        self._tail = joined[:, -(TAPS - 1) :].copy()
        self.sample_peak = max(self.sample_peak, float(np.abs(samples).max()))
        for channel in joined:
            self._scan(channel)

    def value(self) -> float:
        """The highest true peak so far as an amplitude; never below the highest sample."""
        for channel in self._tail:
            padded = np.concatenate([channel, np.zeros(TAPS, np.float32)])
            self._look(np.lib.stride_tricks.sliding_window_view(padded, TAPS))
        return max(self._highest, self.sample_peak)

    def _scan(self, channel: NDArray[np.float32]) -> None:
        """Look at the loudest sample's windows, then at every window with a sample that could still lead higher."""
        runs = len(channel) - TAPS + 1
        if runs <= 0:
            return
        windows = np.lib.stride_tricks.sliding_window_view(channel, TAPS)
        levels = np.abs(channel)
        loudest = int(levels.argmax())
        self._look(windows[max(0, loudest - TAPS + 1) : loudest + 1])
        near = levels * np.float32(self._most) > self._highest
        chosen = near[:runs].copy()
        for step in range(1, TAPS):
            chosen |= near[step : step + runs]
        if chosen.any():
            self._look(windows[chosen])

    def _look(self, windows: NDArray[np.float32]) -> None:
        """Take the interpolated values of every window, shape (n, 12), into account."""
        self._highest = max(self._highest, float(np.abs(windows @ self._phases[:, ::-1].T).max(initial=0.0)))


def prepare() -> None:
    """Import what metering needs. scipy.signal takes half a second: time that a caller may have while engines speak."""
    interpolator()


def measure(path: Path) -> LoudnessReport:
    """Measure a WAV that this program wrote.

    Raises:
        MediaError: it cannot be read.
    """
    return hear(path).report


def hear(path: Path) -> Heard:
    """Measure a WAV that this program wrote, and keep its energies.

    Raises:
        MediaError: it cannot be read.
    """
    info = wav_info(path)
    meter = Meter(info.sample_rate, info.num_channels)
    for block in read_blocks(path, BLOCK):
        meter.push(block)
    return Heard(report(meter, info.duration_s), meter.hops())


def report(meter: Meter, duration_s: float) -> LoudnessReport:
    """The meter's numbers, rounded to a thousandth."""
    return LoudnessReport(
        lufs=round(meter.integrated(), 3),
        true_peak_dbtp=round(meter.true_peak_dbtp(), 3),
        lra_lu=round(meter.loudness_range(), 3),
        sample_peak_dbfs=round(meter.sample_peak_dbfs(), 3),
        duration_s=round(duration_s, 6),
        rms_dbfs=round(meter.rms_dbfs(), 3),
    )


@lru_cache(maxsize=8)
def k_weighting(sample_rate: int) -> Floats:
    """Second-order sections of the K-weighting at any rate, shape (2, 6).

    The analogue prototypes of the two filters, bilinear-transformed; at 48 kHz they equal the standard's table.
    Source: BS.1770-4 annex 1, tables 1 and 2; prototype values as derived for libebur128 by its authors.
    """
    f0, gain_db, q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = np.tan(np.pi * f0 / sample_rate)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = [
        (high + band * k / q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / q + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / q + k * k) / a0,
    ]
    f0, q = 38.13547087602444, 0.5003270373238773
    k = np.tan(np.pi * f0 / sample_rate)
    a0 = 1 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([shelf, high_pass])


@lru_cache(maxsize=1)
def interpolator() -> NDArray[np.float32]:
    """Coefficients of the 4x interpolator by phase, shape (4, 12), for ``np.convolve``."""
    from scipy.signal import firwin

    taps = firwin(OVERSAMPLING * TAPS + 1, 1 / OVERSAMPLING, window=("kaiser", 5.0)) * OVERSAMPLING
    return np.ascontiguousarray(taps[:-1].reshape(TAPS, OVERSAMPLING).T).astype(np.float32)


def _lufs(mean_square: Floats | float) -> Floats:
    return OFFSET_LUFS + 10.0 * np.log10(np.maximum(mean_square, 1e-20))
