"""Kill -9 at any moment, run again: the same files, the same results, and finished rows are not spoken again."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.folders import digests
from support.scripts import sentence

ROWS = 120
ROOT = Path(__file__).resolve().parents[2]
RECORDED_S = 2.0
"""A row that ended so long ago is in the ledger: it is written once a second."""
OBSERVED = ("summary.json", "timings.csv")
Calm = tuple[Path, dict[str, str], float, dict[str, str]]
"""The table, the digests of a run that nothing disturbed, the seconds that it took, and its environment."""


def command(jobs: Path, out: Path, *more: str) -> list[str]:
    arguments = ["batch", "run", str(jobs), "-o", str(out), "--jobs", "2", "--no-check", *more]
    return [sys.executable, "-m", "demod_voice", *arguments]


def results(out: Path) -> dict[str, str]:
    found = digests(out, "batch.demod")
    return {name: found[name] for name in found if name not in OBSERVED}


def table(path: Path) -> Path:
    """Rows in three formats and two voices; one that nothing can be said of, one that is another's output."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "output", "voice", "mood", "id"])
        for number in range(ROWS):
            text = "" if number == 40 else f"{sentence(number)} {number}."
            suffix = ("wav", "wav", "flac", "mp3")[number % 4]
            voice = "en-us+f3" if number % 3 else ""
            output = f"{number % 5}/{8 if number == 88 else number}.{suffix}"
            writer.writerow([text, output, voice, "=1+1" if number == 7 else "calm", f"id{number}"])
    return path


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, engine_python) -> Calm:
    folder = tmp_path_factory.mktemp("calm")
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    places = {"PYTHONPATH": path, "HOME": str(folder), "SOURCE_DATE_EPOCH": "1700000000"}
    xdg = {f"XDG_{name}_HOME": str(folder / name) for name in ("CACHE", "DATA", "STATE", "CONFIG")}
    environ = {**os.environ, **places, **xdg, "DEMOD_VOICE_ENGINES__ESPEAK__PYTHON": str(engine_python("espeak"))}
    jobs, out = table(folder / "jobs.csv"), folder / "out"
    began = time.monotonic()
    done = subprocess.run(command(jobs, out), env=environ, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    assert done.returncode == 2, done.stderr
    with (out / "results.csv").open(newline="") as file:
        status = [row["status"] for row in csv.DictReader(file)]
    assert status.count("done") == ROWS - 2
    assert status.count("failed") == 2
    return jobs, results(out), seconds, environ


def kill_after(seconds: float, jobs: Path, out: Path, environ: dict[str, str]) -> int:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command(jobs, out), env=environ, start_new_session=True, **quiet)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def go_on(jobs: Path, out: Path, environ: dict[str, str], expected: dict[str, str]) -> dict[str, object]:
    """Run it to its end and compare; its summary."""
    done = subprocess.run(command(jobs, out), env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert results(out) == expected
    assert not list(out.rglob(".tmp-*"))
    summary: dict[str, object] = json.loads((out / "summary.json").read_text())
    return summary


def check_point(tmp_path: Path, calm: Calm, seed: int) -> None:
    jobs, expected, seconds, environ = calm
    out = tmp_path / f"killed{seed}"
    kill_after(random.Random(seed).uniform(0.2, 1.0) * seconds, jobs, out, environ)
    killed = time.time()
    outputs = [path for path in out.glob("[0-4]/*") if not path.name.startswith(".tmp-")]
    recorded = [path for path in outputs if path.stat().st_mtime < killed - RECORDED_S]
    summary = go_on(jobs, out, environ, expected)
    assert summary["done"] == ROWS - 2
    assert len(recorded) <= summary["reused"] <= len(outputs) + 1


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_killed_at_a_seeded_moment(tmp_path: Path, calm: Calm, seed: int) -> None:
    check_point(tmp_path, calm, seed)


@pytest.mark.kill
def test_killed_at_twenty_moments(tmp_path: Path, calm: Calm) -> None:
    for seed in range(100, 120):
        check_point(tmp_path, calm, seed)


@pytest.mark.kill
def test_killed_again_and_again_it_still_ends(tmp_path: Path, calm: Calm) -> None:
    jobs, expected, seconds, environ = calm
    out = tmp_path / "stubborn"
    for seed in range(20):
        kill_after(random.Random(seed).uniform(0.4, 0.8) * seconds, jobs, out, environ)
    go_on(jobs, out, environ, expected)


def test_an_interrupt_keeps_what_is_finished_and_says_how_to_go_on(tmp_path: Path, calm: Calm) -> None:
    jobs, expected, _, environ = calm
    out = tmp_path / "interrupted"
    process = subprocess.Popen(command(jobs, out), env=environ, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and len(list(out.glob("*/*.wav"))) < 10:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "run the same command again" in errors
    assert not list(out.rglob(".tmp-*"))
    summary = go_on(jobs, out, environ, expected)
    assert summary["reused"] >= 10
