"""Run a batch: every row of a table once, whatever happens on the way.

A run looks the whole table through, then works on it window by window. Everything that it knows is in the work folder
``batch.demod``, so that a kill at any moment costs at most the rows of the last second.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demod_voice import __version__, errors
from demod_voice.batch.feeding import Feeder
from demod_voice.batch.folder import LOCK
from demod_voice.batch.kept.keeping import STEP, Keeper
from demod_voice.batch.kept.manifest import Voices, manifest, shaping
from demod_voice.batch.kept.recording import Rules
from demod_voice.batch.kept.results import Results, told_error
from demod_voice.batch.kept.state import STATE, State
from demod_voice.batch.kept.summary import Tally, summary
from demod_voice.batch.kept.timings import Timings
from demod_voice.batch.leftovers import Leftovers, sweep_own
from demod_voice.batch.options import BatchOptions
from demod_voice.batch.own_files import MANIFEST, RESULTS, SUMMARY, TIMINGS
from demod_voice.batch.table.check import RowFault, Scan, check, scan
from demod_voice.batch.table.paths import Places, check_out_dir
from demod_voice.batch.table.rows import JobsTable
from demod_voice.batch.table.source import Source
from demod_voice.batch.types import Executor, Finished, Task
from demod_voice.config.settings import Settings
from demod_voice.errors import MOST_FAULTS, DemodError, EngineError, Fault, FaultsError, OutputError, UsageError
from demod_voice.records.atomic import output_error, write_json
from demod_voice.records.hashing import hash_file
from demod_voice.records.ledger import Ledger
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress
from demod_voice.records.steps import first_used
from demod_voice.units import counted

LEDGER, AT_WORK = "rows.sqlite", "at-work"
"""In the work folder; ``at-work`` is there while a run is, and after one that was killed."""
CONTINUE, STOP = "continue", "stop"
SHOWN_FAILURES = 10
MOST_REFUSED = 100_000
"""Rows with another row's output that are kept in memory where the table is not checked."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be run."""

    table: JobsTable
    places: Places
    options: BatchOptions
    settings: Settings


@dataclass(frozen=True, slots=True)
class Wishes:
    """How it is run; no result depends on it."""

    on_error: str = CONTINUE
    """``continue`` or ``stop``: nothing more is begun once a row has failed."""
    retry_failed: bool = False
    """Rows that failed in an earlier run are tried again."""
    check: bool = True
    """The whole table is checked first."""
    wait: bool = True
    """For another run on the same output folder; else it is refused."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a run of a batch has done."""

    out_dir: Path
    summary: Mapping[str, Any]
    manifest: Mapping[str, Any]
    failures: tuple[Finished, ...]
    """The first rows that failed, in the order of the rows."""

    @property
    def results(self) -> Path:
        """Path of ``results.csv``."""
        return self.out_dir / RESULTS


@dataclass(slots=True)
class _Found:
    """Faults of a table, as far as they are kept."""

    source: str
    listed: list[Fault] = field(default_factory=list)
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)

    def list(self, fault: RowFault) -> None:
        if len(self.listed) < MOST_FAULTS:
            self.listed.append(Fault(fault.line, f"row {fault.row}: {fault.fault}", fault.remedy or None))

    def refuse(self, fault: RowFault) -> None:
        if len(self.refused) >= MOST_REFUSED:
            what = f"more than {MOST_REFUSED:,} rows of {self.source} write what another row writes"
            raise UsageError(what, "see them with: demod-voice batch check")
        self.refused[fault.row] = (fault.fault, fault.remedy)


def look_through(
    batch: Batch, task: Task, wishes: Wishes, progress: Progress
) -> tuple[Scan, Mapping[int, tuple[str, str]]]:
    """Read the whole table once; with its check, unless that is not wished. Nothing is written.

    Returns:
        What was found, and the rows that may not be begun: (what, remedy) by number.

    Raises:
        UsageError, FaultsError: the table cannot be used; with the check, everything that is wrong with its rows.
        OutputError: nothing can be written into the output folder.
    """
    check_out_dir(batch.places)
    found = _Found(str(batch.table.path))
    if not wishes.check:
        return scan(batch.table, batch.places, found.refuse, progress), found.refused
    seen = check(batch.table, batch.places, task, found.list, progress)
    if seen.faults:
        raise FaultsError(found.source, found.listed, faults_hint(seen.faults))
    return seen, {}


def faults_hint(count: int) -> str:
    """What to do about the faults of a table."""
    more = f"{count:,} in all; " if count > MOST_FAULTS else ""
    return f"{more}nothing was started; with --no-check the other rows are done"


