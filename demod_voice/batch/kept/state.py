"""``state.json`` in the work folder: how far a run is, for those who ask while it is at work, and after a kill."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from demod_voice.batch.kept.summary import Tally
from demod_voice.records.atomic import TEMPORARY_MARK

STATE = "state.json"
_COUNTS = ("rows", "done", "failed", "skipped", "reused", "made")


class State:
    """Writes the counts of a run. Nothing depends on them, so that nothing waits for the disk, and no error is told.

    Args:
        path: of the file.
        tally: the counts.
    """

    def __init__(self, path: Path, tally: Tally) -> None:
        self._path, self._tally = path, tally

    def write(self) -> None:
        """Write the counts as they are now."""
        temporary = self._path.with_name(f"{TEMPORARY_MARK}{self._path.name}")
        with suppress(OSError):
            temporary.write_text(json.dumps({name: getattr(self._tally, name) for name in _COUNTS}) + "\n")
            temporary.replace(self._path)


def read_state(path: Path) -> dict[str, Any]:
    """The counts that were written last; empty where none were."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
