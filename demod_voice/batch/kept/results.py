"""``results.csv``: what became of each row, in the order of the rows, written as it goes.

It is a result: the same bytes after any number of kills. A run that goes on leaves the file as it is as far as it
agrees, so that it is never emptied only to be filled again.
"""

from __future__ import annotations

import csv
import io
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from demod_voice.batch.types import Finished
from demod_voice.records.atomic import output_error

COLUMNS = ("row", "status", "output", "sha256", "audio_s", "engine", "error", "notes", "id")
"""Before those that are carried through from the table."""
FLUSH_S = 1.0
FLUSH_BYTES = 1 << 18
"""Lines are written together, at the latest when they are so old or so many."""
_RUN = ("=", "@", "\t", "\r", "+", "-")
"""How a cell begins that a spreadsheet would compute."""
_NUMBER = re.compile(r"[+-](\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?")


class Results:
    """The file; rows come in any order and are held until it is their turn.

    Args:
        path: of the file.
        carried: columns of the table that mean nothing to the task; one that is called like one of ``COLUMNS`` gets
            ``jobs_`` before its name.
        told: called with each row when it is written, in the order of the rows.

    Raises:
        OutputError: the file cannot be opened.
    """

    def __init__(self, path: Path, carried: Sequence[str], told: Callable[[Finished], None] = lambda _: None) -> None:
        self.next = 1
        """The first row that has no result yet."""
        self._carried = tuple(carried)
        self._told = told
        self._held: dict[int, tuple[Finished, tuple[str, ...]]] = {}
        self._file = _Continued(path)
        self._file.add(line([*COLUMNS, *(f"jobs_{name}" if name in COLUMNS else name for name in self._carried)]))

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close(quietly=error is not None)

    def add(self, record: Finished, cells: Mapping[str, str]) -> None:
        """Take the result of a row, and the cells that it had in the table.

        Raises:
            OutputError: the file cannot be written.
        """
        self._held[record.number] = (record, tuple(cells.get(name, "") for name in ("id", *self._carried)))
        while self.next in self._held:
            ready, carried = self._held.pop(self.next)
            self._file.add(line([*_cells(ready), *carried]))
            self._told(ready)
            self.next += 1

    def tick(self) -> None:
        """Write what has waited for a second.

        Raises:
            OutputError: the file cannot be written.
        """
        self._file.tick()

    def complete(self) -> None:
        """Every row was given: what an earlier run left behind the last one is cut off.

        Raises:
            OutputError: the file cannot be written.
        """
        self._file.end()


class _Continued:
    """A file that is written again from its beginning: where it has these bytes already, nothing is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[bytes] = []
        self._size = 0
        self._position = 0
        self._agrees = True
        self._written = time.monotonic()
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise output_error(path, error) from error

    def add(self, text: str) -> None:
        """Bytes that come next."""
        data = text.encode("utf-8", "replace")
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= FLUSH_BYTES:
            self.flush()

    def tick(self) -> None:
        """Write, where that was not done in the last second."""
        if time.monotonic() - self._written >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        data = b"".join(self._waiting)
        try:
            self._put(data)
        except OSError as error:
            raise output_error(self._path, error) from error
        self._waiting.clear()
        self._size = 0
        self._written = time.monotonic()

    def end(self) -> None:
        """Write what waits, and cut off what comes after it."""
        self.flush()
        try:
            if os.fstat(self._descriptor).st_size != self._position:
                os.ftruncate(self._descriptor, self._position)
        except OSError as error:
            raise output_error(self._path, error) from error

    def close(self, quietly: bool) -> None:
        """Write what waits, and close; ``quietly`` where another error is on its way."""
        try:
            self.flush()
        except Exception:
            if not quietly:
                raise
        finally:
            with suppress(OSError):
                os.close(self._descriptor)

    def _put(self, data: bytes) -> None:
        if self._agrees and os.pread(self._descriptor, len(data), self._position) == data:
            self._position += len(data)
            return
        if self._agrees:
            os.ftruncate(self._descriptor, self._position)
            self._agrees = False
        at = 0
        while at < len(data):
            at += os.pwrite(self._descriptor, data[at:], self._position + at)
        self._position += len(data)


def line(cells: Sequence[str]) -> str:
    """A line of CSV that no spreadsheet computes anything of."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([plain(cell) for cell in cells])
    return text.getvalue().removesuffix("\r\n") + "\n"


def plain(cell: str) -> str:
    """A cell with an apostrophe before it where a spreadsheet would take it for a formula; numbers stay numbers."""
    return f"'{cell}" if cell.startswith(_RUN) and not _NUMBER.fullmatch(cell) else cell


def told_error(record: Finished) -> str:
    """What went wrong with a row, and what to do about it, in one line."""
    message, hint = (" ".join(text.split()) for text in (record.error, record.hint))
    if not hint:
        return message
    return f"{message}; {hint}" if "(" in hint else f"{message} ({hint})"


def _cells(record: Finished) -> list[str]:
    audio_s = f"{record.audio_s:.6f}".rstrip("0").rstrip(".") if record.audio_s else ""
    return [
        str(record.number),
        record.status,
        record.output,
        record.sha256,
        audio_s,
        record.engine,
        told_error(record),
        record.notes,
    ]
