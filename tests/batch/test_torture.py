"""Batches in which things go wrong, through the real command: each bad row fails alone, and the others are as ever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.batch_runs import BatchFolder, end, fake_rows, workers
from support.signals import noise, wav

SLOW = pytest.mark.slow
FAKE = ("--engine", "fake")
POISON = "[[kill]] "
EVERY_ILL = {
    "kill": "EngineCrashed",
    "abort": "EngineCrashed",
    "crash": "EngineCrashed",
    "exit 3": "EngineCrashed",
    "hang": "EngineTimedOut",
    "refuse": "EngineRefused",
    "raise": "EngineFailed",
    "bug": "EngineFailed",
    "oom": "EngineOutOfMemory",
    "badframe": "EngineBrokenProtocol",
    "flood": "EngineBrokenProtocol",
}
"""What a text asks of the fake engine: every row of these fails."""
HARMLESS = ("print", "log", "slow 0.1")

Make = Callable[..., BatchFolder]


@pytest.fixture
def batch(tmp_path: Path, fake_engine: Path) -> Make:
    """Make the folder of a batch with the fake engine."""

    def make(name: str = "b", flags: tuple[str, ...] = FAKE, **environ: str) -> BatchFolder:
        return BatchFolder(tmp_path / name, flags, {"DEMOD_VOICE_ENGINES__TIMEOUTS__SPEAK": "2", **environ})

    return make


@pytest.mark.parametrize("jobs", ["4", pytest.param("1", marks=SLOW)])
@pytest.mark.parametrize("bad", [(5, 6, 7), *(pytest.param(each, marks=SLOW) for each in ((1,), (12,)))])
def test_a_poisoned_row_fails_alone(batch: Make, bad: tuple[int, ...], jobs: str) -> None:
    calm, made = batch("calm"), batch("poisoned")
    calm.write(fake_rows(12))
    assert calm.run("--jobs", jobs).code == 0
    made.write(fake_rows(12, {number: f"{POISON}{number}" for number in bad}))
    ended = made.run("--jobs", jobs)
    assert ended.code == 4, ended.error
    assert made.statuses() == ["failed" if number in bad else "done" for number in range(1, 13)]
    expected, found = calm.digest(), made.digest()
    for number in range(1, 13):
        name = f"{number:04d}.wav"
        assert found.get(name) == (None if number in bad else expected[name])
    assert all("SIGKILL" in made.rows()[number - 1]["error"] for number in bad)


@SLOW
@pytest.mark.parametrize("bad", [(1,), (14,), (5, 6, 7)])
def test_a_poisoned_row_of_a_batch_that_is_spoken_together(
    batch: Make, together_engine: Path, bad: tuple[int, ...]
) -> None:
    texts = {number: f"[[crash]] {number}" for number in bad}
    digests = []
    for name, jobs in (("one", "1"), ("four", "4"), ("ended", "2")):
        made = batch(name, ("--engine", "together", "--jobs", jobs))
        made.write(fake_rows(14, texts))
        if name == "ended":
            process = made.start()
            made.wait_for_outputs(2, process)
            end(process)
        ended = made.run()
        assert ended.code == 4, ended.error
        assert made.statuses() == ["failed" if number in bad else "done" for number in range(1, 15)]
        digests.append(made.digest())
    assert digests[0] == digests[1] == digests[2]


@SLOW
def test_every_ill_fails_alone_and_is_told_alike_in_any_order(batch: Make) -> None:
    texts = {2 * n: f"[[{ill}]] {n}" for n, ill in enumerate(EVERY_ILL, 1)}
    texts |= {2 * n - 1: f"[[{word}]] {n}" for n, word in enumerate(HARMLESS, 1)}
    digests = []
    for jobs in ("1", "3"):
        made = batch(f"jobs{jobs}")
        made.write(fake_rows(2 * len(EVERY_ILL) + 1, texts))
        ended = made.run("--jobs", jobs)
        assert ended.code == 4, ended.error
        assert made.statuses() == [*["done", "failed"] * len(EVERY_ILL), "done"]
        assert all(row["error"] for row in made.rows() if row["status"] == "failed")
        digests.append(made.digest())
    assert digests[0] == digests[1]


@SLOW
def test_failed_rows_are_tried_again_when_asked(batch: Make, tmp_path: Path) -> None:
    made = batch()
    made.write(fake_rows(4, {2: f"[[crash-once {tmp_path / 'x'}]] [[crash-once {tmp_path / 'y'}]] two"}))
    assert made.run().code == 4
    assert made.statuses() == ["done", "failed", "done", "done"]
    before = {path: path.stat().st_mtime_ns for path in made.outputs()}
    assert made.run().code == 4
    assert made.statuses()[1] == "failed"
    assert made.run("--retry-failed").code == 0
    assert made.statuses() == ["done"] * 4
    assert {path: path.stat().st_mtime_ns for path in before} == before


@SLOW
def test_an_engine_that_always_dies_is_given_up_and_another_goes_on(batch: Make, espeak_engine: Path) -> None:
    made = batch("b", ())
    bad = [{**row, "engine": "fake"} for row in fake_rows(20, {n: f"{POISON}{n}" for n in range(1, 21)})]
    good = [{"text": "Good.", "output": f"good{n}.wav", "engine": "espeak"} for n in range(3)]
    made.write([*bad, *good])
    ended = made.run("--jobs", "1")
    assert ended.code == 4, ended.error
    statuses = made.statuses()
    assert statuses[20:] == ["done"] * 3
    assert statuses[:20].count("failed") >= 8
    assert statuses[:20].count("skipped") >= 10
    made.write([*({**row, "text": row["text"].replace(POISON, "")} for row in bad), *good])
    assert made.run("--jobs", "1").code == 0
    assert made.statuses() == ["done"] * 23


@SLOW
def test_on_error_stop_begins_nothing_more(batch: Make) -> None:
    made = batch()
    made.write(fake_rows(60, {1: "[[raise]]"}))
    ended = made.run("--on-error", "stop", "--jobs", "1")
    assert ended.code == 4, ended.error
    assert made.statuses()[0] == "failed"
    assert "skipped" in made.statuses()
    made.write(fake_rows(60))
    assert made.run().code == 0
    assert made.statuses() == ["done"] * 60


@SLOW
def test_a_reference_that_vanishes_midway(batch: Make, together_engine: Path) -> None:
    """While two slow rows of the fake engine keep both threads busy."""

    def prepared(name: str) -> BatchFolder:
        made = batch(name, ("--consent", "self", "--jobs", "1"))
        for number in (1, 2):
            wav(made.folder / f"who{number}.wav", noise(number, 8.0, -25.0, 24000), 24000)
        slow = [
            {"text": "[[slow 2]] one", "output": f"{voice}.wav", "engine": "fake", "voice": voice}
            for voice in ("low", "high")
        ]
        cloned = [
            {"text": f"With voice {n}.", "output": f"who{n}.wav", "engine": "together", "reference": f"who{n}.wav"}
            for n in (1, 2)
        ]
        made.write([*slow, *cloned])
        return made

    calm, made = prepared("calm"), prepared("vanished")
    assert calm.run().code == 0
    process = made.start()
    deadline = time.monotonic() + 30
    while not workers(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    kept = (made.folder / "who2.wav").rename(made.folder / "kept.wav")
    _, error = process.communicate(timeout=60)
    assert "Traceback" not in error
    assert made.statuses() == ["done", "done", "done", "failed"]
    assert "who2.wav" in made.rows()[3]["error"]
    assert process.returncode == 4
    assert str(made.folder) not in (made.out / "results.csv").read_text()
    kept.rename(made.folder / "who2.wav")
    assert made.run("--retry-failed").code == 0
    assert made.digest() == calm.digest()


@pytest.mark.slow
def test_a_full_disk_stops_and_space_goes_on(batch: Make, small_disk: Callable[[int], Path]) -> None:
    calm, made = batch("calm"), batch("full")
    for each in (calm, made):
        each.write(fake_rows(120))
    assert calm.run().code == 0
    disk = small_disk(2)
    made.out.symlink_to(disk)
    ended = made.run("--jobs", "2")
    assert ended.code == 7, ended.error
    assert "full" in ended.error
    kept = {path: path.stat().st_mtime_ns for path in made.outputs()}
    assert 0 < len(kept) < 120
    assert not list(disk.rglob(".tmp-*"))
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    ended = made.run("--jobs", "2")
    assert ended.code == 0, ended.error
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert made.digest() == calm.digest()


@SLOW
def test_an_output_folder_that_cannot_be_written_to(batch: Make, small_disk: Callable[[int], Path]) -> None:
    made = batch()
    made.write(fake_rows(3))
    disk = small_disk(1)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    made.out.symlink_to(disk)
    for flag in ((), ("--no-check",)):
        ended = made.run(*flag)
        assert ended.code == 7, ended.error
        assert len(ended.error.splitlines()) <= 3


def test_a_folder_that_cannot_be_made_is_the_fault_of_its_row(batch: Make) -> None:
    made = batch()
    rows = fake_rows(4)
    rows[1]["output"] = "sub/two.wav"
    made.write(rows)
    made.out.mkdir()
    (made.out / "sub").write_text("in the way")
    ended = made.run()
    assert ended.code == 2
    assert "sub/two.wav" in ended.error
    assert not (made.out / "0001.wav").exists()
    ended = made.run("--no-check")
    assert made.statuses() == ["done", "failed", "done", "done"], ended.error
    assert str(made.folder) not in (made.out / "results.csv").read_text()


def test_cells_of_every_kind(batch: Make) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=2", "-2.5", "=cmd|' /C calc'!A0"]
    texts = [
        "Smile \U0001f600!",
        "שלום עולם",
        "\u202eright to left\u202c",
        "a\u0301\u0301\u0301",
        'He said "no", twice.',
    ]
    long = "word " * 200_000
    rows = [
        *({"text": "Fine.", "output": f"f{n}.wav", "note": note} for n, note in enumerate(formulas)),
        *({"text": text, "output": f"t{n}.wav", "note": text} for n, text in enumerate(texts)),
        {"text": long, "output": "long.wav", "note": ""},
        {"text": "Fine.", "output": "zero.wav", "note": "before\0after"},
        {"text": "Fine.", "output": "=output.wav", "note": "ok"},
        {"text": "Fine.", "output": "last.wav", "note": "line\nbreak"},
    ]
    made = batch()
    made.write(rows)
    ended = made.run("--no-check")
    assert ended.code != 0
    found = {row["output"].lstrip("'"): row for row in made.rows()}
    assert len(made.rows()) == len(rows)
    assert [found[f"f{n}.wav"]["note"] for n in range(len(formulas))] == [
        note if note in ("+1", "-1", "-2.5") else f"'{note}" for note in formulas
    ]
    assert [found[f"t{n}.wav"]["note"] for n in range(len(texts))] == texts
    failed = {name for name, row in found.items() if row["status"] == "failed"}
    assert failed == {"long.wav", "zero.wav"}
    assert found["last.wav"]["note"] == "line\nbreak"
    assert made.rows()[-2]["output"] == "'=output.wav"


@SLOW
def test_two_runs_on_one_folder(batch: Make) -> None:
    made = batch()
    made.write(fake_rows(6, {1: "[[slow 8]] one"}))
    first = made.start("--jobs", "1")
    deadline = time.monotonic() + 30
    while not workers(first.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    ended = made.run("--no-wait")
    assert ended.code != 0
    assert "another" in ended.error
    waiting = made.run("--jobs", "1")
    assert waiting.code == 0
    assert "waiting" in waiting.error
    assert first.wait(30) == 0
    first.communicate()
    assert made.statuses() == ["done"] * 6


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGKILL, -9),
        *(pytest.param(*each, marks=SLOW) for each in ((signal.SIGINT, 130), (signal.SIGTERM, 143))),
    ],
)
@pytest.mark.slow
def test_a_run_that_is_ended_goes_on(batch: Make, number: int, code: int) -> None:
    calm, made = batch("calm"), batch("ended")
    for each in (calm, made):
        each.write(fake_rows(24, {n: f"[[slow 0.1]] {n}" for n in range(1, 25)}))
    assert calm.run().code == 0
    process = made.start("--jobs", "2")
    made.wait_for_outputs(5, process)
    began = time.monotonic()
    assert end(process, number).code == code
    assert time.monotonic() - began < 10
    assert made.run("--jobs", "1").code == 0
    assert made.digest() == calm.digest()
    assert not list(made.out.rglob(".tmp-*"))


@SLOW
def test_a_worker_that_is_killed_costs_nothing(batch: Make) -> None:
    calm, made = batch("calm"), batch("ended")
    for each in (calm, made):
        each.write(fake_rows(16, {n: f"[[slow 0.1]] {n}" for n in range(1, 17)}))
    assert calm.run().code == 0
    process = made.start("--jobs", "2")
    made.wait_for_outputs(3, process)
    for worker in workers(process.pid)[:1]:
        os.kill(worker, signal.SIGKILL)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert made.digest() == calm.digest()


@SLOW
def test_an_engine_that_is_not_installed(batch: Make) -> None:
    made = batch("b", ())
    rows = [{**row, "engine": "fake"} for row in fake_rows(3)]
    rows[1]["engine"] = "csm"
    made.write(rows)
    ended = made.run()
    assert ended.code in (2, 4)
    assert "engines install csm" in ended.error
    assert made.outputs() == []
    assert made.run("--no-check").code == 4
    assert made.statuses() == ["done", "skipped", "done"]
    assert "csm is not installed" in made.rows()[1]["error"]


@SLOW
def test_an_engine_that_does_not_start_is_no_fault_of_the_rows(batch: Make) -> None:
    made = batch()
    made.write(fake_rows(12))
    broken = BatchFolder(made.folder, FAKE, {"DEMOD_VOICE_ENGINES__FAKE__PYTHON": "/bin/false"})
    assert broken.run("--no-check").code == 4
    assert made.statuses() == ["skipped"] * 12
    assert made.run().code == 0
    assert made.statuses() == ["done"] * 12


@SLOW
def test_a_table_that_changes_while_it_is_spoken(batch: Make) -> None:
    made = batch()
    made.write(fake_rows(6, {1: "[[slow 2]] one"}))
    process = made.start("--jobs", "1")
    deadline = time.monotonic() + 30
    while not workers(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    made.write(fake_rows(9))
    _, error = process.communicate(timeout=60)
    assert "Traceback" not in error
    assert process.returncode in (0, 2)
    if process.returncode:
        assert "changed" in error
    assert made.run().code == 0
    fresh = batch("fresh")
    fresh.write(fake_rows(9))
    assert fresh.run().code == 0
    assert made.digest() == fresh.digest()


def damage_outputs(out: Path) -> None:
    (out / "0002.wav").write_bytes(b"damaged")
    (out / "0003.wav").unlink()
    (out / "results.csv").unlink()
    (out / "manifest.json").write_text("{")


def damage_ledger(out: Path) -> None:
    for path in (out / "batch.demod").glob("rows.sqlite*"):
        path.write_bytes(b"this is no data base" * 100)


def remove_work(out: Path) -> None:
    shutil.rmtree(out / "batch.demod")


@SLOW
@pytest.mark.parametrize("damage", [damage_outputs, damage_ledger, remove_work])
def test_what_was_damaged_is_made_again(batch: Make, damage: Callable[[Path], None]) -> None:
    made = batch()
    made.write(fake_rows(5))
    assert made.run().code == 0
    before = made.digest()
    damage(made.out)
    ended = made.run()
    assert ended.code == 0, ended.error
    assert made.digest() == before


@SLOW
def test_an_output_folder_that_is_removed_meanwhile(batch: Make) -> None:
    calm, made = batch("calm"), batch("removed")
    for each in (calm, made):
        each.write(fake_rows(12, {n: f"[[slow 0.2]] {n}" for n in range(1, 13)}))
    assert calm.run().code == 0
    process = made.start("--jobs", "1")
    made.wait_for_outputs(3, process)
    made.out.rename(made.folder / "moved")
    _, error = process.communicate(timeout=60)
    assert "Traceback" not in error
    assert "defect" not in error
    assert process.returncode == 7, error
    assert made.run().code == 0
    assert made.digest() == calm.digest()


@SLOW
def test_rows_that_move_are_not_spoken_again(batch: Make) -> None:
    made = batch()
    rows = fake_rows(6)
    made.write(rows)
    assert made.run().code == 0
    before = {path: path.stat().st_mtime_ns for path in made.outputs()}
    made.write([{"text": "A new one.", "output": "new.wav"}, *reversed(rows[1:])])
    assert made.run().code == 0
    assert made.statuses() == ["done"] * 6
    assert [row["output"] for row in made.rows()] == ["new.wav", *(row["output"] for row in reversed(rows[1:]))]
    assert {path: path.stat().st_mtime_ns for path in before} == before
