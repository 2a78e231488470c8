"""A unit of rows becomes sound: on this machine, and on a node of a cluster alike."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from demod_voice.batch.outcomes import UNTRIED
from demod_voice.batch.types import Failure, Job, Spoken, Unit
from demod_voice.errors import DemodError, EngineError, EngineFailed
from demod_voice.records.atomic import TEMPORARY_MARK
from demod_voice.speech.joining import join
from demod_voice.speech.making import Made
from demod_voice.speech.studio import Studio

_PATH = re.compile(r"(?<![\w/])/(?:[^\s/'\"]+/)*([^\s/'\",;:)]+)")
"""An absolute path; its last part is what is told of it."""
_UNFINISHED = re.compile(rf"{re.escape(TEMPORARY_MARK)}\d+-[0-9a-f]{{8}}-")
"""What ``records.atomic`` puts before the name of a file that is not whole yet."""
_SCRATCH = re.compile(r"\b(pid|process) \d+\b")


def speak_unit(
    studio: Studio, unit: Unit, broken: Mapping[int, DemodError] | None = None
) -> Iterator[Spoken | Failure]:
    """Each wanted row of a unit, as soon as it is ready.

    Args:
        studio: speaks.
        unit: of one engine, model and voice.
        broken: rows (by number) that cannot be spoken, and why.
    """
    failed = dict(broken or {})
    for job in unit.jobs:
        if job.row.number in unit.wanted and job.row.number in failed:
            yield failure(job, failed[job.row.number], 0.0)
    jobs = [job for job in unit.jobs if job.row.number not in failed]
    if unit.batch:
        yield from _together(studio, jobs, unit)
        return
    for job in jobs:
        if job.row.number in unit.wanted:
            yield _alone(studio, job)


def failure(job: Job, error: DemodError, seconds: float) -> Failure:
    """A row that could not be done, told so that it is the same on every machine and in every run."""
    recorded = not isinstance(error, UNTRIED)
    message = told(error.message.splitlines()[0] if isinstance(error, EngineError) else error.message, job)
    return Failure(job, message, told(error.hint or "", job), type(error).__name__, recorded, seconds, worker=_worker())


def told(message: str, job: Job) -> str:
    """A message without what differs from run to run: folders, temporary names and process ids."""
    voice = job.facts.get("voice")
    for known in (job.output, voice.reference if voice is not None else None):
        if known is not None:
            message = message.replace(f"{known.parent}/", "")
    return _SCRATCH.sub(r"\1", _UNFINISHED.sub("", _PATH.sub(r"\1", message)))


def _alone(studio: Studio, job: Job) -> Spoken | Failure:
    """A row line by line; the first line that fails ends it."""
    began = time.monotonic()
    made: dict[int, Made] = {}
    for place, line in enumerate(job.lines):
        for _, outcome in studio.make_many([line.job]):
            if isinstance(outcome, DemodError):
                return failure(job, outcome, time.monotonic() - began)
            made[place] = outcome
    return _whole(job, made, time.monotonic() - began)


def _together(studio: Studio, jobs: Sequence[Job], unit: Unit) -> Iterator[Spoken | Failure]:
    """All lines of all rows as one order; a row is ready when its last line is."""
    began = time.monotonic()
    places = [(job, number) for job in jobs for number in range(len(job.lines))]
    wanted = [at for at, (job, _) in enumerate(places) if job.row.number in unit.wanted]
    made: defaultdict[int, dict[int, Made]] = defaultdict(dict)
    ended: set[int] = set()
    asked = [job.lines[number].job for job, number in places]
    for at, outcome in studio.make_many(asked, unit.batch, wanted):
        job, number = places[at]
        row = job.row.number
        if row in ended:
            continue
        if isinstance(outcome, DemodError):
            ended.add(row)
            yield failure(job, outcome, time.monotonic() - began)
            continue
        made[row][number] = outcome
        if len(made[row]) == len(job.lines):
            ended.add(row)
            yield _whole(job, made.pop(row), time.monotonic() - began)


def _whole(job: Job, made: Mapping[int, Made], seconds: float) -> Spoken | Failure:
    """A row's lines as one sound, with the silences between them."""
    parts = [made[number] for number in range(len(job.lines))]
    if len({(each.clip.sample_rate, each.clip.num_channels) for each in parts}) > 1:
        return failure(job, EngineFailed(f"engine {job.engine} changed its sample rate inside one row"), seconds)
    clip, _ = join([(each.clip, ()) for each in parts], [line.gap_s for line in job.lines])
    encoding = "pcm_s16le" if all(each.encoding == "pcm_s16le" for each in parts) else "pcm_f32le"
    degraded = dict.fromkeys(what for each in parts for what in each.degraded)
    return Spoken(
        job,
        clip,
        encoding,
        parts[0].model,
        parts[0].model_revision,
        tuple(degraded),
        max(each.best_of for each in parts),
        all(each.cached for each in parts),
        seconds,
        max(each.best_of or 1 + each.attempt for each in parts),
        _worker(),
    )


def _worker() -> str:
    return threading.current_thread().name
