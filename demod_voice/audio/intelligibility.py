"""How much of a voice is left in a worked-on sound, when the voice alone is known: STOI and SI-SDR of spectra.

Used to try a noise reduction out on a recording's own sound before it is applied. Spectra and not samples, because the
trial has them already.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Spectra = NDArray[np.complex64]
"""Frames of half-overlapping windows, shape (frames, lanes, bins); each lane is a stretch of its own."""
Floats = NDArray[np.float64]

BANDS = 15
LOWEST_HZ = 150.0
"""Fifteen third octaves from 150 Hz. Source: Taal et al., IEEE Trans. ASLP 19 (2011) 2125, section II."""
SEGMENT_S = 0.384
CLIPPING_DB = -15.0
SILENT_DB = 40.0
"""Frames so far below the loudest are left out. Source: as above."""


def stoi(voice: Spectra, heard: Spectra, hop_s: float, bin_hz: float) -> float:
    """Short-time objective intelligibility of what is heard, 0..1, by the paper's measure on the frames given.

    Args:
        voice: the voice alone.
        heard: the same frames of the sound in question.
        hop_s: seconds from frame to frame.
        bin_hz: from bin to bin.
    """
    segment = max(2, round(SEGMENT_S / hop_s))
    weights = third_octaves(voice.shape[2], bin_hz)
    found = []
    for lane in range(voice.shape[1]):
        clean, other = (_bands(each[:, lane], weights) for each in (voice, heard))
        level = clean.sum(axis=0)
        kept = level > level.max(initial=0.0) * 10.0 ** (-SILENT_DB / 20.0)
        if kept.sum() >= segment:
            found.append(_correlations(clean[:, kept], other[:, kept], segment))
    return float(np.concatenate(found).mean()) if found else 0.0


def si_sdr_db(voice: Spectra, heard: Spectra) -> float:
    """Scale-invariant signal-to-distortion ratio, dB. Source: Le Roux et al., ICASSP 2019, equation 3."""
    power = float((voice.real**2).sum(dtype=np.float64) + (voice.imag**2).sum(dtype=np.float64))
    shared = (voice.real * heard.real).sum(dtype=np.float64) + (voice.imag * heard.imag).sum(dtype=np.float64)
    total = float((heard.real**2).sum(dtype=np.float64) + (heard.imag**2).sum(dtype=np.float64))
    target = float(shared) ** 2 / max(power, 1e-30)
    return float(10.0 * np.log10(max(target, 1e-30) / max(total - target, 1e-30)))


def third_octaves(bins: int, bin_hz: float) -> NDArray[np.float32]:
    """Which bins make up which third octave, shape (bands, bins); a band without a bin of its own takes the nearest."""
    centres = LOWEST_HZ * 2.0 ** (np.arange(BANDS) / 3.0)
    at = np.arange(bins) * bin_hz
    weights = np.zeros((BANDS, bins), np.float32)
    for row, centre in enumerate(centres):
        inside = (at >= centre * 2 ** (-1 / 6)) & (at < centre * 2 ** (1 / 6))
        weights[row, inside if inside.any() else int(np.abs(at - centre).argmin())] = 1.0
    return weights


def _bands(spectra: Spectra, weights: NDArray[np.float32]) -> Floats:
    """Amplitudes of the bands, shape (bands, frames)."""
    power = spectra.real**2 + spectra.imag**2
    sums = [power[:, row > 0].sum(axis=1, dtype=np.float64) for row in weights]
    amplitudes: Floats = np.sqrt(np.stack(sums))
    return amplitudes


def _correlations(clean: Floats, other: Floats, segment: int) -> Floats:
    """Correlation of each band over every third of a segment, the other one scaled and clipped first."""
    x, y = (sliding_window_view(each, segment, axis=1)[:, :: segment // 3] for each in (clean, other))
    scale = np.sqrt((x**2).sum(axis=2) / ((y**2).sum(axis=2) + 1e-30))
    y = np.minimum(y * scale[:, :, None], x * (1.0 + 10.0 ** (-CLIPPING_DB / 20.0)))
    x, y = x - x.mean(axis=2, keepdims=True), y - y.mean(axis=2, keepdims=True)
    norms = np.sqrt((x**2).sum(axis=2) * (y**2).sum(axis=2))
    found: Floats = ((x * y).sum(axis=2) / (norms + 1e-30)).ravel()
    return found
