"""The conformance suite: does an engine keep to worker protocol 1? Any engine author can run it (``engines check``)."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from demod_worker.messages import (
    OPERATIONS,
    BadMessage,
    LoadRequest,
    LoadResult,
    PhonemizeRequest,
    PhonemizeResult,
    SpeakItem,
    SpeakRequest,
    Voice,
    from_json,
    to_json,
)
from demod_worker.wire import Frame, encode_frame

from demod_voice.config.settings import Settings
from demod_voice.engines.client import Worker
from demod_voice.engines.conformance_findings import FAILED, PASSED, SKIPPED, Finding
from demod_voice.engines.conformance_hearing import HEARING, Recordings
from demod_voice.engines.environments import find, needs_python, python_for
from demod_voice.engines.making import dropped
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineCancelled, EngineCrashed, EngineError, EngineRefused
from demod_voice.records.progress import SILENT, Progress

SHORT = "Hello there."
LONG = "This is one sentence of a long text that nobody will wait for. " * 200
PING_S = 5.0
FLOOD = 1000
"""Pings at once: more answers than the reader keeps, so that they wait in the worker's pipe."""
HONOURED: Mapping[str, Mapping[str, Any]] = {
    "speed": {"speed": 1.25},
    "pitch": {"pitch": 1.2},
    "volume": {"volume_db": -6.0},
    "phonemes": {"text": "Hello [[həˈloʊ]]."},
}
"""What is asked of an engine that claims to honour it."""
CLOCK_TICK_S = 1.05
"""Random seeds that are taken from the clock mostly count seconds: the second process starts in another one."""


class _Skip(Exception):
    """This engine does not claim what the check looks at."""


class _Failed(Exception):
    """The check found something wrong."""


@dataclass(slots=True)
class _Heard:
    """The sound and the messages of one request."""

    sound: bytearray = field(default_factory=bytearray)
    types: list[str] = field(default_factory=list)
    rate: int = 0
    degraded: list[str] = field(default_factory=list)
    refusal: str = ""
    """Why the item was not spoken."""

    def take(self, frame: Frame) -> None:
        self.types.append(frame.type)
        self.sound += frame.payload
        self.rate = frame.data.get("rate", self.rate)
        self.degraded += frame.data.get("degraded", ())
        if frame.type == "item-error":
            self.refusal = str(frame.data.get("message", ""))


def check(
    info: EngineInfo,
    settings: Settings,
    progress: Progress = SILENT,
    model: str | None = None,
    voice: Voice | None = None,
) -> list[Finding]:
    """Drive an engine through start, every operation, cancel, bad input, stray output, floods, the end and a crash.

    Args:
        info: the engine.
        settings: timeouts, threads, interpreter.
        progress: told as checks are done.
        model: a model to load, for engines that have none of their own.
        voice: who speaks.

    Raises:
        EngineNotInstalled: there is no environment to start it with.
    """
    python = python_for(info, settings, progress)
    findings = []
    spoken = _some_voice(Worker(info, python, settings), settings, model, voice or Voice(model=model))
    with Recordings(info) as recordings:
        suite = _Suite(info, python, settings, model, spoken, recordings)
        progress.start("check", len(suite.checks()), "checks")
        for name, run in suite.checks():
            findings.append(_one(name, run))
            progress.advance("check")
    progress.finish("check")
    return findings


def _some_voice(worker: Worker, settings: Settings, model: str | None, voice: Voice) -> Voice:
    """The voice, or the first one of the model where an engine that clones is told of none."""
    if not worker.info.clones or voice.preset or voice.references or "load" not in worker.info.operations:
        return voice
    try:
        with _Running(worker):
            asked = LoadRequest(model, "cpu", settings.engines.threads)
            loaded = from_json(LoadResult, dict(worker.request("load", to_json(asked))))
    except (EngineError, BadMessage):
        return voice  # the checks will say what is wrong
    return replace(voice, preset=loaded.voices[0]) if loaded.voices else voice


def _one(name: str, run: Callable[[], str]) -> Finding:
    try:
        return Finding(name, PASSED, run())
    except _Skip as reason:
        return Finding(name, SKIPPED, str(reason))
    except (_Failed, EngineError, OSError) as error:
        return Finding(name, FAILED, str(error))


