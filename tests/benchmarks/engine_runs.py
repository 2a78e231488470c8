"""Runs of engines with random weights, measured from outside: what bench_engines.py and tests/gpu/bench_gpu.py share."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "backends" / "_sdk")]

import numpy as np  # noqa: E402 (the path comes first)
from demod_worker.messages import ENCODINGS  # noqa: E402

from demod_voice.audio.clip import mono  # noqa: E402
from demod_voice.config import load_settings  # noqa: E402
from demod_voice.config.settings import Settings  # noqa: E402
from demod_voice.engines.client import Worker  # noqa: E402
from demod_voice.engines.costs import cpu_s, peak_mb  # noqa: E402
from demod_voice.engines.environments import install, python_for  # noqa: E402
from demod_voice.engines.locate import engine  # noqa: E402
from demod_voice.engines.machine import machine as machine_facts  # noqa: E402
from demod_voice.engines.options import options_of, with_option  # noqa: E402
from demod_voice.media.wav import write_wav  # noqa: E402

FRAME_S = {"xtts": 1024 / 22050, "csm": 0.08, "piper": 256 / 22050}
"""Seconds of one frame: a step of the model, a hop of Piper's decoder."""
FIRST_FRAMES = {"xtts": 14, "csm": 11}
"""Frames of a line that is only there for its first sound."""
WORDS = "The quick brown fox jumps over the lazy dog and runs away from all of them"
PIPER_TEXT = (
    "This is a sentence of ordinary length, as a narrator would read it. Here is another one of the same kind. "
    "The third one follows, and it says as little as the two before."
)
CONTEXT_S = 10.0
MIB = 1 << 20
SILENCE_S = 1800.0
"""How long a worker may say nothing: a big model on a small machine."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the table."""

    load_s: float
    """From the request to the loaded model; its files are in the page cache."""
    first_s: float
    """First sound of the first line."""
    again_s: float
    """First sound of the second line."""
    per_100_s: float
    """Seconds for 100 frames of each line, of the second request."""
    cpu_100_s: float
    """Processor seconds for the same: what other work on the machine changes least."""
    audio_s: float
    """Sound of the second request, all its lines."""
    work_s: float
    """Its time."""
    peak_mb: float
    """Largest resident size of the worker."""

    @property
    def speed(self) -> float:
        """Seconds of sound in a second of work."""
        return self.audio_s / self.work_s


@dataclass(slots=True)
class _Heard:
    """What a request sends."""

    began: float
    first: float = 0.0
    seconds: float = 0.0
    _format: tuple[int, int] = (1, 4)

    def take(self, frame: Any) -> None:
        """One message."""
        if frame.type == "audio-start":
            self._format = frame.data["rate"], ENCODINGS[frame.data["encoding"]]
        elif frame.type == "item-error":
            raise SystemExit(f"an item failed: {frame.data}")
        elif frame.type == "audio-chunk":
            self.first = self.first or time.perf_counter()
            rate, size = self._format
            self.seconds += len(frame.payload) / size / rate


def run(
    name: str,
    model: Path,
    *,
    frames: int,
    options: tuple[str, ...] = (),
    context: Path | None = None,
    device: str = "cpu",
    batch: int = 1,
    threads: int = 1,
) -> Figures:
    """Load a model in a fresh worker and speak twice: a short line, then ``batch`` lines of ``frames`` frames.

    Args:
        name: the engine.
        model: of random weights that never end a line by themselves.
        frames: of a line; Piper's lines have the length of their text.
        options: of the engine, ``dtype=bfloat16``.
        context: a recording of ``CONTEXT_S`` that the voice is taken from (xtts) or that it goes on from (csm).
        device: ``cpu`` or ``cuda:N``.
        batch: lines of the second request.
        threads: of the worker.
    """
    worker = _started(name, options, threads)
    try:
        load_s = _load(worker, model, device, options, threads)
        first = _spoken(worker, [_item(name, 0, FIRST_FRAMES.get(name, 0), context)])
        items = [_item(name, number, frames, context) for number in range(batch)]
        before = cpu_s(worker.pid)
        second = _spoken(worker, items)
        used = cpu_s(worker.pid) - before
        peak = peak_mb(worker.pid) or 0.0
    finally:
        worker.stop()
    (heard_first, _), (heard, work) = first, second
    made = heard.seconds / batch / FRAME_S[name]
    return Figures(
        load_s,
        heard_first.first - heard_first.began,
        heard.first - heard.began,
        work * 100 / made,
        used * 100 / made,
        heard.seconds,
        work,
        peak,
    )


def _spoken(worker: Worker, items: list[dict[str, Any]]) -> tuple[_Heard, float]:
    heard = _Heard(time.perf_counter())
    worker.request("speak_many", {"items": items}, heard.take, silence_s=SILENCE_S)
    return heard, time.perf_counter() - heard.began


def _item(name: str, number: int, frames: int, context: Path | None) -> dict[str, Any]:
    item: dict[str, Any] = {"item": number, "text": WORDS, "language": "en", "seed": number, "voice": {}}
    if name == "piper":
        return {**item, "text": PIPER_TEXT if frames else "One."}
    item["max_s"] = (frames + 0.5) * FRAME_S[name]
    if context is not None:
        item["voice"] = {"references": [str(context)], "reference_texts": [f"{WORDS}. {WORDS}."]}
    elif name == "xtts":
        item["voice"] = {"preset": "Ada Tiny"}
    return item


