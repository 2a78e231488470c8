"""``batch run --executor ray``, as a person runs it: the files of one machine, resumed across kills and executors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.batch_rows import contents
from support.processes import children, gone

from .conftest import PATHS, Nodes

pytestmark = pytest.mark.cluster
OBSERVED = {"timings.csv", "summary.json"}


def write_jobs(folder: Path, count: int, text: str = "[[slow 0.1]] Line {} is here.") -> None:
    rows = [f"{text.format(n)},{n:03}.wav,{'fake' if n % 2 else 'espeak'},note {n}" for n in range(count)]
    rows[3] = "A [[raise]] word.,003.wav,fake,it fails"
    (folder / "jobs.csv").write_text("\n".join(["text,output,engine,remark", *rows]) + "\n")


def start(folder: Path, *flags: str, address: str = "") -> subprocess.Popen[str]:
    """The command; on a cluster with its address."""
    on_ray = ["--executor", "ray", "--ray-address", address] if address else []
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS)), "SOURCE_DATE_EPOCH": "1000000000"}
    program = "import sys; from demod_voice.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, "batch", "run", "jobs.csv", *on_ray, *flags],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def results(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(folder).items() if name not in OBSERVED}


def wait_for_rows(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(list(folder.glob("*.wav"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def jobs(tmp_path: Path, here: Nodes) -> Path:
    write_jobs(tmp_path, 48)
    local = start(tmp_path, "-o", "local")
    _, err = local.communicate(timeout=120)
    assert local.returncode == 4, err
    return tmp_path


def test_interrupted_killed_and_resumed_here_and_there_it_is_the_batch_of_one_machine(jobs: Path, here: Nodes) -> None:
    first = start(jobs, "-o", "there", address=here.address)
    wait_for_rows(jobs / "there", 6)
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=60)
    assert first.returncode == 130, err
    assert err.splitlines()[-2] == "interrupted"
    assert here.left_behind() == []
    second = start(jobs, "-o", "there", address=here.address)
    wait_for_rows(jobs / "there", 16)
    second.kill()
    second.communicate()
    third = start(jobs, "-o", "there", address=here.address)
    _, err = third.communicate(timeout=120)
    assert third.returncode == 4, err
    assert "Traceback" not in err
    assert results(jobs / "there") == results(jobs / "local")
    assert b"asked to fail" in (jobs / "there" / "results.csv").read_bytes()


def test_a_cluster_of_its_own_is_started_and_ended(jobs: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    process = start(jobs, "-o", "own", "--executor", "ray", "--jobs", "2")
    wait_for_rows(jobs / "own", 2)
    below = children(process.pid)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 4, err
    assert "47 done, 1 failed" in out
    assert len(below) >= 2, "Ray's own processes"
    assert all(gone(pid, 10.0) for pid in below)
    assert results(jobs / "own") == results(jobs / "local")
