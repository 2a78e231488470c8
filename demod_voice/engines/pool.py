"""The warm pool: workers by (engine, device, model), started on demand and kept for the run. Safe for threads."""

from __future__ import annotations

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from demod_worker.messages import (
    BadMessage,
    LoadRequest,
    LoadResult,
    SpeakItem,
    SpeakRequest,
    SpeakResult,
    from_json,
    to_json,
)
from demod_worker.wire import Frame

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Settings
from demod_voice.engines.client import Worker, engine_error
from demod_voice.engines.devices import describe_gpus, device_for
from demod_voice.engines.environments import python_for
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.types import EngineInfo, Speech, SpeechRequest
from demod_voice.errors import EngineBrokenProtocol, EngineCancelled, EngineCrashed, EngineError
from demod_voice.records.progress import SILENT, Progress

CRASHES_THAT_STOP = 2
"""Crashes in a row after which an engine is not asked again in this run."""
LONGEST_AUDIO_S = 3600.0
"""An item that grows longer than this, or than twice its ``max_s``, is a flood."""
STREAMED_CLIPS = 16


@dataclass(frozen=True, slots=True)
class _Slot:
    """What a worker is for."""

    engine: str
    device: str
    model: str | None


@dataclass(slots=True)
class _Shelf:
    """The workers of one slot: at most ``jobs`` of them."""

    room: threading.Semaphore
    idle: list[tuple[float, Worker]] = field(default_factory=list)
    loaded: LoadResult | None = None


