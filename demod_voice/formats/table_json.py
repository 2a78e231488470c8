"""Rows of JSONL: an object a line; called by ``formats.table``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from demod_voice.errors import UsageError
from demod_voice.formats.table_form import COMMENT, Record, TableForm, faulty, not_text, one_name, too_long
from demod_voice.formats.table_lines import MOST_RECORD_CHARS, Lines, is_whole, wrong_byte

MOST_COLUMNS = 256
"""Different keys of one file; more are no columns but data."""
_WORDS = {True: "true", False: "false", None: ""}


class _Twice(ValueError):
    """An object has a key twice."""


def read_json_lines(path: Path, lines: Lines, form: TableForm, columns: dict[str, None]) -> Iterator[Record]:
    """The rows of a JSONL file.

    Numbers, true and false become their text, null becomes nothing, lists and objects are carried as JSON.

    Args:
        path: for messages.
        lines: of the file.
        form: what is wanted of it.
        columns: filled as keys appear.

    Raises:
        UsageError: it is one JSON value over many lines, or has more than ``MOST_COLUMNS`` keys (while iterating).
    """
    names: dict[str, str] = {}
    number = 0
    while line := lines.take():
        if line[0] == COMMENT or line.isspace():
            lines.comments += not line.isspace()
            continue
        number += 1
        if number == 1:
            _check_first(line, f"{path}:{lines.number}")
        cells: dict[str, str] = {}
        fault = _read(line, form, names, cells) if is_whole(line) else not_text(wrong_byte(line), lines.encoding)
        for column in cells:
            if column not in columns:
                _add(path, lines.number, columns, column)
        yield Record(number, lines.number, cells) if fault is None else faulty(number, lines.number, cells, *fault)


def _read(line: str, form: TableForm, names: dict[str, str], cells: dict[str, str]) -> tuple[str, str] | None:
    """Put a line's values into ``cells``; what is wrong with it, and the remedy, or None."""
    if len(line) > MOST_RECORD_CHARS:
        return f"the line is longer than {MOST_RECORD_CHARS:,} characters", "shorten its values"
    try:
        data = json.loads(line, object_pairs_hook=_pairs, parse_constant=str)
    except _Twice as error:
        return f"the key {str(error)[:60]!r} is there twice", "remove one"
    except json.JSONDecodeError as error:
        return f"it is no JSON: {error.msg} at character {error.pos + 1}", "write one object on each line"
    except (ValueError, RecursionError):
        return "it is no JSON that can be read: a number is too long, or lists lie too deep", "shorten it"
    if not isinstance(data, dict):
        return "it is no JSON object", 'write one object on each line: {"text": ..., "output": ...}'
    return _cells(data, form, names, cells)


def _cells(
    data: Mapping[str, Any], form: TableForm, names: dict[str, str], cells: dict[str, str]
) -> tuple[str, str] | None:
    fault = None
    for key, value in data.items():
        name = names.get(key)
        if name is None:
            name = one_name(key, form.known) if is_whole(key) and "\0" not in key else ""
            if len(names) < MOST_COLUMNS:
                names[key] = name
        if not name:
            continue
        if name in cells:
            return f"the key {name!r} is there twice", "remove one"
        text = cells[name] = value if isinstance(value, str) else _text(value)
        if "\0" in text:
            fault = f"{name} holds a NUL character", "remove it"
        elif not is_whole(text):
            fault = f"{name} holds {wrong_byte(text)}", "write the whole character"
    return fault or too_long(cells, form)


def _text(value: Any) -> str:
    """A value that is no text as a cell."""
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return json.dumps(value, ensure_ascii=False)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    times = Counter(key for key, _ in pairs)
    raise _Twice(next(key for key, count in times.items() if count > 1))


def _add(path: Path, line: int, columns: dict[str, None], column: str) -> None:
    if len(columns) >= MOST_COLUMNS:
        raise UsageError(
            f"{path}:{line}: more than {MOST_COLUMNS} different keys", "keep what varies in one value, as an object"
        )
    columns[column] = None


def _check_first(line: str, place: str) -> None:
    """Refuse a document that is spread over lines, which would be a fault in each of them."""
    if line.strip() == "{" or line.lstrip().startswith("["):
        remedy = "write one object on each line: jq -c '.[]' of a list, jq -c . of objects"
        raise UsageError(f"{place}: no object begins and ends on this line", remedy)
