"""What every slab of a recording is worked on with, and the filters that come before noise is learned or taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speech_track import FRAME_S
from demod_voice.audio.declick import context_samples, find_clicks, repaired
from demod_voice.audio.filters import Floats, filtered, high_pass, settling_s
from demod_voice.audio.hum import NO_HUM, HumLevel
from demod_voice.audio.hum_track import HumRegion, warm_up, window_hum, without_hum
from demod_voice.audio.wiener import Grid
from demod_voice.config.settings import Dataset
from demod_voice.dataset.cleaning.sound import Frames, Mono, Slab, Sound, slabs

HUM_WINDOWS = 2
"""Windows of a slab that hum is measured in: 16 s each."""


@dataclass(frozen=True)
class Work:
    """What every slab of a recording is worked on with."""

    sound: Sound
    frames: Frames
    settings: Dataset
    threads: int
    regions: tuple[HumRegion, ...] = ()
    """Where it hums, once that is known."""

    @property
    def rate(self) -> int:
        """Hz."""
        return self.sound.sample_rate

    @cached_property
    def grid(self) -> Grid:
        """Where slabs lie."""
        return Grid(self.rate)

    @cached_property
    def sections(self) -> Floats | None:
        """The high-pass, where there is one."""
        corner = self.settings.clean.high_pass_hz
        return high_pass(corner, self.rate) if corner > 0.0 else None

    def slabs(self) -> Sequence[Slab]:
        """Every slab of the recording, and of half a window after it: that completes the last samples."""
        return tuple(slabs(self.sound.num_samples + self.grid.hop, self.grid.slab))

    def length(self, slab: Slab) -> int:
        """Samples of the recording that lie in a slab."""
        return max(0, min(slab.end, self.sound.num_samples) - slab.start)

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the track's frames that the samples at these places lie in."""
        return np.clip((places / (FRAME_S * self.rate)).astype(np.int64), 0, max(0, len(self.frames.pause) - 1))

    def windows(self, slab: Slab) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each window of a slab is surely pause, and surely speech; both (frames, lanes), False beyond the ends."""
        places = slab.start + self.grid.centres()
        half = self.grid.size // 2
        inside = (places >= half) & (places < self.sound.num_samples - half)
        at = self.at(places)
        return self.frames.pause[at] & inside, self.frames.speech[at] & inside


@dataclass(frozen=True, slots=True)
class Prepared:
    """A stretch of a recording after high-pass, notches and repairs."""

    samples: Mono
    clicks: int = 0
    """Clicks that were found in it."""
    clicks_left: int = 0
    """Clicks that are found when it is looked at once more."""


def prepared(work: Work, start: int, end: int, counted_from: int = 0) -> Prepared:
    """Samples ``start`` to ``end`` (places beyond the recording are silent), clicks counted from a place on."""
    declick = work.settings.clean.declick
    context = context_samples(work.rate) if declick else 0
    first, last = start - context, end + context
    near = tuple(each for each in work.regions if each.start < last and each.end > first)
    settle = round(settling_s(work.sections)) if work.sections is not None else 0
    warm = settle + warm_up(near, work.rate)
    samples = work.sound.read(first - warm, last)
    passed = samples.astype(np.float64) if work.sections is None else filtered(work.sections, samples)
    clean = without_hum(passed, first - warm, near, work.rate)[warm:]
    if not declick:
        return Prepared(clean.astype(np.float32))
    clicks = find_clicks(clean, first, work.rate)
    made = repaired(clean, clicks)
    again = find_clicks(made, first, work.rate) if clicks else []
    inside = range(max(context, counted_from - first), len(made) - context)
    counts = [sum(each.start in inside for each in found) for found in (clicks, again)]
    return Prepared(made[context : len(made) - context].astype(np.float32), *counts)


def hum_of(work: Work, samples: Mono, start: int) -> HumLevel:
    """Hum of a window that begins at ``start``."""
    if len(samples) < work.rate:
        return NO_HUM
    steps = np.arange(0, len(samples), round(FRAME_S * work.rate))
    return window_hum(samples, work.rate, work.frames.pause[work.at(start + steps)])


def hum_windows(work: Work, slab: Slab) -> Sequence[tuple[int, int]]:
    """First and last sample of each window of a slab that hum is measured in."""
    window, end = work.grid.slab // HUM_WINDOWS, slab.start + work.length(slab)
    return tuple((start, min(start + window, end)) for start in range(slab.start, end, window))