class _Suite:
    def __init__(
        self,
        info: EngineInfo,
        python: Path,
        settings: Settings,
        model: str | None,
        voice: Voice,
        recordings: Recordings,
    ) -> None:
        self.info, self.python, self.settings, self.model, self.voice = info, python, settings, model, voice
        self.recordings = recordings
        self.talks = "speak_many" in info.operations

    def checks(self) -> list[tuple[str, Callable[[], str]]]:
        hears = bool(set(HEARING) & set(self.info.operations))
        speech = [
            ("speaks", self.speaks),
            ("same request, same bytes", self.same_bytes),
            ("honours what engine.toml claims", self.honours),
            ("tells phonemes", self.phonemes),
        ]
        hearing = [
            ("answers on a recording", self.hears),
            ("same recording, same answer", self.same_answers),
            ("a recording that is not there is refused", self.no_recording),
        ]
        return [
            ("environment", self.environment),
            ("ready in time", self.ready),
            ("ready says what engine.toml says", self.agreement),
            *(speech if self.talks or not hears else []),
            *(hearing if hears else []),
            ("ping while idle", self.ping),
            ("every operation of engine.toml is there", self.operations),
            ("unknown operation is unsupported", self.unknown_operation),
            ("bad request is refused and survived", self.bad_request),
            ("a stray print harms nothing", self.stray_print),
            ("a flood of messages is survived", self.flood),
            ("cancel", self.cancel),
            ("end of input ends the process", self.end_of_input),
            ("a broken frame ends the process", self.broken_frame),
            ("a truncated frame ends the process", self.truncated_frame),
            ("SIGKILL in a request is a crash", self.killed),
        ]

    def environment(self) -> str:
        left = [path.name for path in dropped(self.info, find(self.info, self.settings).folder)]
        if left:
            raise _Failed(f"files that cannot load are still there: {', '.join(left[:5])}")
        return str(self.python)

    def ready(self) -> str:
        began = time.monotonic()
        with self._worker():
            return f"{(time.monotonic() - began) * 1000:.0f} ms"

    def agreement(self) -> str:
        with self._worker() as worker:
            said = worker.ready
        if said.get("engine") != self.info.name:
            raise _Failed(f"it calls itself {said.get('engine')!r}")
        missing = set(self.info.operations) ^ set(said.get("operations", ()))
        if missing or not set(self.info.operations) <= set(OPERATIONS):
            raise _Failed(f"operations differ: {', '.join(sorted(missing))}")
        return f"{said.get('version')} on Python {said.get('python')}"

    def speaks(self) -> str:
        self._needs_speech()
        with self._loaded() as worker:
            heard = self._speak(worker, SHORT)
        if not any(heard.sound):
            raise _Failed("it made no sound")
        if heard.types[-1] != "item-done":
            raise _Failed(f"the item ended in {heard.types[-1]!r}")
        return f"{len(heard.sound)} bytes at {heard.rate} Hz"

    def same_bytes(self) -> str:
        if self.info.determinism != "bytes":
            raise _Skip(f"determinism is {self.info.determinism!r}")
        self._needs_speech()
        with self._loaded() as worker:
            first = self._speak(worker, SHORT).sound
            self._speak(worker, "Something else in between.")
            again = self._speak(worker, SHORT).sound
        time.sleep(CLOCK_TICK_S)
        with self._loaded() as other:
            fresh = self._speak(other, SHORT).sound
        if first != again:
            raise _Failed("the second time in one process differs from the first")
        if first != fresh:
            raise _Failed("another process gives other bytes")
        return f"{len(first)} bytes, three times"

    def honours(self) -> str:
        self._needs_speech()
        asked = {name: HONOURED[name] for name in self.info.honours}
        asked |= {f"style {name}": {"style": {"delivery": name}} for name in self.info.styles}
        with self._loaded() as worker:
            plain = self._speak(worker, SHORT)
            for name, fields in asked.items():
                heard = self._speak(worker, SHORT, fields)
                if heard.sound == plain.sound:
                    raise _Failed(f"{name} changes nothing")
                if set(heard.degraded) - set(plain.degraded):
                    raise _Failed(f"{name} is degraded: {', '.join(heard.degraded)}")
        return ", ".join(asked) or "nothing"

    def phonemes(self) -> str:
        if "phonemize" not in self.info.operations:
            raise _Skip("it does not tell phonemes")
        with self._loaded() as worker:
            data = to_json(PhonemizeRequest(SHORT, voice=self.voice))
            found = from_json(PhonemizeResult, dict(worker.request("phonemize", data)))
        if not any(found.phonemes):
            raise _Failed("it told none")
        return " | ".join(found.phonemes)

    def hears(self) -> str:
        with self._loaded() as worker:
            for name in self.recordings.operations:
                self._hear(worker, name)
        return ", ".join(self.recordings.operations)

    def same_answers(self) -> str:
        if self.info.determinism != "bytes":
            raise _Skip(f"determinism is {self.info.determinism!r}")
        with self._loaded() as worker, self._loaded() as other:
            for name in self.recordings.operations:
                first, again = self._hear(worker, name), self._hear(worker, name)
                if first != again:
                    raise _Failed(f"{name}: the second time in one process differs from the first")
                if first != self._hear(other, name):
                    raise _Failed(f"{name}: another process gives another answer")
        return ", ".join(self.recordings.operations)

    def no_recording(self) -> str:
        with self._loaded() as worker:
            for name in self.recordings.operations:
                asked = self.recordings.request(name, "none.wav")
                self._refused(lambda name=name, asked=asked: worker.request(name, asked))  # type: ignore[misc]
                self._hear(worker, name)
        return ""

    def ping(self) -> str:
        with self._worker() as worker:
            if not worker.ping(PING_S):
                raise _Failed(f"no pong within {PING_S:g} s")
        return ""

    def operations(self) -> str:
        """An empty request may be refused for what it lacks, but not because nobody knows the operation."""
        with self._worker() as worker:
            for name in self.info.operations:
                try:
                    worker.request(name, {})
                except EngineError as error:
                    if error.code in ("", "unsupported", "internal"):
                        raise _Failed(f"{name}: {error.message}") from error
        if "speak" in self.info.operations:
            with self._loaded() as worker:
                heard = _Heard()
                worker.request("speak", self._request(SHORT), heard.take)
            if not any(heard.sound):
                raise _Failed("speak: it made no sound")
        return ", ".join(self.info.operations)

    def unknown_operation(self) -> str:
        with self._worker() as worker:
            self._refused(lambda: worker.request("no-such-operation", {}, silence_s=PING_S), "unsupported")
            if not worker.alive:
                raise _Failed("the worker died of it")
        return ""

    def bad_request(self) -> str:
        name, data = self._asked({"items": [{"text": 7}]}, {"audio": 7})
        with self._loaded() as worker:
            self._refused(lambda: worker.request(name, data, silence_s=PING_S))
            self._works(worker)
        return ""

    def stray_print(self) -> str:
        """What anything in the process prints to its standard output must not reach the protocol."""
        if not needs_python(self.info):
            raise _Skip("it is no Python program: only its own code prints")
        with self._loaded() as worker:
            output = Path(f"/proc/{worker.pid}/fd/1")
            if not output.exists():
                raise _Skip("there is no /proc here to print through")
            with output.open("wb") as out:
                out.write(b"a stray print\n")
            self._works(worker)
        return ""

    def flood(self) -> str:
        with self._loaded() as worker:
            worker.write_raw(b"".join(encode_frame(Frame("ping", 1_000_000 + number)) for number in range(FLOOD)))
            self._works(worker)
        return f"{FLOOD} pings"

    def cancel(self) -> str:
        """Asked to stop at the first sound, or in the middle of a long recording."""
        with self._loaded() as worker:
            began, stop = 0.0, threading.Event()

            def interrupt(_: Frame | None = None) -> None:
                nonlocal began
                began = time.monotonic()
                stop.set()

            with contextlib.suppress(EngineCancelled):
                self._long_work(worker, interrupt, stop)
            took = time.monotonic() - began
            if not began:
                raise _Failed("nothing was heard of the request that was to be cancelled")
            if not worker.alive:
                raise _Failed(
                    f"it was still at work {self.info.cancel_grace_s:g} s later (cancel_grace_s) and was ended"
                )
            self._works(worker)
        return f"{took * 1000:.0f} ms"

    def end_of_input(self) -> str:
        with self._worker() as worker:
            code = worker.stop(grace_s=self.info.cancel_grace_s + PING_S)
        if code != 0:
            raise _Failed(f"it ended with {code}")
        return ""

    def broken_frame(self) -> str:
        return self._ended_by(b"this is no frame\n")

    def truncated_frame(self) -> str:
        return self._ended_by(encode_frame(Frame("ping", 1))[:-5])

    def _ended_by(self, data: bytes) -> str:
        with self._worker() as worker:
            worker.write_raw(data)
            code = worker.stop(grace_s=self.info.cancel_grace_s + PING_S)
        if code is None or code < 0:
            raise _Failed("it did not end by itself")
        return f"exit code {code}"

    def killed(self) -> str:
        with self._loaded() as worker:
            try:
                self._long_work(worker, lambda _=None: os.killpg(worker.pid, signal.SIGKILL))
            except EngineCrashed as error:
                if "SIGKILL" not in error.message:
                    raise _Failed(f"it is reported as: {error.message}") from None
                return ""
        if not self.talks:
            raise _Skip("it was through with ten minutes of sound before it could be killed")
        raise _Failed("nothing was reported")

    def _long_work(
        self, worker: Worker, interrupt: Callable[..., None], stopped: threading.Event | None = None
    ) -> None:
        """Work that takes long, interrupted at its first message, or after a moment where there is none."""
        if self.talks:
            worker.request("speak_many", self._request(LONG), interrupt, stopped=stopped)
            return
        self._needs_work()
        self.recordings.interrupted(worker, interrupt, stopped)

    def _asked(self, speaking: dict[str, Any], hearing: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A main operation of the engine, and its request."""
        self._needs_work()
        return ("speak_many", speaking) if self.talks else (self.recordings.operations[0], hearing)

    def _works(self, worker: Worker) -> None:
        """It still does what it is for."""
        self._needs_work()
        if not self.talks:
            self._hear(worker, self.recordings.operations[0])
        elif not any(self._speak(worker, SHORT).sound):
            raise _Failed("it does not speak after that")

    def _hear(self, worker: Worker, operation: str) -> bytes:
        try:
            fault, answer = self.recordings.answer(worker, operation)
        except BadMessage as error:
            raise _Failed(f"{operation}: {error}") from error
        if fault:
            raise _Failed(f"{operation}: {fault}")
        return answer

    def _needs_work(self) -> None:
        if not self.talks and not self.recordings.operations:
            raise _Skip("it neither speaks nor hears")

    def _needs_speech(self) -> None:
        if not self.talks:
            raise _Skip("it does not speak")

    def _refused(self, call: Callable[[], object], code: str = "bad_request") -> None:
        try:
            call()
        except EngineRefused as error:
            if error.code != code:
                raise _Failed(f"it is {error.code} in place of {code}: {error.message}") from error
            return
        except EngineError as error:
            raise _Failed(f"{type(error).__name__} in place of a refusal: {error.message}") from error
        raise _Failed("it was accepted")

    def _worker(self) -> _Running:
        return _Running(Worker(self.info, self.python, self.settings))

    def _loaded(self) -> _Running:
        self._needs_work()
        request = LoadRequest(self.model, "cpu", self.settings.engines.threads)
        return _Running(Worker(self.info, self.python, self.settings), request)

    def _request(self, text: str, fields: Mapping[str, Any] = MappingProxyType({})) -> dict[str, object]:
        item = replace(SpeakItem(0, text, voice=self.voice, seed=1), **fields)
        made: dict[str, object] = to_json(SpeakRequest((item,)))
        return made

    def _speak(self, worker: Worker, text: str, fields: Mapping[str, Any] = MappingProxyType({})) -> _Heard:
        heard = _Heard()
        worker.request("speak_many", self._request(text, fields), heard.take)
        if heard.refusal:
            raise _Failed(f"it does not speak: {heard.refusal}")
        return heard


class _Running:
    """A worker that is running (and has loaded) for the length of a block."""

    def __init__(self, worker: Worker, load: LoadRequest | None = None) -> None:
        self._worker, self._load = worker, load

    def __enter__(self) -> Worker:
        self._worker.start()
        try:
            if self._load is not None and "load" in self._worker.info.operations:
                self._worker.request("load", to_json(self._load))
        except BaseException:
            self._worker.kill()
            raise
        return self._worker

    def __exit__(self, *_: object) -> None:
        self._worker.kill()