class Pool:
    """Runs requests on workers.

    Args:
        settings: engines, device, timeouts, idle time.
        jobs: workers of one slot that may run at once.
        log_path: file that everything the workers log is appended to.
        progress: told about installs, fallbacks and retries.
    """

    def __init__(
        self, settings: Settings, *, jobs: int = 1, log_path: Path | None = None, progress: Progress = SILENT
    ) -> None:
        self._settings = settings
        self._jobs = max(1, jobs)
        self._log_path = log_path
        self._progress = progress
        self._lock = threading.Lock()
        self._infos: dict[str, EngineInfo] = {}
        self._pythons: dict[str, Path] = {}
        self._install = threading.Lock()
        self._shelves: dict[_Slot, _Shelf] = {}
        self._crashes: defaultdict[str, int] = defaultdict(int)
        self._running: set[Worker] = set()
        self._closed = threading.Event()
        self._noted: set[str] = set()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(at_once=kind is not None)

    def close(self, at_once: bool = False) -> None:
        """End every worker; ``at_once`` kills also those that are at work."""
        self._closed.set()
        with self._lock:
            idle = [worker for shelf in self._shelves.values() for _, worker in shelf.idle]
            for shelf in self._shelves.values():
                shelf.idle.clear()
            busy = list(self._running)
        for worker in busy if at_once else []:
            worker.kill()
        for worker in idle:
            if at_once:
                worker.kill()
            else:
                worker.stop()

    def info(self, engine: str) -> EngineInfo:
        """The engine of that name. Raises EngineNotInstalled for an unknown one."""
        with self._lock:
            if engine not in self._infos:
                self._infos[engine] = find_engine(engine, self._settings)
            return self._infos[engine]

    def probe(self, engine: str) -> Mapping[str, Any]:
        """Start the engine (no model) and return what it says of itself.

        Raises:
            EngineError: it is not installed or does not start.
        """
        worker = self._start(self.info(engine))
        try:
            return dict(worker.ready)
        finally:
            self._forget(worker)
            worker.stop()

    def load(self, engine: str, model: str | None = None) -> LoadResult:
        """Bring a model into memory, and tell what it has."""
        slot = self._slot(engine, model)
        with self._worker(slot):
            loaded = self._shelf(slot).loaded
        return loaded or LoadResult()

    def speak(self, engine: str, request: SpeechRequest) -> Speech:
        """Speak one utterance.

        Raises:
            EngineError: of the class that the failure has. A crash is tried once more first.
        """
        result = self.speak_many(engine, [request])[0]
        if isinstance(result, EngineError):
            raise result
        return result

    def speak_many(self, engine: str, requests: Sequence[SpeechRequest]) -> list[Speech | EngineError]:
        """Speak several utterances of one model, in batches of the engine's ``max_batch``.

        Raises:
            EngineError: the engine as a whole failed; a single item's failure is in the list.
        """
        results: list[Speech | EngineError] = []
        size = max(1, self.info(engine).max_batch)
        for at in range(0, len(requests), size):
            results += self._batch(engine, requests[at : at + size])
        return results

    def stream(self, engine: str, request: SpeechRequest) -> Iterator[Clip]:
        """The sound of one utterance as it is made. Closing the iterator cancels the engine's work.

        Raises:
            EngineError: of the class that the failure has.
        """
        clips: queue.Queue[Clip | BaseException | None] = queue.Queue(STREAMED_CLIPS)
        stopped = threading.Event()

        def work() -> None:
            try:
                collected = _Collector(
                    self.info(engine).name, [request], on_clip=lambda clip: _put(clips, clip, stopped)
                )
                self._perform(engine, [request], collected)
                failed = collected.results()[0]
                clips.put(failed if isinstance(failed, EngineError) else None)
            except BaseException as error:
                clips.put(error)

        thread = threading.Thread(target=work, name=f"stream-{engine}", daemon=True)
        thread.start()
        try:
            while (clip := clips.get()) is not None:
                if isinstance(clip, BaseException):
                    raise clip
                yield clip
        finally:
            stopped.set()
            while thread.is_alive():
                try:
                    clips.get(timeout=0.02)
                except queue.Empty:
                    thread.join(0.02)

    def _batch(self, engine: str, requests: Sequence[SpeechRequest]) -> list[Speech | EngineError]:
        try:
            return self._collect(engine, requests)
        except EngineCrashed as error:
            if self._settings.attempts < 1 or self._crashes[engine] >= CRASHES_THAT_STOP or self._closed.is_set():
                raise
            self._progress.note(f"{error.message.splitlines()[0]}; trying once more")
            return self._collect(engine, requests)

    def _collect(self, engine: str, requests: Sequence[SpeechRequest]) -> list[Speech | EngineError]:
        collected = _Collector(engine, requests)
        self._perform(engine, requests, collected)
        return collected.results()

    def _perform(self, engine: str, requests: Sequence[SpeechRequest], collected: _Collector) -> None:
        items = tuple(_item(number, request) for number, request in enumerate(requests))
        slot = self._slot(engine, requests[0].voice.model)
        with self._worker(slot) as worker:
            worker.request("speak_many", to_json(SpeakRequest(items)), collected.take)

    def _slot(self, engine: str, model: str | None) -> _Slot:
        info = self.info(engine)
        device = device_for(info, self._settings)
        if info.gpu and device == "cpu" and self._settings.device == "auto":
            self._note_once(f"engine {engine} runs on the CPU: {describe_gpus()[1]}")
        return _Slot(engine, device, model)

    def _note_once(self, message: str) -> None:
        with self._lock:
            known = message in self._noted
            self._noted.add(message)
        if not known:
            self._progress.note(message)

    def _shelf(self, slot: _Slot) -> _Shelf:
        with self._lock:
            if slot not in self._shelves:
                self._shelves[slot] = _Shelf(threading.Semaphore(self._jobs))
            return self._shelves[slot]

    @contextmanager
    def _worker(self, slot: _Slot) -> Iterator[Worker]:
        """A worker with the slot's model loaded, for one request."""
        shelf = self._shelf(slot)
        with shelf.room:
            self._refuse(slot.engine)
            worker = self._take(slot, shelf)
            try:
                yield worker
            except EngineCrashed:
                self._crashes[slot.engine] += 1
                raise
            except EngineError:
                raise
            else:
                self._crashes[slot.engine] = 0
            finally:
                self._give_back(worker, shelf)

    def _refuse(self, engine: str) -> None:
        if self._closed.is_set():
            raise EngineCancelled(f"engine {engine}: the work was stopped")
        if self._crashes[engine] >= CRASHES_THAT_STOP:
            raise EngineCrashed(
                f"engine {engine} died {CRASHES_THAT_STOP} times in a row and is not asked again in this run",
                f"check it with: demod-voice engines check {engine}",
            )

    def _take(self, slot: _Slot, shelf: _Shelf) -> Worker:
        while True:
            with self._lock:
                found = shelf.idle.pop()[1] if shelf.idle else None
                if found is not None:
                    self._running.add(found)
            if found is None:
                return self._loaded(slot, shelf)
            if found.alive:
                return found
            self._forget(found)

    def _loaded(self, slot: _Slot, shelf: _Shelf) -> Worker:
        worker = self._start(self.info(slot.engine))
        try:
            request = LoadRequest(slot.model, slot.device, self._settings.engines.threads)
            if "load" in worker.ready.get("operations", ()):
                shelf.loaded = from_json(LoadResult, dict(worker.request("load", to_json(request))))
        except BadMessage as error:
            self._forget(worker)
            worker.kill()
            raise EngineBrokenProtocol(f"engine {slot.engine}: {error}") from error
        except BaseException as error:
            if isinstance(error, EngineCrashed):
                self._crashes[slot.engine] += 1
            self._forget(worker)
            worker.stop()
            raise
        for note in shelf.loaded.notes if shelf.loaded else ():
            self._note_once(f"{slot.engine}: {note}")
        return worker

    def _start(self, info: EngineInfo) -> Worker:
        with self._install:
            if info.name not in self._pythons:
                self._pythons[info.name] = python_for(info, self._settings, self._progress)
        worker = Worker(info, self._pythons[info.name], self._settings, self._logger(info.name))
        with self._lock:
            self._running.add(worker)
        try:
            worker.start()
        except BaseException:
            self._forget(worker)
            raise
        return worker

    def _forget(self, worker: Worker) -> None:
        with self._lock:
            self._running.discard(worker)

    def _give_back(self, worker: Worker, shelf: _Shelf) -> None:
        self._forget(worker)
        if not worker.alive:
            return
        if self._closed.is_set():
            worker.kill()
            return
        with self._lock:
            shelf.idle.append((time.monotonic(), worker))
        self._retire()

    def _retire(self) -> None:
        """End workers that nobody has asked for ``engines.idle_s``."""
        oldest = time.monotonic() - self._settings.engines.idle_s
        retired = []
        with self._lock:
            for shelf in self._shelves.values():
                retired += [worker for since, worker in shelf.idle if since < oldest]
                shelf.idle[:] = [(since, worker) for since, worker in shelf.idle if since >= oldest]
        for worker in retired:
            worker.stop()

    def _logger(self, engine: str) -> Callable[[str], None] | None:
        if self._log_path is None:
            return None
        path = self._log_path

        def log(line: str) -> None:
            with self._lock, path.open("a", encoding="utf-8") as file:
                file.write(f"{engine}: {line}\n")

        return log


