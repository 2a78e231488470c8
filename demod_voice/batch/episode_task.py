"""``batch run --task episode``: a row is a script, its output an episode.

A feature never imports a feature: what is done with an episode is handed in (``EpisodeWork``). A render keeps its own
work beside its output, so an episode that was killed half-way is not begun anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from demod_voice.batch.outcomes import UNTRIED, stops_run
from demod_voice.batch.table.columns import EPISODE_COLUMNS, seed_of
from demod_voice.batch.table.paths import Places, row_faults
from demod_voice.batch.types import DONE, FAILED, SKIPPED, Failure, Finished, Job, Row, Spoken, Timing, Unit
from demod_voice.errors import (
    DemodError,
    EngineError,
    Fault,
    FaultsError,
    QualityError,
    UsageError,
)
from demod_voice.records.atomic import output_error
from demod_voice.records.hashing import hash_json

WORKER = "head"
MOST_VERIFIED = 4096
"""Episodes whose voices are asked for before the first one is begun."""


@dataclass(frozen=True, slots=True)
class EpisodeJob:
    """An episode as a row asks for it; paths are absolute."""

    script: Path
    output: Path
    formats: tuple[str, ...] = ()
    """More formats beside the output's."""
    seed: int | None = None
    """None = as the settings have it."""
    mix: Path | None = None
    preset: str = ""
    cast: Path | None = None
    show: Path | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """An episode that is there."""

    output: Path
    sha256: str
    audio_s: float
    engine: str
    """All that spoke, joined by ``+``."""
    model: str = ""
    model_revision: str = ""
    notes: tuple[str, ...] = ()
    """What was asked for and not given."""
    misses: str = ""
    """Why it is below the asked quality; empty when it is not."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON."""


@dataclass(frozen=True, slots=True)
class EpisodeWork:
    """What the task needs of the package that makes episodes."""

    depends_on: Callable[[EpisodeJob], str]
    """Hash of all that the episode depends on; raises everything that is wrong with it, starts no engine."""
    verify: Callable[[EpisodeJob], None]
    """Starts the engines of an episode and asks them for its voices, where lines are still to be spoken."""
    render: Callable[[EpisodeJob], Rendered]
    """Makes the episode; what was made is not made again."""