def _settings(name: str, options: tuple[str, ...], threads: int) -> Settings:
    settings = load_settings()
    settings = dataclasses.replace(settings, engines=dataclasses.replace(settings.engines, threads=threads))
    for each in options:
        settings = with_option(settings, name, *each.split("=", 1))
    return settings


def _started(name: str, options: tuple[str, ...], threads: int) -> Worker:
    settings = _settings(name, options, threads)
    worker = Worker(engine(name, settings), python_of(name), settings)
    worker.start()
    return worker


def _load(worker: Worker, model: Path, device: str, options: tuple[str, ...], threads: int) -> float:
    """Seconds of it."""
    chosen = options_of(worker.info, _settings(worker.info.name, options, threads))
    request = {"model": str(model), "device": device, "options": chosen, "threads": threads}
    began = time.perf_counter()
    loaded = worker.request("load", request, silence_s=SILENCE_S)
    if loaded["device"] != device:
        raise SystemExit(f"{worker.info.name} computes on {loaded['device']}, not on {device}: {loaded['notes']}")
    return time.perf_counter() - began


def embedded(
    model: Path, clips: list[str], vectors: Path, *, batch: str, device: str = "cpu", threads: int = 1
) -> tuple[float, float]:
    """Seconds, and processor seconds, in which ECAPA embeds the clips, in one request, after two of them to warm up."""
    options = (f"batch={batch}",)
    worker = _started("ecapa", options, threads)
    try:
        _load(worker, model, device, options, threads)
        worker.request("embed", {"audio": clips[:2], "vectors": f"{vectors}.warm"}, silence_s=SILENCE_S)
        began, before = time.perf_counter(), cpu_s(worker.pid)
        worker.request("embed", {"audio": clips, "vectors": str(vectors)}, silence_s=SILENCE_S)
        return time.perf_counter() - began, cpu_s(worker.pid) - before
    finally:
        worker.stop()


def has_option(name: str, option: str) -> bool:
    """Whether the engine has it."""
    return option in engine(name, load_settings()).options


def python_of(name: str) -> Path:
    """The engine's interpreter; it is installed where it is not."""
    settings = load_settings()
    install(engine(name, settings), settings)
    return python_for(engine(name, settings), settings)


def build(size: str, name: str, folder: Path) -> Path:
    """A model of random weights, ``full`` or ``tiny``; made once and kept in ``folder``."""
    if name == "piper":
        return _piper_voice(size, folder)
    target = folder / f"{name}-{size}"
    if not (target / "whole").is_file():
        command(python_of(name), ROOT / "tests" / size / f"{name}.py", target, *_more(size, name))
        (target / "whole").touch()
    return target


def _more(size: str, name: str) -> list[str]:
    """A tiny XTTS ends its lines after so many tokens."""
    return ["100"] if (size, name) == ("tiny", "xtts") else []


def _piper_voice(size: str, folder: Path) -> Path:
    target = folder / f"piper-{size}.onnx"
    beside = Path(f"{target}.json")
    if beside.is_file():
        return target
    own = python_of("piper")
    if size == "tiny":
        command(own, ROOT / "tests" / "backends" / "tiny_voice.py", target, "{}")
        return target
    # Piper's classes need torch, which its own environment lacks: another engine's interpreter lends it.
    packages = command(own, "-c", "import site; print(site.getsitepackages()[0])").strip()
    environ = {**os.environ, "PYTHONPATH": packages}
    command(python_of("csm"), ROOT / "tests" / "full" / "vits.py", target, environ=environ)
    return target


def command(*words: object, environ: dict[str, str] | None = None) -> str:
    """Run a program; its output."""
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=environ, check=False)
    if done.returncode:
        raise SystemExit(f"{words[1]} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def direct(name: str, model: Path, frames: int, threads: int, more: str = "") -> dict[str, float]:
    """The library called by itself in the same interpreter (direct_library.py).

    Returns:
        Seconds: ``load_s``, ``work_s`` of the clock, ``cpu_s`` of the processor, ``audio_s`` of sound.
    """
    script = Path(__file__).with_name("direct_library.py")
    path = os.pathsep.join([str(ROOT / "backends" / name), str(ROOT / "backends" / "_sdk")])
    environ = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads)}
    told = command(python_of(name), script, name, model, frames, threads, more or "-", environ=environ)
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def recording(path: Path, seconds: float, rate: int, seed: int = 0) -> Path:
    """Coloured noise that swells three times a second, PCM_16: no speech, and no silence."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 3.0 * np.arange(count) / rate)
    noise = np.convolve(rng.standard_normal(count), np.ones(8) / 8, "same")
    write_wav(path, mono((0.3 * swell * noise).astype(np.float32), rate), "pcm_s16le")
    return path


def machine() -> str:
    """What the figures were measured on, and what else it was doing."""
    found = machine_facts()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / MIB
    return f"{time.strftime('%Y-%m-%d %H:%M')}: {found.cpu}, {found.cores} cores, {free:.0f} MiB free, load {load}"
