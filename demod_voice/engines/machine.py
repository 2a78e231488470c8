"""What figures were measured on: the machine, and what else it did meanwhile."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

from demod_voice.engines.inventory import read_inventory

MIB = 1 << 20
BUSY_SHARE = 0.1
"""Others' share of all processor time from which figures are not to be trusted: with two cores, a fifth of one."""
BUSY_LOAD = 0.25
"""Load of each core before the start from which a machine counts as busy."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, as figures should name it."""

    cpu: str
    """Model of the processor."""
    cores: int
    """That this process may use."""
    memory_mb: int
    """MiB; 0 = unknown."""
    gpus: tuple[str, ...]
    """Name and memory of each."""
    system: str
    """Distribution, kernel and architecture."""
    python: str
    """Version of the interpreter that this program runs with."""


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What else the machine did while something was measured."""

    load_before: float
    """Load average of a minute at the start."""
    load_after: float
    """The same at the end: with what was measured itself."""
    others: float | None
    """Share of all processor time that other programs took, 0..1; None where nobody tells."""
    busy: bool
    """The figures are not to be trusted."""


class Neighbours:
    """Watches what else the machine does, from when it is made on."""

    def __init__(self) -> None:
        self._load = _load()
        self._busy, self._own = _busy_s(), _own_s()
        self._began = time.monotonic()

    def told(self) -> Meanwhile:
        """Up to now; the processes that this one has started count as its own once they have ended."""
        busy = _busy_s()
        room = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        others = None
        if busy is not None and self._busy is not None and room > 0.0:
            others = min(1.0, max(0.0, (busy - self._busy - (_own_s() - self._own)) / room))
        crowded = self._load > BUSY_LOAD * (os.cpu_count() or 1) or (others or 0.0) > BUSY_SHARE
        return Meanwhile(self._load, _load(), None if others is None else round(others, 3), crowded)


def machine() -> Machine:
    """This machine."""
    gpus = tuple(f"{each.name}, {each.total_mb} MiB" for each in read_inventory().devices)
    return Machine(_cpu(), cores(), _memory_mb(), gpus, _system(), platform.python_version())


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu() -> str:
    try:
        rows = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        rows = []
    found = (row.partition(":")[2].strip() for row in rows if row.startswith("model name"))
    return next(found, platform.processor() or platform.machine())


def _memory_mb() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB
    except (ValueError, OSError):
        return 0


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, {platform.release()}, {platform.machine()}"


def _load() -> float:
    return round(os.getloadavg()[0], 2)


def _busy_s() -> float | None:
    """Processor seconds of everything since the machine's start; None where nobody tells."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _, _, *rest = map(int, fields)
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
