"""Puts the messages of one speak request together: sound and results, item by item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from demod_worker.messages import ENCODINGS, BadMessage, SpeakItem, SpeakResult, from_json
from demod_worker.wire import Frame

from demod_voice.audio.clip import Clip
from demod_voice.engines.client import engine_error
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import EngineBrokenProtocol, EngineError, EngineFailed, EngineOutOfMemory

LONGEST_AUDIO_S = 3600.0
"""An item that grows longer than this, or than twice its ``max_s`` and 10 s, is a flood."""
SILENT_RATE = 24_000
"""Sample rate of an item without any sound whose engine does not say one."""


class Collector:
    """Puts the messages of one request together: sound and results by item."""

    def __init__(
        self, engine: str, requests: Sequence[SpeechRequest], on_clip: Callable[[Clip], None] | None = None
    ) -> None:
        self._engine = engine
        self._requests = requests
        self._on_clip = on_clip
        self._formats: dict[int, tuple[int, str, int]] = {}
        self._sound: defaultdict[int, list[bytes]] = defaultdict(list)
        self._seconds: defaultdict[int, float] = defaultdict(float)
        self._done: dict[int, SpeakResult | EngineError] = {}

    def take(self, frame: Frame) -> None:
        """One message of the request."""
        if frame.type == "progress":
            return
        item = int(frame.data["item"])
        if not 0 <= item < len(self._requests):
            raise EngineBrokenProtocol(f"engine {self._engine} answers item {item}, which was not asked for")
        if frame.type == "audio-start":
            self._formats[item] = (frame.data["rate"], frame.data["encoding"], frame.data["channels"])
        elif frame.type == "audio-chunk":
            self._chunk(item, frame.payload)
        elif frame.type == "item-error":
            self._done[item] = engine_error(self._engine, frame.data)
        else:
            self._done[item] = self._result(frame.data)

    @property
    def complete(self) -> bool:
        """Every item has been answered."""
        return len(self._done) == len(self._requests)

    def trouble(self) -> EngineOutOfMemory | EngineFailed | None:
        """The failure of an item that may be its device's and not its own: of memory first; None where there is none."""
        failures = [each for each in self._done.values() if isinstance(each, (EngineOutOfMemory, EngineFailed))]
        return min(failures, key=lambda each: isinstance(each, EngineFailed), default=None)

    def results(self) -> list[Speech | EngineError]:
        """One outcome per request, in their order."""
        return [self._speech(item) for item in range(len(self._requests))]

    def _chunk(self, item: int, payload: bytes) -> None:
        rate, encoding, channels = self._formats[item]
        self._seconds[item] += len(payload) / (ENCODINGS[encoding] * channels * rate)
        asked = self._requests[item].max_s
        most = LONGEST_AUDIO_S if asked is None else 2.0 * asked + 10.0
        if self._seconds[item] > most:
            raise EngineBrokenProtocol(f"engine {self._engine} floods: over {most:.0f} s of sound for one line")
        if self._on_clip is not None:
            self._on_clip(_clip(payload, rate, encoding, channels))
        else:
            self._sound[item].append(payload)

    def _result(self, data: Mapping[str, Any]) -> SpeakResult | EngineError:
        try:
            return from_json(SpeakResult, dict(data))
        except BadMessage as error:
            raise EngineBrokenProtocol(f"engine {self._engine}: {error}") from error

    def _speech(self, item: int) -> Speech | EngineError:
        done = self._done.get(item)
        if done is None:
            return EngineBrokenProtocol(f"engine {self._engine} did not answer item {item}")
        if isinstance(done, EngineError):
            return done
        rate, encoding, channels = self._formats.get(item, (done.sample_rate or SILENT_RATE, "pcm_s16le", 1))
        clip = _clip(b"".join(self._sound[item]), rate, encoding, channels)
        return Speech(clip, done.words, encoding, done.model, done.model_revision, done.degraded)


def _clip(data: bytes, rate: int, encoding: str, channels: int) -> Clip:
    """Interleaved PCM as a clip; several channels are kept."""
    if encoding == "pcm_s16le":
        flat = np.frombuffer(data, dtype="<i2").astype(np.float32)
        flat *= np.float32(1 / 32768.0)  # a power of two: exact
    else:
        flat = np.frombuffer(data, dtype="<f4").astype(np.float32)
    return Clip(np.ascontiguousarray(flat.reshape(-1, channels).T), rate)


def speak_item(number: int, request: SpeechRequest) -> SpeakItem:
    """A request as item ``number`` of a message."""
    return SpeakItem(
        item=number,
        text=request.text,
        language=request.language,
        voice=request.voice,
        seed=request.seed,
        speed=request.speed,
        pitch=request.pitch,
        volume_db=request.volume_db,
        style=dict(request.style),
        max_s=request.max_s,
        foreign=request.foreign,
        context=request.context,
    )
