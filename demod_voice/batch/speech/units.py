"""Which rows are spoken by one worker, one after the other or together: by engine, model and voice, short texts first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from demod_voice.batch.speech.keys import batch_hash, key_in_batch
from demod_voice.batch.types import Job, Unit
from demod_voice.engines.types import EngineInfo
from demod_voice.speech.making import SAME_BATCH

MOST_ROWS = 16
MOST_S = 120.0
"""Speech of one unit, as it is estimated: so that the last units of a batch end at about the same time."""
UNITS_A_WORKER = 4
"""A small table is cut finer, so that every worker has its share, and none ends long after the others."""
BATCH = "batch"
"""Among a job's facts: the hash of what it is spoken together with."""


def planned(jobs: Sequence[Job]) -> list[Job]:
    """Jobs with their final keys: those of engines whose bytes depend on it are put into full batches.

    Args:
        jobs: all of a window, in the order of the file.
    """
    final = {job.row.number: job for job in jobs}
    for group in _groups([job for job in jobs if _together(job)]):
        size = max(1, _info(group[0]).max_batch)
        for at in range(0, len(group), size):
            together = group[at : at + size]
            batch = batch_hash(job.key for job in together)
            for job in together:
                facts = {**job.facts, BATCH: batch}
                final[job.row.number] = replace(job, key=key_in_batch(job.key, batch), facts=facts)
    return [final[job.row.number] for job in jobs]


def units_of(jobs: Sequence[Job], wanted: frozenset[int], workers: int = 1) -> list[Unit]:
    """Planned jobs as units; of a batch all are spoken as soon as one is wanted.

    Args:
        jobs: all of a window, in the order of the file.
        wanted: numbers of the rows that are to be finished.
        workers: how many there are; no byte depends on it.
    """
    most_rows = min(MOST_ROWS, max(1, -(-len(wanted) // (UNITS_A_WORKER * workers))))
    needed = {job.facts[BATCH] for job in jobs if job.row.number in wanted and BATCH in job.facts}
    left = [job for job in jobs if job.row.number in wanted or job.facts.get(BATCH) in needed]
    found: list[Unit] = []
    for group in _groups(left):
        parts = _batches(group) if BATCH in group[0].facts else _parts(group, most_rows)
        found += [_unit(part, wanted) for part in parts]
    return found


def _groups(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Jobs of one voice, in the order in which the voices first come; inside, the shortest texts first.

    Where what is spoken together decides the bytes, equally long ones come in the order of their outputs' names: then a
    table that is only sorted anew has the same batches.
    """
    found: defaultdict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        found[job.facts["voice"].identity].append(job)
    for group in found.values():
        yield sorted(group, key=_place)


def _place(job: Job) -> tuple[int, str, int]:
    return sum(len(line.job.text) for line in job.lines), job.shown if _together(job) else "", job.row.number


def _parts(group: Sequence[Job], most_rows: int) -> Iterator[list[Job]]:
    """At most so many rows and so much speech each."""
    part: list[Job] = []
    seconds = 0.0
    for job in group:
        longer = sum(line.job.estimated_s for line in job.lines)
        if part and (len(part) == most_rows or seconds + longer > MOST_S):
            yield part
            part, seconds = [], 0.0
        part.append(job)
        seconds += longer
    yield part


def _batches(group: Sequence[Job]) -> Iterator[list[Job]]:
    """The batches that were planned: neighbours in a group, and all of each are there."""
    found: defaultdict[str, list[Job]] = defaultdict(list)
    for job in group:
        found[job.facts[BATCH]].append(job)
    yield from found.values()


def _unit(jobs: Sequence[Job], wanted: frozenset[int]) -> Unit:
    info = _info(jobs[0])
    numbers = frozenset(job.row.number for job in jobs)
    return Unit(tuple(jobs), info.name, jobs[0].facts.get(BATCH, ""), wanted & numbers, info.gpu)


def _together(job: Job) -> bool:
    return _info(job).determinism == SAME_BATCH


def _info(job: Job) -> EngineInfo:
    info: EngineInfo = job.facts["voice"].info
    return info
