"""Single clicks found and repaired: samples that nothing around them foretells, replaced by what their surroundings do.

A click is one short jump. What also jumps in a voice does so again and again (the pulses of a pitch) or goes on for
longer (a plosive's burst), so a sample counts as a click only when its prediction error stands far above every other
error of the eighty milliseconds around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mono = NDArray[np.float32]
Floats = NDArray[np.float64]

ORDER = 20
"""Of the prediction."""
FRAME_S = 0.04
"""Over which a voice stays the same."""
AROUND_S = 0.04
"""On both sides: the pulses of a pitch of 25 Hz and more come again within it."""
LONGEST_S = 0.0015
"""Of a click; what is longer is no click."""
STANDS_OUT = 5.0
"""Times the largest prediction error around: one plosive or pulse in two minutes of clean speech reaches that (measured)."""
LEAST = 10 ** (-60 / 20)
"""Prediction error that can be heard as a click at all."""
_CONTEXT = 6
"""Times the order: samples on both sides that a repair looks at."""


@dataclass(frozen=True, slots=True)
class Click:
    """A stretch of samples to be replaced."""

    start: int
    end: int


def context_samples(sample_rate: int) -> int:
    """Samples on both sides of a stretch that decide about its clicks."""
    return 2 * round((FRAME_S + AROUND_S) * sample_rate)


def find_clicks(samples: Floats, start: int, sample_rate: int) -> list[Click]:
    """The clicks of a stretch.

    Args:
        samples: shape (n,).
        start: place of the first of them in the recording: frames lie at fixed places.
        sample_rate: Hz.

    Returns:
        In order, as places in ``samples``; what lies nearer to an end than ``context_samples`` may be missed.
    """
    from scipy.ndimage import maximum_filter1d

    error = np.abs(_prediction_error(samples, start, round(FRAME_S * sample_rate)))
    gap, reach = round(LONGEST_S * sample_rate), round(AROUND_S * sample_rate)
    width = reach - gap
    if len(error) < 2 * reach + 1 or width < 2:
        return []
    highest = maximum_filter1d(error, width, mode="constant")
    shift = gap + width // 2 + 1
    around = np.zeros_like(error)
    around[shift:] = highest[:-shift]
    around[:-shift] = np.maximum(around[:-shift], highest[shift:])
    peaks = np.flatnonzero((error > STANDS_OUT * around) & (error > LEAST))
    found: list[Click] = []
    for group in np.split(peaks, np.flatnonzero(np.diff(peaks) > gap) + 1) if len(peaks) else ():
        loud = 1.5 * float(around[group].max())
        low, high = int(group[0]) - gap, int(group[-1]) + gap + 1
        hot = np.flatnonzero(error[max(0, low) : high] > loud) + max(0, low)
        click = Click(int(hot[0]) - 1, int(hot[-1]) + 2)
        if click.end - click.start <= 2 * gap and click.start >= ORDER and click.end <= len(samples) - ORDER:
            found.append(click)
    return found


def repaired(samples: Floats, clicks: list[Click]) -> Floats:
    """The samples with each click replaced by least-squares interpolation of an autoregressive model.

    Source: Janssen, Veldhuis and Vries, IEEE Trans. ASSP 34 (1986) 317.
    """
    made = samples.copy()
    for click in clicks:
        low, high = max(0, click.start - _CONTEXT * ORDER), min(len(made), click.end + _CONTEXT * ORDER)
        made[low:high] = _interpolated(made[low:high], click.start - low, click.end - low)
    return made


def _interpolated(wave: Floats, first: int, last: int) -> Floats:
    """A short stretch whose samples ``first`` to ``last`` are unknown."""
    order = min(ORDER, (len(wave) - 1) // 3)
    known = wave.copy()
    edges = known[max(0, first - 1)], known[min(len(wave) - 1, last)]
    known[first:last] = np.linspace(*edges, last - first + 2)[1:-1]
    for _ in range(2):
        model = _predictors(known.reshape(1, -1) * np.hanning(len(known)), order)[0]
        rows = np.arange(len(wave) - order)
        matrix = np.zeros((len(rows), len(wave)))
        for lag in range(order + 1):
            matrix[rows, rows + order - lag] = model[lag]
        unknown = matrix[:, first:last]
        rest = matrix @ np.where((np.arange(len(wave)) >= first) & (np.arange(len(wave)) < last), 0.0, known)
        known[first:last] = np.linalg.lstsq(unknown, -rest, rcond=None)[0]
    return known


def _prediction_error(samples: Floats, start: int, size: int) -> Floats:
    """What is left of each sample when its frame's prediction is taken away, shape (n,)."""
    lead = start % size
    count = -(-(lead + len(samples)) // size)
    padded = np.zeros(ORDER + count * size)
    padded[ORDER + lead : ORDER + lead + len(samples)] = samples
    frames = padded[ORDER:].reshape(count, size)
    models = _predictors(frames * np.hanning(size), ORDER)
    error = np.zeros((count, size))
    for lag in range(ORDER + 1):
        error += models[:, lag : lag + 1] * padded[ORDER - lag : ORDER - lag + count * size].reshape(count, size)
    return error.reshape(-1)[lead : lead + len(samples)]


def _predictors(frames: Floats, order: int) -> Floats:
    """Prediction-error filters of the frames, shape (frames, order + 1), the first coefficient 1 (Levinson-Durbin)."""
    size = frames.shape[1]
    spectra = np.fft.rfft(frames, 2 * size, axis=1)
    likeness = np.fft.irfft(np.square(np.abs(spectra)), axis=1)[:, : order + 1]
    likeness[:, 0] = likeness[:, 0] * (1.0 + 1e-6) + 1e-12
    model = np.zeros((len(frames), order + 1))
    model[:, 0] = 1.0
    left = likeness[:, 0].copy()
    for step in range(1, order + 1):
        wrong = (model[:, :step] * likeness[:, step:0:-1]).sum(axis=1)
        turn = -wrong / left
        model[:, 1 : step + 1] += turn[:, None] * model[:, step - 1 :: -1][:, :step]
        left *= 1.0 - turn**2
    return model
