"""An engine's process and the two threads that always drain it: one its frames, one its log.

The frames wait in a short inbox, so a worker that floods is held back by its pipe and not kept in memory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from demod_worker.wire import BrokenFrame, read_frame

from demod_voice.config.settings import Settings
from demod_voice.engines.inbox import Inbox
from demod_voice.engines.types import EngineInfo
from demod_voice.engines.worker_environment import worker_environment
from demod_voice.errors import EngineStartFailed

LOG_LINES = 200
"""Last lines of a worker's log that are kept for an error message."""
SHOWN_LOG_LINES = 5
LONGEST_LOG_LINE = 8192
TERM_GRACE_S = 2.0
"""Seconds between SIGTERM and SIGKILL."""
PIPE_BYTES = 1 << 18


class EngineProcess:
    """A started engine: its pipes, its frames, its last words, its end. ``end`` may be called from any thread.

    Args:
        info: the engine.
        python: its interpreter, absolute.
        settings: threads of the worker.
        log: called with each line that the engine writes to its log.
        environ: variables that differ from the usual ones; None = without it.

    Raises:
        EngineStartFailed: the operating system cannot start it.
    """

    def __init__(
        self,
        info: EngineInfo,
        python: Path,
        settings: Settings,
        log: Callable[[str], None] | None,
        environ: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        self.inbox = Inbox()
        self._log = log
        self._tail: deque[str] = deque(maxlen=LOG_LINES)
        self._reaping = threading.Lock()
        self._name = info.name
        self._popen = _spawn(info, python, settings, environ)
        self.stdin = _pipe(self._popen.stdin)
        self._drains = [
            (self._thread("frames", self._drain_frames, _pipe(self._popen.stdout)), _pipe(self._popen.stdout)),
            (self._thread("log", self._drain_log, _pipe(self._popen.stderr)), _pipe(self._popen.stderr)),
        ]

    @property
    def pid(self) -> int:
        """Process id, also the id of its session and process group."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """True until the process itself has ended; what it started may live on."""
        return self._popen.poll() is None

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines of its log, 200 at most."""
        return tuple(self._tail)

    def last_words(self) -> str:
        """The last lines of its log for an error message, each on a line of its own, or nothing."""
        if not self.running:
            self._drains[1][0].join(0.5)
        lines = [line for line in self.last_lines if line.strip()][-SHOWN_LOG_LINES:]
        return "".join(f"\n    {self._name}: {line}" for line in lines)

    def wait(self, seconds: float) -> int | None:
        """Its exit code (negative: the signal), or None when it still runs after ``seconds``."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def close_input(self) -> None:
        """Close its standard input: the order to shut down."""
        with contextlib.suppress(OSError):
            self.stdin.close()

    def terminate(self) -> None:
        """SIGTERM to the whole group."""
        _signal_group(self.pid, signal.SIGTERM)

    def slay(self) -> None:
        """SIGKILL to the whole group, and no more: whoever waits for it finds it dead."""
        _signal_group(self.pid, signal.SIGKILL)

    def end(self) -> int:
        """SIGKILL what is left of the group, collect the process, let go of its pipes; returns its exit code."""
        with self._reaping:
            _signal_group(self.pid, signal.SIGKILL)
            code = self._popen.wait()
            self.inbox.end(drop=True)
            self.close_input()
            for thread, stream in self._drains:
                thread.join(TERM_GRACE_S)
                # A descendant that left the group may hold the pipe: closing it here would wait for the reader.
                if not thread.is_alive():
                    stream.close()
        return code

    def _thread(self, what: str, target: Callable[[BinaryIO], None], stream: BinaryIO) -> threading.Thread:
        thread = threading.Thread(target=target, args=(stream,), daemon=True, name=f"{self._name}-{what}")
        thread.start()
        return thread

    def _drain_frames(self, stream: BinaryIO) -> None:
        fault = None
        try:
            while (frame := read_frame(stream)) is not None:
                self.inbox.put(frame)
        except BrokenFrame as error:
            fault = error
        except (OSError, ValueError):
            pass
        self.inbox.end(fault)

    def _drain_log(self, stream: BinaryIO) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(LONGEST_LOG_LINE):
                text = line.decode("utf-8", "replace").rstrip()
                self._tail.append(text)
                # A log that cannot be written must not stop the draining: the worker would block on its own log.
                with contextlib.suppress(OSError):
                    if self._log is not None:
                        self._log(text)


def ending(code: int | None) -> str:
    """How a process ended, for a person: ``exit code 3``, ``SIGSEGV``; None = it lives but closed its output."""
    if code is None:
        return "it closed its output"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _spawn(
    info: EngineInfo, python: Path, settings: Settings, environ: Mapping[str, str | None]
) -> subprocess.Popen[bytes]:
    command = [part.replace("{python}", str(python)) for part in info.command]
    if info.command[0] == "{python}":
        command.insert(1, "-s")
    try:
        return subprocess.Popen(
            command,
            cwd=info.folder,
            env=worker_environment(settings, environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=PIPE_BYTES,
        )
    except OSError as error:
        hint = f"repair it with: demod-voice engines install {info.name}"
        raise EngineStartFailed(f"engine {info.name} cannot be started: {command[0]}: {error}", hint) from error


def _pipe(stream: object) -> BinaryIO:
    if stream is None:
        raise ValueError("the process has no such pipe")
    return stream  # type: ignore[return-value]


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
