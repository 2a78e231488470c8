"""Rows of an engine whose bytes depend on what is spoken together: full batches, planned from all rows, in every key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from support.batch_rows import contents, rows_of, run_rows

from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.types import DONE, FAILED, Row
from demod_voice.config import load_settings
from demod_voice.voices.choice import VoiceChoice

Make = Callable[..., SpeechTask]
UNCACHED = {"cache.enabled": False}


def rows(texts: Sequence[str]) -> list[Row]:
    return rows_of([{"text": text, "output": f"{n}.wav"} for n, text in enumerate(texts)])


def plain(count: int) -> list[Row]:
    return rows([f"This is text number {n:02}." for n in range(count)])


def voice(log: Path) -> VoiceChoice:
    return VoiceChoice(engine="together", style={"log": str(log)})


def said(log: Path) -> list[list[str]]:
    return [line.split(" | ") for line in log.read_text().splitlines()] if log.exists() else []


def test_batches_are_full_and_spoken_as_one_order(make: Make, tmp_path: Path, together_engine: Path) -> None:
    with make(voice=voice(tmp_path / "log")) as task:
        planned = task.plan([task.job(row) for row in plain(10)])
        units = task.units(planned, frozenset(range(1, 11)))
        done = run_rows(task, plain(10))
    assert [len(unit.jobs) for unit in units] == [4, 4, 2]
    assert len({unit.batch for unit in units}) == 3
    spoken = sorted(said(tmp_path / "log"))  # two threads share the worker: which batch is first says nothing
    assert spoken == sorted([job.row.cell("text") for job in unit.jobs] for unit in units)
    assert {record.status for record, _ in done.values()} == {DONE}


def test_the_order_of_the_table_is_nothing_to_a_batch(make: Make, tmp_path: Path, together_engine: Path) -> None:
    table = plain(10)
    sorted_anew = [replace(row, number=11 - row.number) for row in reversed(table)]
    with make(voice=voice(tmp_path / "log")) as task:
        first, second = (
            {job.shown: job.key for job in task.plan(list(map(task.job, each)))} for each in (table, sorted_anew)
        )
    assert len(set(first.values())) == 10
    assert first == second


def test_a_part_of_the_rows_gives_the_same_bytes(make: Make, tmp_path: Path, together_engine: Path) -> None:
    off = load_settings(**UNCACHED)
    with make(out="whole", voice=voice(tmp_path / "log"), settings=off) as task:
        whole = run_rows(task, plain(10))
    with make(out="parts", voice=voice(tmp_path / "log"), settings=off, jobs=2) as task:
        first = run_rows(task, plain(10), 2, frozenset([2, 9]))
        rest = run_rows(task, plain(10)[::1], 2, frozenset(range(1, 11)) - {2, 9})
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")
    assert {**first, **rest}[2][0].key == whole[2][0].key
    assert sorted(first) == [2, 9]
    assert len(said(tmp_path / "log")) == 3 + 2 + 3, "a batch is spoken whole for each of its parts"


def test_a_finished_batch_comes_from_the_cache(make: Make, tmp_path: Path, together_engine: Path) -> None:
    with make(out="one", voice=voice(tmp_path / "log")) as task:
        run_rows(task, plain(4))
    with make(out="two", voice=voice(tmp_path / "log")) as task:
        done = run_rows(task, plain(4))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(said(tmp_path / "log")) == 1
    assert all(timing.cached for _, timing in done.values())


def test_another_batch_is_another_key(make: Make, together_engine: Path) -> None:
    with make(voice=VoiceChoice(engine="together")) as task:
        four = task.plan([task.job(row) for row in plain(4)])
        three = task.plan([task.job(row) for row in plain(3)])
        assert [job.key for job in four[:3]] != [job.key for job in three]
        assert task.job(plain(1)[0]).key == task.job(plain(4)[0]).key


def test_long_rows_take_more_room_than_one(make: Make, tmp_path: Path, together_engine: Path) -> None:
    text = "One sentence that is long enough here. Another one that follows the first. And then a third one."
    with make(voice=voice(tmp_path / "log")) as task:
        done = run_rows(task, rows([text, f"{text}\n\nA paragraph.", "Short."]))
    assert {record.status for record, _ in done.values()} == {DONE}
    assert sorted(map(len, said(tmp_path / "log"))) == [2, 4], "2 + 2 + 1 + 1 pieces"


def test_bad_takes_are_tried_again_alone(make: Make, tmp_path: Path, together_engine: Path) -> None:
    table = rows(["Line one here.", "[[silent]] Line two.", "[[mute]] Line three.", "[[refuse]] Line four."])
    with make(out="one", voice=voice(tmp_path / "log")) as task:
        done = {number: each for number, (each, _) in run_rows(task, table).items()}
    off = load_settings(**UNCACHED)
    with make(out="two", voice=voice(tmp_path / "log"), settings=off) as task:
        run_rows(task, table, wanted=frozenset([2]))
        run_rows(task, table, wanted=frozenset([1, 3, 4]))
    assert [done[n].status for n in range(1, 5)] == [DONE, DONE, FAILED, FAILED]
    assert "silent" in done[3].error
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(said(tmp_path / "log")[0]) == 4
    assert ["[[silent]] Line two."] in said(tmp_path / "log")


def test_a_row_that_kills_its_batch_fails_alone(make: Make, tmp_path: Path, together_engine: Path) -> None:
    table = rows([f"Line number {n}." for n in range(3)] + ["[[crash]] Line number 4."] + ["More and more text."] * 3)
    off = load_settings(**UNCACHED)
    with make(out="one", voice=voice(tmp_path / "log"), settings=off) as task:
        done = {number: each for number, (each, _) in run_rows(task, table).items()}
    with make(out="two", voice=voice(tmp_path / "log"), settings=off, jobs=2) as task:
        run_rows(task, table, 2, frozenset([1, 4]))
        run_rows(task, table, 2, frozenset([2, 3, 5, 6, 7]))
    assert [done[n].status for n in range(1, 8)] == [DONE, DONE, DONE, FAILED, DONE, DONE, DONE]
    assert done[4].error == "engine together died (SIGSEGV)"
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert [len(each) for each in said(tmp_path / "log")].count(3) == 3 * 2, "the pool tries a batch once more"


def test_a_busy_machine_changes_no_byte_of_a_batch(make: Make, tmp_path: Path, together_engine: Path) -> None:
    trouble = tmp_path / "trouble"
    style = {"log": str(tmp_path / "log"), "trouble": str(trouble)}
    short = load_settings(**UNCACHED, **{"engines.timeouts.speak": 1.0})
    with make(out="calm", voice=VoiceChoice(engine="together", style=style), settings=short) as task:
        run_rows(task, plain(4))
    trouble.write_text("")
    with make(out="busy", voice=VoiceChoice(engine="together", style=style), settings=short) as task:
        run_rows(task, plain(4))
    assert not trouble.exists()
    assert contents(tmp_path / "calm") == contents(tmp_path / "busy")
    assert [len(each) for each in said(tmp_path / "log")] == [4, 4, 4]
