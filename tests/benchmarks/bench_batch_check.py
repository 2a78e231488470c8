"""``batch check`` of a million rows: bytes of memory that each row costs, and rows a second.

    python tests/benchmarks/bench_batch_check.py [--rows 1000000] [--espeak PYTHON]

Each table is checked by a process of its own, whose peak of resident memory is taken from the kernel when it ends; that of
a table with a thousand rows is subtracted. The limit is 100 bytes a row. ``--espeak`` is the interpreter of the engine,
which is asked for its voices at the end; without it the engine must be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 100.0
"""Bytes of memory a row."""
FEW = 1000
CHECK = """
import sys
from pathlib import Path
from demod_voice.cli import main
code = main(["batch", "check", *sys.argv[1:], "--quiet"])
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print("PEAK", code, peak.split()[1])
"""


@dataclass(frozen=True)
class Check:
    """One check of one table."""

    seconds: float
    cpu_s: float
    """Of all its processes."""
    peak_kb: int
    code: int


def csv_row(number: int) -> str:
    """A row of its own, as most are."""
    return (
        f'folder{number // 1000}/line{number}.wav,"This is line {number}, and it is said once.",en,1.1,note {number}\n'
    )


def json_row(number: int) -> str:
    """The same as an object."""
    output, text = f"folder{number // 1000}/line{number}.wav", f"This is line {number}, and it is said once."
    return json.dumps({"output": output, "text": text, "language": "en", "speed": 1.1, "note": f"note {number}"}) + "\n"


def voice_row(number: int) -> str:
    """One of four voices of the engine."""
    voice = ("en-us", "en-gb", "fr-fr", "de")[number % 4]
    return f"{number}.wav,Line {number},,,note,{voice},espeak,{number}\n"


def twin_row(number: int) -> str:
    """Every output is that of two rows: the worst case."""
    return csv_row(number // 2)


HEADER = "output,text,language,speed,note\n"
TABLES: dict[str, tuple[str, str, Callable[[int], str]]] = {
    "CSV": (".csv", HEADER, csv_row),
    "JSONL": (".jsonl", "", json_row),
    "CSV, four voices": (".csv", "output,text,language,speed,note,voice,engine,seed\n", voice_row),
    "CSV, each output twice": (".csv", HEADER, twin_row),
}
"""Name -> (suffix, header, what makes a row)."""


def write(path: Path, header: str, row: Callable[[int], str], count: int) -> None:
    """A table of ``count`` rows."""
    with path.open("w", encoding="utf-8") as file:
        file.write(header)
        file.writelines(map(row, range(count)))


def check(path: Path, environ: dict[str, str]) -> Check:
    """Check a table in a process of its own."""
    began = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", CHECK, str(path)], env=environ, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = [line.split() for line in done.stdout.splitlines() if line.startswith("PEAK")]
    if not told:
        raise SystemExit(done.stderr)
    return Check(seconds, cpu_s, int(told[0][2]), int(told[0][1]))


def main() -> int:
    """Print a row for each kind of table; 1 when one of them costs more than the limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--espeak", metavar="PYTHON", default="")
    given = parser.parse_args()
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])}
    if given.espeak:
        environ["DEMOD_VOICE_ENGINES__ESPEAK__PYTHON"] = given.espeak
    worst = 0.0
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {given.rows:,} rows")
    print("| table | rows/s | rows per CPU second | bytes a row | peak | exit code |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, (suffix, header, row) in TABLES.items():
            found = []
            for count in (FEW, given.rows):
                path = Path(folder) / f"jobs{suffix}"
                write(path, header, row, count)
                found.append(check(path, environ))
            few, many = found
            growth = (many.peak_kb - few.peak_kb) * 1024 / (given.rows - FEW)
            worst = max(worst, growth)
            wall, cpu = ((given.rows - FEW) / taken for taken in (many.seconds - few.seconds, many.cpu_s - few.cpu_s))
            print(
                f"| {name} | {wall:,.0f} | {cpu:,.0f} | {growth:.1f} | {many.peak_kb / 1024:.0f} MB | {many.code} |",
                flush=True,
            )
    print(f"{worst:.1f} bytes a row at most (limit {LIMIT:.0f})")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
