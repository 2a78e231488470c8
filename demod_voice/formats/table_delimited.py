"""Rows of CSV and TSV, through the ``csv`` module of the standard library; called by ``formats.table``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from demod_voice.errors import UsageError
from demod_voice.formats.table_form import (
    COMMENT,
    MOST_CELL_CHARS,
    Record,
    TableForm,
    faulty,
    not_text,
    one_name,
    too_long,
)
from demod_voice.formats.table_lines import MOST_RECORD_CHARS, Lines, is_whole, wrong_byte
from demod_voice.units import counted

DELIMITERS = (",", ";", "\t")
_SPREADSHEET_HINT = "sep="
"""First line of a file for Excel: ``sep=;``."""
_UNCLOSED = ("a quote that is opened here is not closed", 'close it, and write "" for a quote inside a quoted cell')
_STRAY = ("a quoted cell goes on after its quote", 'write "" for a quote inside a quoted cell')
_SHOWN_COLUMNS = 12


class _TooLong(Exception):
    """A record has passed ``MOST_RECORD_CHARS``."""


class _Feed:
    """Gives ``csv.reader`` the lines of one record, and keeps them: a quote may turn out never to be closed."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._first = ""
        self._size = 0
        self.taken: list[str] = []

    def begin(self, line: str) -> None:
        """The next record begins with ``line``."""
        self._first = line
        self._size = len(line)
        self.taken = [line]

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line, self._first = self._first, ""
        if line:
            if len(line) > MOST_RECORD_CHARS:
                raise _TooLong
            return line
        line = self._lines.take()
        if not line:
            self._lines.give_back([""])
            raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        if self._size > MOST_RECORD_CHARS:
            raise _TooLong
        return line


def read_delimited(path: Path, lines: Lines, form: TableForm, columns: dict[str, None]) -> Iterator[Record]:
    """The rows of a CSV or TSV file. The header is read by this call.

    Args:
        path: for messages.
        lines: of the file.
        form: what is wanted of it.
        columns: the header's are put here; one without a name is left out, with its cells.

    Raises:
        UsageError: the header lacks a required column, has one twice, or cannot be read.
    """
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MOST_RECORD_CHARS))  # longer cells are told by this module
    first = _first_line(path, lines)
    delimiter = first[4] if _names_delimiter(first) else _sniff(first, form.known)
    if _names_delimiter(first):
        first = _first_line(path, lines)
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    feed.begin(first)
    header = _header(f"{path}:{lines.number}", reader, feed, form, lines.encoding)
    columns.update(dict.fromkeys(name for name in header.names if name))
    return _records(lines, header, feed, reader)


@dataclass(frozen=True, slots=True)
class _Header:
    """What a header says, and what follows from it for each row."""

    names: tuple[str, ...]
    form: TableForm
    least: int
    """Cells that a row must have: up to the last column that is required."""
    shortest: int
    """No cell of a record with so few characters is too long."""
    unnamed: bool
    """There is a column without a name."""

    def record(self, number: int, line: int, values: list[str], whole: str, encoding: str) -> Record:
        """The record of the cells that were read; with its fault, when it has one.

        Args:
            number: of the row.
            line: where it begins.
            values: its cells.
            whole: the lines that they were read from.
            encoding: of the file, for messages.
        """
        names = self.names
        cells = dict(zip(names, values, strict=False))
        if self.unnamed:
            cells.pop("", None)
        fault = _text_fault(whole, encoding)
        if fault is None and len(values) != len(names):
            fault = _width_fault(values, names, self.least)
            cells.update((name, "") for name in names[len(values) :] if name)
        if fault is None and len(whole) > self.shortest:
            fault = too_long(cells, self.form)
        return Record(number, line, cells) if fault is None else faulty(number, line, cells, *fault)


def _records(lines: Lines, header: _Header, feed: _Feed, reader: Iterator[list[str]]) -> Iterator[Record]:
    number = 0
    while line := lines.take():
        if line[0] == COMMENT or line.isspace():
            lines.comments += not line.isspace()
            continue
        begins = lines.number
        feed.begin(line)
        try:
            values = next(reader)
        except (csv.Error, _TooLong) as error:
            number += 1
            lines.give_back(feed.taken[1:])
            yield Record(number, begins, {}, *_quote_fault(error, len(feed.taken)))
            continue
        if any(values):
            number += 1
            whole = line if len(feed.taken) == 1 else "".join(feed.taken)
            yield header.record(number, begins, values, whole, lines.encoding)


