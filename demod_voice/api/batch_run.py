"""Run a table of jobs, ask how far one is, and clean up after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from demod_voice.api.batch_tasks import task_of
from demod_voice.batch.episode_task import EpisodeTask
from demod_voice.batch.folder import BatchStatus
from demod_voice.batch.folder import clean as _clean
from demod_voice.batch.folder import status as _status
from demod_voice.batch.local import LocalExecutor
from demod_voice.batch.options import BatchOptions
from demod_voice.batch.run import STOP, Batch, BatchReport, Wishes, require_done
from demod_voice.batch.run import run_batch as _run_batch
from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.table.paths import places_of
from demod_voice.batch.table.rows import jobs_table
from demod_voice.batch.types import Executor, Finish, Finished, Timing, Unit
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.episode.production import processors
from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.guards import tries
from demod_voice.units import counted, format_duration, format_size

__all__ = [
    "BatchReport",
    "BatchRunOptions",
    "BatchStatus",
    "batch_status",
    "clean_batch",
    "describe_batch_run",
    "describe_batch_status",
    "format_size",
    "require_done",
    "run_batch",
]

PLAIN = BatchOptions()


@dataclass(frozen=True, slots=True)
class BatchRunOptions:
    """How a batch is run; no result depends on it."""

    on_error: str = "continue"
    """``continue`` or ``stop``: nothing more is begun once a row has failed."""
    retry_failed: bool = False
    """Rows that failed in an earlier run are tried again."""
    check: bool = True
    """The whole table is checked before anything is spoken."""
    wait: bool = True
    """For another run on the same output folder; else it is refused."""
    executor: str = "local"
    """``local``, or ``ray`` for a cluster."""
    ray_address: str = ""
    """Of the cluster, as Ray takes it; empty = ``RAY_ADDRESS``, else a cluster of its own on this machine."""
    verbose: bool = False
    """What Ray's processes say is shown."""


RUN_PLAIN = BatchRunOptions()


def run_batch(
    jobs: str | Path,
    options: BatchOptions = PLAIN,
    run: BatchRunOptions = RUN_PLAIN,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> BatchReport:
    """Speak every row of a table that is not spoken yet; see ``require_done`` for rows that failed.

    Args:
        jobs: CSV, TSV or JSONL.
        options: how it is read, where outputs go, what its rows have in common.
        run: how it is run.
        settings: everything that can be configured; ``settings.jobs`` workers of an engine run at once.
        progress: told about each row.

    Raises:
        UsageError, FaultsError: the table or a flag is wrong; nothing was started.
        EngineError: an engine that rows need does not start; nothing was spoken.
        OutputError: the disk is full; what is finished is kept.
    """
    path = Path(jobs)
    places = places_of(path, options, settings)
    batch = Batch(jobs_table(path, options, settings), places, options, settings)
    wishes = Wishes(run.on_error, run.retry_failed, run.check, run.wait)
    workers = settings.jobs or processors()
    with task_of(options, places, settings, jobs=workers, log_path=places.work / "run.log", progress=progress) as task:
        return _run_batch(
            batch,
            task,
            _executor(run, task, workers, settings, progress),
            wishes,
            progress,
            attempts=lambda engine: tries(settings, engine),
            before_work=lambda engines: _verify(task, run, path, engines),
        )


def batch_status(folder: str | Path, *, settings: Settings = DEFAULTS) -> BatchStatus:
    """How far the batch of an output folder is, and whether a run works on it.

    Raises:
        UsageError: it is no output folder of a batch.
    """
    return _status(Path(folder), settings)


def clean_batch(folder: str | Path, *, settings: Settings = DEFAULTS) -> int:
    """Remove the work folder of a batch and return the bytes that were freed; the next run does every row again.

    Raises:
        UsageError: it is no output folder of a batch, or a run works on it.
        OutputError: it cannot be removed.
    """
    return _clean(Path(folder), settings)


def describe_batch_run(report: BatchReport) -> str:
    """What a run has done, for people."""
    told = report.summary
    parts = [f"{told[name]:,} {name}" for name in ("done", "failed", "skipped") if told[name] or name == "done"]
    before = f" ({told['reused']:,} of them before)" if told["reused"] else ""
    sound = format_duration(told["generated_duration_sec"])
    pace = f"{told['rows_per_minute']:,.0f} rows/min, {told['audio_minutes_per_minute']:.1f} audio min/min"
    lines = [f"{counted(told['rows'], 'row')}: {', '.join(parts)}{before}"]
    if told["utterances_generated"]:
        lines.append(f"{sound} of sound in {format_duration(told['generation_time_sec'])}: {pace}")
    return "\n".join([*lines, f"results: {report.results}"])


def describe_batch_status(found: BatchStatus) -> str:
    """How far a batch is, for people."""
    work = "a run is at work" if found.at_work else "no run is at work"
    return f"{counted(found.rows, 'row')}: {found.done:,} done, {found.failed:,} failed, {found.left:,} left; {work}"


class _OnRay:
    """Connects to a cluster when there is something to do."""

    def __init__(self, run: BatchRunOptions, task: SpeechTask, settings: Settings, progress: Progress) -> None:
        self._run, self._task, self._settings, self._progress = run, task, settings, progress

    def run(self, units: Iterable[Unit | None], finish: Finish) -> Iterator[tuple[Finished, Timing]]:
        """As ``Executor.run``."""
        from demod_voice.batch.cluster.executor import RayExecutor
        from demod_voice.batch.cluster.nodes import RayOptions

        left = iter(units)
        for first in left:
            options = RayOptions(self._run.ray_address, self._run.verbose)
            with RayExecutor(self._settings, options, self._progress, self._task.bring) as executor:
                yield from executor.run(chain([first], left), finish)


def _executor(
    run: BatchRunOptions, task: SpeechTask | EpisodeTask, workers: int, settings: Settings, progress: Progress
) -> Executor:
    """Who has units spoken.

    Raises:
        UsageError: the task, or this machine, cannot do it so.
    """
    if run.executor == "local":
        if run.ray_address:
            raise UsageError(f"--ray-address {run.ray_address} without --executor ray", "give both, or neither")
        return LocalExecutor(task.speak, workers, stop_on_error=run.on_error == STOP)
    from demod_voice.batch.cluster.nodes import RayOptions, check_ray

    check_ray(settings, RayOptions(run.ray_address), task.name)
    if not isinstance(task, SpeechTask):
        raise UsageError(f"--executor ray cannot do --task {task.name}", "leave it out")
    return _OnRay(run, task, settings, progress)


def _verify(task: SpeechTask | EpisodeTask, run: BatchRunOptions, path: Path, engines: frozenset[str]) -> None:
    """Before the first rows of engines: they start here, and have the voices that rows ask for.

    Raises:
        FaultsError: it has not.
        EngineError: it does not start.
    """
    if not run.check or run.executor != "local":
        return
    wrong = task.verify_voices(engines=engines) if isinstance(task, SpeechTask) else task.verify_voices()
    faults = [Fault(row.line, f"row {row.number}: {what}", remedy or None) for row, what, remedy in wrong]
    if faults:
        raise FaultsError(str(path), faults, "what is finished is kept; with --no-check the other rows are done")
