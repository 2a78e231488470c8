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


def gains(window: Samples, sample_rate: int, ceiling: float, exact: bool = True) -> NDArray[np.float32]:
    """Gains of a window's samples, shape (n,), the same for all channels.

    Args:
        window: float32 (channels, n), with ``context_samples`` more on each side than the part that is used.
        sample_rate: Hz.
        ceiling: highest true peak, as an amplitude.
        exact: False looks at the samples only, not between them: a tenth of the work, for a first estimate.
    """
    needed = np.ones(window.shape[1], np.float32)
    if not exact:
        np.divide(ceiling, np.maximum(np.abs(window).max(axis=0), ceiling), out=needed)
        return _smooth(needed, round(LOOK_S * sample_rate))
    phases = interpolator()
    most = float(np.abs(phases).sum(axis=1).max())
    hot = np.flatnonzero(np.abs(window).max(axis=0) * most > ceiling)
    if len(hot):
        near = _near(hot, window.shape[1], 2 * TAPS)
        needed[near] = np.minimum(1.0, ceiling / np.maximum(_true_peaks(window, near, phases), 1e-9))
    return _smooth(needed, round(LOOK_S * sample_rate))


def _near(hot: NDArray[np.intp], length: int, reach: int) -> NDArray[np.intp]:
    """Every index within ``reach`` of one of the given, in order."""
    edges = np.zeros(length + 1, np.int32)
    np.add.at(edges, np.maximum(hot - reach, 0), 1)
    np.add.at(edges, np.minimum(hot + reach + 1, length), -1)
    return np.flatnonzero(np.cumsum(edges[:-1]))


def _true_peaks(window: Samples, near: NDArray[np.intp], phases: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest value at and around the samples ``near``: their own and the interpolated ones on both sides.

    Sums are taken tap by tap: a matrix product may round differently with the number of its rows, and then a block's
    bytes would depend on where it was cut.
    """
    peaks: NDArray[np.float32] = np.abs(window[:, near]).max(axis=0)
    for channel in window:
        padded = np.concatenate([np.zeros(_LATENCY - 1, np.float32), channel, np.zeros(_LATENCY, np.float32)])
        columns = [padded[near + tap] for tap in range(TAPS)]
        between = np.zeros(len(channel) + 2, np.float32)
        for phase in phases:
            value = np.zeros(len(near), np.float32)
            for column, tap in zip(columns, phase[::-1], strict=True):
                value += column * tap
            between[near + 1] = np.maximum(between[near + 1], np.abs(value))
        for side in range(3):
            np.maximum(peaks, between[near + side], out=peaks)
    return peaks


def _smooth(needed: NDArray[np.float32], look: int) -> NDArray[np.float32]:
    """The needed gain held over the look-ahead and smoothed by a window of the same width: never above what is needed."""
    low = np.flatnonzero(needed < 1.0)
    out = np.ones_like(needed)
    if not len(low):
        return out
    from scipy.ndimage import minimum_filter1d

    width = 2 * look + 1
    shape = np.hanning(width + 2)[1:-1]
    shape /= shape.sum()
    for start, end in _clusters(low, len(needed), 2 * look + 1):
        piece = needed[start:end]
        held = minimum_filter1d(piece, width, mode="constant", cval=1.0)
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
