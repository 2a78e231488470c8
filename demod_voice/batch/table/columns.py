"""The columns that a jobs table may have, for each task, and what may stand in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from demod_voice.batch.options import LOUDNESS_RANGE
from demod_voice.batch.types import Row
from demod_voice.config.schema import keys
from demod_voice.config.values import BadValue, from_text
from demod_voice.errors import UsageError
from demod_voice.text.clean import speakable
from demod_voice.voices.adding import RATIO_RANGE, language_fault

FORMATS = ("wav", "mp3", "flac", "m4a", "m4b", "opus", "ogg")
"""Formats of outputs, which are also their suffixes: those of ``media.encode``."""
MOST_NAME_CHARS = 200
"""Of an id."""
_WHOLE = re.compile(r"([+-]?\d{1,40})\.0+")
"""A whole number as pandas writes it where the column has gaps."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one task."""

    task: str
    required: frozenset[str]
    optional: frozenset[str]
    inputs: tuple[str, ...] = ()
    """Those that name a file to be read."""
    known: frozenset[str] = field(init=False)
    """All that mean something; what else a table has is carried through to the results."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", self.required | self.optional)


SPEECH_COLUMNS = Columns(
    "speech",
    frozenset({"text", "output"}),
    frozenset(
        {"reference", "language", "speaker", "engine", "voice", "model", "seed", "speed", "format", "loudness", "id"}
    ),
    inputs=("reference",),
)
EPISODE_COLUMNS = Columns(
    "episode",
    frozenset({"script", "output"}),
    frozenset({"id", "seed", "format", "mix", "preset", "cast", "show"}),
    inputs=("script", "mix", "cast", "show"),
)
COLUMNS: Mapping[str, Columns] = {each.task: each for each in (SPEECH_COLUMNS, EPISODE_COLUMNS)}
"""Task -> its columns."""


def column_faults(row: Row, columns: Columns) -> list[tuple[str, str]]:
    """(what, remedy) of everything that is wrong in a row's cells, as far as the cells alone can tell."""
    cells = row.cells
    found = [
        (f"the column {column} is empty", "every row needs it")
        for column in columns.required
        if not cells.get(column, "").strip()
    ]
    known = columns.known
    for column, value in cells.items():
        if value and column in _CHECKS and column in known:
            found.extend(_CHECKS[column](value.strip()))
    return sorted(found) if len(found) > 1 else found


def seed_of(row: Row) -> int | None:
    """The row's seed, 0 to 2**31-1; None where it has none.

    Raises:
        UsageError: it is no such number.
    """
    text = row.cell("seed")
    return int(_number("seed", text)) if text else None


def speed_of(row: Row) -> float | None:
    """The row's ratio of the voice's own rate, 0.25 to 4; None where it has none.

    Raises:
        UsageError: it is no such number.
    """
    text = row.cell("speed")
    return _number("speed", text) if text else None


def loudness_of(row: Row) -> float | None:
    """The loudness that the row's output is brought to, LUFS, -40 to -5; None where it has none.

    Raises:
        UsageError: it is no such number.
    """
    text = row.cell("loudness")
    return _number("loudness", text) if text else None


def format_name(text: str) -> str:
    """A format as a person writes it (``MP3``, ``.mp3``), as one of ``FORMATS``; empty stays empty.

    Raises:
        UsageError: there is no such format.
    """
    name = text.strip().lower().removeprefix(".")
    if name and name not in FORMATS:
        raise UsageError(f"unknown audio format {_short(text)}", f"one of {', '.join(FORMATS)}")
    return name


@lru_cache(maxsize=4096)
def _number(column: str, text: str) -> float:
    """A number in a cell, which tables repeat: of each text found out once."""
    try:
        return _seed(text) if column == "seed" else _within(text, *_RANGES[column])
    except BadValue as error:
        comma = "with a point, not a comma" if _DECIMAL_COMMA.fullmatch(text) else ""
        raise UsageError(f"{column} {error.message}", error.hint or comma or _REMEDIES[column]) from None


def _seed(text: str) -> int:
    whole = _WHOLE.fullmatch(text)
    return int(from_text(keys()["seed"], whole[1] if whole else text))


def _within(text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadValue(f"{_short(text)} is not a number") from None
    if "_" in text or not low <= value <= high:
        raise BadValue(f"{_short(text)} is out of range: {low:g} to {high:g}")
    return value


def _text(value: str) -> list[tuple[str, str]]:
    if not value or value[0].isalnum() or speakable(value):
        return []
    return [(f"nothing in the text {_short(value)} can be said", "it needs a letter or a digit")]


def _numeric(column: str) -> Callable[[str], list[tuple[str, str]]]:
    return lru_cache(maxsize=4096)(lambda value: _told(lambda: _number(column, value)) if value else [])


@lru_cache(maxsize=4096)
def _language(value: str) -> list[tuple[str, str]]:
    wrong = language_fault(value)
    return [] if wrong is None else [(wrong, "a BCP 47 tag")]


@lru_cache(maxsize=4096)
def _format(value: str) -> list[tuple[str, str]]:
    return _told(lambda: format_name(value))


def _id(value: str) -> list[tuple[str, str]]:
    if len(value) > MOST_NAME_CHARS:
        return [(f"the id is {len(value):,} characters long", f"at most {MOST_NAME_CHARS}")]
    if not value.isprintable():
        return [(f"the id {_short(value)} holds a line break or a control character", "leave it out")]
    return []


def _told(read: Callable[[], object]) -> list[tuple[str, str]]:
    try:
        read()
    except UsageError as error:
        return [(error.message, error.hint or "")]
    return []


def _short(value: str) -> str:
    text = repr(value[:80])
    return text if len(text) <= 60 else f"{text[:57]}..."


_RANGES: Mapping[str, tuple[float, float]] = {"speed": RATIO_RANGE, "loudness": LOUDNESS_RANGE}
_REMEDIES: Mapping[str, str] = {
    "seed": "a whole number, 0 to 2147483647",
    "speed": "1 is the voice's own rate",
    "loudness": "in LUFS: -19 for mono, -16 for stereo",
}
_CHECKS: Mapping[str, Callable[[str], list[tuple[str, str]]]] = {
    "text": _text,
    "language": _language,
    "seed": _numeric("seed"),
    "speed": _numeric("speed"),
    "loudness": _numeric("loudness"),
    "format": _format,
    "id": _id,
}
"""Column -> what is wrong with a value that is there."""
