"""Mains hum: how far its lines stand over the spectrum around them, and at which frequencies exactly.

A line is told from a voice by what it does in time: it goes on through the pauses, at one frequency and in one phase.
So a window of seconds is weighted by how quiet each moment is, every candidate line is fitted over all of it at once,
and what is left beside the line after it has been taken away is the neighbourhood. A voice or a bass that passes such
a frequency fits badly, and its sidebands count against it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from demod_voice.units import SILENCE_DB

Floats = NDArray[np.float64]

MAINS_HZ = (50.0, 60.0)
DRIFT_HZ = 0.5
"""How far from its nominal frequency mains is looked for."""
HARMONICS = 10
RATE = 1500
"""Hz that hum is looked for at: ten harmonics of 60 Hz, and their neighbourhood."""
NEAR_HZ, FAR_HZ = 3.0, 20.0
"""The neighbourhood of a line lies between these distances on both sides."""
BAND_HZ = 2 * FAR_HZ
"""A line's power is set against the neighbourhood's power in a band so wide: noise alone then reads 0 dB."""
SHORTEST_S = 1.0
"""In less sound than this a line cannot be told from what passes."""
LEAST_DBFS = -96.0
"""The neighbourhood counts as at least so loud: what lies below the last bit of 16 is no hum."""
FOUND_DB = 3.0
"""From here on a line is there; noise stays 10 dB below (measured)."""
_STEP_HZ = 0.01
_SMOOTH_S = 0.06
_SETTLED_S = 0.2
"""So long the filter against rumble takes to settle."""
_WORTH_IT, _LEAST_RATIO = 0.3, 10.0
"""Ratio of a line to the median beside it from which it is fitted: a sixth of what ``FOUND_DB`` makes in the seconds that
are heard, and never less than what noise reaches."""
_VOICE_HZ = (700.0, 3000.0)
_FORMANTS = 1e-3
"""Share of the power there over the power below it that a vowel has at least."""
_PERIODIC = 0.6
"""Likeness of a moment to itself one period later from which it is voiced; noise reads 0.3 (measured)."""


@dataclass(frozen=True, slots=True)
class HumLevel:
    """Mains hum in a stretch of sound."""

    db: float
    """The strongest line's power over its neighbourhood's (``BAND_HZ`` wide), dB; 0 = none."""
    frequency_hz: float
    """Of the mains (50 or 60, as exact as it was found); 0 = none."""
    lines: tuple[int, ...] = ()
    """Harmonics that stand out, 1 = the mains frequency itself."""
    level_dbfs: float = SILENCE_DB
    """RMS of those lines together."""


NO_HUM = HumLevel(0.0, 0.0)


def measure_hum(samples: NDArray[np.float32], sample_rate: int) -> HumLevel:
    """Hum in a clip, without knowing where its speech is: quiet moments weigh more.

    Args:
        samples: float32 (n,), at least ``SHORTEST_S``; a clip of seconds, not an hour.
        sample_rate: Hz, at least 1500.
    """
    if len(samples) < SHORTEST_S * sample_rate:
        return NO_HUM
    low = low_band(samples, sample_rate)
    found = hum_level(low)
    return NO_HUM if found.db and _is_voice(samples, sample_rate, _quiet(_without_rumble(low))) else found


def low_band(samples: NDArray[np.float32], sample_rate: int) -> Floats:
    """The sound at ``RATE`` Hz: what ``hum_level`` looks at."""
    low: Floats = soxr.resample(samples, sample_rate, RATE, quality="HQ").astype(np.float64)
    return low


def hum_level(low: Floats, heard: Floats | None = None) -> HumLevel:
    """Hum in a stretch of sound at ``RATE`` Hz.

    Args:
        low: shape (n,).
        heard: how much each sample counts, 0..1, shape (n,): 0 where somebody speaks. Quiet moments weigh more in any
            case.
    """
    wave = _without_rumble(low - low.mean())
    weights = _quiet(wave) * (1.0 if heard is None else heard)
    weights[: round(_SETTLED_S * RATE)] = 0.0
    if weights.sum() <= 0.0:
        return NO_HUM
    wave = wave - np.average(wave, weights=weights)
    frequency_hz, strongest, ratio = _mains(wave * weights)
    heard_s = float(weights.sum() ** 2 / np.square(weights).sum()) / RATE
    if ratio < max(_LEAST_RATIO, _WORTH_IT * BAND_HZ * heard_s):
        return NO_HUM
    return _lines(wave, weights, _refined(wave, weights, frequency_hz, strongest))


def _without_rumble(wave: Floats) -> Floats:
    """What lies under the neighbourhood of 50 Hz must not decide which moments are quiet."""
    from scipy.signal import butter, sosfilt

    passed: Floats = sosfilt(butter(4, MAINS_HZ[0] - FAR_HZ, "highpass", fs=RATE, output="sos"), wave)
    return passed


def _quiet(wave: Floats) -> Floats:
    """Weights 0..1 by the inverse of the local power: loud speech counts for little, its pauses for all."""
    from scipy.ndimage import uniform_filter1d

    power = uniform_filter1d(wave**2, round(_SMOOTH_S * RATE), mode="nearest").clip(0.0)
    low, high = np.percentile(power, (10.0, 90.0))
    floor = max(low, high * 1e-5, 1e-14)
    weights: Floats = floor / (power + floor)
    return weights


def _mains(weighted: Floats) -> tuple[float, int, float]:
    """The mains frequency whose harmonics hold most power over their surroundings; the strongest one, and its ratio."""
    size = 1 << max(14, math.ceil(math.log2(2 * len(weighted))))
    power = np.abs(np.fft.rfft(weighted, size)) ** 2
    hz = RATE / size
    number = np.arange(1, HARMONICS + 1)
    best = (0.0, 0.0, 1, 0.0)
    for nominal in MAINS_HZ:
        offsets = np.arange(-DRIFT_HZ, DRIFT_HZ + _STEP_HZ / 2, _STEP_HZ)
        lines = power[np.rint(np.outer(nominal + offsets, number) / hz).astype(int)]
        ratios = lines / (np.array([np.median(power[_beside(nominal * each, hz)]) for each in number]) + 1e-30)
        scores = ratios.sum(axis=1)
        at = int(scores.argmax())
        strongest = int(ratios[at].argmax())
        found = (float(scores[at]), nominal + float(offsets[at]), strongest + 1, float(ratios[at, strongest]))
        best = max(best, found)
    return best[1:]


def _refined(wave: Floats, weights: Floats, frequency_hz: float, harmonic: int) -> float:
    """The frequency made exact by how far the strongest line's phase moves from one half of the stretch to the other."""
    time_s = np.arange(len(wave)) / RATE
    half = len(wave) // 2
    for _ in range(2):
        turned = weights * np.exp(-2j * np.pi * harmonic * frequency_hz * time_s)
        one, other = (wave[:half] * turned[:half]).sum(), (wave[half:] * turned[half:]).sum()
        centres = [float(np.average(time_s[part], weights=weights[part] + 1e-12)) for part in _halves(half)]
        moved = float(np.angle(other * np.conj(one))) / (2 * math.pi * (centres[1] - centres[0]))
        frequency_hz += moved / harmonic
    return frequency_hz


