"""The neural engines at full size with random weights, on a CUDA device: one table.

    python tests/gpu/bench_gpu.py [PART ...] [--device cuda:0] [--models FOLDER] [--frames 100]

Parts: xtts, csm, batch, embed; all of them without a word. The engines' environments must hold torch's CUDA build
(``demod-voice engines install xtts --device cuda``), or ``DEMOD_VOICE_ENGINES__XTTS__PYTHON`` and the like name
interpreters that do. What is measured, and how, is that of tests/benchmarks/bench_engines.py, whose code this is; beside it:
number formats, CSM's static cache and compiled steps, CSM in batches of 1, 4 and 16, and the GPU's own peak memory. After
the batches, CSM's share of the time that 1 line alone takes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import engine_runs as runs
from engine_runs import Figures

HEAD = (
    f"{'engine':7}{'options':34}{'context':>8}{'batch':>6}{'load s':>8}{'first s':>9}{'again s':>9}"
    f"{'s/100 frames':>14}{'x real time':>12}{'GPU MiB':>9}"
)
XTTS = (("dtype=float32",), ("dtype=float16",), ("dtype=bfloat16",))
CSM = (
    ("dtype=float32",),
    ("dtype=bfloat16",),
    ("dtype=bfloat16", "cache=static"),
    ("dtype=bfloat16", "compile=yes"),
)
BATCHES = (1, 4, 16)
LOOK_S = 0.05


class GpuPeak(threading.Thread):
    """Largest memory in use on a device, MiB over what was in use before."""

    def __init__(self, device: str) -> None:
        super().__init__(daemon=True)
        import pynvml

        self._nvml = pynvml
        pynvml.nvmlInit()
        # NVML counts every card; this is right as long as CUDA_VISIBLE_DEVICES hides none.
        self._handle = pynvml.nvmlDeviceGetHandleByIndex(int(device.partition(":")[2] or 0))
        self._before = self._used()
        self._stopped = threading.Event()
        self.mib = 0.0

    def _used(self) -> float:
        return self._nvml.nvmlDeviceGetMemoryInfo(self._handle).used / runs.MIB

    def run(self) -> None:
        """Look until ``end``."""
        while not self._stopped.wait(LOOK_S):
            self.mib = max(self.mib, self._used() - self._before)

    def end(self) -> float:
        """The peak."""
        self._stopped.set()
        self.join()
        return self.mib


def measure(name: str, args: argparse.Namespace, options: tuple[str, ...], context: Path | None, batch: int) -> Figures:
    """One row: printed, and returned."""
    model = runs.build("full", name, args.models)
    peak = GpuPeak(args.device)
    peak.start()
    found = runs.run(name, model, frames=args.frames, options=options, context=context, device=args.device, batch=batch)
    seconds = runs.CONTEXT_S if context else 0
    print(
        f"{name:7}{' '.join(options):34}{seconds:6g} s{batch:6}{found.load_s:8.1f}{found.first_s:9.2f}"
        f"{found.again_s:9.2f}{found.per_100_s:14.2f}{found.speed:12.2f}{peak.end():9.0f}",
        flush=True,
    )
    return found


def speech(name: str, choices: tuple[tuple[str, ...], ...], rate: int, args: argparse.Namespace, folder: Path) -> None:
    """An engine with each choice of options, with and without a context."""
    clip = runs.recording(folder / f"{name}.wav", runs.CONTEXT_S, rate)
    for options in choices:
        for context in (None, clip):
            measure(name, args, options, context, 1)
    if name == "xtts" and not runs.has_option("xtts", "compile"):
        print("xtts    compile: the engine has no such option")


def batches(args: argparse.Namespace) -> None:
    """CSM, many lines at once, and what a line costs beside one alone."""
    alone = None
    for size in BATCHES:
        found = measure("csm", args, ("dtype=bfloat16",), None, size)
        alone = alone or found.speed
        print(f"        a line of {size} takes {alone / found.speed:.0%} of the time of a line alone", flush=True)


def embed(args: argparse.Namespace, folder: Path) -> None:
    """ECAPA: a request of many clips of 5 s, by batch."""
    model = runs.build("full", "ecapa", args.models)
    count, seconds = 400, 5.0
    paths = [str(runs.recording(folder / f"{number}.wav", seconds, 16000, number % 7)) for number in range(count)]
    for batch in ("1", "32", "128"):
        taken, _ = runs.embedded(model, paths, folder / "vectors", device=args.device, batch=batch)
        print(
            f"ecapa   batch={batch:4} {count / taken:8.1f} clips/s {count * seconds / taken:8.0f}x real time",
            flush=True,
        )


def main() -> None:
    """Run the parts."""
    parts = {
        "xtts": lambda args, folder: speech("xtts", XTTS, 22050, args, folder),
        "csm": lambda args, folder: speech("csm", CSM, 24000, args, folder),
        "batch": lambda args, folder: batches(args),
        "embed": embed,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--models", type=Path, help="folder where models are kept (default: a temporary one)")
    parser.add_argument("--frames", type=int, default=100)
    args = parser.parse_args()
    import pynvml

    pynvml.nvmlInit()
    card = pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(int(args.device.partition(":")[2] or 0)))
    print(f"{runs.machine()}\n{card}, driver {pynvml.nvmlSystemGetDriverVersion()}\n\n{HEAD}", flush=True)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        args.models = args.models or Path(temporary) / "models"
        args.models.mkdir(parents=True, exist_ok=True)
        for name in args.parts or parts:
            if name not in parts:
                parser.error(f"no part {name!r}: {', '.join(parts)}")
            parts[name](args, Path(temporary))
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
