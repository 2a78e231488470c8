"""Tables of jobs, read as a stream: CSV and TSV by their header, JSONL by the keys of each line.

A row that is wrong is given with its fault, and the rows after it are read as if it were not there: only a header that
cannot be used, or a file that is no table, is an error. Memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_voice.errors import UsageError
from demod_voice.formats.table_delimited import read_delimited
from demod_voice.formats.table_form import Record, TableForm
from demod_voice.formats.table_json import read_json_lines
from demod_voice.formats.table_lines import Lines, open_lines

__all__ = ["DELIMITED", "JSON_LINES", "Record", "Table", "TableForm", "open_table"]

DELIMITED = (".csv", ".tsv", ".tab", ".txt")
JSON_LINES = (".jsonl", ".ndjson")
SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")


@dataclass(slots=True)
class Table:
    """An open table."""

    records: Iterator[Record]
    columns: dict[str, None]
    """In the order of their first appearance; those of a JSONL table are known once it was read."""
    lines: Lines
    """Of the file."""

    @property
    def comments(self) -> int:
        """Lines below the header that were left out so far, for they begin with ``#``."""
        return self.lines.comments


@contextmanager
def open_table(path: Path, form: TableForm, tap: Callable[[Any], object] | None = None) -> Iterator[Table]:
    """Open a table, and read its header.

    Args:
        path: the suffix says what it is (``DELIMITED``, ``JSON_LINES``).
        form: what is wanted of it.
        tap: given every block of the file's bytes as it is read, for a hash.

    Raises:
        UsageError: it cannot be read, is no table, lacks a required column, or has one twice.
    """
    kind = path.suffix.lower()
    if kind not in (*DELIMITED, *JSON_LINES):
        raise UsageError(f"{path} is no table that can be read", _kind_remedy(kind))
    with open_lines(path, form.encoding, tap) as lines:
        columns: dict[str, None] = {}
        read = read_json_lines if kind in JSON_LINES else read_delimited
        yield Table(read(path, lines, form, columns), columns, lines)


def _kind_remedy(kind: str) -> str:
    if kind in SPREADSHEETS:
        return "save it as CSV (UTF-8) in the program that made it"
    if kind == ".json":
        return "one object a line, in a file called .jsonl: jq -c '.[]' FILE.json > FILE.jsonl"
    return f"its suffix says what it is: {', '.join((*DELIMITED, *JSON_LINES))}"
