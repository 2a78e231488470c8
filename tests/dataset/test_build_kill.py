"""Kill -9 at any moment of a build, run it again: the same bytes. A full disk is told, and costs nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.corpus import make, write
from support.folders import digests

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def command(folder: Path, out: Path) -> list[str]:
    arguments = ["dataset", "build", str(folder), "-o", str(out), "--name", "voice", "--jobs", "2"]
    return [sys.executable, "-m", "demod_voice", *arguments]


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    return {**os.environ, "PYTHONPATH": path, "SOURCE_DATE_EPOCH": "1700000000"}


@pytest.fixture(scope="module")
def calm(tmp_path_factory, module_engines) -> tuple[Path, dict[str, str], float]:
    """The recordings, what a build that nothing disturbed makes of them, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("in")
    for number, kinds in enumerate((("clean", "hum50"), ("pink",), ("clean",)), 1):
        write(folder, f"talk-{number}", make(number, 30.0, kinds, speakers=1), ".flac")
    out = tmp_path_factory.mktemp("out") / "voice"
    began = time.monotonic()
    subprocess.run(command(folder, out), env=environment(), check=True, capture_output=True)
    return folder, digests(out), time.monotonic() - began


def killed_after(seconds: float, folder: Path, out: Path) -> None:
    process = subprocess.Popen(
        command(folder, out),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def check_point(calm: tuple[Path, dict[str, str], float], out: Path, seed: int) -> None:
    folder, expected, calm_s = calm
    killed_after(random.Random(seed).uniform(0.1, 1.0) * calm_s, folder, out)
    done = subprocess.run(command(folder, out), env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert digests(out) == expected
    assert not list((out / ".demod/work").glob("*"))


@pytest.mark.parametrize("seed", range(3))
def test_a_build_killed_at_a_seeded_moment(calm, tmp_path, seed):
    check_point(calm, tmp_path / "voice", seed)


@pytest.mark.kill
def test_a_build_killed_at_twenty_moments(calm, tmp_path):
    for seed in range(100, 120):
        check_point(calm, tmp_path / f"voice{seed}", seed)


@pytest.mark.kill
def test_killed_again_and_again_it_still_ends(calm, tmp_path):
    folder, expected, calm_s = calm
    for number in range(1, 12):
        killed_after(calm_s * (0.2 + 0.07 * number), folder, tmp_path / "voice")
    subprocess.run(command(folder, tmp_path / "voice"), env=environment(), check=True, capture_output=True)
    assert digests(tmp_path / "voice") == expected


def test_an_interrupt_ends_in_130_and_can_go_on(calm, tmp_path):
    folder, expected, calm_s = calm
    out = tmp_path / "voice"
    process = subprocess.Popen(command(folder, out), env=environment(), stderr=subprocess.PIPE, text=True)
    time.sleep(calm_s * 0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    subprocess.run(command(folder, out), env=environment(), check=True, capture_output=True)
    assert digests(out) == expected


def test_a_full_disk_is_told_and_the_build_goes_on_after_it(calm, small_disk: Callable[[int], Path]):
    folder, expected, _ = calm
    disk = small_disk(6)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(3_000_000))
    done = subprocess.run(
        command(folder, disk / "voice"), env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (disk / "voice/dataset.json").exists()
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
    subprocess.run(command(folder, disk / "voice"), env=environment(), check=True, capture_output=True)
    assert digests(disk / "voice") == expected
