"""One worker process: start it, ask it, hear it, stop it. The parent's side of worker protocol 1.

Two threads always drain the process: one its frames, one its log. The frames wait in a short queue, so a worker that
floods is held back by its pipe and not kept in memory.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from demod_worker.messages import ENCODINGS, PROTOCOL
from demod_worker.wire import BrokenFrame, Frame, FrameWriter, read_frame

from demod_voice.config.settings import Settings
from demod_voice.engines.locate import sdk_folder
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import (
    EngineBrokenProtocol,
    EngineCancelled,
    EngineCrashed,
    EngineError,
    EngineFailed,
    EngineOutOfMemory,
    EngineRefused,
    EngineStartFailed,
    EngineTimedOut,
    LicenceRequired,
    ModelMissing,
)

LOG_LINES = 200
"""Last lines of a worker's log that are kept for an error message."""
SHOWN_LOG_LINES = 5
QUEUED_FRAMES = 64
TERM_GRACE_S = 2.0
"""Seconds between SIGTERM and SIGKILL."""
LONGEST_LOG_LINE = 8192

_ALLOWED = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "LD_LIBRARY_PATH", "SSL_CERT_FILE",
            "HF_HOME", "TTS_HOME", "SOURCE_DATE_EPOCH")  # fmt: skip
_ALLOWED_PREFIXES = ("LC_", "XDG_", "CUDA_", "NVIDIA_", "ROCR_", "HIP_", "TEST_FAKE_")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

_ERRORS: Mapping[str, type[EngineError]] = {
    "bad_request": EngineRefused,
    "unsupported": EngineRefused,
    "model_missing": ModelMissing,
    "licence_required": LicenceRequired,
    "out_of_memory": EngineOutOfMemory,
    "engine_error": EngineFailed,
    "internal": EngineFailed,
}
"""Error code of the protocol -> exception."""

OnFrame = Callable[[Frame], None]