def _halves(half: int) -> tuple[slice, slice]:
    return slice(None, half), slice(half, None)


def _beside(frequency_hz: float, hz: float) -> NDArray[np.intp]:
    """Bins of the neighbourhood of a line; ``hz`` from bin to bin."""
    distance = np.arange(round(NEAR_HZ / hz), round(FAR_HZ / hz))
    centre = round(frequency_hz / hz)
    return np.concatenate([centre - distance[::-1], centre + distance])


def _lines(wave: Floats, weights: Floats, frequency_hz: float) -> HumLevel:
    """Fit every harmonic over the whole stretch, take them away, and set each against what is left beside it."""
    turn = np.exp(-2j * np.pi * frequency_hz * np.arange(len(wave)) / RATE)
    carrier, left, amplitudes, total = np.ones_like(turn), wave.copy(), [], weights.sum()
    for _ in range(HARMONICS):
        carrier = carrier * turn
        amplitude = 2.0 * (weights * left * carrier).sum() / total
        left -= (amplitude * carrier.conj()).real
        amplitudes.append(abs(amplitude))
    size = 1 << math.ceil(math.log2(len(wave)))
    density = 2.0 * np.abs(np.fft.rfft(left * weights, size)) ** 2 / (RATE * np.square(weights).sum())
    hz = RATE / size
    around = np.array([density[_beside(frequency_hz * (n + 1), hz)].mean() for n in range(HARMONICS)]) * BAND_HZ
    power = np.square(amplitudes) / 2.0
    over_db = 10.0 * np.log10((power + 1e-30) / np.maximum(around, 10 ** (LEAST_DBFS / 10)))
    standing = np.flatnonzero(over_db >= FOUND_DB)
    if not len(standing):
        return NO_HUM
    level = 10.0 * math.log10(power[standing].sum())
    lines = tuple(int(each) + 1 for each in standing)
    return HumLevel(round(float(over_db.max()), 2), round(frequency_hz, 3), lines, round(level, 2))


def _is_voice(samples: NDArray[np.float32], sample_rate: int, quiet: Floats) -> bool:
    """Whether the quietest moments are still voiced: a tone that is held without any pause is no hum.

    Above the tenth harmonic hum has little left, and a vowel has its formants: there the moments are looked at for
    a period.
    """
    spectrum = np.fft.rfft(samples)
    at = np.arange(len(spectrum)) * sample_rate / len(samples)
    low = float(np.square(np.abs(spectrum[(at >= 40.0) & (at < _VOICE_HZ[0])])).sum())
    spectrum *= np.interp(at, (_VOICE_HZ[0] - 80, _VOICE_HZ[0] + 120, _VOICE_HZ[1] - 200, _VOICE_HZ[1]), (0, 1, 1, 0))
    if float(np.square(np.abs(spectrum)).sum()) < _FORMANTS * low:
        return False
    size = round(_SMOOTH_S * sample_rate)
    frames = np.fft.irfft(spectrum, len(samples))[: len(samples) // size * size].reshape(-1, size)
    centres = ((np.arange(len(frames)) + 0.5) * _SMOOTH_S * RATE).astype(int).clip(0, len(quiet) - 1)
    chosen = np.argsort(-quiet[centres], kind="stable")[: max(5, len(frames) // 5)]
    return bool(np.median(_periodicity(frames[chosen], sample_rate)) > _PERIODIC)


def _periodicity(frames: Floats, sample_rate: int) -> Floats:
    """Highest normalised autocorrelation at the lags of a pitch from 45 to 500 Hz, of each frame."""
    length = frames.shape[1]
    likeness = np.fft.irfft(np.abs(np.fft.rfft(frames, 2 * length, axis=1)) ** 2, axis=1)[:, :length]
    lags = np.arange(sample_rate // 500, sample_rate // 45)
    alike = likeness[:, lags] / (1.0 - lags / length) / (likeness[:, :1] + 1e-20)
    highest: Floats = alike.max(axis=1)
    return highest
