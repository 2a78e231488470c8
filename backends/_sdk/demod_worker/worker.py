"""The worker's main loop: an engine author writes an ``Adapter`` and calls ``run(MyAdapter)``.

Threads: a reader answers ``ping`` and ``cancel`` and notices the end of input; the main thread computes. Standard input
and output are claimed before anything else, so a stray ``print`` lands in the log and never in the protocol.
Python 3.9, standard library only.
"""

from __future__ import annotations

import os
import platform
import queue
import signal
import sys
import threading
import time
from typing import (
    Any,
    BinaryIO,
    Callable,
    ClassVar,
    Dict,
    List,
    NamedTuple,
    NoReturn,
    Optional,
    Set,
    Tuple,
    Type,
    Union,
)

from demod_worker.failures import (
    BadRequest,
    Cancelled,
    EngineFault,
    LicenceRequired,
    ModelMissing,
    OutOfMemory,
    Unsupported,
    WorkerError,
    error_data,
)
from demod_worker.messages import (
    ENCODINGS,
    OPERATIONS,
    PROTOCOL,
    AlignRequest,
    AlignResult,
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
    SpeakDone,
    SpeakItem,
    SpeakRequest,
    SpeakResult,
    TranscribeRequest,
    TranscribeResult,
    from_json,
    to_json,
)
from demod_worker.wire import BrokenFrame, Frame, FrameWriter, read_frame

__all__ = [
    "Adapter",
    "AudioOut",
    "BadRequest",
    "Cancelled",
    "EngineFault",
    "ItemFailed",
    "LicenceRequired",
    "ModelMissing",
    "OutOfMemory",
    "Task",
    "Unsupported",
    "WorkerError",
    "run",
]

CHUNK_BYTES = 1 << 20
"""Largest audio payload that the SDK sends in one frame."""
EXIT_GRACE_S = 10.0
"""Seconds that the work in hand may take after the end of input, before the worker kills itself and its children."""


TYPED: Dict[str, Type[Any]] = {
    "phonemize": PhonemizeRequest,
    "detect": DetectRequest,
    "transcribe": TranscribeRequest,
    "align": AlignRequest,
    "embed": EmbedRequest,
    "separate": SeparateRequest,
}
"""Operations that take one request and give one result -> the request."""


class ItemFailed(NamedTuple):
    """An item of a batch that failed, in the list that ``speak_many`` returns."""

    item: int
    error: Exception


class Task:
    """One request in progress."""

    def __init__(self, request: int, writer: FrameWriter) -> None:
        self.request = request
        self._writer = writer
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """True once the other side has asked to stop."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise ``Cancelled`` when the other side has asked to stop; call it between sentences or steps."""
        if self.cancelled:
            raise Cancelled

    def cancel(self) -> None:
        """Ask to stop (the reader thread calls this)."""
        self._cancelled.set()

    def progress(self, fraction: float, step: str = "", message: str = "", **metrics: float) -> None:
        """Tell how far the work is, 0..1: also the sign of life that long work must give."""
        data = {"fraction": fraction, "step": step, "message": message, "metrics": metrics}
        self._writer.write(Frame("progress", self.request, data))


class AudioOut:
    """Where an item's sound goes: ``start`` once, then ``write`` as it is made."""

    def __init__(self, task: Task, item: int, writer: FrameWriter) -> None:
        self._task = task
        self._item = item
        self._writer = writer
        self._frame_bytes = 0
        self.rate = 0
        """Hz, once started."""
        self.num_frames = 0
        """Frames written so far."""

    def start(self, rate: int, encoding: str = "pcm_s16le", channels: int = 1) -> None:
        """Begin the item's sound: rate in Hz, ``pcm_s16le`` or ``pcm_f32le``, interleaved channels."""
        if self.rate:
            raise EngineFault("an item's audio was started twice")
        if encoding not in ENCODINGS:
            raise EngineFault(f"unknown encoding {encoding!r}")
        self.rate = rate
        self._frame_bytes = ENCODINGS[encoding] * channels
        data = {"item": self._item, "rate": rate, "encoding": encoding, "channels": channels}
        self._writer.write(Frame("audio-start", self._task.request, data))

    def write(self, data: bytes) -> None:
        """Send whole frames of sound; raises ``Cancelled`` when the request was cancelled."""
        self._task.check()
        if not self._frame_bytes or len(data) % self._frame_bytes:
            raise EngineFault("audio must be started first and be made of whole frames")
        step = CHUNK_BYTES - CHUNK_BYTES % self._frame_bytes
        for at in range(0, len(data), step):
            part = data[at : at + step]
            self._writer.write(Frame("audio-chunk", self._task.request, {"item": self._item}, part))
        self.num_frames += len(data) // self._frame_bytes


