"""What a process costs: memory and processor seconds, read from Linux's /proc. Elsewhere nothing is known."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

LOOK_S = 0.02
"""Seconds between two looks at what a worker has started: such a child may live for 20 ms (espeak's)."""


def peak_mb(pid: int) -> float | None:
    """Largest resident size that a living process ever had, MiB; None where nobody tells."""
    return _mb(Path(f"/proc/{pid}/status"), "VmHWM:")


def cpu_s(pid: int) -> float:
    """Processor seconds that a living process has used, all its threads.

    Raises:
        OSError: there is no such process, or no /proc.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class FamilyMemory:
    """Looks at processes and their children as long as it is entered; a context manager.

    Args:
        pids: gives the processes that live at the moment; called from a thread.
    """

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._own: dict[int, float] = {}
        self._started = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    @property
    def peak_mb(self) -> float | None:
        """Largest resident size of one of the processes, and with it the most that its children had at once, MiB.

        Of a child the proportional size counts: what it shares with its parent is counted once.
        """
        return max(self._own.values()) + self._started if self._own else None

    def __enter__(self) -> FamilyMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._look(peaks=True)

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_S):
            self._look(peaks=False)

    def _look(self, peaks: bool) -> None:
        pids = list(self._pids())
        now = [_mb(Path(f"/proc/{child}/smaps_rollup"), "Pss:") or 0.0 for pid in pids for child in _children(pid)]
        self._started = max(self._started, sum(now))
        for pid in pids if peaks else ():
            found = peak_mb(pid)
            if found is not None:
                self._own[pid] = found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue
    return found


def _mb(path: Path, row: str) -> float | None:
    """A row of kibibytes, as MiB."""
    try:
        found = path.read_text().partition(row)[2].split()
    except OSError:
        return None
    return int(found[0]) / 1024 if found else None
