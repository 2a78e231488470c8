"""``timings.csv``: how each row was made, in the order in which they ended. An observation: runs append to it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path
from types import TracebackType

from demod_voice.batch.kept.results import FLUSH_BYTES, FLUSH_S, line
from demod_voice.batch.types import Timing
from demod_voice.records.atomic import output_error

COLUMNS = ("row", "seconds", "attempt", "worker", "cached")
_TAIL = 1 << 16
"""Bytes in which the last line surely ends."""


class Timings:
    """The file, opened behind its last whole line.

    Args:
        path: of the file; made when missing.

    Raises:
        OutputError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[str] = []
        self._size = 0
        self._written = time.monotonic()
        try:
            self._file = _opened(path)
        except OSError as error:
            raise output_error(path, error) from error

    def __enter__(self) -> Timings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        except Exception:
            if error is None:
                raise
        finally:
            with suppress(OSError):
                self._file.close()

    def add(self, timing: Timing) -> None:
        """Append a row's.

        Raises:
            OutputError: the file cannot be written.
        """
        cached = "yes" if timing.cached else "no"
        text = line([str(timing.number), f"{timing.seconds:.3f}", str(timing.attempts), timing.worker, cached])
        self._waiting.append(text)
        self._size += len(text)
        if self._size >= FLUSH_BYTES:
            self.flush()

    def tick(self) -> None:
        """Write what has waited for a second.

        Raises:
            OutputError: the file cannot be written.
        """
        if time.monotonic() - self._written >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OutputError: the file cannot be written.
        """
        data = "".join(self._waiting).encode("utf-8", "replace")
        self._waiting.clear()
        self._size = 0
        self._written = time.monotonic()
        try:
            while data:
                data = data[self._file.write(data) or 0 :]
        except OSError as error:
            raise output_error(self._path, error) from error


def _opened(path: Path) -> FileIO:
    """The file behind its last whole line; one that is new, or is none of ours any more, gets its header."""
    path.touch()
    file = path.open("r+b", buffering=0)
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _TAIL)
    file.seek(start)
    tail = file.read()
    end = start + tail.rfind(b"\n") + 1 if b"\n" in tail else 0
    file.truncate(end)
    file.seek(end)
    if end == 0:
        file.write(line(COLUMNS).encode())
    return file