class _Collector:
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

    def results(self) -> list[Speech | EngineError]:
        """One outcome per request, in their order."""
        return [self._speech(item) for item in range(len(self._requests))]

    def _chunk(self, item: int, payload: bytes) -> None:
        rate, encoding, channels = self._formats[item]
        width = 2 if encoding == "pcm_s16le" else 4
        self._seconds[item] += len(payload) / (width * channels * rate)
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
        rate, encoding, channels = self._formats.get(item, (done.sample_rate or 24_000, "pcm_s16le", 1))
        clip = _clip(b"".join(self._sound[item]), rate, encoding, channels)
        return Speech(clip, done.words, encoding, done.model, done.model_revision, done.degraded)


def _clip(data: bytes, rate: int, encoding: str, channels: int) -> Clip:
    """Interleaved PCM as a clip; several channels are kept."""
    if encoding == "pcm_s16le":
        flat = np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(32768.0)
    else:
        flat = np.frombuffer(data, dtype="<f4").astype(np.float32)
    return Clip(np.ascontiguousarray(flat.reshape(-1, channels).T), rate)


def _item(number: int, request: SpeechRequest) -> SpeakItem:
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
    )


def _put(clips: queue.Queue[Clip | BaseException | None], clip: Clip, stopped: threading.Event) -> None:
    """Hand a clip on; raise in the worker's thread when nobody listens any more, which cancels the request."""
    while not stopped.is_set():
        try:
            clips.put(clip, timeout=0.1)
            return
        except queue.Full:
            continue
    raise EngineCancelled("the listener is gone")
