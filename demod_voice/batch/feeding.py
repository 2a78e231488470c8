"""Turns a stream of rows into units: what is finished is told at once, the rest is planned a window at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from demod_voice.batch.kept.keeping import Keeper
from demod_voice.batch.leftovers import Leftovers
from demod_voice.batch.outcomes import STOPPED, stops_run
from demod_voice.batch.types import Job, Row, Task, Unit
from demod_voice.batch.windows import store_plan, windows
from demod_voice.errors import DemodError, UsageError


class Feeder:
    """Gives the units of a batch.

    Args:
        rows: of the table, read as they are needed.
        task: what is done with each.
        keeper: knows what is finished, and takes what cannot be begun.
        work: the work folder, for the plans.
        stop_on_error: nothing more is begun once a row has failed.
        leftovers: where killed runs may have left half-written outputs.
        refused: (what, remedy) of rows that may not be begun, by number.
        check: called before each window; raises when the table is not the same any more.
        before_work: called with engines whose first rows are to be begun, before any of their window is.
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
        refused: Mapping[int, tuple[str, str]] = MappingProxyType({}),
        check: Callable[[], None] = lambda: None,
        before_work: Callable[[frozenset[str]], None] = lambda _: None,
    ) -> None:
        self._rows, self._task, self._keeper, self._work = rows, task, keeper, work
        self._stop_on_error = stop_on_error
        self._leftovers = leftovers
        self._refused = refused
        self._check = check
        self._before_work = before_work
        self._needed: frozenset[str] = frozenset()

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
        jobs = self._task.plan([job for row in rows if (job := self._job(row)) is not None])
        wanted = frozenset(job.row.number for job in jobs if not self._keeper.finished(job))
        if not wanted:
            return
        units = self._task.units(jobs, wanted)
        if any(unit.batch for unit in units):
            store_plan(self._work, number, self._task.units(jobs, frozenset(job.row.number for job in jobs)))
        self._need(frozenset(unit.engine for unit in units))
        for unit in units:
            if self._stop_on_error and self._keeper.failed:
                self._skip(unit)
                continue
            if self._leftovers is not None:
                self._leftovers.remove(job.output for job in unit.jobs)
            yield unit

    def _need(self, engines: frozenset[str]) -> None:
        if engines - self._needed:
            self._before_work(engines - self._needed)
            self._needed |= engines

    def _job(self, row: Row) -> Job | None:
        """The row as a job; None for one that cannot be one, whose result is told."""
        try:
            what, remedy = self._refused.get(row.number) or (row.fault, row.remedy)
            if what:
                raise UsageError(what, remedy or None)
            return self._task.job(row)
        except DemodError as error:
            if stops_run(error):
                raise
            self._keeper.refuse(row, error)
            return None

    def _skip(self, unit: Unit) -> None:
        for job in unit.jobs:
            if job.row.number in unit.wanted:
                self._keeper.skip(job, STOPPED)