def run_batch(
    batch: Batch,
    task: Task,
    executor: Executor,
    wishes: Wishes = Wishes(),
    progress: Progress = SILENT,
    *,
    attempts: Callable[[str], int] = lambda _: 1,
    before_work: Callable[[frozenset[str]], None] = lambda _: None,
) -> BatchReport:
    """Do every row of a table that is not done; the results are in the order of the rows.

    Args:
        batch: the table, and where its outputs go.
        task: what is done with each row.
        executor: has it done, here or on a cluster.
        wishes: how it is run.
        progress: told about each row.
        attempts: how many attempts a flawed output of an engine must be the best of.
        before_work: called with engines whose first rows are to be begun; what it raises ends the run.

    Raises:
        UsageError, FaultsError: the table cannot be used, or changes meanwhile; another run is at work and shall not be
            waited for.
        OutputError: the disk is full. What is finished is kept.
    """
    seen, refused = look_through(batch, task, wishes, progress)
    if seen.comments:
        progress.note(f"left out, as what begins with # is a comment: {counted(seen.comments, 'line')}")
    places = batch.places
    with _alone(places, wishes.wait, progress):
        run = _Run(batch, seen, progress)
        created = first_used(places.work)
        with _marked(places.work / AT_WORK) as killed:
            if killed:
                sweep_own(places.work, (places.out_dir / MANIFEST, places.out_dir / SUMMARY))
            source = Source(places.jobs, seen.sha256)
            with run.opened(Rules(attempts, wishes.retry_failed)) as keeper:
                feeder = Feeder(
                    batch.table.rows(),
                    task,
                    keeper,
                    places.work,
                    stop_on_error=wishes.on_error == STOP,
                    leftovers=Leftovers() if killed else None,
                    refused=refused,
                    check=source.check,
                    before_work=before_work,
                )
                for record, timing in executor.run(feeder.units(), task.finish):
                    keeper.add(record, timing)
            source.check()
            return run.report(task.name, created)


class _Run:
    """The files of a run, and what it counts."""

    def __init__(self, batch: Batch, seen: Scan, progress: Progress) -> None:
        self._batch, self._seen, self._progress = batch, seen, progress
        self._tally = Tally(seen.rows)
        self._voices = Voices()

    @contextmanager
    def opened(self, rules: Rules) -> Iterator[Keeper]:
        """The keeper of the rows; at the end of the block every row has its result."""
        places, progress = self._batch.places, self._progress
        state = State(places.work / STATE, self._tally)
        try:
            with ExitStack() as stack:
                ledger = stack.enter_context(Ledger(places.work / LEDGER, progress.note))
                timings = stack.enter_context(Timings(places.out_dir / TIMINGS))
                results = stack.enter_context(Results(places.out_dir / RESULTS, self._seen.carried, self._told))
                progress.start(STEP, self._seen.rows, "rows")
                folders = (places.out_dir, places.folder)
                keeper = Keeper(ledger, results, timings, self._tally, rules, progress, folders, state)
                with keeper.ticking():
                    yield keeper
                if results.next != self._seen.rows + 1:
                    raise RuntimeError(f"row {results.next} of {self._seen.rows} has no result")
                results.complete()
        finally:
            state.write()
        progress.finish(STEP)

    def report(self, task: str, created: str) -> BatchReport:
        """Write the summary and the manifest of a run that has ended.

        Raises:
            OutputError: they cannot be written, or the results are not there any more.
        """
        batch, tally, out_dir = self._batch, self._tally, self._batch.places.out_dir
        numbers = summary(tally, {"demod_voice": __version__, "python": platform.python_version()})
        jobs = {"name": batch.table.path.name, "sha256": self._seen.sha256, "rows": self._seen.rows}
        settings = shaping(batch.settings, batch.options)
        story = manifest(task, jobs, created, tally, self._voices, settings, _hash_results(out_dir / RESULTS))
        write_json(out_dir / MANIFEST, story)
        write_json(out_dir / SUMMARY, numbers)
        return BatchReport(out_dir, numbers, story, tuple(tally.failures))

    def _told(self, record: Finished) -> None:
        self._tally.list_failure(record)
        self._voices.add(record)


def _hash_results(path: Path) -> str:
    try:
        return hash_file(path)
    except OSError as error:
        hint = "run the same command again: what is still there is kept"
        raise OutputError(f"{path} was taken away while the batch was at work", hint) from error


def require_done(report: BatchReport) -> None:
    """Raise when rows failed, or were not tried: everything else was done.

    Raises:
        DemodError: of the class of the first row that failed; an EngineError where rows were only left out.
    """
    failed, skipped, rows = (report.summary[name] for name in ("failed", "skipped", "rows"))
    left = f"{skipped} not tried" if skipped else ""
    if failed:
        first = report.failures[:SHOWN_FAILURES]
        lines = [f"  row {each.number}: {told_error(each)}" for each in first]
        if failed > len(lines):
            lines.append(f"  ... and {failed - len(lines)} more")
        told = f"{failed} of {rows} rows failed" + (f", {left}" if left else "")
        hint = f"all are in {report.results}; the same command with --retry-failed tries them again"
        raise _class_of(first[0].kind)("\n".join([told, *lines]), hint)
    if skipped:
        raise EngineError(
            f"{skipped} of {rows} rows not tried", f"{report.results} says why; run the same command again"
        )


def _class_of(kind: str) -> type[DemodError]:
    found = getattr(errors, kind, None)
    if not (isinstance(found, type) and issubclass(found, DemodError)):
        return DemodError
    return UsageError if issubclass(found, UsageError) else found


@contextmanager
def _alone(places: Places, wait: bool, progress: Progress) -> Iterator[None]:
    """Hold the lock of the output folder."""

    def told() -> None:
        what = f"another run works on {places.out_dir}"
        if not wait:
            raise UsageError(what, "wait until it has ended, or leave --no-wait out")
        progress.note(f"waiting: {what}")

    with locked(places.work / LOCK, told):
        yield


@contextmanager
def _marked(marker: Path) -> Iterator[bool]:
    """A file that is there meanwhile, and stays where this does not end well; gives whether it was there before."""
    killed = marker.exists()
    try:
        marker.touch()
    except OSError as error:
        raise output_error(marker, error) from error
    yield killed
    marker.unlink(missing_ok=True)
