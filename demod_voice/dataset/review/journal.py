"""``reviews.jsonl``: every decision of a reviewer, one JSON object a line, on the disk before it is answered.

The journal is the truth: rows of the manifest are made from it (``replay``), and it is only ever appended to. Several
processes may append: each holds the file's lock for its line and first reads what the others wrote.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from demod_voice.dataset.review.window import Window
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import ACCEPTED, REJECTED
from demod_voice.records.atomic import output_error
from demod_voice.records.lock import locked

FILE = "reviews.jsonl"
ACTIONS = ("accept", "reject", "clear", "text", "trim", "undo")
REVIEWS = ("", ACCEPTED, REJECTED)

Change = Mapping[str, Any]
"""What a decision found and what it left: ``review``, ``text`` with ``text_source``, ``window``; only what changed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A line of the journal."""

    when: str
    """ISO 8601 UTC, milliseconds."""
    who: str
    """The reviewer."""
    clip: str
    """Id of the segment."""
    action: str
    """One of ``ACTIONS``."""
    before: Change = field(default_factory=lambda: MappingProxyType({}))
    after: Change = field(default_factory=lambda: MappingProxyType({}))
    undoes: int = 0
    """Of an undo: the line that it takes back, from 1."""


def now() -> str:
    """The moment as a decision has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Journal:
    """A journal that is read further and further, and appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        """Lines that were read or written."""
        self._offset = 0

    def read_on(self) -> list[Decision]:
        """Decisions since the last call; what a killed process left without a line end is none: it was not answered.

        Raises:
            UsageError: a line is damaged, or the file became shorter; names it.
        """
        try:
            with self.path.open("rb") as file:
                return self._read(file.fileno())
        except FileNotFoundError:
            return []

    @contextmanager
    def appending(self) -> Iterator[Appender]:
        """Hold the journal alone, without a torn end: what ``others`` wrote is told, ``add`` writes a decision.

        Raises:
            UsageError: as ``read_on``. OutputError: the file cannot be made.
        """
        with locked(self.path) as descriptor:
            others = self._read(descriptor)
            os.ftruncate(descriptor, self._offset)
            yield Appender(self, descriptor, others)

    def _read(self, descriptor: int) -> list[Decision]:
        size = os.fstat(descriptor).st_size
        if size < self._offset:
            raise UsageError(f"{self.path} became shorter while it was used", "start the review again")
        lines = _read_at(descriptor, self._offset, size).split(b"\n")
        torn = lines.pop()
        found = [_decision(line, f"{self.path}:{self.lines + number}") for number, line in enumerate(lines, 1)]
        self.lines += len(found)
        self._offset = size - len(torn)
        return found

    def _write(self, descriptor: int, data: bytes) -> None:
        try:
            left = data
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, self._offset)
            raise output_error(self.path, error) from error
        self._offset += len(data)


@dataclass(frozen=True, slots=True)
class Appender:
    """The right to append, for the length of ``Journal.appending``."""

    journal: Journal
    descriptor: int
    others: list[Decision]
    """What was appended by others since the journal was last read here."""

    def add(self, decision: Decision) -> int:
        """Bring a decision to the disk; its line, from 1.

        Raises:
            OutputError: it cannot be written; the journal is as it was.
        """
        first = self.journal.lines == 0
        self.journal._write(self.descriptor, _line(decision))
        if first:
            _flush_folder(self.journal.path.parent)
        self.journal.lines += 1
        return self.journal.lines


def read_decisions(path: Path) -> list[Decision]:
    """Every decision of a journal; none when there is no such file.

    Raises:
        UsageError: a line is damaged; names it.
    """
    return Journal(path).read_on()


def _line(decision: Decision) -> bytes:
    row = {**asdict(decision), "before": dict(decision.before), "after": dict(decision.after)}
    if not decision.undoes:
        del row["undoes"]
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _decision(line: bytes, place: str) -> Decision:
    try:
        return _checked(json.loads(line))
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"{place}: no decision: {error}", "mend or remove that line") from None


def _checked(row: Any) -> Decision:
    """Raises ValueError or TypeError when the row is no decision."""
    decision = Decision(**row)
    for name in ("when", "who", "clip", "action"):
        if not isinstance(getattr(decision, name), str):
            raise ValueError(f"{name} is no text")
    if decision.action not in ACTIONS:
        raise ValueError(f"unknown action {decision.action!r}")
    if not isinstance(decision.undoes, int) or isinstance(decision.undoes, bool):
        raise ValueError("undoes is no line number")
    for change in (decision.before, decision.after):
        _check_change(change)
    return decision


def _check_change(change: Any) -> None:
    if not isinstance(change, dict) or not set(change) <= {"review", "text", "text_source", "window"}:
        raise ValueError("before or after is no change of a clip")
    if change.get("review", "") not in REVIEWS:
        raise ValueError(f"unknown review {change['review']!r}")
    if not all(isinstance(change.get(name, ""), str) for name in ("text", "text_source")):
        raise ValueError("the text is no text")
    if "window" in change:
        Window.of(change["window"])


def _read_at(descriptor: int, offset: int, end: int) -> bytes:
    parts = []
    while offset < end and (part := os.pread(descriptor, min(end - offset, 1 << 24), offset)):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _flush_folder(folder: Path) -> None:
    """Bring a new file's name to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
