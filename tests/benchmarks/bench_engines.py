"""The neural engines at full size with random weights, on a CPU: load, first sound, seconds per 100 frames, memory.

    python tests/benchmarks/bench_engines.py [PART ...] [--size full] [--models FOLDER] [--threads 2] [--frames 100]

Parts: xtts, csm, piper, pool, embed, transcribe; all of them without a word. Engines that are not installed are installed
first (``DEMOD_VOICE_ENGINES__XTTS__PYTHON`` and the like name other interpreters); models are built once in FOLDER. One
engine at a time; csm at full size takes 8 GB of memory and 7 GB of disk. Times are stated per 100 frames of fixed work, since
random weights never end a line; a row that makes fewer frames says how many. ``--size tiny`` tries the script.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import engine_runs as runs
from engine_runs import CONTEXT_S, Figures

from demod_voice.config import load_settings
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest

HEAD = (
    f"{'engine':7}{'numbers':10}{'context':>8}{'frames':>7}{'load s':>8}{'first s':>9}{'again s':>9}"
    f"{'s/100 frames':>14}{'of CPU':>8}{'x real time':>12}{'peak MB':>9}"
)
RATES = {"xtts": 22050, "csm": 24000}
LINES = 50
COLD_LINES = {"piper": 50, "xtts": 4, "csm": 4}
"""Lines that get a worker of their own; the neural ones take seconds each, so a few stand for all."""
CLIPS, CLIP_S = 24, 5.0
MINUTE_S = 60.0


def row(name: str, numbers: str, context: str, frames: int, found: Figures) -> None:
    """Print a row of the table."""
    print(
        f"{name:7}{numbers:10}{context:>8}{frames:7}{found.load_s:8.1f}{found.first_s:9.2f}{found.again_s:9.2f}"
        f"{found.per_100_s:14.2f}{found.cpu_100_s:8.2f}{found.speed:12.2f}{found.peak_mb:9.0f}",
        flush=True,
    )


def floor(name: str, numbers: str, found: dict[str, float], ours: Figures) -> None:
    """Print the library called by itself, and what the worker costs beside it."""
    hundreds = found["audio_s"] / runs.FRAME_S[name] / 100
    per_100, cpu = found["work_s"] / hundreds, found["cpu_s"] / hundreds
    print(
        f"{name:7}{numbers:10}the library by itself: load {found['load_s']:.1f} s, {per_100:.2f} s/100 frames "
        f"({cpu:.2f} of CPU); the worker is {ours.per_100_s / per_100:.2f}x ({ours.cpu_100_s / cpu:.2f}x of CPU)",
        flush=True,
    )


def speech(name: str, args: argparse.Namespace, folder: Path) -> None:
    """XTTS and CSM: two number formats, with and without 10 s of context, and the library by itself."""
    model = runs.build(args.size, name, args.models)
    clip = runs.recording(folder / f"{name}.wav", CONTEXT_S, RATES[name])
    for numbers in args.numbers:
        for context in (None, clip):
            options = (f"dtype={numbers}",)
            found = runs.run(name, model, frames=args.frames, options=options, context=context, threads=args.threads)
            row(name, numbers, f"{CONTEXT_S if context else 0:g} s", args.frames, found)
            if (numbers, context) == ("float32", None):
                plain = found
    if "float32" in args.numbers:
        floor(name, "float32", runs.direct(name, model, args.frames, args.threads, "float32"), plain)


def piper(args: argparse.Namespace, folder: Path) -> None:
    """A voice of the size medium, three sentences; its number format is its file's."""
    model = runs.build(args.size, "piper", args.models)
    found = runs.run("piper", model, frames=1, threads=args.threads)
    row("piper", "float32", "-", round(found.audio_s / runs.FRAME_S["piper"]), found)
    floor("piper", "float32", runs.direct("piper", model, 0, args.threads, runs.PIPER_TEXT), found)


