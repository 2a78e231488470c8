"""Turns a stream of rows into units: what is finished is told at once, the rest is planned a window at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from demod_voice.batch.keeping import Keeper
from demod_voice.batch.leftovers import Leftovers
from demod_voice.batch.types import Job, Row, Task, Unit
from demod_voice.batch.windows import store_plan, windows
from demod_voice.errors import DemodError, UsageError

STOPPED = "not tried: the batch was stopped after a row that failed"


class Feeder:
    """Gives the units of a batch.

    Args:
        rows: of the table, read as they are needed.
        task: what is done with each.
        keeper: knows what is finished, and takes what cannot be begun.
        work: the work folder, for the plans.
        stop_on_error: nothing more is begun once a row has failed.
        leftovers: where killed runs may have left half-written outputs.
        check: called before each window; raises when the table is not the same any more.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        task: Task,
        keeper: Keeper,
        work: Path,
        *,
        stop_on_error: bool = False,
        leftovers: Leftovers | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._rows, self._task, self._keeper, self._work = rows, task, keeper, work
        self._stop_on_error = stop_on_error
        self._leftovers = leftovers
        self._check = check

    def units(self) -> Iterator[Unit | None]:
        """Every unit with a row that is not finished; None while the first unfinished row is too far behind.

        Raises:
            OutputError: a result cannot be written.
        """
        for number, rows in windows(self._rows):
            while not self._keeper.may_begin(rows[0].number):
                yield None
            self._check()
            yield from self._window(number, rows)

    def _window(self, number: int, rows: Sequence[Row]) -> Iterator[Unit]:
        jobs = [job for row in rows if (job := self._job(row)) is not None]
        wanted = frozenset(job.row.number for job in jobs if not self._keeper.finished(job))
        if not wanted:
            return
        planned = self._task.units(jobs, wanted)
        store_plan(self._work, number, planned)
        for unit in [self._unfinished(unit) for unit in planned]:
            if not unit.wanted:
                continue
            if self._stop_on_error and self._keeper.failed:
                self._skip(unit)
                continue
            if self._leftovers is not None:
                self._leftovers.remove(job.output for job in unit.jobs)
            yield unit

    def _job(self, row: Row) -> Job | None:
        """The row as a job; None for one that cannot be one, whose result is told."""
        try:
            if row.fault:
                raise UsageError(row.fault, row.remedy or None)
            return self._task.job(row)
        except DemodError as error:
            self._keeper.refuse(row, error)
            return None

    def _unfinished(self, unit: Unit) -> Unit:
        """A unit that is spoken together is known by its batch, which nobody knew before it was planned."""
        if not unit.batch:
            return unit
        jobs = (job for job in unit.jobs if job.row.number in unit.wanted)
        wanted = [job.row.number for job in jobs if not self._keeper.finished(job, unit.batch)]
        return replace(unit, wanted=frozenset(wanted))

    def _skip(self, unit: Unit) -> None:
        for job in unit.jobs:
            if job.row.number in unit.wanted:
                self._keeper.skip(job, STOPPED)
