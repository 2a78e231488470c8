"""The executor of one machine: order, bounds, failures, interrupts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.batches import PlainTask, rows_of

from demod_voice.batch.local import LocalExecutor
from demod_voice.batch.types import DONE, FAILED, SKIPPED, Finished, Unit
from demod_voice.errors import OutputError


def units_of(task: PlainTask, texts: list[str]) -> list[Unit]:
    jobs = [task.job(row) for row in rows_of(texts)]
    return task.units(jobs, frozenset(job.row.number for job in jobs))


def run(task: PlainTask, texts: list[str], jobs: int = 2) -> dict[int, Finished]:
    executor = LocalExecutor(task.speak, jobs)
    return {record.number: record for record, _ in executor.run(units_of(task, texts), task.finish)}


def test_every_row_comes_once(tmp_path: Path) -> None:
    task = PlainTask(tmp_path)
    found = run(task, [f"text {number}" for number in range(100)])
    assert sorted(found) == list(range(1, 101))
    assert {record.status for record in found.values()} == {DONE}
    assert all(task.spoken[number] == 1 for number in found)
    assert (tmp_path / "7.txt").read_bytes() == b"text 6 " * 8


def test_one_thread_more_than_jobs(tmp_path: Path) -> None:
    task = PlainTask(tmp_path, size=1)
    run(task, ["slow 0.02"] * 20, jobs=2)
    assert task.most_at_once == 3


def test_what_goes_wrong_with_a_row_is_that_rows_failure(tmp_path: Path) -> None:
    task = PlainTask(tmp_path, size=1)
    found = run(task, ["fine", "fail", "crash", "silent", "unwritable", "skip", "fine too"])
    assert [found[number].status for number in range(1, 8)] == [DONE, FAILED, FAILED, FAILED, FAILED, SKIPPED, DONE]
    assert found[2].error == "it would not"
    assert "unexpected ValueError: a defect" in found[3].error
    assert "gave nothing" in found[4].error
    assert "cannot write" in found[5].error


def test_after_a_defect_the_rest_of_its_unit_fails_and_no_more(tmp_path: Path) -> None:
    task = PlainTask(tmp_path, size=2)
    found = run(task, ["aaaaa", "crash", "fineaaa", "fineaaaa"])
    assert [found[number].status for number in range(1, 5)] == [DONE, FAILED, DONE, DONE]


def test_units_are_pulled_as_there_is_room(tmp_path: Path) -> None:
    task = PlainTask(tmp_path, size=1)
    units = units_of(task, ["slow 0.01"] * 50)
    pulled = ended = most = 0

    def feed() -> Iterator[Unit]:
        nonlocal pulled
        for unit in units:
            pulled += 1
            yield unit

    for _ in LocalExecutor(task.speak, 1).run(feed(), task.finish):
        most = max(most, pulled - ended)
        ended += 1
    assert ended == 50
    assert most <= 6


def test_none_waits_for_something_to_finish(tmp_path: Path) -> None:
    task = PlainTask(tmp_path, size=1)
    units = units_of(task, ["slow 0.02"] * 4)
    seen: list[int] = []

    def feed() -> Iterator[Unit | None]:
        for unit in units:
            before = len(seen)
            yield unit
            while len(seen) == before:
                yield None

    for record, _ in LocalExecutor(task.speak, 4).run(feed(), task.finish):
        seen.append(record.number)
    assert len(seen) == 4
    assert task.most_at_once == 1


def test_a_full_disk_stops_it_and_what_is_finished_was_given(small_disk) -> None:
    task = PlainTask(small_disk(1), size=1)
    given = []
    with pytest.raises(OutputError, match="full"):
        for record, _ in LocalExecutor(task.speak, 1).run(units_of(task, ["y" * 20_000] * 100), task.finish):
            given.append(record)
    assert 2 <= len(given) <= 8
    assert {record.status for record in given} == {DONE}


def test_left_alone_it_stops_at_once(tmp_path: Path) -> None:
    task = PlainTask(tmp_path, size=1)
    results = LocalExecutor(task.speak, 2).run(units_of(task, ["x", *["slow 5"] * 10]), task.finish)
    next(results)
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 1.0
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("batch-"))
