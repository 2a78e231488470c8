"""Every fault of a table, found before anything is spoken: its rows one by one, then what no two rows may share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from demod_voice.batch.table.collisions import Collisions
from demod_voice.batch.table.columns import FORMATS
from demod_voice.batch.table.paths import Places
from demod_voice.batch.table.rows import JobsTable, Observed
from demod_voice.batch.types import Row
from demod_voice.errors import UsageError
from demod_voice.records.progress import SILENT, Progress

STEP = "check"
_TOLD_ROWS = 1000
"""Rows between two words to the progress."""
_DUPLICATE_REMEDY = "give each row an output of its own"


@dataclass(frozen=True, slots=True)
class RowFault:
    """One thing that is wrong with a row."""

    row: int
    """Its number."""
    line: int
    """Where it begins in the file."""
    fault: str
    remedy: str


class Judge(Protocol):
    """What knows the faults of single rows: every ``Task``."""

    def faults(self, row: Row) -> list[tuple[str, str]]:
        """(what, remedy) of everything that is wrong with a row."""


Tell = Callable[[RowFault], None]
"""Is given every fault as it is found: a table may have millions."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a pass over a whole table has found."""

    rows: int
    """With content; those that cannot be read too."""
    sha256: str
    """Of the jobs file."""
    carried: tuple[str, ...]
    """Its columns that mean nothing to the task, in the order of their first appearance."""
    known: tuple[str, ...]
    """Its other columns."""
    faults: int
    """How many were told."""
    comments: int = 0
    """Lines below the header that were left out, for they begin with ``#``."""


def scan(table: JobsTable, places: Places, tell: Tell, progress: Progress = SILENT) -> Scan:
    """Read a table once, and tell only which rows would write the same file.

    Args:
        table: the jobs.
        places: where outputs go.
        tell: given each row whose output another row before it has too.
        progress: told of the rows.

    Raises:
        UsageError: the file or its header cannot be used, or it has no rows.
    """
    return _pass(table, places, None, tell, progress)


def check(table: JobsTable, places: Places, task: Judge, tell: Tell, progress: Progress = SILENT) -> Scan:
    """Read a table once, and tell everything that is wrong with its rows; starts no engine.

    The faults of single rows come in the order of the rows, after them those of rows that share an output. They are not
    kept: memory grows by a few bytes a row.

    Args:
        table: the jobs.
        places: where outputs go, and inputs lie.
        task: what is to be done with the rows.
        tell: given each fault.
        progress: told of the rows.

    Raises:
        UsageError: the file or its header cannot be used, or it has no rows.
    """
    return _pass(table, places, task, tell, progress)


def _pass(table: JobsTable, places: Places, task: Judge | None, tell: Tell, progress: Progress) -> Scan:
    seen, collisions, faults = Observed(), Collisions(), 0
    read: set[str] = set()
    progress.start(STEP, 0, "rows")
    for row in table.observed(seen):
        for what, remedy in task.faults(row) if task is not None else ():
            faults += 1
            tell(RowFault(row.number, row.line, what, remedy))
        _add(row, table, places, collisions, read)
        if row.number % _TOLD_ROWS == 0:
            progress.advance(STEP, _TOLD_ROWS)
    collisions.close()
    for each in _shared(table, places, collisions) if collisions.suspect else ():
        faults += 1
        tell(each)
    progress.finish(STEP)
    return Scan(seen.rows, seen.sha256, seen.carried, seen.known, faults, seen.comments)


def _add(row: Row, table: JobsTable, places: Places, collisions: Collisions, read: set[str]) -> None:
    """Note what a row writes and reads."""
    output = _output(row, places)
    if output is not None:
        collisions.add_output(output[0])
        _add_folders(output[0].rpartition("/")[0], collisions, read)
    for column in table.columns.inputs:
        if row.cells.get(column):
            _add_input(row, column, places, collisions, read)


def _add_folders(folder: str, collisions: Collisions, read: set[str]) -> None:
    """Note the folders of an output that are called as outputs are, and so may be those of other rows."""
    if "." not in folder or folder in read:
        return
    _remember(folder, read)
    for each in (Path(folder), *Path(folder).parents):
        if each.suffix[1:].lower() in FORMATS:
            collisions.add_folder(str(each))


def _add_input(row: Row, column: str, places: Places, collisions: Collisions, read: set[str]) -> None:
    try:
        path = places.input_of(row, column)
    except UsageError:
        return
    known = str(path)
    if path is not None and known not in read:
        _remember(known, read)
        collisions.add_input(known)


def _remember(path: str, read: set[str]) -> None:
    if len(read) >= MOST_INPUTS:
        read.clear()
    read.add(path)


def _output(row: Row, places: Places) -> tuple[str, str] | None:
    """Absolute path of a row's output, and the path as results name it; None where it has none."""
    if row.fault:
        return None
    try:
        return places.output_text(row)
    except UsageError:
        return None


def _shared(table: JobsTable, places: Places, collisions: Collisions) -> Iterator[RowFault]:
    """The rows whose output another row writes or reads, in order; only the first writer is none of them."""
    for row in table.rows():
        output = _output(row, places)
        why = collisions.why(row.number, output[0]) if output is not None else ""
        if output is not None and why:
            yield RowFault(row.number, row.line, f"the output {output[1]} {why}", _DUPLICATE_REMEDY)


MOST_INPUTS = 4096
"""Paths of inputs and folders that are remembered as added."""
