"""A batch of rows: espeak rows against a bare loop, and short Piper rows against a process for each.

    python tests/benchmarks/bench_batch.py [espeak] [piper] [--rows 10000] [--block 1000] [--jobs 1]
        [--model FILE.onnx] [--cold 10]

espeak: the batch and the bare loop (``bare_espeak.py``: it forks, synthesizes, trims, writes the same WAVs) take turns,
a block of rows each; medians of the blocks are compared, and the files of the first block byte for byte. The batch has all
that a batch has: the table is read and checked, every take is looked at, results, timings and records are written.
piper: 100 rows in one batch, and ``demod-voice speak`` in a process of its own for ``--cold`` of them. The default voice has
random weights, so nobody judges its takes. Engines that are not installed are installed first
(``DEMOD_VOICE_ENGINES__PIPER__PYTHON`` and the like name other interpreters).
"""

from __future__ import annotations

import argparse
import csv
import filecmp
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "backends" / "_sdk"), str(Path(__file__).parent)]

import engine_runs as runs  # noqa: E402 (the path comes first)

from demod_voice.api.batch_run import run_batch  # noqa: E402
from demod_voice.batch.options import BatchOptions  # noqa: E402
from demod_voice.config import load_settings  # noqa: E402
from demod_voice.engines.environments import python_for  # noqa: E402
from demod_voice.engines.locate import engine  # noqa: E402
from demod_voice.voices.choice import VoiceChoice  # noqa: E402

BARE = Path(__file__).parent / "bare_espeak.py"
VOICE = "en-us"
PIPER_ROWS = 100
LIMITS = {"espeak": 1.5, "piper": 10.0}


def write_table(path: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """A jobs file of (text, output)."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "output"), *rows])
    return path


def batch(table: Path, out: Path, voice: VoiceChoice, jobs: int) -> float:
    """Seconds that a batch takes, from the table to its summary."""
    settings = replace(load_settings(), jobs=jobs)
    began = time.perf_counter()
    report = run_batch(table, BatchOptions(out_dir=out, voice=voice), settings=settings)
    seconds = time.perf_counter() - began
    if report.failures:
        raise SystemExit(f"rows failed: {report.failures[0].error}")
    return seconds


def espeak(args: argparse.Namespace, folder: Path) -> None:
    """Blocks of the batch and of the bare loop in turn."""
    python = python_for(engine("espeak", load_settings()), load_settings())
    ours, bare, cpu = [], [], {"batch": 0.0, "bare": 0.0}
    for number, begin in enumerate(range(0, args.rows, args.block)):
        end = min(begin + args.block, args.rows)
        loop, out = folder / f"bare{number}", folder / f"out{number}"
        loop.mkdir()
        rows = ((f"This is row number {each} of the table.", f"{each}.wav") for each in range(begin, end))
        table = write_table(folder / f"jobs{number}.csv", rows)
        for name in ("bare", "batch") if number % 2 else ("batch", "bare"):
            before = processor_s()
            if name == "batch":
                ours.append(batch(table, out, VoiceChoice(engine="espeak", voice=VOICE), args.jobs) / (end - begin))
            else:
                command = [str(python), str(BARE), str(loop), str(begin), str(end)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                bare.append(float(done.stdout) / (end - begin))
            cpu[name] += processor_s() - before
        told = f"block {number}: batch {ours[-1] * 1e3:.2f} ms, bare {bare[-1] * 1e3:.2f} ms a row, load {load()}"
        print(told, file=sys.stderr, flush=True)
        same(loop, out)
    row("espeak", f"batch, --jobs {args.jobs}", args.rows, statistics.median(ours))
    row("espeak", "bare loop", args.rows, statistics.median(bare))
    each_ms = {name: seconds / args.rows * 1e3 for name, seconds in cpu.items()}
    print(f"espeak: processor time {each_ms['batch']:.2f} ms a row, bare {each_ms['bare']:.2f} ms")
    ratio = statistics.median(ours) / statistics.median(bare)
    each = sorted(one / other for one, other in zip(ours, bare, strict=True))
    print(f"espeak: {ratio:.2f}x (limit {LIMITS['espeak']}x); blocks {each[0]:.2f}x to {each[-1]:.2f}x, load {load()}")


def processor_s() -> float:
    """Processor seconds of this process and of all that have ended below it."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def same(loop: Path, out: Path) -> None:
    """The WAVs of a block are the same bytes."""
    names = sorted(each.name for each in loop.iterdir())
    _, different, lost = filecmp.cmpfiles(loop, out, names, shallow=False)
    if different or lost:
        raise SystemExit(f"the WAVs differ: {(different + lost)[:3]}")


def piper(args: argparse.Namespace, folder: Path) -> None:
    """One batch of short rows, and a process for some of them."""
    model = args.model or runs.build("full", "piper", folder)
    texts = [f"This is line {number}." for number in range(PIPER_ROWS)]
    table = write_table(folder / "piper.csv", ((text, f"{number}.wav") for number, text in enumerate(texts)))
    voice = VoiceChoice(engine="piper", model=str(model))
    together = batch(table, folder / "piper", voice, args.jobs) / PIPER_ROWS
    row("piper", f"batch, --jobs {args.jobs}, its start included", PIPER_ROWS, together)
    began = time.perf_counter()
    for text in texts[: args.cold]:
        cold(["speak", text, "--engine", "piper", "--model", str(model), "-o", str(folder / "cold.wav")])
    alone = (time.perf_counter() - began) / args.cold
    row("piper", "a process for each row", args.cold, alone)
    print(f"piper: {alone / together:.1f}x faster (limit {LIMITS['piper']:g}x), load {load()}")


def cold(words: Sequence[str]) -> None:
    """``demod-voice`` in a process of its own, without what an earlier one has kept."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    environ = {**os.environ, "PYTHONPATH": path, "DEMOD_VOICE_CACHE__ENABLED": "false"}
    subprocess.run([sys.executable, "-m", "demod_voice", *words], env=environ, check=True, capture_output=True)


def row(name: str, what: str, count: int, seconds: float) -> None:
    """A row of the table."""
    print(
        f"{name:8}{what:40}{count:7} rows{seconds * 1e3:10.2f} ms a row{1 / seconds * 60:10.0f} rows a minute",
        flush=True,
    )


def load() -> str:
    """The machine's load: processes that want to run, on average of the last minute."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> None:
    """Run the parts."""
    parts = {"espeak": espeak, "piper": piper}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], default=[])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--block", type=int, default=1_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--cold", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-batch-") as name:
        os.environ["XDG_CACHE_HOME"] = f"{name}/cache"
        os.environ["DEMOD_VOICE_ENGINES__PIPER__GUARDS"] = "off"
        for part in args.parts or parts:
            parts[part](args, Path(name))


if __name__ == "__main__":
    main()
