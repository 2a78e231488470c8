"""Rows for the tests of batches, and a run of a task over them: windows, units, threads, finished rows."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from demod_voice.batch.types import Finished, Row, Timing, Unit


def rows_of(cells: Sequence[Mapping[str, str]]) -> list[Row]:
    """Rows as a reader gives them: numbered from 1, below a header."""
    return [Row(number, number + 1, dict(each)) for number, each in enumerate(cells, 1)]


def run_rows(
    task: Any, rows: Iterable[Row], jobs: int = 1, wanted: frozenset[int] | None = None
) -> dict[int, tuple[Finished, Timing]]:
    """Speak and finish rows in ``jobs + 1`` threads, as the local executor does; by number."""
    planned = task.plan([task.job(row) for row in rows])
    numbers = frozenset(job.row.number for job in planned) if wanted is None else wanted
    waiting: SimpleQueue[Unit | None] = SimpleQueue()
    for unit in task.units(planned, numbers):
        waiting.put(unit)
    done: dict[int, tuple[Finished, Timing]] = {}
    errors: list[BaseException] = []

    def work() -> None:
        try:
            while (unit := waiting.get()) is not None:
                for outcome in task.speak(unit):
                    done[outcome.job.row.number] = task.finish(outcome)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(jobs + 1)]
    for thread in threads:
        waiting.put(None)
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return done


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but those of the work folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "batch.demod" not in path.parts
    }
