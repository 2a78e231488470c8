"""One process at a time: an advisory lock on a file, released by the kernel when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from demod_voice.records.atomic import output_error


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] | None = None) -> Iterator[int]:
    """Hold the lock file at ``path`` (made when missing) for the length of the block; gives its descriptor.

    A child that is given the descriptor (``pass_fds``) holds the lock too: killed, this process does not free it.

    ``on_wait`` is called once when another process holds it, so that the user can be told. A holder may remove the file
    with its folder: who waited for it takes the new one.

    Raises:
        OutputError: the lock file cannot be made.
    """
    while True:
        with _opened(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if on_wait is not None:
                    on_wait()
                on_wait = None
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still(file, path):
                yield file.fileno()
                return


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+b")
    except OSError as error:
        raise output_error(path.parent, error) from error


def _is_still(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def held(path: Path) -> bool:
    """True while another process holds the lock file at ``path``; False also where there is none."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