def _text_fault(whole: str, encoding: str) -> tuple[str, str] | None:
    if "\0" in whole:
        return "it holds a NUL character", "remove it"
    return None if is_whole(whole) else not_text(wrong_byte(whole), encoding)


def _width_fault(values: Sequence[str], names: Sequence[str], least: int) -> tuple[str, str] | None:
    """Too many cells, unless those over the header are empty; too few, where one that is needed is missing.

    Spreadsheets write either: columns that were once used, and no delimiters for the empty end of a row.
    """
    if any(values[len(names) :]):
        return f"{len(values)} cells, and the header has {len(names)}", "quote a cell that holds the delimiter"
    if len(values) < least:
        return (
            f"{counted(len(values), 'cell')}, and the header has {len(names)}",
            "give each column a cell, if an empty one",
        )
    return None


def _quote_fault(error: Exception, count: int) -> tuple[str, str]:
    """What is wrong with a record that ``csv`` refused, which has taken ``count`` lines by then."""
    if isinstance(error, _TooLong):
        long = (f"the line is longer than {MOST_RECORD_CHARS:,} characters", "shorten its cells")
        return long if count == 1 else _UNCLOSED
    return _STRAY if count == 1 and "expected after" in str(error) else _UNCLOSED


def _first_line(path: Path, lines: Lines) -> str:
    """The first line that is neither blank nor a comment.

    Raises:
        UsageError: there is none.
    """
    while line := lines.take():
        if line[0] != COMMENT and not line.isspace():
            return line
    raise UsageError(f"{path} is empty: it has no header", "its first line names the columns, as in: text,output")


def _names_delimiter(line: str) -> bool:
    return line.lower().startswith(_SPREADSHEET_HINT) and len(line.rstrip("\n")) == len(_SPREADSHEET_HINT) + 1


def _sniff(header: str, known: frozenset[str]) -> str:
    """The delimiter that makes the most known columns of a header; of equals, the most columns."""

    def worth(delimiter: str) -> tuple[int, int]:
        names = next(csv.reader([header], delimiter=delimiter), [])
        return sum(one_name(name, known) in known for name in names), len(names)

    return max(DELIMITERS, key=worth)


def _header(place: str, reader: Iterator[list[str]], feed: _Feed, form: TableForm, encoding: str) -> _Header:
    try:
        written = next(reader)
    except (csv.Error, _TooLong) as error:
        message, remedy = _quote_fault(error, len(feed.taken))
        raise UsageError(f"{place}: in the header, {message}", remedy) from None
    wrong = _text_fault("".join(feed.taken), encoding)
    if wrong is not None:
        raise UsageError(f"{place}: in the header, {wrong[0]}", wrong[1])
    names = [one_name(name, form.known) for name in written]
    twice = _twice(names)
    if twice:
        raise UsageError(f"{place}: the header has the column {twice!r} twice", "rename or remove one of them")
    missing = sorted(form.required - set(names))
    if missing:
        raise _lacking(place, missing, names, form)
    least = max((at + 1 for at, name in enumerate(names) if name in form.required), default=0)
    shortest = min([*form.most_chars.values(), MOST_CELL_CHARS])
    return _Header(tuple(names), form, least, shortest, "" in names)


def _twice(names: Sequence[str]) -> str:
    """A name that two columns have, whatever its case; columns without a name are no matter."""
    seen: set[str] = set()
    for name in filter(None, names):
        folded = name.casefold()
        if folded in seen:
            return folded
        seen.add(folded)
    return ""


def _lacking(place: str, missing: Sequence[str], names: Sequence[str], form: TableForm) -> UsageError:
    if not form.known.intersection(names):
        needed = ",".join(sorted(form.required))
        return UsageError(f"{place}: no header: it names none of the known columns", f"begin with a line as {needed}")
    named = [name for name in names if name]
    shown = ", ".join(named[:_SHOWN_COLUMNS]) + (" ..." if len(named) > _SHOWN_COLUMNS else "")
    close = get_close_matches(missing[0], [name.lower() for name in named if name not in form.known], n=1)
    near = f"is it {close[0]}? " if close else ""
    what = "column" if len(missing) == 1 else "columns"
    return UsageError(f"{place}: the {what} {', '.join(missing)} is missing", f"{near}The header has: {shown}")
