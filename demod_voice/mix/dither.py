"""TPDF dither as a function of (seed, absolute sample) and of nothing else, so a resumed or re-cut render is the same."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from demod_voice.mix.cells import CELL, ROUND, stretch


def tpdf(seed: int, start: int, count: int, channel: int = 0) -> NDArray[np.float32]:
    """Triangular noise between -1 and 1 (least significant bits), shape (count,).

    Args:
        seed: of the episode.
        start: absolute position of the first sample.
        count: how many.
        channel: another channel has other noise.
    """
    return stretch(lambda number: _cell(seed, channel, number), start, count)


@lru_cache(maxsize=2 * ROUND)
def _cell(seed: int, channel: int, number: int) -> NDArray[np.float32]:
    """Two 16-bit uniforms of one 32-bit number: their sum is triangular in steps of 2**-15."""
    words = Generator(Philox(key=[seed, channel], counter=[0, 0, number, 0])).integers(
        0, 1 << 32, CELL, dtype=np.uint32
    )
    total = (words & np.uint32(0xFFFF)).astype(np.float32) + (words >> np.uint32(16)).astype(np.float32)
    return (total + np.float32(1.0)) / np.float32(65536.0) - np.float32(1.0)
