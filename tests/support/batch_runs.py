"""Whole batches through the real command, in a folder of their own: what the tests of rows that go wrong need."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from support.processes import children, gone

from demod_voice.records.hashing import hash_file

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ("results.csv", "manifest.json")
OBSERVED = ("timings.csv", "summary.json")
"""Differ from run to run."""
ROW = ("text", "output")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    error: str
    """What it said on stderr."""


@dataclass
class BatchFolder:
    """A jobs file, and the folder of its outputs.

    Args:
        folder: made when missing.
        flags: of every run.
        environ: of every run, beside this process's own.
    """

    folder: Path
    flags: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    name: str = "jobs.csv"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def jobs(self) -> Path:
        """The table."""
        return self.folder / self.name

    @property
    def out(self) -> Path:
        """Where outputs go when nobody says otherwise."""
        return self.folder / "jobs-out"

    def write(self, rows: Sequence[Mapping[str, str]]) -> None:
        """The table; its columns are those of all rows."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with self.jobs.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            table.writeheader()
            table.writerows(rows)

    def command(self, *more: str) -> list[str]:
        """The command of a run."""
        return [sys.executable, "-m", "demod_voice", "batch", "run", str(self.jobs), *self.flags, *more]

    def variables(self) -> dict[str, str]:
        """The environment of a run; each folder has a cache of its own, and one clock."""
        path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
        cache = str(self.folder / "cache")
        own = {"PYTHONPATH": path, "XDG_CACHE_HOME": cache, "SOURCE_DATE_EPOCH": "1700000000"}
        return {**os.environ, **own, **self.environ}

    def run(self, *more: str, timeout_s: float = 120.0) -> Ended:
        """Run to the end."""
        done = subprocess.run(
            self.command(*more), env=self.variables(), capture_output=True, text=True, check=False, timeout=timeout_s
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ended(done.returncode, done.stderr)

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Begin a run, in a session of its own."""
        return subprocess.Popen(
            self.command(*more),
            env=self.variables(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def rows(self) -> list[dict[str, str]]:
        """What ``results.csv`` says."""
        with (self.out / "results.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def statuses(self) -> list[str]:
        """Of every row, in order."""
        return [row["status"] for row in self.rows()]

    def digest(self) -> dict[str, str]:
        """SHA-256 of every result: outputs, ``results.csv``, ``manifest.json``."""
        paths = (path for path in sorted(self.out.rglob("*")) if path.is_file())
        found = {path.relative_to(self.out).as_posix(): path for path in paths}
        return {
            name: hash_file(path)
            for name, path in found.items()
            if not name.startswith("batch.demod/") and name not in OBSERVED
        }

    def outputs(self, suffix: str = ".wav") -> list[Path]:
        """The finished outputs that lie there now."""
        found = self.out.rglob(f"*{suffix}") if self.out.exists() else ()
        return sorted(path for path in found if not path.name.startswith(".") and "batch.demod" not in path.parts)

    def wait_for_outputs(self, count: int, process: subprocess.Popen[str], within_s: float = 60.0) -> None:
        """Until so many outputs lie there, or the run has ended."""
        deadline = time.monotonic() + within_s
        while len(self.outputs()) < count and process.poll() is None:
            assert time.monotonic() < deadline, f"{len(self.outputs())} of {count} outputs after {within_s} s"
            time.sleep(0.005)


def workers(pid: int) -> list[int]:
    """The engines of a run."""
    with suppress(FileNotFoundError):
        return children(pid)
    return []


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL, within_s: float = 30.0) -> Ended:
    """Send a signal to a run alone, and see that nothing of it lives on."""
    engines = workers(process.pid)
    process.send_signal(number)
    _, error = process.communicate(timeout=within_s)
    for each in engines:
        assert gone(each, 10.0), f"worker {each} lives on"
    assert "Traceback" not in error, error
    return Ended(process.returncode, error)


def fake_rows(count: int, texts: Mapping[int, str] | None = None, **cells: str) -> list[dict[str, str]]:
    """Rows for the fake engine; ``texts`` (by number, from 1) stand in the place of some."""
    given = texts or {}
    return [
        {"text": given.get(number, f"Number {number}."), "output": f"{number:04d}.wav", **cells}
        for number in range(1, count + 1)
    ]


def three_engine_rows(count: int, model: str) -> list[dict[str, str]]:
    """Rows for espeak, a piper voice and the fake engine in turn; three of them kill their engine each time."""
    return [_mixed_row(number, model, number in (1, count // 3, count)) for number in range(1, count + 1)]


def _mixed_row(number: int, model: str, poisoned: bool) -> dict[str, str]:
    engine = "fake" if poisoned else ("espeak", "piper", "fake")[number % 3]
    return {
        "text": f"[[kill]] {number}" if poisoned else f"Row {number}.",
        "output": f"{number % 20:02d}/{number:04d}.{'flac' if number % 50 == 0 else 'wav'}",
        "engine": engine,
        "model": model if engine == "piper" else "",
        "seed": str(number % 7) if number % 5 == 0 else "",
        "chapter": f"={number}" if number % 11 == 0 else f"chapter {number % 9}",
    }
