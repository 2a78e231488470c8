"""Noise as a function of the absolute sample: made in cells of fixed places, so that blocks may be cut anywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demod_voice.audio.clip import Samples

CELL = 1 << 15
"""Samples of a cell; positions are cut at its multiples."""
ROUND = 64
"""Cells after which the noise begins again: 44 s at 48 kHz, longer than anybody remembers noise; so it is made once."""


def stretch(cell: Callable[[int], Samples], start: int, count: int) -> Samples:
    """``count`` samples from ``start``, shape (count,).

    Args:
        cell: the samples of a cell, by its number from 0 to ``ROUND`` - 1, shape (``CELL``,).
        start: absolute position of the first sample.
        count: how many.
    """
    first, last = start // CELL, -(-(start + count) // CELL)
    cells = [cell(number % ROUND) for number in range(first, last)]
    joined = np.concatenate(cells) if cells else np.zeros(0, np.float32)
    offset = start - first * CELL
    return joined[offset : offset + count]
