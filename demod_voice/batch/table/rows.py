"""A jobs table as a stream of rows, with its columns by the names that a task knows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from demod_voice.batch.options import BatchOptions
from demod_voice.batch.table.columns import COLUMNS, Columns
from demod_voice.batch.types import Row
from demod_voice.config.settings import Settings
from demod_voice.errors import UsageError
from demod_voice.formats.table import TableForm, open_table


@dataclass(frozen=True, slots=True)
class JobsTable:
    """A table, and how it is read. It is read anew by each ``rows()``; nothing of it is kept."""

    path: Path
    columns: Columns
    """Of the task."""
    form: TableForm

    def rows(self) -> Iterator[Row]:
        """Every row with content, in order; one that cannot be read with its fault.

        Raises:
            UsageError: the file or its header cannot be used (while iterating).
        """
        with open_table(self.path, self.form) as table:
            for each in table.records:
                yield Row(each.number, each.line, each.cells, each.fault, each.remedy)

    def observed(self, seen: Observed) -> Iterator[Row]:
        """As ``rows()``; when all were given, ``seen`` holds what the whole file says.

        Raises:
            UsageError: as ``rows()``; or the table has no row (at its end).
        """
        digest = hashlib.sha256()
        count = 0
        with open_table(self.path, self.form, digest.update) as table:
            for each in table.records:
                count += 1
                yield Row(each.number, each.line, each.cells, each.fault, each.remedy)
            columns, comments = tuple(table.columns), table.comments
        if not count:
            raise UsageError(f"{self.path} has no rows", "a line for each output follows the header")
        known = self.columns.known
        seen.rows, seen.comments, seen.sha256 = count, comments, digest.hexdigest()
        seen.carried = tuple(column for column in columns if column not in known)
        seen.known = tuple(column for column in columns if column in known)


@dataclass(slots=True)
class Observed:
    """What was seen of a table once all of it was read."""

    rows: int = 0
    """With content, those that cannot be read too."""
    comments: int = 0
    """Lines below the header that begin with ``#``."""
    sha256: str = ""
    """Of the file's bytes."""
    carried: tuple[str, ...] = field(default=())
    """Columns that mean nothing to the task, in the order of their first appearance."""
    known: tuple[str, ...] = field(default=())
    """The others that the table has."""


def jobs_table(path: Path, options: BatchOptions, settings: Settings) -> JobsTable:
    """The table of a batch, by its flags. It is not opened.

    Args:
        path: of the table.
        options: the task, and the encoding.
        settings: ``limits.line_chars`` is the longest text of a row.
    """
    columns = COLUMNS[options.task]
    most = MappingProxyType({"text": settings.limits.line_chars})
    return JobsTable(path, columns, TableForm(columns.known, columns.required, most, options.encoding))
