"""Find speech by its energy alone: the fallback for when there is no ``vad`` engine. Called by ``speech_detection``.

Each frame's power in eight bands is held against that band's noise floor: the least of its smoothed power within some
seconds to both sides, so the floor follows a noise that changes slowly. The mean over the bands of the log-likelihood
ratio of "more than noise" becomes a probability. It hears any sound that comes and goes as speech; the network does not.

Source: R. Martin, "Noise power spectral density estimation based on optimal smoothing and minimum statistics", IEEE
Trans. Speech Audio Process. 9(5), 2001 (the floor); J. Sohn, N. S. Kim, W. Sung, "A statistical model-based voice
activity detection", IEEE Signal Process. Lett. 6(1), 1999 (the ratio).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d

RATE = 16000
FRAME = 512
BANDS_HZ = (100, 200, 320, 470, 650, 900, 1250, 1800, 2700, 4000)
"""Edges of the bands: narrower where voices have most of their power."""
SMOOTH_FRAMES = 5
"""Frames over which power is smoothed before its minimum is taken (0.16 s)."""
FLOOR_FRAMES = 251
"""Frames in which the minimum is looked for (8 s): longer than a phrase without a pause."""
BIAS = 1.9
"""The mean of a stationary noise over the minimum found so: measured on white noise, mean over the bands."""
QUIETEST = 1e-12
"""Power of a bin below which nothing is told apart (noise of -93 dBFS): digital silence is no noise floor."""
MIDDLE, WIDTH = 1.0, 0.35
"""Smoothed log-likelihood ratio at which the probability is a half, and how fast it changes: set on synthetic speech."""
HOLD_FRAMES = 3
"""Frames to both sides over which the ratio is smoothed: one frame of a soft consonant is no pause."""


def band_powers(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean power in each band of each frame.

    Args:
        samples: mono, 16 kHz, shape (n,); the last frame is filled up with silence.

    Returns:
        Shape (ceil(n / 512), bands): the mean over a band's bins; white noise of power p gives p / 512 in each.
    """
    frames = -(-len(samples) // FRAME)
    padded = np.zeros(frames * FRAME, np.float32)
    padded[: len(samples)] = samples
    window = np.hanning(FRAME).astype(np.float32)
    edges = np.searchsorted(np.fft.rfftfreq(FRAME, 1 / RATE), BANDS_HZ)
    powers = np.empty((frames, len(BANDS_HZ) - 1), np.float32)
    for begin in range(0, frames, 1 << 12):
        part = padded[begin * FRAME : (begin + (1 << 12)) * FRAME].reshape(-1, FRAME)
        spectrum = np.abs(np.fft.rfft(part * window, axis=1)) ** 2
        totals = np.add.reduceat(spectrum[:, : edges[-1]], edges[:-1], axis=1)
        powers[begin : begin + len(part)] = totals / (np.diff(edges) * FRAME * float(np.sum(window**2)))
    return powers


def speech_probabilities(powers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability 0..1 that each frame is speech, shape (frames,), from ``band_powers`` of a whole recording."""
    if not len(powers):
        return np.zeros(0, np.float32)
    power = np.maximum(powers.astype(np.float64), QUIETEST)
    smooth = uniform_filter1d(power, SMOOTH_FRAMES, axis=0, mode="nearest")
    floor = BIAS * minimum_filter1d(smooth, FLOOR_FRAMES, axis=0, mode="nearest")
    ratio = np.maximum(power / uniform_filter1d(floor, FLOOR_FRAMES // 4, axis=0, mode="nearest"), 1.0)
    likelihood = np.mean(ratio - np.log(ratio) - 1, axis=1)
    level = uniform_filter1d(np.log1p(likelihood), HOLD_FRAMES, mode="nearest")
    found: NDArray[np.float32] = (1 / (1 + np.exp(-(level - MIDDLE) / WIDTH))).astype(np.float32)
    return found
