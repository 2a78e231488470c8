"""Files that are whole or absent: written under a temporary name in the same folder, flushed, then renamed."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from demod_voice.errors import OutputError

TEMPORARY_MARK = ".tmp-"


@contextmanager
def replacing(path: Path, flushed: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it over ``path`` when the block ends without an error.

    The name keeps ``path``'s suffix, so encoders that look at it still work. The file is flushed to disk first, unless
    its content is verified by a hash when it is used.

    Raises:
        OutputError: the folder is missing or read-only, or the disk is full; names the path.
    """
    temporary = path.with_name(_temporary_name(path))
    try:
        yield temporary
        if flushed:
            flush(temporary)
        temporary.replace(path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        # What could not be made cannot be removed either; the first error is the one to tell.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_name(path: Path) -> None:
    """Find out before the work that ``path`` and its temporary name have names that the file system takes.

    Raises:
        OutputError: the name is too long.
    """
    try:
        most = os.pathconf(path.parent, "PC_NAME_MAX")
    except OSError:
        return  # the folder itself is wrong, which the writing tells
    if len(os.fsencode(_temporary_name(path))) > most:
        raise output_error(path, OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG)))


def check_output(path: Path) -> None:
    """Find out before the work that the folder of ``path`` is there, and that it takes the name.

    Raises:
        OutputError: it does not.
    """
    if not path.parent.is_dir():
        raise output_error(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    check_name(path)


def _temporary_name(path: Path) -> str:
    return f"{TEMPORARY_MARK}{os.getpid()}-{secrets.token_hex(4)}-{path.name}"


def sweep(paths: Iterable[Path]) -> None:
    """Remove what killed processes left of ``paths`` half-written. Only for who alone may write them now."""
    for path in paths:
        left = re.compile(rf"{re.escape(TEMPORARY_MARK)}[0-9]+-[0-9a-f]{{8}}-{re.escape(path.name)}")
        for each in path.parent.iterdir():
            if left.fullmatch(each.name):
                each.unlink(missing_ok=True)


def abandoned(folder: Path, name: str = "", least_age_s: float = 0.0) -> Iterator[Path]:
    """What processes that have ended left half-written in ``folder``: of the file ``name``, else the nameless folders.

    For who holds no lock: what a living process of this machine writes is left alone, and so is what is younger than
    ``least_age_s`` (in a folder that other machines write to, whose processes cannot be seen).
    """
    form = re.compile(rf"{re.escape(TEMPORARY_MARK)}([0-9]+)-[0-9a-f]{{8}}" + (re.escape(f"-{name}") if name else ""))
    for path in folder.iterdir() if folder.is_dir() else ():
        found = form.fullmatch(path.name)
        with suppress(OSError):
            if found and not _lives(int(found[1])) and time.time() - path.lstat().st_mtime >= least_age_s:
                yield path


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 with ``\\n`` line ends, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value, indented, keys in the order given, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def output_error(path: Path, error: OSError) -> OutputError:
    """The error that a person can act on, for an OS error while writing ``path``."""
    reasons = {
        errno.ENOSPC: ("the disk is full", "free some space and run the same command again: finished work is kept"),
        errno.EDQUOT: ("the disk quota is used up", "free some space and run the same command again"),
        errno.ENOENT: ("its folder does not exist", f"make it first: mkdir -p '{path.parent}'"),
        errno.ENOTDIR: ("a part of its path is not a folder", "choose another output path"),
        errno.EACCES: ("no permission to write there", "choose another output folder"),
        errno.EPERM: ("no permission to write there", "choose another output folder"),
        errno.EROFS: ("the file system is read-only", "choose another output folder"),
        errno.EISDIR: ("it is a folder", "give a file name"),
        errno.EEXIST: ("a file of that name is in the way", "move it away, or choose another output name"),
        errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
    }
    if error.errno == errno.ENOENT and path.parent.is_dir():
        return OutputError(f"cannot write {path}: nothing can be made there", "choose another output folder")
    reason, hint = reasons.get(error.errno or 0, (error.strerror or str(error), None))
    return OutputError(f"cannot write {path}: {reason}", hint)


def flush(path: Path) -> None:
    """Bring a file's bytes to the disk, so that a rename after it is never ahead of them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