def pool(args: argparse.Namespace, folder: Path) -> None:
    """Tiny models: 50 short lines in one warm pool against a pool (and so a load) for each line."""
    print(f"\n{'engine':7}{'lines':>7}{'warm s/line':>13}{'cold s/line':>13}{'cold is':>10}")
    for name, cold_lines in COLD_LINES.items():
        model = runs.build("tiny", name, args.models)
        requests = [_line(name, model, number) for number in range(LINES)]
        warm = _seconds(partial(_spoken, name, requests)) / LINES
        cold = sum(_seconds(partial(_spoken, name, [request])) for request in requests[:cold_lines]) / cold_lines
        print(f"{name:7}{cold_lines:7}{warm:13.4f}{cold:13.4f}{cold / warm:9.1f}x", flush=True)


def _line(name: str, model: Path, number: int) -> SpeechRequest:
    from demod_worker.messages import Voice

    voice = Voice(model=str(model), preset="Ada Tiny" if name == "xtts" else None)
    most = None if name == "piper" else 0.9
    return SpeechRequest(f"Line {number}.", language="en", voice=voice, seed=number, max_s=most)


def _spoken(name: str, requests: list[SpeechRequest]) -> None:
    """All of them in a pool of their own."""
    with Pool(load_settings(device="cpu")) as one:
        for request in requests:
            one.speak(name, request)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def embed(args: argparse.Namespace, folder: Path) -> None:
    """ECAPA: clips of 5 s in one request, one by one and eight at once, and the library by itself."""
    model = runs.build(args.size, "ecapa", args.models)
    clips = folder / "clips"
    clips.mkdir()
    paths = [str(runs.recording(clips / f"{number:03}.wav", CLIP_S, 16000, number)) for number in range(CLIPS)]
    print(f"\n{'ecapa':12}{'clips/s':>9}{'x real time':>13}{'per CPU second':>16}")
    found = {
        f"batch={each}": runs.embedded(model, paths, folder / "vectors", batch=each, threads=args.threads)
        for each in "18"
    }
    alone = runs.direct("ecapa", model, 0, args.threads, str(clips))
    found["library"] = alone["work_s"], alone["cpu_s"]
    for name, (taken, cpu) in found.items():
        print(f"{name:12}{CLIPS / taken:9.2f}{CLIPS * CLIP_S / taken:13.1f}{CLIPS * CLIP_S / cpu:16.1f}", flush=True)


def transcribe(args: argparse.Namespace, folder: Path) -> None:
    """Whisper of the size small: a minute of noise, twice; how much it says of it is chance, and told."""
    from demod_worker.messages import TranscribeRequest

    model = runs.build(args.size, "whisper", args.models)
    clip = runs.recording(folder / "minute.wav", MINUTE_S, 16000)
    request = TranscribeRequest(str(clip), language="en")
    settings = load_settings(device="cpu", **{"engines.threads": args.threads})
    with Pool(settings) as one:
        load_s = _seconds(lambda: one.load("whisper", str(model)))
        for _ in range(2):
            began = time.perf_counter()
            heard = one.transcribe("whisper", request, str(model))
            taken = time.perf_counter() - began
    told = f"a minute in {taken:.1f} s, {MINUTE_S / taken:.1f}x real time, {len(heard.words)} words"
    print(f"\nwhisper load {load_s:.1f} s; {told}")


def main() -> None:
    """Run the parts."""
    parts = {
        "xtts": lambda args, folder: speech("xtts", args, folder),
        "csm": lambda args, folder: speech("csm", args, folder),
        "piper": piper,
        "pool": pool,
        "embed": embed,
        "transcribe": transcribe,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--size", choices=["full", "tiny"], default="full")
    parser.add_argument("--models", type=Path, help="folder where models are kept (default: a temporary one)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--numbers", nargs="+", default=["float32", "bfloat16"])
    args = parser.parse_args()
    print(runs.machine(), f"\nsize {args.size}, {args.threads} threads\n\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        args.models = args.models or Path(temporary) / "models"
        args.models.mkdir(parents=True, exist_ok=True)
        for name in args.parts or parts:
            if name not in parts:
                parser.error(f"no part {name!r}: {', '.join(parts)}")
            parts[name](args, Path(temporary))
    print(f"\n{runs.machine()}")


if __name__ == "__main__":
    main()
