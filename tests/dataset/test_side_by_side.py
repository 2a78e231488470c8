"""Recordings that are worked on at the same time share bars, and end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, wav

from demod_voice.dataset.side_by_side import SideBySide, Stopped
from demod_voice.records.progress import Silent

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


class Bars(Silent):
    """What a person would see of each step: [done, total]."""

    def __init__(self) -> None:
        self.open: dict[str, list[float]] = {}

    def start(self, step: str, total: float, unit: str = "") -> None:
        self.open[step] = [0.0, total]

    def advance(self, step: str, amount: float = 1.0) -> None:
        self.open[step][0] += amount

    def finish(self, step: str) -> None:
        del self.open[step]


def test_a_step_of_two_recordings_is_one_bar_of_both():
    bars = Bars()
    shared = SideBySide(bars)
    shared.start("clean", 10.0, "s")
    shared.advance("clean", 5.0)
    shared.start("clean", 30.0, "s")
    shared.advance("clean", 5.0)
    assert bars.open == {"clean": [10.0, 40.0]}
    shared.finish("clean")
    shared.advance("clean", 20.0)
    assert bars.open == {"clean": [30.0, 40.0]}
    shared.finish("clean")
    assert bars.open == {}


def test_who_is_stopped_hears_of_it_at_the_next_call():
    shared = SideBySide(Bars())
    shared.start("clean", 1.0)
    shared.stop()
    for call in (shared.check, lambda: shared.start("hum", 1.0), lambda: shared.advance("clean")):
        with pytest.raises(Stopped):
            call()
    shared.finish("clean")


@pytest.mark.parametrize("seconds", [2.0, 6.0])
def test_an_interrupted_build_ends_at_once_and_leaves_no_process(tmp_path, seconds):
    for number in range(3):
        wav(tmp_path / f"{number}.wav", np.tile(noise(number, 60.0, -30.0, 44100), 20), 44100, "pcm_s16le")
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    command = [
        sys.executable,
        "-m",
        "demod_voice",
        "dataset",
        "build",
        "0.wav",
        "1.wav",
        "2.wav",
        "-o",
        "x",
        "--no-text",
    ]
    child = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(seconds)
    child.send_signal(signal.SIGINT)
    begun = time.monotonic()
    assert "interrupted" in child.communicate()[1]
    assert child.returncode == 130
    assert time.monotonic() - begun < 5.0
    with pytest.raises(ProcessLookupError):
        os.killpg(child.pid, 0)
