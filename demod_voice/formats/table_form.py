"""What readers of tables share: what is wanted of a table, its rows, and what can be wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from demod_voice.formats.table_lines import plain

MOST_CELL_CHARS = 1_000_000
"""Of a cell that has no limit of its own."""
COMMENT = "#"
"""A line that begins with it is none of the table, where a record may begin."""


def _none() -> Mapping[str, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TableForm:
    """What a reader wants of a table."""

    known: frozenset[str]
    """Columns that mean something, in lower case: the header may write them in any case."""
    required: frozenset[str] = frozenset()
    """Those that it must have."""
    most_chars: Mapping[str, int] = field(default_factory=_none)
    """Column -> most characters of a cell, where that is not ``MOST_CELL_CHARS``."""
    encoding: str = ""
    """Empty = as the file's byte-order mark says, else UTF-8 (or UTF-16, where it looks like that)."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a table with content."""

    number: int
    """1-based, among the rows with content; the header, comments and blank lines are none."""
    line: int
    """Where it begins in the file, 1-based."""
    cells: Mapping[str, str]
    """Column -> value; a known column by its name in ``TableForm.known``, any other as it is written."""
    fault: str = ""
    """Why it is no row; then ``cells`` holds what could be read."""
    remedy: str = ""


def faulty(number: int, line: int, cells: Mapping[str, str], fault: str, remedy: str = "") -> Record:
    """A record that is no row; its cells are cut and cleaned, so that they can be shown."""
    kept = {column: plain(value[:MOST_CELL_CHARS]) for column, value in cells.items()}
    return Record(number, line, kept, fault, remedy)


def too_long(cells: Mapping[str, str], form: TableForm) -> tuple[str, str] | None:
    """That a cell is longer than it may be, and the remedy; None when all are short enough."""
    for column, value in cells.items():
        most = form.most_chars.get(column, MOST_CELL_CHARS)
        if len(value) > most:
            return f"the column {column} is {len(value):,} characters long", f"at most {most:,}"
    return None


def not_text(found: str, encoding: str) -> tuple[str, str]:
    """The fault for a row with a byte that is no text in an encoding, and the remedy."""
    name = encoding.upper().removesuffix("-SIG")
    instead = ", or name its encoding: --encoding cp1252 (Excel's)" if name == "UTF-8" else ""
    return f"{found} is not {name} text", f"save the table as UTF-8{instead}"


def one_name(written: str, known: frozenset[str]) -> str:
    """A column's name: a known one by that name, any other as it is written, its blanks folded."""
    name = " ".join(written.split())
    return name.lower() if name.lower() in known else name
