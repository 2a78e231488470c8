"""A 30-minute two-speaker espeak episode: cold, unchanged, and with one line changed.

    python tests/benchmarks/bench_episode.py [--minutes 30]

Prints a table. Ratios are taken inside one run; peak memory is the largest resident size of any process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORDS = (
    "river stone garden window yellow seven captain morning paper engine silver little doctor travel music"
).split()
SECONDS_PER_LINE = 6.3


def line(number: int) -> str:
    """Sixteen words that no other number gives."""
    return f"Line {number}: " + " ".join(WORDS[(number * step + step) % len(WORDS)] for step in range(1, 15)) + "."


def script(lines: list[str]) -> str:
    """A Markdown script of two espeak speakers."""
    speakers = "  Ada: {engine: espeak, voice: en-us+f3}\n  Ben: {engine: espeak, voice: en-us+m3}\n"
    head = f"---\ntitle: Bench\nspeakers:\n{speakers}---\n\n"
    return head + "\n\n".join(f"{('Ada', 'Ben')[number % 2]}: {text}" for number, text in enumerate(lines)) + "\n"


class Peak(threading.Thread):
    """Watch the largest resident size of a process or of any of its descendants, in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.largest_mb, self.stop = pid, 0.0, threading.Event()

    def run(self) -> None:
        """Look every 50 ms until stopped."""
        while not self.stop.wait(0.05):
            self.largest_mb = max([self.largest_mb, *(_resident_mb(pid) for pid in _family(self.pid))])


def _family(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        each = queue.pop()
        found.append(each)
        queue += parents.get(each, [])
    return found


def _resident_mb(pid: int) -> float:
    try:
        rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(row.split()[1]) / 1024 for row in rows if row.startswith("VmRSS")), 0.0)


def render(folder: Path, path: Path, environ: dict[str, str]) -> tuple[float, float]:
    """Seconds and peak MB of one render to WAV."""
    arguments = [sys.executable, "-m", "demod_voice", "episode", "render", str(path), "-o", str(folder / "x.wav"), "-q"]
    began = time.perf_counter()
    process = subprocess.Popen(arguments, env=environ)
    peak = Peak(process.pid)
    peak.start()
    if process.wait() != 0:
        raise SystemExit("the render failed")
    peak.stop.set()
    peak.join()
    return time.perf_counter() - began, peak.largest_mb


def main() -> None:
    """Run the three renders and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30.0)
    count = round(parser.parse_args().minutes * 60 / SECONDS_PER_LINE)
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environ = {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": temporary}
        lines = [line(number) for number in range(count)]
        show = folder / "x.md"
        rows = []
        for name, edit in (("cold", None), ("unchanged", None), ("one line changed", "A new line, said once.")):
            if edit:
                lines[count // 2] = edit
            show.write_text(script(lines))
            seconds, peak = render(folder, show, environ)
            rows.append((name, seconds, peak, json.loads((folder / "x.metrics.json").read_text())))
    cold = rows[0][1]
    print(f"{'run':18} {'seconds':>8} {'of cold':>8} {'peak MB':>8} {'spoken':>7} {'minutes':>8}  phases")
    for name, seconds, peak, metrics in rows:
        length = metrics["total_duration_sec"] / 60
        spoken = metrics["utterances_generated"]
        print(
            f"{name:18} {seconds:8.2f} {seconds / cold:8.1%} {peak:8.0f} {spoken:7} {length:8.1f}  {metrics['phases_sec']}"
        )


if __name__ == "__main__":
    main()
