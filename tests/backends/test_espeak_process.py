"""How espeak lives: crashes, cancels, orphans, zombies, long paths."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.processes import children, gone, long_environment
from support.sound import fingerprint

from demod_voice.engines.client import Worker
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.errors import EngineCancelled, EngineCrashed, EngineStartFailed

LONG = "The quick brown fox jumps over the lazy dog near the bank of the river. " * 1400


def speaking_child(worker: Worker) -> int:
    """The process that speaks now."""
    server = children(worker.pid)[0]
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = children(server)
        if found:
            return found[0]
        time.sleep(0.005)
    raise AssertionError("nobody speaks")


def speak(worker: Worker, text: str, on_frame=None) -> list:
    frames = []

    def take(frame):
        frames.append(frame)
        if on_frame is not None:
            on_frame(frame)

    worker.request("speak", {"items": [{"item": 0, "text": text}]}, take)
    return frames


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_child_that_dies_fails_its_item_and_the_worker_lives(espeak_worker, number):
    before = sound(speak(espeak_worker, "Hello."))
    killed = threading.Event()

    def kill(frame):
        if frame.type == "audio-chunk" and not killed.is_set():
            killed.set()
            os.kill(speaking_child(espeak_worker), number)

    last = speak(espeak_worker, LONG, kill)[-1]
    assert last.type == "item-error"
    assert last.data["code"] == "engine_error"
    assert number.name in last.data["message"]
    assert sound(speak(espeak_worker, "Hello.")) == before


def sound(frames: list) -> bytes:
    return b"".join(frame.payload for frame in frames)


def test_a_cancel_in_a_long_text_is_done_within_a_second(espeak_worker):
    asked = 0.0

    def cancel(frame):
        nonlocal asked
        if frame.type == "audio-chunk" and not asked:
            asked = time.monotonic()
            raise EngineCancelled("enough")

    with pytest.raises(EngineCancelled):
        speak(espeak_worker, LONG, cancel)
    assert time.monotonic() - asked < 1.0
    assert espeak_worker.alive
    server = children(espeak_worker.pid)[0]
    assert children(server) == []
    assert sound(speak(espeak_worker, "Hello."))


def test_no_zombies_are_left(espeak_worker):
    for number in range(20):
        speak(espeak_worker, f"Number {number}.")
    server = children(espeak_worker.pid)[0]
    deadline = time.monotonic() + 2.0
    while children(server) and time.monotonic() < deadline:  # the last one may still be on its way out
        time.sleep(0.01)
    assert children(server) == []


def test_a_killed_worker_takes_its_server_and_child_with_it(espeak_worker):
    server = children(espeak_worker.pid)[0]
    seen = []

    def kill(frame):
        if frame.type == "audio-chunk" and not seen:
            seen.append(speaking_child(espeak_worker))
            os.kill(espeak_worker.pid, signal.SIGKILL)

    with pytest.raises(EngineCrashed):
        speak(espeak_worker, LONG, kill)
    assert gone(server)
    assert gone(seen[0])


def test_a_closed_stdin_ends_everything(espeak_worker):
    server = children(espeak_worker.pid)[0]
    assert espeak_worker.stop() == 0
    assert gone(server)


def test_a_dead_server_ends_the_worker_and_the_pool_starts_another(espeak_settings):
    with Pool(espeak_settings) as pool:
        request = SpeechRequest("Hello.")
        before = pool.speak("espeak", request).clip
        worker = next(iter(pool._workers._shelves.values())).idle[0][1]
        os.kill(children(worker.pid)[0], signal.SIGKILL)
        assert fingerprint(pool.speak("espeak", request).clip) == fingerprint(before)


def test_a_path_of_over_300_characters_is_no_obstacle(espeak, espeak_settings, tmp_path, with_python):
    python = long_environment(Path(espeak_settings.engines.named["espeak"].python), tmp_path, "espeakng_loader")
    assert len(str(python.parent.parent)) > 300
    request = SpeechRequest("Hello there.")
    with Pool(with_python("espeak", python)) as pool:
        assert fingerprint(pool.speak("espeak", request).clip) == fingerprint(espeak.speak("espeak", request).clip)


def test_an_environment_without_the_library_says_so(tmp_path, with_python):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    with Pool(with_python("espeak", tmp_path / "bare" / "bin" / "python")) as pool:
        with pytest.raises(EngineStartFailed, match="has no espeakng-loader"):
            pool.load("espeak")
