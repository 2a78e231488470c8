"""How long ``--help`` takes, as a ratio of a bare ``python -c pass`` in the same run (median of 20, interleaved).

python tests/benchmarks/bench_startup.py COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 20


def seconds(arguments: list[str]) -> float:
    """Wall time of one process, its output thrown away."""
    began = time.perf_counter()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Print both medians and their ratio."""
    bare, command = [sys.executable, "-c", "pass"], sys.argv[1:]
    pairs = [(seconds(bare), seconds(command)) for _ in range(RUNS)]
    floor, found = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"bare {floor * 1000:.1f} ms, {' '.join(command)} {found * 1000:.1f} ms, ratio {found / floor:.2f}")


if __name__ == "__main__":
    main()