class Worker:
    """A running engine process. One request at a time; not safe for threads (the pool gives it to one).

    Args:
        info: the engine.
        python: its interpreter, absolute.
        settings: timeouts and threads.
        log: called with each line that the engine writes to its log.
    """

    def __init__(
        self, info: EngineInfo, python: Path, settings: Settings, log: Callable[[str], None] | None = None
    ) -> None:
        self.info = info
        self.ready: Mapping[str, Any] = {}
        """Data of the worker's ``ready``."""
        self._python = python
        self._settings = settings
        self._log = log
        self._tail: deque[str] = deque(maxlen=LOG_LINES)
        self._frames: queue.Queue[Frame | BrokenFrame | None] = queue.Queue(QUEUED_FRAMES)
        self._last_id = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._open = False

    @property
    def alive(self) -> bool:
        """True while the process runs and its stream is whole."""
        return self._process is not None and self._process.poll() is None and not self._closing.is_set()

    @property
    def pid(self) -> int:
        """Process id, also the id of its process group."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the process and wait for its ``ready``.

        Raises:
            EngineStartFailed: it cannot be started, ends, or says something else.
            EngineTimedOut: it stays silent.
        """
        command = [part.replace("{python}", str(self._python)) for part in self.info.command]
        if command[0] == str(self._python):
            command.insert(1, "-s")
        try:
            self._process = subprocess.Popen(
                command,
                cwd=self.info.folder,
                env=worker_environment(self._settings),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=1 << 18,
            )
        except OSError as error:
            hint = f"repair it with: demod-voice engines install {self.info.name}"
            raise EngineStartFailed(
                f"engine {self.info.name} cannot be started: {command[0]}: {error}", hint
            ) from error
        self._writer = FrameWriter(_pipe(self._process.stdin))
        self._threads = [
            threading.Thread(target=target, args=(_pipe(stream),), daemon=True, name=f"{self.info.name}-{name}")
            for name, target, stream in (
                ("frames", self._drain_frames, self._process.stdout),
                ("log", self._drain_log, self._process.stderr),
            )
        ]
        for thread in self._threads:
            thread.start()
        self._await_ready()

    def request(
        self, operation: str, data: Mapping[str, Any], on_frame: OnFrame | None = None, silence_s: float | None = None
    ) -> Mapping[str, Any]:
        """Do one operation and return the data of its ``done``.

        Args:
            operation: one of the protocol's.
            data: its fields.
            on_frame: called with every message in between, in this thread.
            silence_s: seconds without a message after which the engine counts as hung.

        Raises:
            EngineError: of the class that the failure has; after a crash, a hang or a broken stream the process is gone.
        """
        self._last_id += 1
        self._open = True
        silence = silence_s if silence_s is not None else self._silence(operation)
        try:
            self._writer.write(Frame(operation, self._last_id, dict(data)))
        except OSError:
            raise self._crash() from None
        try:
            return self._answer(operation, self._last_id, on_frame, silence)
        except BaseException:
            self._settle(self._last_id)
            raise

    def ping(self, timeout_s: float) -> bool:
        """True when the worker's reader thread answers in time. Says nothing about the main thread."""
        self._last_id += 1
        self._writer.write(Frame("ping", self._last_id))
        try:
            frame = self._frames.get(timeout=timeout_s)
        except queue.Empty:
            return False
        return isinstance(frame, Frame) and frame.type == "pong"

    def write_raw(self, data: bytes) -> None:
        """Send bytes as they are (the conformance suite's bad input)."""
        stream = _pipe(self._process.stdin if self._process else None)
        stream.write(data)
        stream.flush()

    def stop(self, grace_s: float = TERM_GRACE_S) -> int | None:
        """End the process: close its input, wait, SIGTERM, SIGKILL to its whole group. Returns its exit code."""
        process = self._process
        if process is None:
            return None
        self._closing.set()
        with contextlib.suppress(OSError):
            _pipe(process.stdin).close()
        code = _wait(process, grace_s)
        if code is None:
            _signal_group(process.pid, signal.SIGTERM)
            code = _wait(process, TERM_GRACE_S)
        return self._reap(code)

    def kill(self) -> None:
        """SIGKILL the whole process group and reap it."""
        if self._process is not None:
            self._closing.set()
            self._reap(None)

    def _reap(self, code: int | None) -> int | None:
        process = self._process
        if process is None:
            return code
        _signal_group(process.pid, signal.SIGKILL)
        found = process.wait() if code is None else code
        self._unblock()
        for thread in self._threads:
            thread.join(TERM_GRACE_S)
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                _pipe(stream).close()
        return found

    def _unblock(self) -> None:
        """Empty the queue, so that the frame thread can reach the end of its stream."""
        while any(thread.is_alive() for thread in self._threads[:1]):
            try:
                self._frames.get(timeout=0.02)
            except queue.Empty:
                if self._process is not None and self._process.poll() is not None:
                    self._threads[0].join(0.1)
                    return

    def _silence(self, operation: str) -> float:
        timeouts = self._settings.engines.timeouts
        if operation in ("load", "unload"):
            return timeouts.load
        return timeouts.speak if operation in ("speak", "speak_many") else timeouts.train

    def _await_ready(self) -> None:
        name = self.info.name
        try:
            frame = self._next(self._settings.engines.timeouts.start, "start")
        except EngineCrashed as error:
            raise EngineStartFailed(f"engine {name} ended before it was ready{_rest(error)}", error.hint) from None
        if frame.type != "ready":
            self.kill()
            raise EngineStartFailed(f"engine {name} said {frame.type!r} where 'ready' was expected{self._last_words()}")
        if frame.data.get("protocol") != PROTOCOL:
            self.kill()
            raise EngineStartFailed(
                f"engine {name} speaks protocol {frame.data.get('protocol')!r}, this program speaks {PROTOCOL}",
                f"install it again: demod-voice engines install {name}",
            )
        self.ready = frame.data

    def _answer(self, operation: str, request: int, on_frame: OnFrame | None, silence: float) -> Mapping[str, Any]:
        audio = _AudioRules()
        while True:
            frame = self._next(silence, operation)
            if frame.type == "pong":
                continue
            if frame.id != request:
                raise self._broken(f"a message {frame.type!r} for request {frame.id} while {request} is open")
            if frame.type in ("done", "cancelled", "error"):
                self._open = False
            if frame.type == "done":
                return frame.data
            if frame.type == "cancelled":
                raise EngineCancelled(f"engine {self.info.name}: {operation} was cancelled")
            if frame.type == "error":
                raise engine_error(self.info.name, frame.data)
            fault = audio.fault(frame)
            if fault:
                raise self._broken(fault)
            if on_frame is not None:
                on_frame(frame)

    def _next(self, silence: float, operation: str) -> Frame:
        try:
            frame = self._frames.get(timeout=silence)
        except queue.Empty:
            self.kill()
            raise EngineTimedOut(
                f"engine {self.info.name} was silent for {silence:g} s ({operation}) and was stopped{self._last_words()}",
                "if its work really takes that long, raise engines.timeouts",
            ) from None
        if frame is None:
            raise self._crash()
        if isinstance(frame, BrokenFrame):
            raise self._broken(str(frame))
        return frame

    def _crash(self) -> EngineCrashed:
        """The process has closed its output: say how it ended."""
        process = self._process
        code = _wait(process, TERM_GRACE_S) if process is not None else None
        self.kill()
        how = _ending(process.returncode if process is not None and code is None else code)
        return EngineCrashed(f"engine {self.info.name} died ({how}){self._last_words()}", _crash_hint(code))

    def _broken(self, what: str) -> EngineBrokenProtocol:
        self.kill()
        hint = f"check it with: demod-voice engines check {self.info.name}"
        return EngineBrokenProtocol(f"engine {self.info.name} broke the protocol: {what}{self._last_words()}", hint)

    def _settle(self, request: int) -> None:
        """After an exception in the middle of a request: ask the worker to stop.

        One that stays silent for its grace is ended; one that answers is kept for the next request.
        """
        if not self.alive or not self._open:
            return
        deadline = time.monotonic() + self.info.cancel_grace_s
        try:
            self._writer.write(Frame("cancel", request))
            while True:
                frame = self._frames.get(timeout=max(0.0, deadline - time.monotonic()))
                if not isinstance(frame, Frame):
                    break
                if frame.id == request and frame.type in ("done", "error", "cancelled"):
                    return
        except (queue.Empty, OSError):
            pass
        self.stop(grace_s=0.0)

    def _last_words(self) -> str:
        if self._process is not None and self._process.poll() is not None:
            self._threads[1].join(0.5)
        lines = [line for line in self._tail if line.strip()][-SHOWN_LOG_LINES:]
        return "".join(f"\n    {self.info.name}: {line}" for line in lines)

    def _drain_frames(self, stream: BinaryIO) -> None:
        try:
            while (frame := read_frame(stream)) is not None:
                self._frames.put(frame)
        except BrokenFrame as error:
            self._frames.put(error)
            return
        except (OSError, ValueError):
            pass
        self._frames.put(None)

    def _drain_log(self, stream: BinaryIO) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(LONGEST_LOG_LINE):
                text = line.decode("utf-8", "replace").rstrip()
                self._tail.append(text)
                if self._log is not None:
                    self._log(text)