class Adapter:
    """What an engine author writes. Import heavy libraries in ``prepare`` or ``load``, never at the top of the file."""

    name: ClassVar[str] = ""
    version: ClassVar[str] = ""
    operations: ClassVar[Tuple[str, ...]] = ("load", "unload", "speak", "speak_many")
    capabilities: ClassVar[Dict[str, Any]] = {}

    def prepare(self) -> None:
        """Called once, before the reader thread exists and before ``ready``: the place to fork helpers."""

    def load(self, request: LoadRequest) -> LoadResult:
        """Bring a model into memory."""
        return LoadResult()

    def unload(self) -> None:
        """Let go of the model."""

    def speak(self, item: SpeakItem, out: AudioOut, task: Task) -> SpeakResult:
        """Speak one utterance into ``out``."""
        raise Unsupported("this engine does not speak")

    def speak_many(
        self, items: Tuple[SpeakItem, ...], outs: Dict[int, AudioOut], task: Task
    ) -> Optional[List[Union[SpeakResult, ItemFailed]]]:
        """Speak a batch at once: an outcome per item. None (the default): ``speak`` is called for each item."""
        return None

    def phonemize(self, request: PhonemizeRequest, task: Task) -> PhonemizeResult:
        """Tell how a text would be said."""
        raise Unsupported("this engine does not tell phonemes")

    def detect(self, request: DetectRequest, task: Task) -> DetectResult:
        """Write how likely each frame of a recording is speech."""
        raise Unsupported("this engine does not detect speech")

    def transcribe(self, request: TranscribeRequest, task: Task) -> TranscribeResult:
        """Tell the words of a clip."""
        raise Unsupported("this engine does not transcribe")

    def align(self, request: AlignRequest, task: Task) -> AlignResult:
        """Tell when each word of a text is heard."""
        raise Unsupported("this engine does not align")

    def embed(self, request: EmbedRequest, task: Task) -> EmbedResult:
        """Write a vector for the voice of each clip."""
        raise Unsupported("this engine does not embed")

    def separate(self, request: SeparateRequest, task: Task) -> SeparateResult:
        """Write the stems of a recording."""
        raise Unsupported("this engine does not separate")

    def close(self) -> None:
        """Called once at the end."""


def run(adapter_class: Type[Adapter]) -> None:
    """Claim standard input and output, say ``ready``, and serve requests until input ends.

    Raises:
        SystemExit: with 1 when the input was no stream of frames.
    """
    source, sink = _claim_stdio()
    adapter = adapter_class()
    adapter.prepare()
    fault = _Server(adapter, source, FrameWriter(sink)).serve()
    _end_children()
    if fault:
        raise SystemExit(f"worker: the parent's stream is broken: {fault}")


