"""A folder that is made whole: written under a temporary name, then put in its place.

What a command made once it may make again; a folder with anything else in it is never touched. ``dataset export`` and
``dataset merge`` write through this.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from demod_voice.dataset.store import refuse_inside
from demod_voice.errors import UsageError
from demod_voice.records.atomic import TEMPORARY_MARK, abandoned, output_error, write_json

MARK = ".demod-voice-export.json"
"""Lists what was written, so that nothing else is ever removed; hidden, so that readers of data sets pass it by."""


@contextmanager
def making_folder(target: Path, *, again: bool = True) -> Iterator[Path]:
    """Give an empty folder beside ``target``; in the end it takes the place of ``target``, or nothing is there of it.

    Args:
        target: not there yet, empty, or written by an earlier call.
        again: it may be made again: a list of its files is kept in it.

    Raises:
        UsageError: ``target`` holds something that was not written here; nothing was changed.
        OutputError: it cannot be written.
    """
    check_free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        folder = _temporary(target.parent)
        folder.mkdir()
    except OSError as error:
        raise output_error(target, error) from error
    try:
        yield folder
        if again:
            write_json(folder / MARK, {"format": "demod-voice-export", "files": _files(folder)})
        _swap(folder, target)
    except OSError as error:
        raise output_error(target, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_free(target: Path) -> None:
    """Refuse a target that holds what was not written here, or lies in a dataset.

    Raises:
        UsageError: names one such file, or the dataset.
    """
    refuse_inside(target)
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file", "name a folder that is not there yet")
    if not target.is_dir() or not any(target.iterdir()):
        return
    try:
        written = {MARK, *json.loads((target / MARK).read_text(encoding="utf-8"))["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{target} is not empty", "name a folder that is not there yet") from None
    foreign = [each for each in _files(target) if each not in written]
    if foreign:
        raise UsageError(f"{target} holds {foreign[0]}, which no export wrote", "move it away, or name another folder")


def link_or_copy(source: Path, target: Path, link: bool) -> bool:
    """Bring a file to ``target``; True when it is one file with the source.

    Raises:
        OSError: it cannot be read or written.
    """
    if link:
        with suppress(OSError):
            os.link(source, target)
            return True
    shutil.copyfile(source, target)
    return False


def _swap(folder: Path, target: Path) -> None:
    old = _temporary(target.parent)
    if target.is_dir():
        target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        if old.is_dir():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """What exports that were killed left beside."""
    for left in list(abandoned(parent)):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)


def _temporary(parent: Path) -> Path:
    return parent / f"{TEMPORARY_MARK}{os.getpid()}-{secrets.token_hex(4)}"


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
