"""Every way to fail, by a real process: one class of error each, in time, and nothing left running."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from demod_worker.wire import Frame

from demod_voice.config import load_settings
from demod_voice.engines import client
from demod_voice.engines.client import Worker
from demod_voice.engines.inbox import Inbox
from demod_voice.engines.locate import engine
from demod_voice.engines.pool import Pool
from demod_voice.engines.process import EngineProcess
from demod_voice.engines.types import Speech, SpeechRequest
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
)

pytestmark = pytest.mark.usefixtures("fake_engine")


def children() -> set[str]:
    """Command lines of this process's descendants that are workers."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
                status = (entry / "stat").read_text()
            except OSError:
                continue
            if "worker.py" in line and f" {os.getpid()} " in status:
                found.add(entry.name)
    return found


@pytest.mark.parametrize(
    ("marker", "kind", "words"),
    [
        ("crash", EngineCrashed, "SIGSEGV"),
        ("kill", EngineCrashed, "out of memory"),
        ("abort", EngineCrashed, "SIGABRT"),
        ("exit 3", EngineCrashed, "exit code 3"),
        ("exit 0", EngineCrashed, "exit code 0"),
        ("raise", EngineFailed, "asked to fail"),
        ("bug", EngineFailed, "ZeroDivisionError"),
        ("oom", EngineOutOfMemory, "no memory left"),
        ("badframe", EngineBrokenProtocol, "not a JSON line"),
        ('badframe {"type":7}', EngineBrokenProtocol, "type"),
        ('badframe {"type":"done","id":999}', EngineBrokenProtocol, "999"),
        ('badframe {"type":"audio-chunk","id":2,"data":{"item":0}}', EngineBrokenProtocol, "not started"),
        ("flood", EngineBrokenProtocol, "floods"),
    ],
)
def test_each_failure_has_its_class_and_leaves_nothing(marker: str, kind: type[EngineError], words: str) -> None:
    began = time.monotonic()
    with Pool(load_settings()) as pool, pytest.raises(kind) as caught:
        pool.speak("fake", SpeechRequest(f"[[{marker}]] hello", max_s=5))
    assert words in str(caught.value)
    assert time.monotonic() - began < 8
    assert not children()


@pytest.mark.parametrize("marker", ["hang", "deaf"])
def test_a_silent_engine_is_stopped(marker: str) -> None:
    settings = load_settings(engines__timeouts__speak=0.5)
    with Pool(settings) as pool, pytest.raises(EngineTimedOut, match=r"silent for 0\.5 s"):
        pool.speak("fake", SpeechRequest(f"[[{marker}]] hello"))
    assert not children()


def test_progress_is_a_sign_of_life() -> None:
    with Pool(load_settings(engines__timeouts__speak=0.4)) as pool:
        assert pool.speak("fake", SpeechRequest("[[slow 1.0]] hello")).clip.num_samples > 0


def test_a_stray_print_harms_nothing_and_reaches_the_log(tmp_path: Path) -> None:
    with Pool(load_settings(), log_path=tmp_path / "log") as pool:
        speech = pool.speak("fake", SpeechRequest("[[print]] hello"))
    assert speech.clip.duration_s == pytest.approx(0.3)
    log = (tmp_path / "log").read_text()
    assert "a stray print" in log
    assert "a stray write" in log


def test_a_crash_is_tried_once_more(tmp_path: Path) -> None:
    marker = tmp_path / "crashed"
    with Pool(load_settings()) as pool:
        speech = pool.speak("fake", SpeechRequest(f"[[crash-once {marker}]] hello"))
    assert marker.exists()
    assert speech.clip.duration_s == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("marker", "kind", "words"), [("abort", EngineCrashed, "died"), ("hang", EngineTimedOut, "was silent")]
)
def test_two_lines_in_a_row_that_end_an_engine_stop_it(marker: str, kind: type[EngineError], words: str) -> None:
    with Pool(load_settings(engines__timeouts__speak=0.3)) as pool:
        for line in ("one", "two"):
            with pytest.raises(kind):
                pool.speak("fake", SpeechRequest(f"[[{marker}]] {line}"))
        with pytest.raises(EngineCrashed, match=f"{words} at 2 different lines in a row and is not asked again"):
            pool.speak("fake", SpeechRequest("a line that would work"))


