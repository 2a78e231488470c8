"""A process that forks a fresh child for every utterance, and the worker's side of the talk with it.

espeak-ng keeps state from one call to the next, so the second identical call sounds different; the first call of a
process is always the same. The server initialises the library once and stays single-threaded, so that forking it is
safe, and each child speaks as its first call. A child that dies takes one utterance with it and nothing else.

On the socket: the worker sends a length, the job and the writing end of a pipe; the child answers on that pipe; then
the worker sends ``E`` (or ``K``, to kill it) and gets the child's exit code. End of file on the socket ends the server.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from espeak_library import Espeak, EspeakError, Event, Job, Question

AUDIO, EVENTS, ANSWER, DONE, FAILED = b"A", b"E", b"Q", b"D", b"F"
"""Messages of a child: samples; packed events; JSON; finished (payload ``1`` = stopped early); an error text."""
EVENT = struct.Struct("=Bii")
POLL_S = 0.05
"""How often a wait looks whether the request was cancelled."""

_HEAD = struct.Struct("=cI")
_LENGTH = struct.Struct("=I")
_EXIT_CODE = struct.Struct("=i")
_READ_BYTES = 1 << 16
_HELD_BYTES = 1 << 18
"""What a child holds before it writes: 6 s of sound, which take it about 10 ms."""
_COULD_NOT_FORK = 71
_MOST_DESCRIPTORS = 65536


class ServerGone(Exception):
    """The server has ended; it cannot be started again in this process, which has threads by now."""


@dataclass(frozen=True)
class Hello:
    """What the server says first."""

    sample_rate: int
    version: str
    voices: list[Any]
    """As ``Espeak.voices`` gives them."""
    variants: list[Any]


class SpeakingServer:
    """The worker's side. Make it before any thread exists.

    Args:
        library: path of the shared library.
        data_parent: folder that holds ``espeak-ng-data``.
    """

    def __init__(self, library: Path, data_parent: Path) -> None:
        self._socket, theirs = socket.socketpair()
        self._hello: Hello | None = None
        self._owed = False
        """The exit code of a child that had finished is still to be read: the next job does not wait for it."""
        self.pid = os.fork()
        if self.pid == 0:
            _become_server(theirs, library, data_parent)
        theirs.close()

    @property
    def hello(self) -> Hello:
        """What the library has.

        Raises:
            EspeakError: it could not be initialised.
            ServerGone: the server has ended.
        """
        if self._hello is None:
            found = json.loads(self._receive_block())
            if "error" in found:
                raise EspeakError(found["error"])
            self._hello = Hello(**found)
        return self._hello

    def ask(self, question: Question, cancelled: Callable[[], bool]) -> list[list[str]]:
        """The IPA of each text of a question, clause by clause; nothing when it was cancelled.

        Raises:
            EspeakError: the child died, or the library refused.
            ServerGone: the server has ended.
        """
        found: list[list[str]] = []
        for kind, payload in self.speak(question, cancelled):
            if kind == FAILED:
                raise EspeakError(payload.decode())
            if kind == ANSWER:
                found = json.loads(payload)
        return found

    def speak(self, job: Job | Question, cancelled: Callable[[], bool]) -> Iterator[tuple[bytes, bytes]]:
        """(kind, payload) of each message of the child that speaks ``job``. Closing the iterator kills the child.

        Raises:
            EspeakError: the child died before it had finished, and how.
            ServerGone: the server has ended.
        """
        self.hello  # noqa: B018 (the greeting must be read first)
        pipe = self._start(job)
        finished = False
        try:
            for kind, payload in _messages(pipe, cancelled):
                finished = finished or kind in (DONE, FAILED)
                yield kind, payload
        finally:
            os.close(pipe)
            code = self._end(finished)
        if not finished and not cancelled():
            raise EspeakError(f"espeak-ng died while it spoke ({_ending(code)})")

    def close(self) -> None:
        """End the server and wait for it."""
        self._socket.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _start(self, job: Job | Question) -> int:
        reading, writing = os.pipe()
        body = json.dumps(asdict(job)).encode()
        try:
            socket.send_fds(self._socket, [_LENGTH.pack(len(body))], [writing])
            self._socket.sendall(body)
        except OSError as error:
            os.close(reading)
            raise ServerGone from error
        finally:
            os.close(writing)
        if self._owed:
            self._exit_code()
        return reading

    def _end(self, finished: bool) -> int:
        """Let the server collect the child. How one ends that has said all is not waited for: the next job is."""
        try:
            self._socket.sendall(b"E" if finished else b"K")
        except OSError as error:
            raise ServerGone from error
        self._owed = finished
        return 0 if finished else self._exit_code()

    def _exit_code(self) -> int:
        self._owed = False
        return int(_EXIT_CODE.unpack(self._exactly(_EXIT_CODE.size))[0])

    def _receive_block(self) -> bytes:
        return self._exactly(_LENGTH.unpack(self._exactly(_LENGTH.size))[0])

    def _exactly(self, count: int) -> bytes:
        try:
            return _receive(self._socket, count)
        except (OSError, EOFError) as error:
            raise ServerGone from error


def _messages(pipe: int, cancelled: Callable[[], bool]) -> Iterator[tuple[bytes, bytes]]:
    """Whole messages from a child's pipe; ends at the end of file or when the work is cancelled."""
    waiting = bytearray()
    while not cancelled():
        if not select.select([pipe], [], [], POLL_S)[0]:
            continue
        data = os.read(pipe, _READ_BYTES)
        if not data:
            return
        waiting += data
        yield from _whole(waiting)


