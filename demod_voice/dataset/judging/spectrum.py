"""What a segment's spectrum shows: pops of breath, the upper edge of the speech, syllables."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demod_voice.dataset.judging.level import HOP_S, Mask

Powers = NDArray[np.float64]

POP_HZ = (20.0, 75.0)
"""Where a pop has its power and no voice its fundamental, vocal fry apart, whose fundamental is weak."""
VOICE_HZ = (150.0, 1000.0)
EDGE = 0.1
"""Width of a band's edges, as a part of their frequency."""
BAND_RATES = (1000, 2400)
"""Rates in Hz that the two bands are made at: several times their highest frequency, whole samples to 10 ms."""
POP_OVER_VOICE_DB, POP_OVER_FRAMES = 6.0, 2
"""For so many frames a pop's band stands so far above the voice's."""
POP_UNDER_SPEECH_DB = 6.0
"""A pop's band is at most so far under the level of the segment's speech."""
POP_LONGEST = 25
"""Frames: what lasts longer is rumble, or a tone that is held."""
SMOOTH = 3
"""Frames that a band's power is averaged over."""

HUM_HZ, HUM_RATE = (20.0, 660.0), 1500
"""Ten harmonics of mains, and the rate they are looked at."""
HUM_FRAME = 15
HUM_RATIO = 20.0
"""A line of hum stands so far over the power beside it: the weakest that is told stands 80 times over it in 1 s."""

LINES = 5
"""Lines of the spectrum, 47 Hz each, that are averaged into one."""
LOUD = 0.98
"""The level that stands for a band is over so large a part of its frames: hisses that fill the upper bands are rare."""
EDGE_UNDER_DB = 50.0
"""What is so far under the loudest band is nothing: resamplers' remains, rounding, soft hiss."""
CLIFF_DB, CLIFF_WIDTH = 25.0, 1.5
"""A filter's edge falls by so much within a ratio of frequencies of 1.5; speech alone falls half as fast."""
CLIFF_EDGE_DB = 8.0
"""The edge is where the level has fallen by so much."""
CLIFF_FROM_HZ = 2000.0

SYLLABLE_WINDOW = 9
"""Frames of the Hann window that the voice's level is smoothed with."""
SYLLABLE_RISE_DB = 3.0
SYLLABLE_UNDER_DB = 25.0
SYLLABLE_APART = 8
"""Frames between two syllables."""


@dataclass(frozen=True, slots=True)
class Bands:
    """Power of a segment in two bands, every 10 ms, and its lowest frequencies as sound."""

    pop: Powers
    """Mean square from 20 to 75 Hz, shape (frames,)."""
    voice: Powers
    """Mean square from 150 to 1000 Hz, shape (frames,)."""
    low: NDArray[np.float32]
    """The segment at ``HUM_RATE`` Hz, shape (samples,), up to 600 Hz."""


