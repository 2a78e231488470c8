"""The first look at a recording: where it hums, what its pauses sound like, and whether noise can be taken out safely."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from demod_voice.audio.hum import HumLevel
from demod_voice.audio.hum_track import hum_regions
from demod_voice.audio.wiener import Heard, Noise, Trial, listen, trial, wanders
from demod_voice.dataset.cleaning.sound import Mono, Slab
from demod_voice.dataset.cleaning.work import HUM_WINDOWS, Work, hum_of, hum_windows, prepared
from demod_voice.mix.ahead import in_order
from demod_voice.records.progress import Progress

NOTHING_TO_LEARN_FROM = "there is no pause and speech side by side to learn the noise from"
MUSIC = "what sounds in the pauses is no steady noise (music?)"
OFF = "switched off"
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class NoisePlan:
    """Where noise is taken out, and which."""

    noise: Noise | None
    """None where it is not taken out at all."""
    against: tuple[str, ...]
    """Of each slab: why its noise is not taken out, "" where it is."""
    trials: tuple[Trial, ...] = ()
    """Of the slabs where the reduction could be tried out."""

    def share(self, work: Work, slab: Slab) -> Mono:
        """How much of the reduction each window of a slab gets, (frames, lanes): it comes and goes over a lane."""
        taken = np.array([0.0 if each else 1.0 for each in self.against])
        grid = work.grid
        places = (slab.start + grid.centres()) / grid.slab
        ramp = 0.5 * grid.lane / grid.slab
        borders = np.arange(1, len(taken))
        at = np.concatenate(([0.0], np.stack([borders - ramp, borders + ramp], axis=1).ravel(), [float(len(taken))]))
        share: Mono = np.interp(places, at, np.repeat(taken, 2)).astype(np.float32)
        return share


def find_hum(work: Work, progress: Progress) -> Work:
    """The same work, knowing where its recording hums."""
    if not work.settings.clean.hum:
        return work
    levels = [each for found in _each_slab(work, _hum, "hum", progress) for each in found]
    window = work.grid.slab // HUM_WINDOWS
    return replace(work, regions=hum_regions(levels, window, work.sound.num_samples))


def _hum(work: Work, slab: Slab) -> tuple[HumLevel, ...]:
    """Hum of each window of a slab, before any filter."""
    return tuple(hum_of(work, work.sound.read(start, end), start) for start, end in hum_windows(work, slab))


def plan_noise(work: Work, progress: Progress) -> NoisePlan:
    """Learn the noise of every pause, and try out in every slab whether it can be taken out."""
    if not work.settings.clean.denoise_db:
        return NoisePlan(None, tuple(OFF for _ in work.slabs()))
    looks = _each_slab(work, _look, "noise", progress)
    against = _against(looks, work.settings.clean.denoise_db)
    noise = None if all(against) else Noise([heard for heard, _ in looks])
    return NoisePlan(noise, against, tuple(tried for _, tried in looks if tried is not None))


def _look(work: Work, slab: Slab) -> tuple[Heard, Trial | None]:
    grid, most_db = work.grid, work.settings.clean.denoise_db
    samples = prepared(work, slab.start - grid.before, slab.end).samples
    pause, speech = work.windows(slab)
    return listen(grid, samples, pause), trial(grid, samples, pause, speech, most_db)


def _against(looks: Sequence[tuple[Heard, Trial | None]], most_db: float) -> tuple[str, ...]:
    """Why each slab is left as it is; a slab that could not be tried goes with the nearest that could."""
    known = [number for number, (_, tried) in enumerate(looks) if tried is not None]
    if not known:
        return tuple(NOTHING_TO_LEARN_FROM for _ in looks)
    words = {number: _word(looks[max(0, number - 1) : number + 2], most_db) for number in known}
    places = np.array(known)
    return tuple(words[known[int(np.abs(places - number).argmin())]] for number in range(len(looks)))


def _word(looks: Sequence[tuple[Heard, Trial | None]], most_db: float) -> str:
    """What speaks against it in a slab and its neighbours: half a minute alone is little to judge by."""
    tried = [(heard, trial) for heard, trial in looks if trial is not None]
    swing_db, change_db = (
        float(np.mean(each)) for each in zip(*((heard.swing_db, heard.change_db) for heard, _ in tried), strict=True)
    )
    return MUSIC if wanders(swing_db, change_db) else Trial.middle([trial for _, trial in tried]).against(most_db)


def _each_slab(work: Work, look: Callable[[Work, Slab], Found], step: str, progress: Progress) -> list[Found]:
    found = []
    progress.start(step, work.sound.num_samples / work.rate, "s")
    for each in in_order(lambda slab: look(work, slab), work.slabs(), work.threads):
        found.append(each)
        progress.advance(step, min(work.grid.slab, work.sound.num_samples) / work.rate)
    progress.finish(step)
    return found
