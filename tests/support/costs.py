"""What a command costs: seconds, processor seconds, memory of each of its processes and of all together (Linux)."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 0.2
"""Seconds between two looks at its memory."""


@dataclass(frozen=True)
class Cost:
    """Of one run of a command with all that it started."""

    wall_s: float
    cpu_s: float
    """User and system, of every process that was waited for."""
    rss_mb: float
    """Largest resident size that one of the processes ever had, MB of 2^20 bytes. Not ``ru_maxrss``: before its exec, a
    child has its parent's size."""
    pss_mb: float
    """Largest sum of the proportional sizes (shared pages counted once), of those that were looked at."""
    output: str
    """What it wrote to stdout."""


def cost_of(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Cost:
    """Run it to its end.

    Raises:
        RuntimeError: it failed; says what it wrote.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen([str(each) for each in command], stdout=out, stderr=errors, env=env)
        rss = pss = 0.0
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            one, together = _memory(process.pid)
            rss, pss = max(rss, one), max(pss, together)
            time.sleep(EVERY_S)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors.read().decode()[-2000:]}")
        return Cost(wall_s, used.ru_utime + used.ru_stime, rss, pss, out.read().decode())


def family(pid: int) -> list[int]:
    """The process and everything that it started, however far down."""
    parents: dict[int, list[int]] = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(each.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def _memory(pid: int) -> tuple[float, float]:
    """Largest resident size of one, and the sum of the proportional sizes now, in MB."""
    rss = pss = 0
    for each in family(pid):
        try:
            rss = max(rss, _kb(Path(f"/proc/{each}/status"), "VmHWM:"))
            pss += _kb(Path(f"/proc/{each}/smaps_rollup"), "Pss:")
        except OSError:
            continue
    return rss / 1024, pss / 1024


def _kb(path: Path, row: str) -> int:
    found = path.read_text().partition(row)[2].split()
    return int(found[0]) if found else 0
