"""The warm pool: workers by (engine, device, model), started on demand and kept for the run. Safe for threads."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, TypeVar

from demod_worker.messages import (
    AlignRequest,
    AlignResult,
    BadMessage,
    DetectRequest,
    DetectResult,
    EmbedRequest,
    EmbedResult,
    LoadRequest,
    LoadResult,
    PhonemizeRequest,
    PhonemizeResult,
    SeparateRequest,
    SeparateResult,
    SpeakRequest,
    TranscribeRequest,
    TranscribeResult,
    from_json,
    to_json,
)

from demod_voice.audio.clip import Clip
from demod_voice.config.folders import engine_cache
from demod_voice.config.settings import Settings
from demod_voice.engines.client import Worker
from demod_voice.engines.collector import Collector, speak_item
from demod_voice.engines.default_model import model_for
from demod_voice.engines.devices import describe_gpus, device_for
from demod_voice.engines.environments import USABLE, python_for, state
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.options import options_of
from demod_voice.engines.strikes import Strikes
from demod_voice.engines.types import EngineInfo, Speech, SpeechRequest
from demod_voice.engines.worker_log import WorkerLog
from demod_voice.errors import (
    EngineBrokenProtocol,
    EngineCancelled,
    EngineCrashed,
    EngineError,
    EngineNotInstalled,
    EngineOutOfMemory,
)
from demod_voice.records.progress import SILENT, Progress

STREAMED_CLIPS = 16
RETIRE_LOOK_S = 1.0
"""Shortest time between two looks for idle workers."""
_T = TypeVar("_T")


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
        self._log = WorkerLog(log_path)
        self._progress = progress
        self._lock = threading.Lock()
        self._infos: dict[str, EngineInfo] = {}
        self._pythons: dict[str, Path] = {}
        self._install = threading.Lock()
        self._shelves: dict[_Slot, _Shelf] = {}
        self._strikes = Strikes()
        self._running: set[Worker] = set()
        self._closed = threading.Event()
        self._noted: set[str] = set()
        self._retiring: threading.Thread | None = None

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(at_once=kind is not None)

    @property
    def settings(self) -> Settings:
        """The settings that it runs with."""
        return self._settings

    def close(self, at_once: bool = False) -> None:
        """End every worker; ``at_once`` kills also those that are at work."""
        self._closed.set()
        with self._lock:
            idle = [worker for shelf in self._shelves.values() for _, worker in shelf.idle]
            for shelf in self._shelves.values():
                shelf.idle.clear()
            busy = list(self._running)
        for worker in [*busy, *idle] if at_once else []:
            worker.kill()
        _stop_all(idle)
        self._log.close()

    def info(self, engine: str) -> EngineInfo:
        """The engine of that name. Raises EngineNotInstalled for an unknown one."""
        with self._lock:
            if engine not in self._infos:
                self._infos[engine] = find_engine(engine, self._settings)
            return self._infos[engine]

    def usable(self, engine: str) -> bool:
        """True when there is such an engine, and it is installed or installs itself. Starts nothing."""
        try:
            info = self.info(engine)
        except EngineNotInstalled:
            return False
        return info.embedded or state(info, self._settings) in USABLE

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

    def phonemize(self, engine: str, request: PhonemizeRequest) -> PhonemizeResult:
        """The IPA that an engine would say.

        Raises:
            EngineError: of the class that the failure has; ``EngineRefused`` when it does not tell.
        """
        return self._asked(engine, "phonemize", request, PhonemizeResult, request.voice.model)

    def detect(self, engine: str, request: DetectRequest) -> DetectResult:
        """Let an engine write how likely each frame of a recording is speech.

        Raises:
            EngineError: of the class that the failure has. A crash is tried once more first.
        """
        return self._asked(engine, "detect", request, DetectResult)

    def transcribe(self, engine: str, request: TranscribeRequest, model: str | None = None) -> TranscribeResult:
        """The words of a clip, as an engine hears them.

        Raises:
            EngineError: of the class that the failure has. A crash is tried once more first.
        """
        return self._asked(engine, "transcribe", request, TranscribeResult, model)

    def align(self, engine: str, request: AlignRequest) -> AlignResult:
        """When each word of a known text is heard.

        Raises:
            EngineError: of the class that the failure has. A crash is tried once more first.
        """
        return self._asked(engine, "align", request, AlignResult)

    def separate(self, engine: str, request: SeparateRequest) -> SeparateResult:
        """Let an engine write the stems of a recording.

        Raises:
            EngineError: of the class that the failure has. A crash is tried once more first.
        """
        return self._asked(engine, "separate", request, SeparateResult)

    def embed(self, engine: str, request: EmbedRequest) -> EmbedResult:
        """Let an engine write a vector for the voice of each clip.

        Raises:
            EngineError: of the class that the failure has. A crash is tried once more first.
        """
        return self._asked(engine, "embed", request, EmbedResult)

    def _asked(self, engine: str, operation: str, request: Any, result: type[_T], model: str | None = None) -> _T:
        """One request, one result; what is asked can be asked again, so a crash is tried once more."""

        def work() -> _T:
            slot = self._slot(engine, model)
            with self._worker(slot) as worker:
                self._tell_device(slot)
                data = worker.request(operation, to_json(request))
            try:
                return from_json(result, dict(data))
            except BadMessage as error:
                raise EngineBrokenProtocol(f"engine {engine}: {error}") from error

        return self._twice(engine, f"{operation} {request}", work)

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
        """Speak several utterances, in batches of the engine's ``max_batch``; each batch has one model.

        Raises:
            EngineError: the engine as a whole failed; a single item's failure is in the list.
        """
        results: list[Speech | EngineError] = []
        size = max(1, self.info(engine).max_batch)
        for _, group in groupby(requests, key=lambda request: request.voice.model):
            same = list(group)
            for at in range(0, len(same), size):
                results += self._batch(engine, same[at : at + size])
        return results

    def stream(self, engine: str, request: SpeechRequest) -> Iterator[Clip]:
        """The sound of one utterance as it is made. Closing the iterator cancels the engine's work.

        Raises:
            EngineError: of the class that the failure has. A crash before the first sound is tried once more.
        """
        clips: queue.Queue[Clip | BaseException | None] = queue.Queue(STREAMED_CLIPS)
        stopped = threading.Event()

        def work() -> None:
            try:
                self._stream_into(clips, engine, request, stopped)
                clips.put(None)
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
            _drain(clips, thread)

    def _stream_into(
        self, clips: queue.Queue[Clip | BaseException | None], engine: str, request: SpeechRequest, stopped: Event
    ) -> None:
        heard = 0

        def on_clip(clip: Clip) -> None:
            nonlocal heard
            heard += 1
            _put(clips, clip, stopped)

        def perform() -> Speech | EngineError:
            collected = Collector(engine, [request], on_clip)
            self._perform(engine, [request], collected, stopped)
            return collected.results()[0]

        result = self._twice(engine, request.text, perform, again=lambda: not heard and not stopped.is_set())
        if isinstance(result, EngineError):
            raise result

    def _batch(self, engine: str, requests: Sequence[SpeechRequest]) -> list[Speech | EngineError]:
        def collect() -> list[Speech | EngineError]:
            collected = Collector(engine, requests)
            self._perform(engine, requests, collected)
            return collected.results()

        return self._twice(engine, "\n".join(request.text for request in requests), collect)

    def _twice(
        self,
        engine: str,
        what: str,
        work: Callable[[], _T],
        again: Callable[[], bool] = lambda: True,
    ) -> _T:
        """Do it (``what`` tells requests apart); after a crash once more, unless the engine is given up or the pool closed."""
        try:
            done = self._once_more(engine, work, again)
        except EngineError as error:
            self._strikes.failed(engine, what, error)
            raise
        self._strikes.worked(engine)
        return done

    def _once_more(self, engine: str, work: Callable[[], _T], again: Callable[[], bool]) -> _T:
        try:
            return work()
        except EngineCrashed as error:
            if self._strikes.given_up(engine) or self._closed.is_set() or not again():
                raise
            self._progress.note(f"{error.message.splitlines()[0]}; trying once more")
            return work()

    def _perform(
        self, engine: str, requests: Sequence[SpeechRequest], collected: Collector, stopped: Event | None = None
    ) -> None:
        items = tuple(speak_item(number, request) for number, request in enumerate(requests))
        slot = self._slot(engine, requests[0].voice.model)
        with self._worker(slot) as worker:
            self._tell_device(slot)
            worker.request("speak_many", to_json(SpeakRequest(items)), collected.take, stopped=stopped)

    def _slot(self, engine: str, model: str | None) -> _Slot:
        info = self.info(engine)
        return _Slot(engine, device_for(info, self._settings), model or self._default_model(info))

    def _default_model(self, info: EngineInfo) -> str | None:
        """The model that a voice without one has; an engine that is not installed is told before its model is missed."""
        if info.default_model and not self.usable(info.name):
            python_for(info, self._settings)
        return model_for(info, self._settings)

    def _tell_device(self, slot: _Slot) -> None:
        """Once, when something is spoken: a check or a list of voices needs no GPU."""
        if self.info(slot.engine).gpu and slot.device == "cpu" and self._settings.device == "auto":
            self._note_once(f"engine {slot.engine} runs on the CPU: {describe_gpus()[1]}")

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
            finally:
                self._give_back(worker, shelf)

    def _refuse(self, engine: str) -> None:
        if self._closed.is_set():
            raise EngineCancelled(f"engine {engine}: the work was stopped")
        given_up = self._strikes.given_up(engine)
        if given_up is not None:
            raise given_up

    def _take(self, slot: _Slot, shelf: _Shelf) -> Worker:
        while True:
            with self._lock:
                found = shelf.idle.pop()[1] if shelf.idle else None
                if found is not None:
                    self._running.add(found)
            if found is None:
                return self._loaded_in_room(slot, shelf)
            if found.alive:
                return found
            self._forget(found)
            found.kill()

    def _loaded_in_room(self, slot: _Slot, shelf: _Shelf) -> Worker:
        """A new worker; when there is no memory for its model, the idle ones make room."""
        try:
            return self._loaded(slot, shelf)
        except EngineOutOfMemory as error:
            if not self._retire(0.0):
                raise
            self._progress.note(f"{error.message}; idle engines were ended to make room")
            return self._loaded(slot, shelf)

    def _loaded(self, slot: _Slot, shelf: _Shelf) -> Worker:
        worker = self._start(self.info(slot.engine))
        try:
            request = LoadRequest(
                slot.model,
                slot.device,
                self._settings.engines.threads,
                cache=str(engine_cache(slot.engine)),
                options=options_of(self.info(slot.engine), self._settings),
            )
            if "load" in worker.ready.get("operations", ()):
                shelf.loaded = from_json(LoadResult, dict(worker.request("load", to_json(request))))
        except BadMessage as error:
            self._forget(worker)
            worker.kill()
            raise EngineBrokenProtocol(f"engine {slot.engine}: {error}") from error
        except BaseException:
            self._forget(worker)
            worker.stop(grace_s=0.0)
            raise
        self._note_loaded(slot, shelf.loaded)
        return worker

    def _note_loaded(self, slot: _Slot, loaded: LoadResult | None) -> None:
        """Say once what the engine says of its model, and a device that is not the one that was asked for."""
        if loaded is None:
            return
        for note in loaded.notes:
            self._note_once(f"{slot.engine}: {note}")
        if loaded.device != slot.device and not any(slot.device in note for note in loaded.notes):
            self._note_once(f"{slot.engine}: computes on {loaded.device} in place of {slot.device}")

    def _start(self, info: EngineInfo) -> Worker:
        with self._install:
            if info.name not in self._pythons:
                self._pythons[info.name] = python_for(info, self._settings, self._progress)
        name = info.name
        worker = Worker(info, self._pythons[name], self._settings, lambda line: self._log.write(name, line))
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
        with self._lock:
            kept = worker.alive and not self._closed.is_set()
            if kept:
                shelf.idle.append((time.monotonic(), worker))
                if self._retiring is None:
                    self._retiring = threading.Thread(target=self._retire_in_time, name="retire", daemon=True)
                    self._retiring.start()
        if not kept:
            worker.kill()
        self._retire(self._settings.engines.idle_s)

    def _retire_in_time(self) -> None:
        """Look for idle workers also while nobody asks for anything."""
        while not self._closed.wait(max(RETIRE_LOOK_S, self._settings.engines.idle_s / 4)):
            self._retire(self._settings.engines.idle_s)

    def _retire(self, idle_s: float) -> int:
        """End workers that nobody has asked for ``idle_s`` seconds; return how many."""
        oldest = time.monotonic() - idle_s
        retired = []
        with self._lock:
            for shelf in self._shelves.values():
                retired += [worker for since, worker in shelf.idle if since <= oldest]
                shelf.idle[:] = [(since, worker) for since, worker in shelf.idle if since > oldest]
        _stop_all(retired)
        return len(retired)


def _stop_all(workers: Sequence[Worker]) -> None:
    """End idle workers: all are told first, so that they end at the same time."""
    for worker in workers:
        worker.close_input()
    for worker in workers:
        worker.stop()


def _drain(clips: queue.Queue[Clip | BaseException | None], thread: threading.Thread) -> None:
    """Take what nobody wants any more until the thread that makes it has ended."""
    while thread.is_alive():
        try:
            clips.get(timeout=0.02)
        except queue.Empty:
            thread.join(0.02)


def _put(clips: queue.Queue[Clip | BaseException | None], clip: Clip, stopped: threading.Event) -> None:
    """Hand a clip on; raise in the worker's thread when nobody listens any more, which cancels the request."""
    while not stopped.is_set():
        try:
            clips.put(clip, timeout=0.1)
            return
        except queue.Full:
            continue
    raise EngineCancelled("the listener is gone")
