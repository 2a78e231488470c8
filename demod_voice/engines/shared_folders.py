"""Folders that somebody else keeps (``models.search_path``, ``engines.shared``, ``engines.search_path``): only read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from demod_voice.errors import UsageError


def shared_folders(setting: str, folders: Sequence[str]) -> list[Path]:
    """The folders that a setting names; one that is not there (a disk that is not mounted) is no fault.

    Raises:
        UsageError: this user may not read one of them, or it is no name of a folder.
    """
    return [_readable(setting, each) for each in folders]


def _readable(setting: str, folder: str) -> Path:
    try:
        path = Path(folder).expanduser()
        with os.scandir(path):
            pass
        if not os.access(path, os.X_OK):
            raise PermissionError(0, "Permission denied")
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{setting}: {folder} cannot be read: {reason}", f"ask who keeps it, or take it out of {setting}"
        ) from error
    return path
