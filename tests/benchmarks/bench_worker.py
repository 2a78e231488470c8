"""How long a worker takes from its start to ``ready``, beside a bare interpreter of its environment (medians).

    python tests/benchmarks/bench_worker.py [ENGINE ...] [--runs 20]

Engines that are not installed are installed first; nothing of that is timed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "backends" / "_sdk")]

from demod_voice.config import load_settings  # noqa: E402 (the path comes first)
from demod_voice.engines.client import Worker  # noqa: E402
from demod_voice.engines.environments import python_for  # noqa: E402
from demod_voice.engines.locate import engine  # noqa: E402


def main() -> None:
    """Print a row for each engine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engines", nargs="*", default=["espeak", "piper"])
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    settings = load_settings()
    for name in options.engines:
        info = engine(name, settings)
        python = python_for(info, settings)
        bare, ready = [], []
        for _ in range(options.runs):
            began = time.perf_counter()
            subprocess.run([str(python), "-s", "-c", "pass"], check=True)
            bare.append(time.perf_counter() - began)
            began = time.perf_counter()
            worker = Worker(info, python, settings)
            worker.start()
            ready.append(time.perf_counter() - began)
            worker.stop()
        floor, found = statistics.median(bare), statistics.median(ready)
        print(f"{name:10} ready {found * 1000:6.1f} ms   bare {floor * 1000:6.1f} ms   {found / floor:5.2f}x")


if __name__ == "__main__":
    main()
