"""Hum along a long recording: measured window by window, joined to regions, and notched out there alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.filters import Floats, filtered, notch, settling_s
from demod_voice.audio.hum import DRIFT_HZ, MAINS_HZ, NO_HUM, RATE, HumLevel, hum_level, low_band, measure_hum

Mono = NDArray[np.float32]

PRESENT_DB = 6.0
"""From here on hum is worth a notch."""
ENOUGH_S = 1.0
"""Seconds of pause that a window needs to be measured in its pauses alone."""
SAME_HZ = 0.2
"""Windows that differ by less hear the same mains."""
LINE_SHARE = 0.3
"""A line is notched when so many of a region's windows have it."""
WIDTH_HZ = 2.0
"""Of a notch between its -3 dB points: a line that is 0.05 Hz off comes out 26 dB lower."""
FADE_S = 0.25
"""Over which a notch comes and goes."""


@dataclass(frozen=True, slots=True)
class HumRegion:
    """A stretch of a recording with hum."""

    start: int
    """First sample."""
    end: int
    """After the last sample."""
    frequency_hz: float
    """Of the mains."""
    lines: tuple[int, ...]
    """Harmonics that are notched."""
    db: float
    """Median over its windows of what ``HumLevel.db`` read."""
    spread_hz: float = 0.0
    """Standard deviation of the mains frequency over its windows."""

    def sections(self, sample_rate: int) -> Floats:
        """The notches, shape (lines, 6); a line whose frequency wanders has a wider one."""
        rows = [
            notch(round(number * self.frequency_hz, 3), WIDTH_HZ + round(4 * number * self.spread_hz, 2), sample_rate)
            for number in self.lines
            if number * self.frequency_hz < 0.45 * sample_rate
        ]
        return np.concatenate(rows)


def window_hum(samples: Mono, sample_rate: int, pause: NDArray[np.bool_]) -> HumLevel:
    """Hum in one window, from its pauses where there are enough of them.

    Args:
        samples: float32 (n,), some ten seconds.
        sample_rate: Hz.
        pause: whether nobody speaks, at even steps over the window, shape (steps,).
    """
    if pause.mean() * len(samples) < ENOUGH_S * sample_rate:
        return measure_hum(samples, sample_rate)
    low = low_band(samples, sample_rate)
    if len(low) < RATE:
        return NO_HUM
    at = np.arange(len(low)) * len(pause) // len(low)
    return hum_level(low, pause[at].astype(np.float64))


def hum_regions(levels: Sequence[HumLevel], window: int, num_samples: int) -> tuple[HumRegion, ...]:
    """Regions of neighbouring windows that hear the same mains.

    A window without hum between two that have it is one that could not hear it. A single window, and one that hears
    another frequency than most of its kind, is chance.

    Args:
        levels: of each window, in order.
        window: samples of a window.
        num_samples: of the recording.
    """
    found = [region for nominal in MAINS_HZ for region in _of_mains(nominal, levels, window, num_samples)]
    return tuple(sorted(found, key=lambda region: region.start))


def _of_mains(nominal: float, levels: Sequence[HumLevel], window: int, num_samples: int) -> list[HumRegion]:
    """The regions of one kind of mains: a recording may be put together of parts from two countries."""
    strong = [each for each in levels if each.db >= PRESENT_DB and abs(each.frequency_hz - nominal) <= DRIFT_HZ]
    if not strong:
        return []
    mains = float(np.median([each.frequency_hz for each in strong]))
    hearing = [each.db >= PRESENT_DB and abs(each.frequency_hz - mains) < SAME_HZ for each in levels]
    here = np.array(hearing)
    here[1:-1] |= here[:-2] & here[2:]
    padded = np.diff(np.concatenate(([0], here.astype(np.int8), [0])))
    found = []
    firsts, lasts = np.flatnonzero(padded == 1).tolist(), np.flatnonzero(padded == -1).tolist()
    for first, last in zip(firsts, lasts, strict=True):
        if last - first >= min(2, len(levels)):
            hears = [levels[number] for number in range(first, last) if hearing[number]]
            found.append(_region(hears, first * window, min(last * window, num_samples)))
    return found


def _region(hears: Sequence[HumLevel], start: int, end: int) -> HumRegion:
    counts: dict[int, int] = {}
    for each in hears:
        for number in each.lines:
            counts[number] = counts.get(number, 0) + 1
    lines = tuple(sorted(number for number, count in counts.items() if count >= LINE_SHARE * len(hears)))
    mains = [each.frequency_hz for each in hears]
    db = float(np.median([each.db for each in hears]))
    spread = float(np.std(mains)) if len(mains) > 1 else 0.0
    return HumRegion(start, end, round(float(np.median(mains)), 3), lines, round(db, 2), round(spread, 3))


def warm_up(regions: Iterable[HumRegion], sample_rate: int) -> int:
    """Samples before a stretch from which ``without_hum`` needs to be given."""
    return max((round(settling_s(each.sections(sample_rate))) for each in regions), default=0)


def without_hum(samples: Floats, start: int, regions: Iterable[HumRegion], sample_rate: int) -> Floats:
    """Samples with each region's notches in their places, faded in and out at its ends.

    Args:
        samples: shape (n,), with ``warm_up`` to spare in front.
        start: place of the first of them in the recording.
        regions: of the recording.
        sample_rate: Hz.
    """
    out = samples
    fade = FADE_S * sample_rate
    for region in regions:
        if region.start >= start + len(samples) or region.end <= start:
            continue
        at = np.arange(start, start + len(samples))
        share = np.clip(np.minimum(at - region.start, region.end - at) / fade, 0.0, 1.0)
        if region.start == 0:
            share = np.clip((region.end - at) / fade, 0.0, 1.0)
        notched = filtered(region.sections(sample_rate), samples)
        out = out + share * (notched - samples)
    return out
