"""How long ``--help`` takes, as a ratio of a bare ``python -c pass`` in the same run (medians, interleaved).

    python tests/benchmarks/bench_startup.py [--runs 20]

Three doors: the console script (as ``pip install`` writes it), ``python -m demod_voice`` and bin/demod-voice. The bare
interpreter is the environment's own. The one that it was made from is first on PATH, so that a version manager's shim,
which can take longer than Python itself, is not measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "#!{python}\nimport sys\nfrom demod_voice.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"


def seconds(arguments: list[str], environ: dict[str, str]) -> float:
    """Wall time of one process, its output thrown away."""
    began = time.perf_counter()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)
    return time.perf_counter() - began


def main() -> None:
    """Print the median of each door and its ratio to the bare interpreter's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    python = str(ROOT / ".venv" / "bin" / "python")
    environ = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.base_prefix) / "bin"), os.environ["PATH"]])}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "demod-voice"
        script.write_text(SCRIPT.format(python=python))
        script.chmod(0o755)
        doors = {
            "bare python -c pass": [python, "-c", "pass"],
            "console script --help": [str(script), "--help"],
            "python -m demod_voice --help": [python, "-m", "demod_voice", "--help"],
            "bin/demod-voice --help": [str(ROOT / "bin" / "demod-voice"), "--help"],
            "bin/demod-voice episode render --help": [str(ROOT / "bin" / "demod-voice"), "episode", "render", "--help"],
        }
        found: dict[str, list[float]] = {name: [] for name in doors}
        for _ in range(runs):
            for name, arguments in doors.items():
                found[name].append(seconds(arguments, environ))
    floor = statistics.median(found["bare python -c pass"])
    for name, times in found.items():
        middle = statistics.median(times)
        print(f"{name:40} {middle * 1000:7.1f} ms {middle / floor:6.2f}x")


if __name__ == "__main__":
    main()
