"""The output folder of a batch between its runs: how far it is, and what can be taken away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_voice.batch.kept.state import STATE, read_state
from demod_voice.batch.own_files import WORK
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.errors import UsageError
from demod_voice.records.atomic import TEMPORARY_MARK, output_error
from demod_voice.records.lock import held, locked

LOCK = "lock"


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How far a batch is; of one that is at work, half a second ago."""

    out_dir: Path
    at_work: bool
    """A run works on it now."""
    rows: int
    done: int
    failed: int
    left: int
    """Rows that the next run would begin with, or this one has before it."""


def status(folder: Path, settings: Settings) -> BatchStatus:
    """How far the batch of an output folder is.

    Raises:
        UsageError: it is no output folder of a batch.
    """
    work = _work(folder, settings)
    at_work = held(work / LOCK)
    told = read_state(work / STATE)
    rows, done, failed = (_count(told, name) for name in ("rows", "done", "failed"))
    return BatchStatus(work.parent, at_work, rows, done, failed, max(0, rows - done - failed))


def clean(folder: Path, settings: Settings) -> int:
    """Remove the work folder and return the bytes that were freed; outputs and results stay.

    Raises:
        UsageError: it is no output folder of a batch, or a run works on it.
        OutputError: it cannot be removed.
    """
    work = _work(folder, settings)

    def refuse() -> None:
        raise UsageError(
            f"a run works on {work.parent}", "wait until it has ended, or interrupt it; nothing was removed"
        )

    with locked(work / LOCK, refuse):
        size = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
        doomed = work.with_name(f"{TEMPORARY_MARK}{os.getpid()}-{work.name}")
        try:
            for left in work.parent.glob(f"{TEMPORARY_MARK}*-{work.name}"):
                shutil.rmtree(left)
            work.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise output_error(work, error) from error
    return size


def _work(folder: Path, settings: Settings) -> Path:
    """The work folder of an output folder; it may be given itself."""
    work = folder if folder.name == WORK else folder / WORK
    check_inside([work], settings.paths.allowed_roots)
    if not work.is_dir():
        raise UsageError(
            f"{folder} is not the output folder of a batch", f"it has no {WORK}; give the --out-dir of a run"
        )
    return work


def _count(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name, 0)
    return value if isinstance(value, int) else 0