class _AudioRules:
    """What a stream of audio frames must keep to inside one request."""

    def __init__(self) -> None:
        self._frame_bytes: dict[int, int] = {}
        self._ended: set[int] = set()

    def fault(self, frame: Frame) -> str | None:
        """What is wrong with this frame, or None."""
        if frame.type == "progress":
            return None
        item = frame.data.get("item")
        if frame.type not in ("audio-start", "audio-chunk", "item-done", "item-error"):
            return f"an unknown message {frame.type!r}"
        if not isinstance(item, int) or item in self._ended:
            return f"{frame.type} for item {item!r}"
        if frame.type == "audio-start":
            return self._start(item, frame.data)
        if frame.type == "audio-chunk":
            size = self._frame_bytes.get(item)
            if size is None:
                return f"audio for item {item} that was not started"
            return f"{len(frame.payload)} bytes are not whole frames" if len(frame.payload) % size else None
        self._ended.add(item)
        return None

    def _start(self, item: int, data: Mapping[str, Any]) -> str | None:
        rate, channels, encoding = data.get("rate"), data.get("channels"), data.get("encoding")
        if item in self._frame_bytes:
            return f"audio of item {item} started twice"
        if encoding not in ENCODINGS or not _within(rate, 1000, 768_000) or not _within(channels, 1, 8):
            return f"audio-start with rate {rate!r}, encoding {encoding!r}, channels {channels!r}"
        self._frame_bytes[item] = ENCODINGS[encoding] * int(channels or 1)
        return None


def engine_error(engine: str, data: Mapping[str, Any]) -> EngineError:
    """The exception of an ``error`` or ``item-error`` message."""
    kind = _ERRORS.get(str(data.get("code")), EngineFailed)
    return kind(f"engine {engine}: {data.get('message') or data.get('code')}", str(data.get("hint") or "") or None)


def worker_environment(settings: Settings) -> dict[str, str]:
    """What a worker sees of this process's environment: an allow list, its SDK, and its number of threads.

    Hub tokens and everything that is not listed stay out.
    """
    environ = {
        name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)
    }
    environ["PYTHONPATH"] = str(sdk_folder())
    environ["PYTHONUNBUFFERED"] = "1"
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    environ.update(dict.fromkeys(_THREAD_VARIABLES, str(settings.engines.threads)))
    return environ


def _within(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _pipe(stream: object) -> BinaryIO:
    if stream is None:
        raise ValueError("the worker was not started")
    return stream  # type: ignore[return-value]


def _wait(process: subprocess.Popen[bytes] | None, seconds: float) -> int | None:
    if process is None:
        return None
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _ending(code: int | None) -> str:
    if code is None:
        return "it closed its output"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _crash_hint(code: int | None) -> str | None:
    return (
        "SIGKILL is usually out of memory: close other programs or use fewer --jobs"
        if code == -signal.SIGKILL
        else None
    )


def _rest(error: EngineError) -> str:
    return error.message.partition("died")[2]