def _claim_stdio() -> Tuple[BinaryIO, BinaryIO]:
    """Keep file descriptors 0 and 1 for the protocol; what prints to them from now on lands in the log."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    return source, sink


def _leads_session() -> bool:
    """True in a worker that the program started: its group holds nothing but itself and its children."""
    return os.getsid(0) == os.getpid()


def _end_children() -> None:
    """Ask what the engine has started and left behind to end."""
    if _leads_session():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(os.getpid(), signal.SIGTERM)


def _end_now() -> NoReturn:
    """Kill this process and its children. The log may be dead, or full with nobody who reads it: neither stops this."""
    try:
        os.set_blocking(2, False)
        os.write(2, f"worker: still at work {EXIT_GRACE_S:g} s after the end of input\n".encode())
    except OSError:
        pass
    finally:
        if _leads_session():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)


class _Server:
    """One worker's side of the conversation."""

    def __init__(self, adapter: Adapter, source: BinaryIO, writer: FrameWriter) -> None:
        self.adapter = adapter
        self.source = source
        self.writer = writer
        self.requests: queue.Queue[Optional[Frame]] = queue.Queue()
        self.tasks: Dict[int, Task] = {}
        self.early_cancels: Set[int] = set()
        self.lock = threading.Lock()
        self.fault = ""

    def serve(self) -> str:
        """Work until input ends; returns what was wrong when the input was no stream of frames."""
        data = {
            "protocol": PROTOCOL,
            "engine": self.adapter.name,
            "version": self.adapter.version,
            "python": platform.python_version(),
            "operations": list(self.adapter.operations),
            "capabilities": dict(self.adapter.capabilities),
        }
        self.writer.write(Frame("ready", None, data))
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        try:
            while True:
                frame = self.requests.get()
                if frame is None:
                    break
                self._handle(frame)
        except BrokenPipeError:
            pass
        finally:
            self.adapter.close()
        return self.fault

    def _read(self) -> None:
        """Answer pings and cancels at once; queue everything else; the end of input ends the worker."""
        try:
            while True:
                frame = read_frame(self.source)
                if frame is None:
                    break
                if frame.type == "ping":
                    self.writer.write(Frame("pong", frame.id))
                elif frame.type == "cancel":
                    self._cancel(frame)
                else:
                    self.requests.put(frame)
        except (BrokenFrame, OSError) as error:
            self.fault = str(error)
        finally:
            self._end()

    def _end(self) -> None:
        """Stop the work in hand; when it does not stop in time, kill it. Nothing here may fail or wait for anybody."""
        with self.lock:
            for task in self.tasks.values():
                task.cancel()
        self.requests.put(None)
        time.sleep(EXIT_GRACE_S)
        _end_now()

    def _cancel(self, frame: Frame) -> None:
        with self.lock:
            task = self.tasks.get(frame.id or 0)
            if task is not None:
                task.cancel()
            elif frame.id is not None:
                self.early_cancels.add(frame.id)

    def _handle(self, frame: Frame) -> None:
        request = frame.id or 0
        task = Task(request, self.writer)
        with self.lock:
            self.tasks[request] = task
            if request in self.early_cancels:
                task.cancel()
        try:
            task.check()
            done = self._operation(frame.type)(frame.data, task)
            task.check()
            self.writer.write(Frame("done", request, done))
        except Cancelled:
            self.writer.write(Frame("cancelled", request))
        except BrokenPipeError:
            raise
        except BaseException as error:
            self.writer.write(Frame("error", request, error_data(error)))
            if not isinstance(error, Exception):
                raise
        finally:
            with self.lock:
                self.tasks.pop(request, None)
                self.early_cancels.discard(request)

    def _operation(self, name: str) -> Callable[[Dict[str, Any], Task], Dict[str, Any]]:
        if name not in OPERATIONS or name not in self.adapter.operations:
            raise Unsupported(f"engine {self.adapter.name} has no operation {name!r}")
        own: Dict[str, Callable[[Dict[str, Any], Task], Dict[str, Any]]] = {
            "load": self._load,
            "unload": self._unload,
            "speak": self._speak,
            "speak_many": self._speak,
        }
        if name in own:
            return own[name]
        if name in TYPED:
            return self._typed(name)
        found: Callable[[Dict[str, Any], Task], Dict[str, Any]] = getattr(self.adapter, name)
        return found

    def _load(self, data: Dict[str, Any], task: Task) -> Dict[str, Any]:
        result: Dict[str, Any] = to_json(self.adapter.load(from_json(LoadRequest, data)))
        return result

    def _unload(self, data: Dict[str, Any], task: Task) -> Dict[str, Any]:
        self.adapter.unload()
        return {}

    def _typed(self, name: str) -> Callable[[Dict[str, Any], Task], Dict[str, Any]]:
        method = getattr(self.adapter, name)
        if getattr(type(self.adapter), name) is getattr(Adapter, name):
            raise Unsupported(f"engine {self.adapter.name} names {name!r} and does not have it")

        def perform(data: Dict[str, Any], task: Task) -> Dict[str, Any]:
            result: Dict[str, Any] = to_json(method(from_json(TYPED[name], data), task))
            return result

        return perform

    def _speak(self, data: Dict[str, Any], task: Task) -> Dict[str, Any]:
        began = time.monotonic()
        items = from_json(SpeakRequest, data).items
        if not items or len({each.item for each in items}) != len(items):
            raise BadRequest("a speak request needs items with different numbers")
        outs = {each.item: AudioOut(task, each.item, self.writer) for each in items}
        results = self.adapter.speak_many(items, outs, task)
        if results is not None:
            failed = sum(not self._outcome(result, task) for result in results)
        else:
            failed = sum(not self._speak_one(item, outs[item.item], task) for item in items)
        seconds = round(time.monotonic() - began, 6)
        done: Dict[str, Any] = to_json(SpeakDone(spoken=len(items) - failed, failed=failed, seconds=seconds))
        return done

    def _speak_one(self, item: SpeakItem, out: AudioOut, task: Task) -> bool:
        task.check()
        result: Union[SpeakResult, ItemFailed]
        try:
            result = self.adapter.speak(item, out, task)
        except (Cancelled, BrokenPipeError):
            raise
        except Exception as error:
            result = ItemFailed(item.item, error)
        return self._outcome(result, task)

    def _outcome(self, outcome: Union[SpeakResult, ItemFailed], task: Task) -> bool:
        """Tell how an item ended; a result that no message can carry is a failure of that item alone."""
        if isinstance(outcome, SpeakResult):
            try:
                self.writer.write(Frame("item-done", task.request, to_json(outcome)))
                return True
            except BrokenFrame as error:
                outcome = ItemFailed(outcome.item, EngineFault(f"the result cannot be sent: {error}"))
        self.writer.write(Frame("item-error", task.request, {"item": outcome.item, **error_data(outcome.error)}))
        return False
