"""One worker: start it, ask it, hear it, stop it. The parent's side of worker protocol 1."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demod_worker.messages import PROTOCOL
from demod_worker.wire import BrokenFrame, Frame, FrameWriter

from demod_voice.config.settings import Settings
from demod_voice.engines.placement import Place
from demod_voice.engines.process import TERM_GRACE_S, EngineProcess, ending
from demod_voice.engines.speech_rules import SpeechRules
from demod_voice.engines.types import EngineInfo
from demod_voice.engines.worker_environment import worker_environment
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

__all__ = ["OnFrame", "Worker", "engine_error", "worker_environment"]

LOOK_S = 0.2
"""How often a wait for a message looks whether the process is still there and the work still wanted."""
DRAINED_S = 1.0
"""How long the last messages of a process that has ended may take to be read; what it started may hold its pipe open."""
SMALL_REQUEST = 4096
"""Bytes of a request that always fit into the pipe, so that writing it never waits for the reader."""

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
    """A running engine. One request at a time, in one thread; ``kill`` may come from any thread.

    Args:
        info: the engine.
        python: its interpreter, absolute.
        settings: timeouts and threads.
        log: called with each line that the engine writes to its log.
        place: where it computes; by default on the CPU, and it sees what this process sees.
    """

    def __init__(
        self,
        info: EngineInfo,
        python: Path,
        settings: Settings,
        log: Callable[[str], None] | None = None,
        place: Place | None = None,
    ) -> None:
        self.info = info
        self.place = place or Place()
        """Where it computes."""
        self.ready: Mapping[str, Any] = {}
        """Data of the worker's ``ready``."""
        self._python = python
        self._settings = settings
        self._log = log
        self._last_id = 0
        self._started: EngineProcess | None = None
        self._closing = threading.Event()
        self._open = False

    @property
    def alive(self) -> bool:
        """True while the process runs and its stream is whole."""
        process = self._started
        return process is not None and process.running and not self._closing.is_set() and not process.inbox.ended

    @property
    def pid(self) -> int:
        """Process id, also the id of its process group; 0 before the start."""
        return self._started.pid if self._started is not None else 0

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines of its log, 200 at most."""
        return self._process.last_lines

    def start(self) -> None:
        """Start the process and wait for its ``ready``.

        Raises:
            EngineStartFailed: it cannot be started, ends, or says something else.
            EngineTimedOut: it stays silent.
            EngineCancelled: it was killed before.
        """
        if self._closing.is_set():
            raise self._stopped("start")
        self._started = EngineProcess(self.info, self._python, self._settings, self._log, self.place.environ)
        self._writer = FrameWriter(self._started.stdin)
        try:
            if self._closing.is_set():  # killed while there was no process to kill yet
                raise self._stopped("start")
            self._await_ready()
        except BaseException:
            self.kill()
            raise

    def request(
        self,
        operation: str,
        data: Mapping[str, Any],
        on_frame: OnFrame | None = None,
        silence_s: float | None = None,
        stopped: threading.Event | None = None,
    ) -> Mapping[str, Any]:
        """Do one operation and return the data of its ``done``.

        Args:
            operation: one of the protocol's.
            data: its fields.
            on_frame: called with every message in between, in this thread. What it raises cancels the request.
            silence_s: seconds without a message after which the engine counts as hung.
            stopped: when set, the request is cancelled.

        Raises:
            EngineError: of the class that the failure has; after a crash, a hang or a broken stream the process is gone.
        """
        self._last_id += 1
        self._open = True
        silence = silence_s if silence_s is not None else self._silence(operation)
        try:
            self._send(Frame(operation, self._last_id, dict(data)), silence)
            return self._answer(operation, data, on_frame, silence, stopped)
        except EngineBrokenProtocol:
            self.kill()
            raise
        except Exception:
            self._settle()
            raise
        except BaseException:
            # An interrupt must not wait for the grace of a loaded model.
            self.kill()
            raise

    def ping(self, timeout_s: float) -> bool:
        """True when the worker's reader thread answers in time. Says nothing about the main thread."""
        self._last_id += 1
        self._writer.write(Frame("ping", self._last_id))
        try:
            frame = self._process.inbox.get(timeout_s)
        except TimeoutError:
            return False
        return isinstance(frame, Frame) and frame.type == "pong"

    def write_raw(self, data: bytes) -> None:
        """Send bytes as they are (the conformance suite's bad input)."""
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def close_input(self) -> None:
        """Order the process to shut down, and do not wait for it."""
        self._closing.set()
        if self._started is not None:
            self._started.close_input()

    def stop(self, grace_s: float = TERM_GRACE_S) -> int | None:
        """End the process: close its input, wait, SIGTERM, SIGKILL to its whole group. Returns its exit code."""
        self._closing.set()
        if self._started is None:
            return None
        self._started.close_input()
        if self._started.wait(grace_s) is None:
            self._started.terminate()
            self._started.wait(TERM_GRACE_S)
        return self._started.end()

    def kill(self) -> None:
        """SIGKILL the whole process group and reap it."""
        self._closing.set()
        if self._started is not None:
            self._started.end()

    def abandon(self) -> None:
        """SIGKILL the process group, so that a request that is open fails as after a crash."""
        if self._started is not None:
            self._started.slay()

    @property
    def _process(self) -> EngineProcess:
        if self._started is None:
            raise ValueError("the worker was not started")
        return self._started

    def _silence(self, operation: str) -> float:
        timeouts = self._settings.engines.timeouts
        if operation in ("load", "unload"):
            return timeouts.load
        return timeouts.speak if operation in ("speak", "speak_many", "phonemize") else timeouts.train

    def _await_ready(self) -> None:
        name = self.info.name
        try:
            frame = self._next(self._settings.engines.timeouts.start, "start", None)
        except EngineCrashed as error:
            rest = error.message.partition("died")[2]
            raise EngineStartFailed(f"engine {name} ended before it was ready{rest}", error.hint) from None
        except EngineBrokenProtocol as error:
            raise EngineStartFailed(error.message, error.hint) from None
        if frame.type != "ready":
            raise EngineStartFailed(
                f"engine {name} said {frame.type!r} where 'ready' was expected{self._process.last_words()}"
            )
        if frame.data.get("protocol") != PROTOCOL:
            raise EngineStartFailed(
                f"engine {name} speaks protocol {frame.data.get('protocol')!r}, this program speaks {PROTOCOL}",
                f"install it again: demod-voice engines install {name}",
            )
        self.ready = frame.data

    def _send(self, frame: Frame, silence: float) -> None:
        """Write a request; a worker that does not read it for ``silence`` seconds counts as hung."""
        written, late = threading.Event(), threading.Event()

        def watch() -> None:
            if not written.wait(silence):
                late.set()
                self._process.end()

        def soon(size: int) -> None:
            if size > SMALL_REQUEST:
                threading.Thread(target=watch, daemon=True, name=f"{self.info.name}-write").start()

        try:
            self._writer.write(frame, soon)
        except BrokenFrame as error:
            self._open = False
            raise EngineRefused(f"engine {self.info.name}: the request cannot be sent: {error}") from error
        except (OSError, ValueError):
            raise (self._silent(silence, frame.type) if late.is_set() else self._crash(frame.type)) from None
        finally:
            written.set()

    def _answer(
        self,
        operation: str,
        data: Mapping[str, Any],
        on_frame: OnFrame | None,
        silence: float,
        stopped: threading.Event | None,
    ) -> Mapping[str, Any]:
        rules = SpeechRules(data)
        while True:
            frame = self._next(silence, operation, stopped)
            if frame.type == "pong":
                continue
            if frame.id != self._last_id:
                raise self._broken(f"a message {frame.type!r} for request {frame.id} while {self._last_id} is open")
            if frame.type in ("cancelled", "error"):
                self._open = False
                raise self._refused(frame, operation)
            fault = rules.fault(frame)
            if fault:
                raise self._broken(fault)
            if frame.type == "done":
                self._open = False
                return frame.data
            if on_frame is not None:
                on_frame(frame)

    def _next(self, silence: float, operation: str, stopped: threading.Event | None) -> Frame:
        """The next message; EngineTimedOut after ``silence`` seconds without one."""
        deadline = time.monotonic() + silence
        ended_at = 0.0
        while True:
            if stopped is not None and stopped.is_set():
                raise self._stopped(operation)
            left = deadline - time.monotonic()
            try:
                frame = self._process.inbox.get(max(0.0, min(left, LOOK_S)))
                break
            except TimeoutError:
                if not self._process.running:
                    ended_at = ended_at or time.monotonic()
                    if time.monotonic() - ended_at < DRAINED_S:
                        continue
                    raise self._crash(operation) from None
                if left <= LOOK_S:
                    raise self._silent(silence, operation) from None
        if isinstance(frame, Frame):
            return frame
        raise self._crash(operation) if frame is None else self._broken(str(frame))

    def _refused(self, frame: Frame, operation: str) -> EngineError:
        if frame.type == "cancelled":
            return EngineCancelled(f"engine {self.info.name}: {operation} was cancelled")
        return engine_error(self.info.name, frame.data)

    def _stopped(self, operation: str) -> EngineCancelled:
        return EngineCancelled(f"engine {self.info.name}: {operation} was stopped")

    def _crash(self, operation: str) -> EngineCrashed | EngineCancelled:
        """The process has closed its output: say how it ended, unless this side ended it."""
        if self._closing.is_set():
            return self._stopped(operation)
        code = self._process.wait(TERM_GRACE_S)
        self.kill()
        hint = "SIGKILL is usually out of memory: close other programs or use fewer --jobs"
        return EngineCrashed(
            f"engine {self.info.name} died ({ending(code)}){self._process.last_words()}",
            hint if code == -signal.SIGKILL else None,
        )

    def _silent(self, silence: float, operation: str) -> EngineTimedOut:
        self.kill()
        return EngineTimedOut(
            f"engine {self.info.name} was silent for {silence:g} s ({operation}) and was stopped"
            f"{self._process.last_words()}",
            "if its work really takes that long, raise engines.timeouts",
        )

    def _broken(self, what: str) -> EngineBrokenProtocol:
        self.kill()
        hint = f"check it with: demod-voice engines check {self.info.name}"
        return EngineBrokenProtocol(
            f"engine {self.info.name} broke the protocol: {what}{self._process.last_words()}", hint
        )

    def _settle(self) -> None:
        """After an exception in the middle of a request: ask the worker to stop.

        One that stays silent for its grace is ended; one that answers is kept for the next request.
        """
        if not self.alive or not self._open:
            return
        deadline = time.monotonic() + self.info.cancel_grace_s
        with contextlib.suppress(TimeoutError, OSError):
            self._writer.write(Frame("cancel", self._last_id))
            while (left := deadline - time.monotonic()) > 0:
                frame = self._process.inbox.get(left)
                if not isinstance(frame, Frame):
                    break
                if frame.id == self._last_id and frame.type in ("done", "error", "cancelled"):
                    return
        self.stop(grace_s=0.0)


def engine_error(engine: str, data: Mapping[str, Any]) -> EngineError:
    """The exception of an ``error`` or ``item-error`` message."""
    kind = _ERRORS.get(str(data.get("code")), EngineFailed)
    error = kind(f"engine {engine}: {data.get('message') or data.get('code')}", str(data.get("hint") or "") or None)
    error.code = str(data.get("code") or "")
    return error
