"""Batches on a cluster of three nodes: the same bytes as on one machine, whatever happens to the nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.batch_rows import contents, rows_of, run_rows

from demod_voice.batch.ray_executor import RayExecutor
from demod_voice.batch.speech_task import SpeechTask
from demod_voice.batch.types import Finished, Row, Timing

pytestmark = pytest.mark.cluster
Make = Callable[..., Any]


def rows(count: int, **cells: str) -> list[Row]:
    return rows_of([{"text": f"Line {n} is here.", "output": f"{n:03}.wav", **cells} for n in range(count)])


def run_on(executor: RayExecutor, task: SpeechTask, asked: Sequence[Row]) -> dict[int, tuple[Finished, Timing]]:
    """Rows by number, as an executor that is open gives them; each comes once."""
    planned = task.plan([task.job(row) for row in asked])
    units = task.units(planned, frozenset(job.row.number for job in planned))
    done = list(executor.run(iter(units), task.finish))
    assert len({each.number for each, _ in done}) == len(done)
    return {each.number: (each, timing) for each, timing in done}


def test_three_engines_give_the_files_of_one_machine(
    make: Make, executor: Make, tmp_path: Path, tiny_voice: Make
) -> None:
    cells = [{"engine": "espeak", "voice": "en-us+f3"}, {"model": tiny_voice()}, {"engine": "fake", "voice": "low"}]
    asked = rows_of(
        [{"text": f"Line {n} is here.\n\nAnd more.", "output": f"{n:03}.wav", **cells[n % 3]} for n in range(60)]
    )
    with make("here") as task:
        local = run_rows(task, asked)
    with make("there") as task, executor(task) as ray:
        found = run_on(ray, task, asked)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert {n: each for n, (each, _) in found.items()} == {
        n: _same_time(each, found[n][0]) for n, (each, _) in local.items()
    }
    assert len({timing.worker for _, timing in found.values()}) == 3


def _same_time(one: Finished, other: Finished) -> Finished:
    from dataclasses import replace

    return replace(one, mtime_ns=other.mtime_ns)