def test_one_line_that_ends_an_engine_stops_no_other(fake_engine: Path) -> None:
    with Pool(load_settings()) as pool:
        for _ in range(2):
            with pytest.raises(EngineCrashed):
                pool.speak("fake", SpeechRequest("[[abort]] poison"))
        assert pool.speak("fake", SpeechRequest("good")).clip.num_samples > 0
        with pytest.raises(EngineCrashed, match="SIGABRT"):
            pool.speak("fake", SpeechRequest("[[abort]] another"))
        assert pool.speak("fake", SpeechRequest("good too")).clip.num_samples > 0


def test_workers_that_are_killed_at_the_same_moment_are_replaced(tmp_path: Path) -> None:
    lines = [SpeechRequest(f"[[crash-once {tmp_path / str(number)}]] line") for number in range(3)]
    with Pool(load_settings(), jobs=3) as pool, ThreadPoolExecutor(3) as threads:
        spoken = list(threads.map(lambda line: pool.speak("fake", line), lines))
    assert len({each.clip.num_samples for each in spoken}) == 1


def test_a_failed_item_does_not_take_the_others_down() -> None:
    with Pool(load_settings()) as pool:
        found = pool.speak_many(
            "fake", [SpeechRequest(text) for text in ("one", "[[raise]] two", "three", "four", "five")]
        )
    assert [type(each) for each in found] == [Speech, EngineFailed, Speech, Speech, Speech]


def test_an_unknown_voice_is_refused_with_the_names() -> None:
    from demod_worker.messages import Voice

    with Pool(load_settings()) as pool, pytest.raises(EngineRefused, match="low, high"):
        pool.speak("fake", SpeechRequest("hello", voice=Voice(preset="nobody")))


def test_a_wrong_interpreter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKE__PYTHON", "/nowhere/python")
    with Pool(load_settings()) as pool, pytest.raises(EngineStartFailed, match="/nowhere/python"):
        pool.probe("fake")


def test_the_answer_of_a_process_that_has_ended_since_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine reads the last message after the process has gone."""
    put = Inbox.put

    def late(self: Inbox, frame: Frame) -> None:
        if frame.type == "item-done":
            (pid,) = children()
            time.sleep(0.1)
            os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.5)
        put(self, frame)

    monkeypatch.setattr(Inbox, "put", late)
    with Pool(load_settings()) as pool:
        assert pool.speak("fake", SpeechRequest("hello")).clip.num_samples > 0


def test_a_kill_while_the_process_is_being_made_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    worker = Worker(engine("fake", settings), Path(sys.executable), settings)

    class Slow(EngineProcess):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            worker.kill()

    monkeypatch.setattr(client, "EngineProcess", Slow)
    with pytest.raises(EngineCancelled):
        worker.start()
    assert not children()
    assert not worker.alive


def test_closing_a_stream_cancels_the_engine() -> None:
    with Pool(load_settings()) as pool:
        stream = pool.stream("fake", SpeechRequest("one two " * 500))
        assert next(stream).num_samples > 0
        began = time.monotonic()
        stream.close()
        assert time.monotonic() - began < 3
        assert pool.speak("fake", SpeechRequest("hello")).clip.num_samples > 0


def test_leaving_the_pool_kills_what_is_at_work() -> None:
    pool = Pool(load_settings())
    stream = pool.stream("fake", SpeechRequest("[[slow 30]] hello"))
    caught: list[EngineError] = []

    def listen() -> None:
        try:
            list(stream)
        except EngineError as error:
            caught.append(error)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    time.sleep(0.4)
    began = time.monotonic()
    pool.close(at_once=True)
    thread.join(5)
    assert not thread.is_alive()
    assert caught
    assert time.monotonic() - began < 3
    assert not children()


def test_warm_workers_are_kept_and_idle_ones_retired() -> None:
    with Pool(load_settings(engines__idle_s=300.0)) as pool:
        pool.speak("fake", SpeechRequest("one"))
        first = children()
        pool.speak("fake", SpeechRequest("two"))
        assert children() == first
        assert len(first) == 1
    with Pool(load_settings(engines__idle_s=0.0)) as pool:
        pool.speak("fake", SpeechRequest("one"))
        time.sleep(0.2)
        assert not children()
