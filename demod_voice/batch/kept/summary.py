"""``summary.json``: what a run of a batch did and what it took. An observation. Source of its first fields: A109."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demod_voice.batch.kept.results import told_error
from demod_voice.batch.types import DONE, FAILED, Finished, Timing

MOST_ERRORS = 100
"""So many failed rows are listed; the rest is counted."""


@dataclass(slots=True)
class Tally:
    """What has become of the rows so far."""

    rows: int
    """Of the table."""
    done: int = 0
    failed: int = 0
    skipped: int = 0
    reused: int = 0
    """Of those that are done or failed: in an earlier run."""
    audio_us: int = 0
    """Microseconds of sound of all outputs: whole numbers, whose sum is the same in any order."""
    made: int = 0
    """Rows done by this run."""
    made_s: float = 0.0
    """Seconds of sound of those."""
    cached: int = 0
    """Of those: from the speech cache."""
    began: float = field(default_factory=time.monotonic)
    failures: list[Finished] = field(default_factory=list)
    """The first ones, in the order of the rows."""

    @property
    def audio_s(self) -> float:
        """Seconds of sound of all outputs."""
        return self.audio_us / 1e6

    @property
    def ended(self) -> int:
        """Rows that have a result."""
        return self.done + self.failed + self.skipped

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.began

    @property
    def pace(self) -> float:
        """Minutes of sound made in a minute."""
        return self.made_s / self.seconds if self.seconds > 0 else 0.0

    def count(self, record: Finished, timing: Timing | None) -> None:
        """A row has a result; without a timing, it had it already."""
        self.done += record.status == DONE
        self.failed += record.status == FAILED
        self.skipped += record.status not in (DONE, FAILED)
        self.reused += timing is None and record.status in (DONE, FAILED)
        self.audio_us += round(record.audio_s * 1e6)
        if timing is not None and record.status == DONE:
            self.made += 1
            self.made_s += record.audio_s
            self.cached += timing.cached

    def list_failure(self, record: Finished) -> None:
        """Keep what is told of a row that failed; called in the order of the rows."""
        if record.status == FAILED and len(self.failures) < MOST_ERRORS:
            self.failures.append(record)


def summary(tally: Tally, versions: Mapping[str, Any]) -> dict[str, Any]:
    """The summary of a run that has ended."""
    seconds = tally.seconds
    minutes = max(seconds, 1e-9) / 60
    return {
        "utterances_generated": tally.made,
        "total_duration_sec": round(tally.audio_s, 3),
        "generation_time_sec": round(seconds, 3),
        "realtime_factor": round(tally.pace, 2),
        "peak_memory_gb": round(peak_memory_gb(), 3),
        "cache_hits": tally.cached,
        "errors": [{"row": each.number, "error": told_error(each)} for each in tally.failures],
        "rows": tally.rows,
        "done": tally.done,
        "failed": tally.failed,
        "skipped": tally.skipped,
        "reused": tally.reused,
        "generated_duration_sec": round(tally.made_s, 3),
        "rows_per_minute": round(tally.made / minutes, 1),
        "audio_minutes_per_minute": round(tally.pace, 2),
        "versions": dict(versions),
    }


def peak_memory_gb() -> float:
    """Largest resident size of this process and of its engines, each at its own worst moment, GB (10**9 bytes).

    Engines that have ended count with the largest of them; those that run are only seen where the system tells (Linux).
    """
    unit = 1 if sys.platform == "darwin" else 1024
    own, ended = (
        resource.getrusage(kind).ru_maxrss * unit for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    running = sum(_peak_bytes(pid) for pid in _children())
    return (own + max(ended, running)) / 1e9


def _children() -> set[str]:
    found: set[str] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found.update(path.read_text().split())
    return found


def _peak_bytes(pid: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
        return int(text.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return 0
