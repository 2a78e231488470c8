"""The file that everything the workers of a run log is appended to."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TextIO


class WorkerLog:
    """One file for all workers, opened with the first line. Safe for threads.

    Args:
        path: the file, or None to keep nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: TextIO | None = None

    def write(self, engine: str, line: str) -> None:
        """Append a line and flush it, so that it survives a kill of this process."""
        if self._path is None:
            return
        with self._lock:
            if self._file is None or self._file.closed:
                self._file = self._path.open("a", encoding="utf-8")
            self._file.write(f"{engine}: {line}\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file; a late line opens it again."""
        with self._lock, contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