def bands_of(wave: NDArray[np.float32], sample_rate: int) -> Bands:
    """Both bands out of one transform of the whole segment.

    Args:
        wave: the segment, shape (samples,).
        sample_rate: Hz.
    """
    from scipy.fft import next_fast_len, rfft

    tenths = next_fast_len(len(wave) * 10 // sample_rate + 2, real=True)
    spectrum = rfft(wave, tenths * (sample_rate // 10))
    gain = np.float32(1 / sample_rate)
    frames = round(len(wave) / (sample_rate * HOP_S))
    pop, voice = (
        _powers(_band(spectrum, tenths, band, rate, gain), rate)[:frames]
        for band, rate in zip((POP_HZ, VOICE_HZ), BAND_RATES, strict=True)
    )
    low = _band(spectrum, tenths, HUM_HZ, HUM_RATE, gain)[: len(wave) * HUM_RATE // sample_rate]
    return Bands(pop, voice, low)


def _band(
    spectrum: NDArray[np.complex64], tenths: int, band: tuple[float, float], rate: int, gain: np.float32
) -> NDArray[np.float32]:
    """One band as sound at its own low rate, out of the spectrum of ``tenths`` of a second."""
    from scipy.fft import irfft

    size = tenths * rate // 10
    highest = min(size // 2 + 1, len(spectrum), math.ceil(band[1] * (1 + EDGE) * tenths / 10))
    edges = _edges(np.arange(highest) * 10 / tenths, band).astype(np.float32)
    wave: NDArray[np.float32] = irfft(spectrum[:highest] * (edges * (gain * np.float32(rate))), size)
    return wave


def _powers(wave: NDArray[np.float32], rate: int) -> Powers:
    """Mean square every 10 ms, smoothed over ``SMOOTH`` frames."""
    frames = wave[: len(wave) // (rate // 100) * (rate // 100)].reshape(-1, rate // 100)
    power = np.einsum("ij,ij->i", frames, frames).astype(np.float64) / frames.shape[1]
    return np.convolve(power, np.ones(SMOOTH) / SMOOTH, "same")


def _edges(frequencies: NDArray[np.float64], band: tuple[float, float]) -> NDArray[np.float64]:
    """1 inside the band, 0 outside, half a cosine over each edge."""
    low, high = band
    below = np.clip((frequencies / low - 1) / EDGE + 0.5, 0, 1)
    above = np.clip((1 - frequencies / high) / EDGE + 0.5, 0, 1)
    return np.asarray(np.sin(below * np.pi / 2) * np.sin(above * np.pi / 2))


def pop_frames(bands: Bands, speech: float) -> Mask:
    """True where a pop of breath is: a burst under 75 Hz that outweighs the voice.

    Args:
        bands: the segment's bands.
        speech: mean square of the segment's speech. The thresholds stand on it and on the voice's band at that moment,
            never on what this clip's low band usually is.
    """
    found = bands.pop >= speech * 10 ** (-POP_UNDER_SPEECH_DB / 10)
    over = bands.pop >= bands.voice * 10 ** (POP_OVER_VOICE_DB / 10)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], found, [False])).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        if stop - start > POP_LONGEST or np.count_nonzero(over[start:stop]) < POP_OVER_FRAMES:
            found[start:stop] = False
    return found


def may_hum(low: NDArray[np.float32]) -> bool:
    """Whether a closer look for mains hum is worth its price: a line stands out at 50 or 60 Hz or a harmonic.

    Args:
        low: a segment at ``HUM_RATE`` Hz. Its quiet moments weigh more, so that speech hides nothing.
    """
    from scipy.fft import next_fast_len, rfft

    frames = low[: len(low) // HUM_FRAME * HUM_FRAME].reshape(-1, HUM_FRAME)
    if len(frames) < HUM_FRAME:
        return False
    local = np.convolve(np.einsum("ij,ij->i", frames, frames), np.ones(6, np.float32) / 6, "same")
    weighted = (frames / (local + np.float32(max(float(np.quantile(local, 0.1)), 1e-12)))[:, None]).ravel()
    size = next_fast_len(len(weighted), real=True)
    power = np.square(np.abs(rfft(weighted, size))).astype(np.float64)
    total = np.concatenate(([0.0], np.cumsum(power)))
    hz = HUM_RATE / size
    for mains in (50.0, 60.0):
        for line in mains * np.arange(1, 11):
            centre, near, far = round(line / hz), round(line / mains / 2 / hz) + 1, round(20 / hz)
            low_end, high_end = max(1, centre - far), centre + far + 1
            here = power[centre - near : centre + near + 1]
            beside = total[high_end] - total[low_end] - here.sum()
            if here.max() * (high_end - low_end - len(here)) > HUM_RATIO * beside:
                return True
    return False


def syllables(bands: Bands, speech: Mask) -> int:
    """Peaks of the voice's level in the speech: a syllable each, near enough.

    Source: after de Jong and Wempe 2009, "Praat script to detect syllable nuclei": peaks of intensity with a dip between.
    """
    from scipy.signal import find_peaks

    power = bands.voice[: len(speech)]
    speech = speech[: len(power)]
    if len(power) < SYLLABLE_WINDOW or not speech.any():
        return 0
    window = np.hanning(SYLLABLE_WINDOW + 2)
    level = 10 * np.log10(np.convolve(power, window / window.sum(), "same") + 1e-12)
    lowest = 10 * math.log10(float(power[speech].mean()) + 1e-12) - SYLLABLE_UNDER_DB
    peaks, _ = find_peaks(level, height=lowest, distance=SYLLABLE_APART, prominence=SYLLABLE_RISE_DB)
    return int(np.count_nonzero(speech[peaks]))


def bandwidth_hz(wave: NDArray[np.float32], sample_rate: int, speech: Mask) -> float | None:
    """Upper edge of the spectrum while there is speech: a cliff that the spectrum does not climb again, or its end.

    Args:
        wave: the segment, shape (samples,).
        sample_rate: Hz.
        speech: the segment's speech, every 10 ms.
    """
    size = 1 << max(6, round(math.log2(sample_rate * 0.02)))
    whole = wave[: len(wave) // size * size].reshape(-1, size)
    places = ((np.arange(len(whole)) + 0.5) * size / sample_rate / HOP_S).astype(np.int64)
    spoken = whole[speech[np.minimum(places, len(speech) - 1)]] if len(speech) else whole[:0]
    if not len(spoken):
        return None
    level = 10 * np.log10(_loud(_grouped(spoken)).astype(np.float64) + 1e-20)
    level = np.where(level >= level.max() - EDGE_UNDER_DB, level, -math.inf)
    group_hz = LINES * sample_rate / size
    return (_cliff(level, group_hz) or float(np.flatnonzero(np.isfinite(level))[-1] + 1)) * group_hz


def _cliff(level: NDArray[np.float64], group_hz: float) -> float | None:
    """Groups under the lowest place over which everything is ``CLIFF_DB`` softer than just below it; None = no cliff."""
    above = np.maximum.accumulate(level[::-1])[::-1]
    for group in range(math.ceil(CLIFF_FROM_HZ / group_hz), len(level)):
        below = level[int(group / CLIFF_WIDTH) : group]
        top = float(below.max())
        if math.isfinite(top) and above[group] < top - CLIFF_DB:
            return int(group / CLIFF_WIDTH) + float(np.flatnonzero(below >= top - CLIFF_EDGE_DB)[-1]) + 1
    return None


def _loud(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The level that one frame in fifty is over, of each group."""
    place = min(len(levels) - 1, math.ceil(len(levels) * LOUD))
    found: NDArray[np.float32] = np.partition(np.ascontiguousarray(levels.T), place, axis=1)[:, place]
    return found


def _grouped(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power of windowed frames in groups of lines, shape (frames, groups)."""
    from scipy.fft import rfft

    size = frames.shape[1]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    spectrum = rfft(frames * window, axis=1)[:, : size // 2 // LINES * LINES]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.asarray(power.reshape(len(frames), -1, LINES).sum(axis=2))