def _whole(waiting: bytearray) -> Iterator[tuple[bytes, bytes]]:
    """Take the whole messages off the front of ``waiting``; the sound of neighbours is put together."""
    at = 0
    audio = bytearray()
    others = []
    while len(waiting) - at >= _HEAD.size:
        kind, length = _HEAD.unpack_from(waiting, at)
        end = at + _HEAD.size + length
        if end > len(waiting):
            break
        payload = bytes(waiting[at + _HEAD.size : end])
        if kind == AUDIO:
            audio += payload
        else:
            others.append((kind, payload))
        at = end
    del waiting[:at]
    if audio:
        yield AUDIO, bytes(audio)
    yield from others


def _become_server(connection: socket.socket, library: Path, data_parent: Path) -> None:
    """The server's whole life; never returns."""
    code = 1
    try:
        _close_others(connection.fileno())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _serve(connection, library, data_parent)
        code = 0
    except (OSError, EOFError):
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _close_others(kept: int) -> None:
    """Close what was inherited, above all the protocol's stream: its end must be the worker's end."""
    os.closerange(3, kept)
    os.closerange(kept + 1, min(os.sysconf("SC_OPEN_MAX"), _MOST_DESCRIPTORS))


def _serve(connection: socket.socket, library: Path, data_parent: Path) -> None:
    try:
        espeak = Espeak(library, data_parent)
        hello: dict[str, Any] = {
            "sample_rate": espeak.sample_rate,
            "version": espeak.version,
            "variants": espeak.variants(),
            "voices": espeak.voices(),
        }
    except EspeakError as error:
        _send_block(connection, {"error": str(error)})
        return
    _send_block(connection, hello)
    while True:
        head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 1)
        if not head:
            return
        head += _receive(connection, _LENGTH.size - len(head))
        body = _receive(connection, _LENGTH.unpack(head)[0])
        pid = _fork_child(espeak, body, descriptors[0], connection)
        os.close(descriptors[0])
        _await_child(connection, pid)


def _fork_child(espeak: Espeak, body: bytes, pipe: int, connection: socket.socket) -> int:
    """Fork the child that speaks; its process id, or 0 when the system has no room for one."""
    try:
        pid = os.fork()
    except OSError:
        return 0
    if pid:
        return pid
    code = 1
    try:
        connection.close()
        job = json.loads(body)
        _speak(espeak, Question(**job) if "texts" in job else Job(**job), pipe)
        code = 0
    except BrokenPipeError:
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _await_child(connection: socket.socket, pid: int) -> None:
    """Wait for the worker's word, then for the child. A worker that is gone has its child killed."""
    try:
        word = _receive(connection, 1)
    except (OSError, EOFError):
        word = b"K"
    if pid == 0:
        connection.sendall(_EXIT_CODE.pack(_COULD_NOT_FORK))
        return
    if word == b"K":
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    connection.sendall(_EXIT_CODE.pack(code))


def _speak(espeak: Espeak, job: Job | Question, pipe: int) -> None:
    """What a child does."""
    with os.fdopen(pipe, "wb", buffering=_HELD_BYTES) as out:
        heard = False

        def send(kind: bytes, payload: bytes) -> bool:
            """The first sound and the end at once; what comes between is held, for it is made faster than it is heard."""
            nonlocal heard
            try:
                out.write(_HEAD.pack(kind, len(payload)) + payload)
                if kind in (DONE, FAILED) or not heard:
                    out.flush()
            except OSError:
                os._exit(0)
            heard = heard or kind == AUDIO
            return True

        def send_events(events: list[Event]) -> bool:
            return not events or send(EVENTS, b"".join(EVENT.pack(*event) for event in events))

        try:
            if isinstance(job, Question):
                send(ANSWER, json.dumps(espeak.ipa(job)).encode())
                send(DONE, b"0")
                return
            whole = espeak.speak(job, lambda data: send(AUDIO, data), send_events)
        except EspeakError as error:
            send(FAILED, str(error).encode())
        else:
            send(DONE, b"0" if whole else b"1")


def _send_block(connection: socket.socket, data: Any) -> None:
    body = json.dumps(data).encode()
    connection.sendall(_LENGTH.pack(len(body)) + body)


def _receive(connection: socket.socket, count: int) -> bytes:
    """Exactly ``count`` bytes. Raises EOFError at the end of the stream."""
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _ending(code: int) -> str:
    if code == _COULD_NOT_FORK:
        return "the system has no room for another process"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
