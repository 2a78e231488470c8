"""An environment that is made again: the old one is put aside, and comes back when the new one cannot be made.

``engines/.old-NAME`` is the old one. After a kill the next command that makes or removes the engine finds it: it is the
engine's environment again, unless the new one was finished.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demod_voice.engines.stamps import STAMP


def old_folder(folder: Path) -> Path:
    """Where an environment waits while it is made again."""
    return folder.with_name(f".old-{folder.name}")


def recover(folder: Path) -> None:
    """Undo what a killed process has begun. Only for who holds the environment's lock.

    Raises:
        OSError: it cannot be done.
    """
    old = old_folder(folder)
    if not old.exists():
        return
    if (folder / STAMP).is_file() or not (old / STAMP).is_file():
        discard(old)
    else:
        discard(folder)
        old.rename(folder)


@contextmanager
def put_aside(folder: Path, keep: bool) -> Iterator[None]:
    """Make way for a new environment for the length of the block; what was there returns when it fails.

    Args:
        folder: where the environment is, or will be.
        keep: False where there is no room for both: the old one goes first.

    Raises:
        OSError: it cannot be done.
    """
    old = old_folder(folder)
    if keep and (folder / STAMP).is_file():
        folder.rename(old)
    else:
        discard(folder)
    try:
        yield
    except BaseException:
        if old.exists():
            discard(folder)
            old.rename(folder)
        raise
    discard(old)


def discard(folder: Path) -> None:
    """Remove an environment, its stamp first: killed in the middle, it is no environment any more. Of a link the link."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        (folder / STAMP).unlink(missing_ok=True)
        shutil.rmtree(folder)
