"""Gains that follow the clock: ducking under speech and slow fades, as functions of the absolute sample.

They are made from times that are known, never from a detector that listens, so a block has the same gain wherever it is
cut, and the music is down when the first word comes, not a moment after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.clip import Samples

Interval = tuple[int, int]
"""First sample, and one past the last."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A gain in dB drawn through points, straight between them, level before the first and after the last."""

    samples: tuple[int, ...] = (0,)
    """Absolute positions, rising."""
    levels_db: tuple[float, ...] = (0.0,)

    def gains(self, start: int, count: int) -> Samples | np.float32:
        """Amplitudes of ``count`` samples from ``start``; one number where they are all alike."""
        if len(self.samples) == 1:
            return np.float32(10 ** (self.levels_db[0] / 20))
        first = int(np.searchsorted(self.samples, start, side="right"))
        last = int(np.searchsorted(self.samples, start + count, side="left"))
        if first == last and (first in (0, len(self.samples)) or self.levels_db[first - 1] == self.levels_db[first]):
            return np.float32(10 ** (self.levels_db[min(first, len(self.samples) - 1)] / 20))
        levels = np.interp(np.arange(start, start + count), self.samples, self.levels_db)
        gains: NDArray[np.float32] = np.power(10.0, levels / 20.0).astype(np.float32)
        return gains


LEVEL = Curve()
"""0 dB for ever."""


def duck(intervals: Iterable[Interval], depth_db: float, attack: int, release: int) -> Curve:
    """A curve that is ``depth_db`` lower during the intervals.

    It goes down over ``attack`` samples before an interval begins and comes up over ``release`` samples after it ends.
    Gaps that are too short to come up and go down again are bridged.

    Args:
        intervals: where somebody speaks, in any order; they may overlap.
        depth_db: how far down, as a negative number.
        attack: samples.
        release: samples.
    """
    samples: list[int] = []
    levels: list[float] = []
    for start, end in merged(intervals, attack + release):
        for at, level in ((start - attack, 0.0), (start, depth_db), (end, depth_db), (end + release, 0.0)):
            if samples and at <= samples[-1]:
                at = samples[-1] + 1
            samples.append(at)
            levels.append(level)
    return Curve(tuple(samples), tuple(levels)) if samples else LEVEL


def merged(intervals: Iterable[Interval], gap: int) -> list[Interval]:
    """The intervals in order, those closer than ``gap`` samples joined."""
    found: list[Interval] = []
    for start, end in sorted(each for each in intervals if each[1] > each[0]):
        if found and start - found[-1][1] <= gap:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