class EpisodeTask:
    """Rows that are scripts; one is rendered at a time, with as many lines at once as the settings say.

    Args:
        work: what is done with an episode.
        places: where the files lie that rows name; messages name them from there, as results hold no absolute path.
    """

    name = EPISODE_COLUMNS.task
    columns = EPISODE_COLUMNS.known
    required = EPISODE_COLUMNS.required

    def __init__(self, work: EpisodeWork, places: Places) -> None:
        self._work = work
        self._places = places
        self._one_at_a_time = threading.Lock()
        self._stems: dict[Path, tuple[int, str]] = {}
        self._good: list[tuple[Row, EpisodeJob]] = []

    def faults(self, row: Row) -> list[tuple[str, str]]:
        """(what, remedy) of everything that is wrong with a row, its script and what that names."""
        found = row_faults(_without_format(row), self._places, EPISODE_COLUMNS)
        return [(self._shown(what), remedy) for what, remedy in found or self._deeper(row)]

    def verify_voices(self) -> list[tuple[Row, str, str]]:
        """Ask the engines for the voices of every row that ``faults`` found nothing wrong with.

        Returns:
            (row, what, remedy) of everything that is wrong.

        Raises:
            EngineError: an engine is not installed or does not start, and nothing else is wrong.
        """
        found: list[tuple[Row, str, str]] = []
        failure: EngineError | None = None
        for row, episode in self._good:
            try:
                self._work.verify(episode)
            except EngineError as error:
                failure = failure or error
                found.append((row, self._said(error), error.hint or ""))
            except DemodError as error:
                found += [(row, self._shown(what), remedy) for what, remedy in _listed(error)]
        if failure is not None and all(what == self._said(failure) for _, what, _ in found):
            raise failure
        return found

    def job(self, row: Row) -> Job:
        """The job of a row.

        Raises:
            DemodError: it cannot be done; that is the row's result.
        """
        for what, remedy in row_faults(_without_format(row), self._places, EPISODE_COLUMNS):
            raise UsageError(self._shown(what), remedy or None)
        episode, shown = self._read(row)
        try:
            content = self._work.depends_on(episode)
        except DemodError as error:
            kind = UsageError if isinstance(error, FaultsError) else type(error)
            raise kind(self._said(error), error.hint) from error
        key = hash_json(["episode", row.cell("id"), shown, content])
        return Job(row, key, episode.output, shown, facts={"episode": episode})

    def plan(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs as they are: no episode's bytes depend on another one."""
        return list(jobs)

    def units(self, jobs: Sequence[Job], wanted: frozenset[int]) -> list[Unit]:
        """One for each wanted episode, in the order of the file."""
        numbers = (job.row.number for job in jobs)
        return [
            Unit((job,), job.engine, wanted=frozenset([number]))
            for number, job in zip(numbers, jobs, strict=True)
            if number in wanted
        ]

    def speak(self, unit: Unit) -> Iterator[Spoken | Failure]:
        """Render the episodes of a unit, each after those of other threads.

        Raises:
            OutputError: the disk is full: the next episode would find it so too.
        """
        for job in unit.jobs:
            with self._one_at_a_time:
                began = time.monotonic()
                made = self._made(job)
            seconds = time.monotonic() - began
            if isinstance(made, Rendered):
                yield Spoken(job, None, seconds=seconds, worker=WORKER, facts={"rendered": made})
            else:
                said = self._said(made), made.hint or "", type(made).__name__
                yield Failure(job, *said, not isinstance(made, UNTRIED), seconds, worker=WORKER)

    def finish(self, spoken: Spoken | Failure) -> tuple[Finished, Timing]:
        """What is recorded of an episode.

        Raises:
            OutputError: it has vanished.
        """
        number = spoken.job.row.number
        timing = Timing(number, spoken.seconds, spoken.attempts, spoken.worker)
        if isinstance(spoken, Failure):
            return _failed(spoken), timing
        return _done(spoken.job, spoken.facts["rendered"]), timing

    def _made(self, job: Job) -> Rendered | DemodError:
        """The episode, or why there is none; one below the asked quality is a failure, its files stay."""
        try:
            _make_folder(job.output.parent)
            made = self._work.render(job.facts["episode"])
        except DemodError as error:
            if stops_run(error):
                raise
            return error
        return QualityError(f"the episode is written, but: {made.misses}") if made.misses else made

    def _deeper(self, row: Row) -> list[tuple[str, str]]:
        """What is wrong with a row whose cells are right: in its script, and in what that names."""
        try:
            episode, _ = self._read(row)
            self._work.depends_on(episode)
        except DemodError as error:
            return _listed(error)
        if len(self._good) < MOST_VERIFIED:
            self._good.append((row, episode))
        return []

    def _read(self, row: Row) -> tuple[EpisodeJob, str]:
        """What the row asks for, and how results name its output."""
        output, shown = self._places.output_of(_without_format(row))
        self._claim(output, row.number, shown)
        episode = EpisodeJob(
            script=self._places.input_of(row, "script") or Path(),
            output=output,
            formats=tuple(filter(None, (each.strip() for each in row.cell("format").split(";")))),
            seed=seed_of(row),
            mix=self._places.input_of(row, "mix"),
            preset=row.cell("preset"),
            cast=self._places.input_of(row, "cast"),
            show=self._places.input_of(row, "show"),
        )
        return episode, shown

    def _claim(self, output: Path, number: int, shown: str) -> None:
        """Two episodes cannot share a name without its suffix: all that lies beside them is named after it.

        That two rows have one output is told of every task (``collisions``).

        Raises:
            UsageError: another row has it.
        """
        first, theirs = self._stems.setdefault(output.with_suffix(""), (number, shown))
        if first != number and theirs != shown:
            what = f"row {first} writes {theirs}: the files beside it would be the same"
            raise UsageError(f"the output {shown} has the name of another episode", what)

    def _said(self, error: DemodError) -> str:
        """One line, the same on every machine: of many failed lines the first, of faults all."""
        lines = [line.strip() for line in error.message.splitlines()]
        if isinstance(error, FaultsError):
            return self._shown("; ".join(lines[1:]) or error.message)
        if isinstance(error, EngineError) and len(lines) > 1 and lines[0].endswith("could not be spoken"):
            return self._shown(lines[1])
        return self._shown(lines[0] if lines else "")

    def _shown(self, text: str) -> str:
        for folder in (self._places.out_dir, self._places.folder):
            text = text.replace(f"{folder}/", "")
        return text


def _listed(error: DemodError) -> list[tuple[str, str]]:
    """(what, remedy) of everything that an error says."""
    if isinstance(error, FaultsError):
        return [(_told(fault, error.source), fault.hint or "") for fault in error.faults]
    return [(error.message, error.hint or "")]


def _told(fault: Fault, source: str) -> str:
    place = fault.source or source
    return f"{place}:{fault.line}: {fault.message}" if fault.line else f"{place}: {fault.message}"


def _done(job: Job, made: Rendered) -> Finished:
    try:
        status = made.output.stat()
    except OSError as error:
        raise output_error(made.output, error) from error
    return Finished(
        number=job.row.number,
        key=job.key,
        status=DONE,
        output=job.shown,
        sha256=made.sha256,
        num_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        audio_s=made.audio_s,
        engine=made.engine,
        model=made.model,
        model_revision=made.model_revision,
        notes="; ".join(made.notes),
        facts=made.facts,
    )


def _failed(failure: Failure) -> Finished:
    return Finished(
        number=failure.job.row.number,
        key=failure.job.key,
        status=FAILED if failure.recorded else SKIPPED,
        output=failure.job.shown,
        error=failure.message,
        hint=failure.hint,
        kind=failure.kind,
    )


def _without_format(row: Row) -> Row:
    """The row for who takes the format of its output from there: here it names more formats beside the output's."""
    return replace(row, cells={**row.cells, "format": ""})


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
