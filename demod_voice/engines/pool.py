"""The warm pool: workers by (engine, device, model), started on demand and kept for the run. Safe for threads."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from demod_worker.wire import Frame

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Settings
from demod_voice.engines.client import OnFrame, Worker
from demod_voice.engines.collector import Collector, speak_item
from demod_voice.engines.default_model import model_for
from demod_voice.engines.environments import USABLE, python_for, state
from demod_voice.engines.interpreter import check_interpreter
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.placement import NoRoom
from demod_voice.engines.shelf import Slot
from demod_voice.engines.strikes import MOST_STRIKES, Strikes
from demod_voice.engines.types import EngineInfo, Speech, SpeechRequest
from demod_voice.engines.warm import WarmWorkers
from demod_voice.engines.worker_log import WorkerLog
from demod_voice.errors import (
    EngineBrokenProtocol,
    EngineCancelled,
    EngineCrashed,
    EngineError,
    EngineFailed,
    EngineNotInstalled,
    EngineOutOfMemory,
    ModelMissing,
)
from demod_voice.records.progress import SILENT, Progress

STREAMED_CLIPS = 16
MOST_LOST = 8
"""So often one request moves on from a GPU that was lost."""
_T = TypeVar("_T")


class Pool:
    """Runs requests on workers.

    Args:
        settings: engines, device, timeouts, idle time.
        jobs: workers of one slot that may run at once.
        log_path: file that everything the workers log is appended to.
        progress: told about installs, fallbacks and retries.
        most_strikes: different requests in a row that an engine may die of before it is given up.

    Raises:
        UsageError: a setting names a GPU that is not there, whichever engine is asked for then.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        jobs: int = 1,
        log_path: Path | None = None,
        progress: Progress = SILENT,
        most_strikes: int = MOST_STRIKES,
    ) -> None:
        self._settings = settings
        self._log = WorkerLog(log_path)
        self._progress = progress
        self._lock = threading.Lock()
        self._infos: dict[str, EngineInfo] = {}
        self._strikes = Strikes(most_strikes)
        self._workers = WarmWorkers(settings, jobs, self._log, progress, self._refuse)
        self._workers.placement.check()

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
        self._workers.close(at_once)
        self._log.close()

    def observed(self) -> Mapping[str, Any]:
        """What a run's record should say of devices: ``used`` (engine -> device -> workers) and ``remarks``."""
        return self._workers.observed()

    def processes(self) -> list[int]:
        """Process ids of all workers that live."""
        return self._workers.processes()

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
        worker = self._workers.start(self.info(engine))
        try:
            return dict(worker.ready)
        finally:
            self._workers.forget(worker)
            worker.stop()

    def load(self, engine: str, model: str | None = None) -> LoadResult:
        """Bring a model into memory, and tell what it has."""

        def work(slot: Slot) -> LoadResult:
            with self._workers.worker(slot):
                return self._workers.shelf(slot).loaded or LoadResult()

        return self._remedied(self._slot(engine, model), work, lambda: True)

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

    def separate(
        self, engine: str, request: SeparateRequest, told: Callable[[float], None] = lambda _: None
    ) -> SeparateResult:
        """Let an engine write the stems of a recording.

        Args:
            engine: which one.
            request: the recording, and where the stems go.
            told: called with the share that is done, 0..1, whenever the engine says it.

        Raises:
            EngineError: of the class that the failure has. A crash is tried once more first.
        """

        def heard(frame: Frame) -> None:
            fraction = frame.data.get("fraction") if frame.type == "progress" else None
            if isinstance(fraction, (int, float)):
                told(min(1.0, max(0.0, float(fraction))))

        return self._asked(engine, "separate", request, SeparateResult, on_frame=heard)

    def embed(self, engine: str, request: EmbedRequest) -> EmbedResult:
        """Let an engine write a vector for the voice of each clip.

        Raises:
            EngineError: of the class that the failure has. A crash is tried once more first.
        """
        return self._asked(engine, "embed", request, EmbedResult)

    def _asked(
        self,
        engine: str,
        operation: str,
        request: Any,
        result: type[_T],
        model: str | None = None,
        on_frame: OnFrame | None = None,
    ) -> _T:
        """One request, one result; what is asked can be asked again, so a crash is tried once more."""

        def work(slot: Slot) -> _T:
            with self._workers.worker(slot) as worker:
                self._tell_device(worker)
                data = worker.request(operation, to_json(request), on_frame)
            try:
                return from_json(result, dict(data))
            except BadMessage as error:
                raise EngineBrokenProtocol(f"engine {engine}: {error}") from error

        return self._twice(self._slot(engine, model), f"{operation} {request}", work)

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

        def perform(slot: Slot) -> Speech | EngineError:
            collected = Collector(engine, [request], on_clip)
            self._perform(slot, [request], collected, stopped)
            return collected.results()[0]

        slot = self._slot(engine, request.voice.model)
        result = self._twice(slot, request.text, perform, again=lambda: not heard and not stopped.is_set())
        if isinstance(result, EngineError):
            raise result

    def _batch(self, engine: str, requests: Sequence[SpeechRequest]) -> list[Speech | EngineError]:
        """One outcome for each; what a device is to blame for is tried with each remedy before it is told."""
        results: list[Speech | EngineError] = []

        def collect(slot: Slot) -> list[Speech | EngineError]:
            collected = Collector(engine, requests)
            try:
                self._perform(slot, requests, collected)
            finally:
                results[:] = collected.results() if collected.complete else []
            return results

        slot = self._slot(engine, requests[0].voice.model)
        try:
            return self._twice(slot, "\n".join(request.text for request in requests), collect)
        except (EngineOutOfMemory, EngineFailed):
            if not results:
                raise
            return results

    def _twice(
        self,
        slot: Slot,
        what: str,
        work: Callable[[Slot], _T],
        again: Callable[[], bool] = lambda: True,
    ) -> _T:
        """Do it (``what`` tells requests apart), again where that may help; two that fail for good strike the engine out."""
        try:
            done = self._remedied(slot, work, again)
        except EngineError as error:
            self._strikes.failed(slot.engine, what, error)
            raise
        self._strikes.worked(slot.engine)
        return done

    def _remedied(self, slot: Slot, work: Callable[[Slot], _T], again: Callable[[], bool]) -> _T:
        """Do it, and again with each remedy for what it failed of, unless the engine is given up or the pool closed."""
        tried: Counter[str] = Counter()
        while True:
            try:
                return work(slot)
            except EngineError as error:
                if self._strikes.given_up(slot.engine) or self._workers.closed.is_set() or not again():
                    raise
                remedy = self._remedy(slot, error, tried)
                if remedy is None:
                    raise
                slot = remedy

    def _remedy(self, slot: Slot, error: EngineError, tried: Counter[str]) -> Slot | None:
        """The slot to try again with, or None when nothing more helps; each remedy is counted in ``tried``."""
        what = error.message.splitlines()[0]
        if error.device_lost and tried["lost"] < MOST_LOST:
            tried["lost"] += 1
            return slot
        if isinstance(error, EngineCrashed) and not tried["crash"]:
            tried["crash"] += 1
            self._progress.note(f"{what}; trying once more")
            return slot
        if not isinstance(error, EngineOutOfMemory):
            return None
        on_gpu = isinstance(error, NoRoom) or error.device.startswith("cuda")
        if not tried["room"]:
            tried["room"] += 1
            if self._make_room(error, on_gpu, what):
                return slot
        if on_gpu and not tried["cpu"] and self._workers.placement.cpu_allowed:
            tried["cpu"] += 1
            self._workers.remark(f"{what}; it computes on the CPU for now, which is slower")
            return self._workers.to_cpu(slot)
        return None

    def _make_room(self, error: EngineError, on_gpu: bool, what: str) -> bool:
        """End idle workers; true where trying again makes sense: there were some, or the one that failed has ended."""
        ended = self._workers.retire(0.0, lambda worker: not on_gpu or worker.place.on is not None)
        if ended:
            told = f"{what}; idle engines were ended to make room"
        elif on_gpu and not isinstance(error, NoRoom):
            told = f"{what}; trying once more with a fresh worker"
        else:
            return False
        tell = self._workers.remark if on_gpu else self._progress.note
        tell(told)
        return True

    def _perform(
        self, slot: Slot, requests: Sequence[SpeechRequest], collected: Collector, stopped: Event | None = None
    ) -> None:
        items = tuple(speak_item(number, request) for number, request in enumerate(requests))
        with self._workers.worker(slot) as worker:
            self._tell_device(worker)
            worker.request("speak_many", to_json(SpeakRequest(items)), collected.take, stopped=stopped)
            trouble = collected.trouble()
            if isinstance(trouble, EngineOutOfMemory) or (trouble and self._workers.placement.lost([worker.place])):
                raise trouble

    def _slot(self, engine: str, model: str | None) -> Slot:
        info = self.info(engine)
        return self._workers.slot(info, model or self._default_model(info))

    def _default_model(self, info: EngineInfo) -> str | None:
        """The model that a voice without one has; an engine that is not installed is told before its model is missed."""
        if info.default_model and not self.usable(info.name):
            python_for(info, self._settings)
        try:
            return model_for(info, self._settings)
        except ModelMissing:
            check_interpreter(info, self._settings)
            raise

    def _tell_device(self, worker: Worker) -> None:
        """Once, when something is spoken: a check or a list of voices needs no GPU."""
        if worker.place.reason:
            self._workers.remark(f"engine {worker.info.name} runs on the CPU: {worker.place.reason}")

    def _refuse(self, engine: str) -> None:
        given_up = self._strikes.given_up(engine)
        if given_up is not None:
            raise given_up


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
