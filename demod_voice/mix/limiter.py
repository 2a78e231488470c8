"""A look-ahead true-peak limiter whose gain at a sample depends only on the samples around it.

So any block can be limited alone: the result is the same wherever the blocks are cut. Where nothing is too loud the gain
is exactly 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.clip import Samples
from demod_voice.mix.loudness import TAPS, interpolator

LOOK_S = 0.004
"""Half width of the gain's dip around a peak. 4 ms: shorter distorts low voices, longer is heard as pumping."""
_LATENCY = TAPS // 2


def context_samples(sample_rate: int) -> int:
    """Samples on each side of a block that its gains depend on."""
    return 2 * round(LOOK_S * sample_rate) + TAPS


def gains(window: Samples, sample_rate: int, ceiling: float) -> NDArray[np.float32]:
    """Gains of a window's samples, shape (n,), the same for all channels.

    Args:
        window: float32 (channels, n), with ``context_samples`` more on each side than the part that is used.
        sample_rate: Hz.
        ceiling: highest true peak, as an amplitude.
    """
    needed = np.ones(window.shape[1], np.float32)
    phases = interpolator()
    most = float(np.abs(phases).sum(axis=1).max())
    hot = np.flatnonzero(np.abs(window).max(axis=0) * most > ceiling)
    for low, high in _clusters(hot, window.shape[1], 2 * TAPS):
        peaks = _true_peaks(window[:, low:high], phases)
        needed[low:high] = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    return _smooth(needed, round(LOOK_S * sample_rate))


def _true_peaks(piece: Samples, phases: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest value at and around each sample: of the sample itself and the interpolated ones on both its sides."""
    peaks: NDArray[np.float32] = np.abs(piece).max(axis=0)
    for channel in piece:
        padded = np.concatenate([np.zeros(_LATENCY - 1, np.float32), channel, np.zeros(_LATENCY, np.float32)])
        between = np.max([np.abs(np.convolve(padded, phase, "valid")) for phase in phases], axis=0)[: len(channel)]
        around = np.maximum(between, np.concatenate([between[:1], between[:-1]]))
        around = np.maximum(around, np.concatenate([between[1:], between[-1:]]))
        peaks = np.maximum(peaks, around)
    return peaks


def _smooth(needed: NDArray[np.float32], look: int) -> NDArray[np.float32]:
    """The needed gain held over the look-ahead and smoothed by a window of the same width: never above what is needed."""
    low = np.flatnonzero(needed < 1.0)
    out = np.ones_like(needed)
    if not len(low):
        return out
    width = 2 * look + 1
    shape = np.hanning(width + 2)[1:-1]
    shape /= shape.sum()
    for start, end in _clusters(low, len(needed), 2 * look + 1):
        piece = needed[start:end]
        padded = np.pad(piece, look, constant_values=1.0)
        held = np.lib.stride_tricks.sliding_window_view(padded, width).min(axis=1)
        out[start:end] = np.convolve(np.pad(held, look, mode="edge"), shape, "valid")
    limited: NDArray[np.float32] = np.minimum(out, np.float32(1.0))
    return limited


def _clusters(indices: NDArray[np.intp], length: int, reach: int) -> list[tuple[int, int]]:
    """Ranges that hold the indices with ``reach`` to spare on both sides, joined where they touch."""
    if not len(indices):
        return []
    cuts = np.flatnonzero(np.diff(indices) > 2 * reach)
    starts = np.concatenate([indices[:1], indices[cuts + 1]]) - reach
    ends = np.concatenate([indices[cuts], indices[-1:]]) + reach + 1
    return [(max(0, int(a)), min(length, int(b))) for a, b in zip(starts, ends, strict=True)]
