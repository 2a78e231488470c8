"""The jobs file while a batch is at work: it is read twice, and must be the same file both times."""

from __future__ import annotations

from pathlib import Path

from demod_voice.errors import UsageError
from demod_voice.records.hashing import hash_file


class Source:
    """Notices a table that changed after it was looked through.

    Args:
        path: of the table.
        sha256: of it when it was looked through.
    """

    def __init__(self, path: Path, sha256: str) -> None:
        self._path, self._sha256 = path, sha256
        self._seen: tuple[int, ...] = ()

    def check(self) -> None:
        """Compare; its bytes only when it looks different.

        Raises:
            UsageError: it changed, or is gone.
        """
        try:
            status = self._path.stat()
            seen = (status.st_size, status.st_mtime_ns, status.st_ino)
            if seen == self._seen:
                return
            same = hash_file(self._path) == self._sha256
        except OSError as error:
            raise UsageError(f"{self._path} cannot be read any more: {error.strerror or error}", _HINT) from error
        if not same:
            raise UsageError(f"{self._path} was changed while its rows were worked on", _HINT)
        self._seen = seen


_HINT = "run the same command again: finished rows are kept, and only what changed is done again"
