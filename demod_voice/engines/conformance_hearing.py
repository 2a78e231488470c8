"""The conformance suite's questions to an engine that hears: a synthesized recording, and what is a right answer to it."""

from __future__ import annotations

import json
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
    TranscribeRequest,
    TranscribeResult,
    from_json,
    to_json,
)

from demod_voice.audio.clip import Clip
from demod_voice.engines.client import Worker
from demod_voice.engines.types import EngineInfo
from demod_voice.media.wav import write_wav

HEARING = ("detect", "transcribe", "align", "embed")
RATE = 16000
SHORT_S, LONG_S = 3.0, 600.0
TEXT = "hello there"
INTERRUPT_AFTER_S = 0.1
"""A request on the long recording has begun by then, and no engine is through with it."""
UNIT = 1e-3
"""So far may a vector's length be from 1."""


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

    def __enter__(self) -> Recordings:
        self._path = Path(self._folder.name)
        short = voicelike(SHORT_S)
        write_wav(self._path / "short.wav", Clip(short, RATE))
        write_wav(self._path / "long.wav", Clip(np.tile(short, (1, int(LONG_S / SHORT_S))), RATE))
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def answer(self, worker: Worker, operation: str) -> tuple[str, bytes]:
        """What is wrong with the engine's answer on the short recording (or nothing), and the answer as bytes."""
        out = self._path / "out.raw"
        out.unlink(missing_ok=True)
        data = worker.request(operation, self.request(operation))
        written = out.read_bytes() if out.is_file() else b""
        return ASKED[operation].fault(dict(data), out), json.dumps(data, sort_keys=True).encode() + written

    def request(self, operation: str, recording: str = "short.wav") -> Mapping[str, Any]:
        """The request for one operation."""
        made: Mapping[str, Any] = to_json(
            ASKED[operation].request(str(self._path / recording), str(self._path / "out.raw"))
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


def voicelike(seconds: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Half a second of soft noise, then harmonics of 120 Hz in syllables, shape (1, n): always the same."""
    num_samples = int(seconds * RATE)
    time_s = np.arange(num_samples) / RATE
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


ASKED: Mapping[str, _Asked] = {
    "detect": _Asked(lambda audio, out: DetectRequest(audio, out), _detected),
    "transcribe": _Asked(lambda audio, _: TranscribeRequest(audio), _transcribed),
    "align": _Asked(lambda audio, _: AlignRequest(audio, TEXT), _aligned),
    "embed": _Asked(lambda audio, out: EmbedRequest((audio, audio), out), _embedded),
}
"""Operation -> how it is asked, and how its answer is judged."""
