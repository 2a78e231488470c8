"""Batches in which things go wrong on a cluster, through the real command: told as on one machine, with the same bytes."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.batch_runs import BatchFolder, end, fake_rows

from .conftest import Nodes

pytestmark = pytest.mark.cluster
ILLS = ("kill", "abort", "exit 3", "hang", "refuse", "raise", "oom", "badframe", "flood")
Make = Callable[..., BatchFolder]


@pytest.fixture
def batch(here: Nodes, tmp_path: Path) -> Make:
    """Make the folder of a batch with the fake engine, here or on the cluster."""

    def make(name: str, ray: bool = True) -> BatchFolder:
        where = ("--executor", "ray", "--ray-address", here.address) if ray else ("--jobs", "2")
        environ = {"DEMOD_VOICE_ENGINES__TIMEOUTS__SPEAK": "2"}
        return BatchFolder(tmp_path / name, ("--engine", "fake", *where), environ)

    return make


def test_every_ill_is_told_as_on_one_machine(batch: Make) -> None:
    texts = {2 * n: f"[[{ill}]] {n}" for n, ill in enumerate(ILLS, 1)}
    digests = []
    for ray in (False, True):
        made = batch(f"ray{ray}", ray)
        made.write(fake_rows(2 * len(ILLS) + 1, texts))
        ended = made.run(timeout_s=240)
        assert ended.code == 4, ended.error
        assert made.statuses() == [*["done", "failed"] * len(ILLS), "done"]
        digests.append((made.digest(), made.rows()))
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_ended_goes_on_here(batch: Make, number: int, code: int) -> None:
    calm, made = batch("calm", False), batch("made")
    rows = fake_rows(60, {n: f"[[slow 0.1]] {n}" for n in range(1, 61)})
    for each in (calm, made):
        each.write(rows)
    assert calm.run().code == 0
    process = made.start()
    made.wait_for_outputs(5, process)
    began = time.monotonic()
    ended = end(process, number)
    assert ended.code == code, ended.error
    assert time.monotonic() - began < 20
    here = BatchFolder(made.folder, ("--engine", "fake", "--jobs", "2"), made.environ)
    assert here.run().code == 0
    assert made.digest() == calm.digest()


def test_a_full_disk_of_the_head_stops_and_space_goes_on(batch: Make, small_disk: Callable[[int], Path]) -> None:
    calm, made = batch("calm", False), batch("full")
    for each in (calm, made):
        each.write(fake_rows(120))
    assert calm.run().code == 0
    disk = small_disk(2)
    made.out.symlink_to(disk)
    ended = made.run()
    assert ended.code == 7, ended.error
    assert "full" in ended.error
    kept = {path: path.stat().st_mtime_ns for path in made.outputs()}
    assert 0 < len(kept) < 120
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    ended = made.run()
    assert ended.code == 0, ended.error
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert made.digest() == calm.digest()


def test_episodes_are_not_for_a_cluster(batch: Make) -> None:
    made = batch("episodes")
    made.flags = made.flags[2:]
    made.write([{"script": "none.md", "output": "a.wav"}])
    ended = made.run("--task", "episode")
    assert ended.code == 2
    assert "--executor ray" in ended.error
