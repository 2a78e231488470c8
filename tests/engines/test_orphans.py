"""A worker whose parent was killed ends, whatever its log has become: the parent's pipes die all at the same moment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from demod_worker.wire import Frame, encode_frame, read_frame
from support.processes import gone

from demod_voice.config import load_settings
from demod_voice.engines.worker_environment import worker_environment

STUCK = """
import ctypes
from demod_worker import worker

worker.EXIT_GRACE_S = 0.2

class Stuck(worker.Adapter):
    name = "stuck"

    def speak(self, item, out, task):
        task.progress(0.1)
        ctypes.CDLL(None).sleep(1000)

worker.run(Stuck)
"""
SPEAK = encode_frame(Frame("speak", 1, {"items": [{"item": 0, "text": "hello"}]}))


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that never finishes a line; the read ends of its pipes are this process's."""
    (tmp_path / "worker.py").write_text(STUCK)
    worker = subprocess.Popen(
        [sys.executable, "-s", str(tmp_path / "worker.py")],
        env=worker_environment(load_settings()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert read_frame(worker.stdout).type == "ready"
    yield worker
    worker.kill()
    worker.wait()


def close(worker: subprocess.Popen[bytes]) -> None:
    """What the kernel does to a worker's pipes when its parent is killed."""
    for pipe in (worker.stdin, worker.stdout, worker.stderr):
        pipe.close()


def test_a_worker_at_work_ends_with_its_parent(stuck: subprocess.Popen[bytes]) -> None:
    stuck.stdin.write(SPEAK)
    stuck.stdin.flush()
    assert read_frame(stuck.stdout).type == "progress"
    close(stuck)
    assert gone(stuck.pid)


def test_an_idle_worker_ends_with_a_parent_that_died_inside_a_frame(stuck: subprocess.Popen[bytes]) -> None:
    stuck.stdin.write(SPEAK[:-20])
    stuck.stdin.flush()
    close(stuck)
    assert gone(stuck.pid)


def test_a_full_log_that_nobody_reads_does_not_keep_a_worker(stuck: subprocess.Popen[bytes], tmp_path: Path) -> None:
    log = os.open(f"/proc/{stuck.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
    for size in (1 << 16, 1):
        try:
            while True:
                os.write(log, bytes(size))
        except BlockingIOError:
            continue
    stuck.stdin.write(SPEAK[:-20])
    stuck.stdin.close()
    assert gone(stuck.pid)
    os.close(log)
