"""Check a table of jobs: every fault of every row, before anything is spoken."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from demod_voice.api.batch_tasks import task_of
from demod_voice.batch.kept.results import plain
from demod_voice.batch.options import BatchOptions
from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.table.check import RowFault, Tell, check
from demod_voice.batch.table.paths import Places, check_out_dir, places_of
from demod_voice.batch.table.rows import jobs_table
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.errors import UsageError
from demod_voice.records.atomic import check_output, replacing
from demod_voice.records.progress import SILENT, Progress
from demod_voice.units import counted

__all__ = [
    "BatchCheck",
    "BatchOptions",
    "RowFault",
    "check_batch",
    "describe_batch_check",
    "require_no_faults",
]

MOST_SHOWN = 50
"""Faults that are listed; all of them go to the faults file."""
MOST_COLUMNS = 20
"""Columns that are listed by name."""
FAULT_COLUMNS = ("row", "line", "fault", "remedy")
PLAIN = BatchOptions()


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """What a check of a table has found."""

    jobs: Path
    out_dir: Path
    """Where relative outputs go."""
    rows: int
    """With content."""
    sha256: str
    """Of the jobs file."""
    carried: tuple[str, ...]
    """Columns that mean nothing here, and are carried through to the results."""
    engines: tuple[str, ...]
    """That speak the rows without a fault; of episodes none is told."""
    faults: int
    """How many there are."""
    first: tuple[RowFault, ...]
    """The first ``MOST_SHOWN`` of them."""
    faults_file: Path | None = None
    """Where all of them are."""
    comments: int = 0
    """Lines below the header that were left out, for they begin with ``#``."""


@dataclass(slots=True)
class _Told:
    """Faults as they are found: the first are kept, all are counted."""

    count: int = 0
    first: list[RowFault] = field(default_factory=list)

    def add(self, fault: RowFault) -> None:
        self.count += 1
        if len(self.first) < MOST_SHOWN:
            self.first.append(fault)


def check_batch(
    jobs: str | Path,
    options: BatchOptions = PLAIN,
    *,
    faults_file: str | Path | None = None,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> BatchCheck:
    """Read a whole table and find everything that is wrong with it; memory does not grow with its faults.

    When no row has a fault, each engine that the rows need is started, and asked for their voices.

    Args:
        jobs: CSV, TSV or JSONL.
        options: what ``batch run`` would be given.
        faults_file: a CSV for all faults; replaced when it exists.
        settings: everything that can be configured.
        progress: told of the rows.

    Raises:
        UsageError: the table cannot be read, lacks a column or has no rows; a flag is wrong.
        EngineError: an engine that a row needs does not start.
        OutputError: the faults file cannot be written, or the output folder.
    """
    path = Path(jobs)
    places = places_of(path, options, settings)
    check_out_dir(places)
    table = jobs_table(path, options, settings)
    told = _Told()
    target = None if faults_file is None else _target(Path(faults_file), places, settings)
    with task_of(options, places, settings, progress=progress) as task, _writing(target, told) as tell:
        found = check(table, places, task, tell, progress)
        if not told.count:
            for row, what, remedy in task.verify_voices():
                tell(RowFault(row.number, row.line, what, remedy))
        engines = task.engines if isinstance(task, SpeechTask) else ()
    first = tuple(sorted(told.first, key=lambda fault: fault.row))
    return BatchCheck(
        jobs=path,
        out_dir=places.out_dir,
        rows=found.rows,
        sha256=found.sha256,
        carried=found.carried,
        engines=engines,
        faults=told.count,
        first=first,
        faults_file=target,
        comments=found.comments,
    )


def describe_batch_check(found: BatchCheck) -> str:
    """What a check has found, for people."""
    lines = [f"{found.jobs}: {counted(found.rows, 'row')}, {counted(found.faults, 'fault')}"]
    if found.comments:
        lines.append(f"left out as comments, for they begin with #: {counted(found.comments, 'line')}")
    if found.engines:
        lines.append(f"spoken by {', '.join(found.engines)}")
    if found.carried:
        more = f" and {len(found.carried) - MOST_COLUMNS:,} more" if len(found.carried) > MOST_COLUMNS else ""
        lines.append(f"carried through to the results: {', '.join(found.carried[:MOST_COLUMNS])}{more}")
    return "\n".join([*lines, f"outputs go to {found.out_dir}"])


def require_no_faults(found: BatchCheck) -> None:
    """Raise ``UsageError`` with the first faults and their number, if there are any."""
    if not found.faults:
        return
    rest = found.faults - len(found.first)
    more = [f"  and {rest:,} more"] if rest else []
    lines = [f"{counted(found.faults, 'fault')} in {found.jobs}", *_fault_lines(found), *more]
    hint = f"all of them: {found.faults_file}" if found.faults_file else "all of them in a file: --faults FILE.csv"
    raise UsageError("\n".join(lines), hint if rest else None)


def _fault_lines(found: BatchCheck) -> Iterator[str]:
    for each in found.first:
        remedy = f"; {each.remedy}" if "(" in each.fault + each.remedy else f" ({each.remedy})"
        yield f"  {found.jobs}:{each.line}: row {each.row}: {each.fault}{remedy if each.remedy else ''}"


def _target(path: Path, places: Places, settings: Settings) -> Path:
    """The faults file, when it can be written.

    Raises:
        UsageError: it is the jobs file, or outside the allowed roots.
        OutputError: there is no such folder.
    """
    check_inside([path], settings.paths.allowed_roots)
    if path.resolve() == places.jobs:
        raise UsageError(f"--faults {path} is the jobs file itself", "name another file")
    check_output(path)
    return path


@contextmanager
def _writing(target: Path | None, told: _Told) -> Iterator[Tell]:
    """What faults are told to; they go to the file ``target`` too, if there is one."""
    if target is None:
        yield told.add
        return
    with replacing(target) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FAULT_COLUMNS)

        def tell(fault: RowFault) -> None:
            told.add(fault)
            writer.writerow((fault.row, fault.line, plain(fault.fault), plain(fault.remedy)))

        yield tell
