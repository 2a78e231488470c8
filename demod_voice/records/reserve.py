"""Room on a disk that is held back, so that what was finished can be written down when the disk is full."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 4 << 20
"""More than the records of a second need."""
SHARE = 8
"""Of a small disk, only one part in so many of what is free."""


class Reserve:
    """A file that only takes room. Where none can be held back there is none.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with suppress(OSError):
            size = min(RESERVE_BYTES, shutil.disk_usage(path.parent).free // SHARE)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            try:
                _fill(descriptor, max(1, size))
            finally:
                os.close(descriptor)

    def give(self) -> bool:
        """Give the room back; False where none was held."""
        try:
            held = self._path.stat().st_size > 0
            self._path.unlink()
        except OSError:
            return False
        return held


def _fill(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:  # macOS
        os.write(descriptor, bytes(size))
