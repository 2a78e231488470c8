"""What a killed run left of its outputs half-written, beside them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from demod_voice.records.atomic import TEMPORARY_MARK

MOST_FOLDERS = 4096
"""So many folders are remembered; beyond, they are looked at again."""
_FORM = re.compile(rf"{re.escape(TEMPORARY_MARK)}[0-9]+-[0-9a-f]{{8}}-(?P<name>.+?)(\.part)?", re.DOTALL)
"""An encoder writes a second file, called ``.part``, while it works."""


class Leftovers:
    """Temporary files of outputs, looked for once in each folder. Only for who alone may write these outputs now."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, list[Path]]] = {}

    def remove(self, outputs: Iterable[Path]) -> None:
        """Remove what was left of these outputs."""
        for output in outputs:
            for path in self._in(output.parent).pop(output.name, ()):
                with suppress(OSError):
                    path.unlink()

    def _in(self, folder: Path) -> dict[str, list[Path]]:
        if folder not in self._folders:
            if len(self._folders) >= MOST_FOLDERS:
                self._folders.clear()
            self._folders[folder] = _look(folder)
        return self._folders[folder]


def sweep_own(work: Path, files: Iterable[Path]) -> None:
    """Remove what a killed run left half-written of its own: in the work folder, and of the files beside it."""
    Leftovers().remove(files)
    for path in work.rglob(f"{TEMPORARY_MARK}*"):
        with suppress(OSError):
            path.unlink()


def _look(folder: Path) -> dict[str, list[Path]]:
    found: defaultdict[str, list[Path]] = defaultdict(list)
    with suppress(OSError):
        for path in folder.iterdir():
            form = _FORM.fullmatch(path.name)
            if form is not None:
                found[form["name"]].append(path)
    return found
