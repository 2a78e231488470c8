"""What becomes of each row of a unit, whatever its engine, its disk or a defect does. Every executor goes through here."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator

from demod_voice.batch.types import Failure, Finish, Finished, Job, Speak, Spoken, Timing, Unit
from demod_voice.errors import (
    DemodError,
    EngineCancelled,
    EngineError,
    EngineGivenUp,
    EngineNotInstalled,
    EngineStartFailed,
    LicenceRequired,
    OutputError,
)

STOPPING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What keeps every further output from being written, too."""
UNTRIED = (EngineGivenUp, EngineCancelled, EngineNotInstalled, EngineStartFailed, LicenceRequired)
"""Errors that say nothing about a row: its engine never saw it. It is skipped, and the next run tries it."""
STOPPED = "not tried: the batch was stopped after a row that failed"

log = logging.getLogger(__name__)


def stops_run(error: BaseException) -> bool:
    """True when no further row can be kept: the disk is full, or cannot be written to any more."""
    cause = error.__cause__
    return isinstance(error, OutputError) and isinstance(cause, OSError) and cause.errno in STOPPING


def every_row(unit: Unit, speak: Speak, halted: Callable[[], bool] = lambda: False) -> Iterator[Spoken | Failure]:
    """Speak a unit; each wanted row comes exactly once, those that ``speak`` does not give as failures.

    Args:
        unit: the rows.
        speak: speaks them.
        halted: asked before each row; once it says so, the rest is skipped.

    Raises:
        OutputError: the disk is full.
    """
    left = {job.row.number: job for job in unit.jobs if job.row.number in unit.wanted}
    error: Exception | None = None
    try:
        for outcome in () if halted() else speak(unit):
            if left.pop(outcome.job.row.number, None) is not None:
                yield outcome
            if halted():
                break
    except Exception as caught:
        if stops_run(caught):
            raise
        error = caught
    for job in left.values():
        if halted():
            yield Failure(job, STOPPED, recorded=False)
        else:
            yield failure_of(job, error or EngineError(f"engine {unit.engine} gave nothing for it"))


def finished_row(outcome: Spoken | Failure, finish: Finish) -> tuple[Finished, Timing]:
    """Finish a row; one that cannot be finished has failed.

    Raises:
        OutputError: the disk is full.
    """
    try:
        return finish(outcome)
    except Exception as error:
        if stops_run(error) or isinstance(outcome, Failure):
            raise
        return finish(failure_of(outcome.job, error, outcome))


def failure_of(job: Job, error: Exception, spoken: Spoken | None = None) -> Failure:
    """An error as the failure of one row; what nobody meant to raise is written to the log, and told as a defect."""
    known = isinstance(error, DemodError)
    if not known:
        log.error("row %d: a defect of this program", job.row.number, exc_info=error)
    return Failure(
        job,
        error.message if isinstance(error, DemodError) else f"unexpected {type(error).__name__}: {error}".rstrip(": "),
        (error.hint or "") if isinstance(error, DemodError) else "this is a defect of demod-voice",
        type(error).__name__ if known else "DemodError",
        recorded=not isinstance(error, UNTRIED),
        seconds=0.0 if spoken is None else spoken.seconds,
        attempts=1 if spoken is None else spoken.attempts,
        worker="" if spoken is None else spoken.worker,
    )
