"""The conformance suite's questions to an engine that hears: a synthesized recording, and what is a right answer to it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from demod_worker.messages import (
    AlignRequest,
    AlignResult,
    DetectRequest,
    DetectResult,
    EmbedRequest,
    EmbedResult,
    HeardWord,
    SeparateRequest,
    SeparateResult,
    TranscribeRequest,
    TranscribeResult,
    from_json,
    to_json,
)

from demod_voice.audio.clip import Clip
from demod_voice.engines.client import Worker
from demod_voice.engines.types import EngineInfo
from demod_voice.media.wav import read_wav, write_wav

HEARING = ("detect", "transcribe", "align", "embed", "separate")
RATE = 16000
SHORT_S, LONG_S = 3.0, 600.0
TEXT = "hello there"
FILE = "out.raw"
"""What an engine writes that is asked for one file."""
INTERRUPT_AFTER_S = 0.1
"""A request on the long recording has begun by then, and no engine is through with it."""
UNIT = 1e-3
"""So far may a vector's length be from 1."""
SUM = 1e-5
"""So far may the stems' sum be from the recording."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One operation: its request, and what is wrong with an answer to it."""

    request: Callable[[str, str], Any]
    """(recording, file to write) -> request."""
    fault: Callable[[Any, Path], str]
    """(the answer's data, the file written) -> what is wrong, or nothing."""


class Recordings:
    """A short and a long recording in a folder of their own; a context manager."""

    def __init__(self, info: EngineInfo) -> None:
        self.operations = tuple(each for each in HEARING if each in info.operations)
        self._folder = TemporaryDirectory(prefix="demod-voice-check-")
        self._rate = info.input_rate or RATE

    def __enter__(self) -> Recordings:
        self._path = Path(self._folder.name)
        short = Clip(voicelike(SHORT_S, self._rate), self._rate)
        write_wav(self._path / "short.wav", short)
        write_wav(self._path / "long.wav", Clip(np.tile(short.samples, (1, int(LONG_S / SHORT_S))), self._rate))
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def answer(self, worker: Worker, operation: str) -> tuple[str, bytes]:
        """What is wrong with the engine's answer on the short recording (or nothing), and the answer as bytes."""
        out = self._path / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        data = worker.request(operation, self.request(operation))
        written = b"".join(each.read_bytes() for each in sorted(out.iterdir()))
        return ASKED[operation].fault(dict(data), out / FILE), json.dumps(data, sort_keys=True).encode() + written

    def request(self, operation: str, recording: str = "short.wav") -> Mapping[str, Any]:
        """The request for one operation."""
        made: Mapping[str, Any] = to_json(
            ASKED[operation].request(str(self._path / recording), str(self._path / "out" / FILE))
        )
        return made

    def interrupted(self, worker: Worker, interrupt: Callable[[], None], stopped: threading.Event | None) -> None:
        """Work on the long recording, and interrupt it from another thread."""
        timer = threading.Timer(INTERRUPT_AFTER_S, interrupt)
        timer.start()
        try:
            name = self.operations[0]
            worker.request(name, self.request(name, "long.wav"), stopped=stopped)
        finally:
            timer.join()


def voicelike(seconds: float, rate: int = RATE) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Half a second of soft noise, then harmonics of 120 Hz in syllables, shape (1, n): always the same."""
    num_samples = int(seconds * rate)
    time_s = np.arange(num_samples) / rate
    wave = np.random.default_rng(1).standard_normal(num_samples) * 1e-3
    for harmonic in range(1, 30):
        frequency = 120.0 * harmonic
        weight = 1 / (1 + ((frequency - 600) / 150) ** 2) + 0.5 / (1 + ((frequency - 1500) / 200) ** 2)
        wave += 0.2 * weight * np.sin(2 * np.pi * frequency * time_s) * (time_s > 0.5) * np.sin(np.pi * 3 * time_s) ** 2
    return np.clip(wave, -1, 1).astype(np.float32).reshape(1, -1)


def _detected(data: Any, out: Path) -> str:
    found = from_json(DetectResult, data)
    numbers = np.fromfile(out, "<f4") if out.is_file() else np.zeros(0, np.float32)
    if found.frame_s <= 0 or len(numbers) != found.frames:
        return f"{len(numbers)} numbers in the file, {found.frames} frames of {found.frame_s:g} s in the answer"
    if abs(found.frames * found.frame_s - SHORT_S) > 2 * found.frame_s:
        return f"{found.frames} frames of {found.frame_s:g} s are not {SHORT_S:g} s"
    if not np.all((numbers >= 0) & (numbers <= 1)):
        return "not every number is a probability"
    return ""


def _transcribed(data: Any, _: Path) -> str:
    return _word_fault(from_json(TranscribeResult, data).words)


def _aligned(data: Any, _: Path) -> str:
    words = from_json(AlignResult, data).words
    if [each.text for each in words] != TEXT.split():
        return f"the words are {[each.text for each in words]}, not {TEXT.split()}"
    return _word_fault(words)


def _word_fault(words: tuple[HeardWord, ...]) -> str:
    at = 0.0
    for word in words:
        if not at <= word.start_s <= word.end_s <= SHORT_S + 0.1:
            return f"the times of {word.text!r} ({word.start_s:g} to {word.end_s:g} s) are out of order or of the clip"
        if word.confidence is not None and not 0 <= word.confidence <= 1:
            return f"the confidence of {word.text!r} is {word.confidence:g}"
        at = word.start_s
    return ""


def _embedded(data: Any, out: Path) -> str:
    found = from_json(EmbedResult, data)
    numbers = np.fromfile(out, "<f4") if out.is_file() else np.zeros(0, np.float32)
    if found.dimension <= 0 or len(numbers) != 2 * found.dimension:
        return f"{len(numbers)} numbers in the file for 2 clips of dimension {found.dimension}"
    lengths = np.linalg.norm(numbers.reshape(2, -1), axis=1)
    if not np.all(np.abs(lengths - 1) < UNIT):
        return f"the vectors' lengths are {lengths.tolist()}, not 1"
    return ""


def _separated(data: Any, out: Path) -> str:
    found = from_json(SeparateResult, data)
    missing = sorted({"dialogue", "background"} - set(found.stems))
    if missing:
        return f"there is no stem {' and no '.join(missing)}"
    recording = read_wav(out.parent.parent / "short.wav")
    stems = {name: read_wav(out.parent / file) for name, file in found.stems.items()}
    for name, stem in stems.items():
        if (stem.sample_rate, stem.samples.shape) != (recording.sample_rate, recording.samples.shape):
            return f"stem {name} is {stem.samples.shape} at {stem.sample_rate} Hz, not as the recording"
    apart = float(np.abs(stems["dialogue"].samples + stems["background"].samples - recording.samples).max())
    return f"dialogue and background differ from the recording by {apart:g}" if apart > SUM else ""


ASKED: Mapping[str, _Asked] = {
    "detect": _Asked(lambda audio, out: DetectRequest(audio, out), _detected),
    "transcribe": _Asked(lambda audio, _: TranscribeRequest(audio), _transcribed),
    "align": _Asked(lambda audio, _: AlignRequest(audio, TEXT), _aligned),
    "separate": _Asked(lambda audio, out: SeparateRequest(audio, str(Path(out).parent)), _separated),
    "embed": _Asked(lambda audio, out: EmbedRequest((audio, audio), out), _embedded),
}
"""Operation -> how it is asked, and how its answer is judged."""
