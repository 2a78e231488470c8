"""Memory and neighbours: programs that take a known amount, seen from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demod_voice.engines.costs import FamilyMemory, cpu_s, peak_mb
from demod_voice.engines.machine import Neighbours, cores, machine

MIB = 1 << 20


@contextmanager
def program(code: str) -> Iterator[subprocess.Popen[str]]:
    """A program that has said something and waits for its input to end."""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.communicate()


def taking(megabytes: int, rest: str = "") -> str:
    return f"import sys; x = bytearray({megabytes} << 20); {rest}\nprint('ready', flush=True); sys.stdin.read()"


def test_what_a_process_had_at_most_is_known():
    with program(taking(0)) as small, program(taking(100, "del x")) as big:
        assert 90 < peak_mb(big.pid) - peak_mb(small.pid) < 110
    assert peak_mb(small.pid) is None


def test_what_it_starts_is_added():
    child = "import subprocess; subprocess.run([sys.executable, '-c', 'x = bytearray(80 << 20); import time; time.sleep(1)'])"
    with program(taking(40, child)) as parent:
        with FamilyMemory(lambda: [parent.pid]) as alone:
            time.sleep(0.1)
        again = subprocess.Popen(
            [sys.executable, "-c", taking(40, child)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with FamilyMemory(lambda: [again.pid]) as both:
            again.stdout.readline()
        again.communicate()
    assert 75 < both.peak_mb - alone.peak_mb < 110


def test_processor_seconds_are_those_that_it_used():
    busy = "import time\nwhile time.process_time() < 0.5: pass\n"
    with program(busy + taking(0)) as process:
        assert 0.45 <= cpu_s(process.pid) < 1.0
    with pytest.raises(OSError):
        cpu_s(process.pid)


def test_work_of_others_is_seen_and_our_own_is_not():
    busy = "import time\nwhile time.process_time() < 0.8: pass\n"
    neighbours, began = Neighbours(), time.monotonic()
    with program(busy + taking(0)):
        told = neighbours.told()
        room = time.monotonic() - began
    # It has not ended, so its 0.8 s count as somebody else's.
    assert told.others * room * (os.cpu_count() or 1) >= 0.7
    assert told.busy


def test_the_machine_has_a_name():
    found = machine()
    assert all([found.cpu, found.system])
    assert found.python.startswith("3.")
    assert found.cores == cores() >= 1
    assert found.memory_mb > 100
