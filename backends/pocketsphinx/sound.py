"""A clip as the decoder wants it: read, dithered, cut into pieces. Standard library only."""

from __future__ import annotations

import array
import math
import random
import sys
from functools import cache
from itertools import accumulate

from demod_worker.recordings import RATE, read_pcm16

DITHER_DBFS = -45.0
"""Level of the dither. Synthetic speech over digital silence is heard badly without it (measured: word error rate .64
without, .04 with it, closed grammar)."""
DITHER_BELOW_DB = 20.0
"""A soft clip gets less: the dither stays so far below it."""
TABLE = 1 << 16
"""Samples after which the dither repeats (4 s)."""
BLOCK = 160
"""Samples of 10 ms."""
SHORTEST_S, LONGEST_S = 8.0, 20.0
"""Bounds of a piece: a decoder's call cannot be left, and its memory grows with the length."""
PAUSE_BLOCKS = 15
"""Length of the quietest place, at which a long clip is cut: 150 ms."""


def read(path: str) -> array.array[int]:
    """The samples of a mono 16 kHz 16-bit WAV.

    Raises:
        BadRequest: it cannot be read, or is another kind.
    """
    samples = array.array("h", read_pcm16(path))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def dithered(samples: array.array[int]) -> array.array[int]:
    """The samples with noise that depends on their position alone, and on the clip's level."""
    if not samples:
        return samples
    power = sum(sample * sample for sample in samples) / len(samples)
    level = 10 * math.log10(power / 2**30) if power else 0.0
    scale = 32768.0 * 10 ** (min(DITHER_DBFS, level - DITHER_BELOW_DB) / 20)
    noise = [round(scale * each) for each in _noise()]
    repeated = noise * (len(samples) // TABLE + 1)
    made = (sample + more for sample, more in zip(samples, repeated, strict=False))
    return array.array("h", [-32768 if each < -32768 else 32767 if each > 32767 else each for each in made])


def pieces(samples: array.array[int]) -> list[tuple[int, int]]:
    """(begin, end) of the pieces of a clip; one that is longer than ``LONGEST_S`` is cut at its quietest places."""
    energies = [sum(s * s for s in samples[at : at + BLOCK]) for at in range(0, len(samples), BLOCK)]
    sums = [0, *accumulate(energies)]
    longest, shortest = int(LONGEST_S * RATE / BLOCK), int(SHORTEST_S * RATE / BLOCK)
    found, begin = [], 0
    while len(energies) - begin > longest:
        places = range(begin + shortest, begin + longest - PAUSE_BLOCKS)
        quietest = min(places, key=lambda at: (sums[at + PAUSE_BLOCKS] - sums[at], at))
        end = quietest + PAUSE_BLOCKS // 2
        found.append((begin * BLOCK, end * BLOCK))
        begin = end
    return [*found, (begin * BLOCK, len(samples))]


@cache
def _noise() -> tuple[float, ...]:
    """Gaussian noise of unit power."""
    source = random.Random(1)
    return tuple(source.gauss(0.0, 1.0) for _ in range(TABLE))
