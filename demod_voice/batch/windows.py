"""Windows of rows: what is planned together, and the plan of what engines must speak together, on disk before it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from demod_voice.batch.types import WINDOW, Row, Unit
from demod_voice.records.atomic import output_error, write_json

PLANS = "plans"


def windows(rows: Iterable[Row]) -> Iterator[tuple[int, list[Row]]]:
    """(number from 1, its rows) of each window, read when it is asked for."""
    for number, members in groupby(rows, key=lambda row: (row.number - 1) // WINDOW + 1):
        yield number, list(members)


def store_plan(work: Path, window: int, units: Sequence[Unit]) -> None:
    """Write which rows of a window are spoken together, where that decides their bytes; nothing where none are.

    Args:
        work: the work folder of the batch.
        window: its number, from 1.
        units: of all that can be done of it, finished or not.

    Raises:
        OutputError: it cannot be written.
    """
    batches = [
        {"engine": unit.engine, "batch": unit.batch, "rows": [job.row.number for job in unit.jobs]}
        for unit in units
        if unit.batch
    ]
    path = work / PLANS / f"{window:06d}.json"
    plan = {"window": window, "batches": batches}
    if not batches or _stored(path) == plan:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from error
    write_json(path, plan)


def _stored(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
