"""Which device an engine computes on, told without an ML framework."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from demod_voice.config import load_settings
from demod_voice.engines import devices, pool
from demod_voice.engines.devices import describe_gpus, device_for
from demod_voice.engines.locate import engine
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.errors import UsageError
from demod_voice.records.progress import Silent

TWO = (("NVIDIA A, 8192 MiB", "NVIDIA B, 8192 MiB"), "")


@pytest.fixture(autouse=True)
def asked_anew():
    describe_gpus.cache_clear()
    yield
    describe_gpus.cache_clear()


def chosen(device: str, gpu: bool = True) -> str:
    settings = replace(load_settings(), device=device)
    return device_for(replace(engine("espeak", settings), gpu=gpu), settings)


@pytest.mark.parametrize(
    ("gpus", "asked", "gpu", "expected"),
    [
        (TWO, "auto", True, "cuda:0"),
        (TWO, "auto", False, "cpu"),
        (TWO, "cpu", True, "cpu"),
        (TWO, "cuda", True, "cuda:0"),
        (TWO, "cuda:1", True, "cuda:1"),
        (TWO, "cuda:1", False, "cpu"),
        (((), "none"), "auto", True, "cpu"),
    ],
)
def test_the_device_follows_the_setting_and_the_engine(monkeypatch, gpus, asked: str, gpu: bool, expected: str) -> None:
    monkeypatch.setattr(devices, "describe_gpus", lambda: gpus)
    assert chosen(asked, gpu) == expected


@pytest.mark.parametrize(
    ("gpus", "asked", "words"),
    [
        (TWO, "cuda:2", "device cuda:2 does not exist"),
        (((), "no NVIDIA driver is loaded"), "cuda:0", "device cuda:0 does not exist"),
        (TWO, "cuda:x", "unknown device"),
        (TWO, "mps", "unknown device"),
    ],
)
def test_a_device_that_is_not_there_is_an_error_and_no_silent_cpu(monkeypatch, gpus, asked: str, words: str) -> None:
    monkeypatch.setattr(devices, "describe_gpus", lambda: gpus)
    with pytest.raises(UsageError, match=words) as caught:
        chosen(asked)
    assert caught.value.hint


class Machine:
    """A machine with a driver and a ``nvidia-smi`` of the test's own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch

    def has(self, script: str | None) -> None:
        (self._folder / "gpus" / "0000:01:00.0").mkdir(parents=True)
        self._monkeypatch.setattr(devices, "Path", lambda *_: self._folder / "gpus")
        self._monkeypatch.setattr(devices, "QUERY_TIMEOUT_S", 1.0)
        self._monkeypatch.setenv("PATH", f"{self._folder}:/usr/bin:/bin")
        if script is not None:
            tool = self._folder / "nvidia-smi"
            tool.write_text(f"#!/bin/sh\n{script}\n")
            tool.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_the_driver_s_tool_is_asked(machine: Machine) -> None:
    machine.has("echo 'NVIDIA H200, 143771 MiB'; echo 'NVIDIA T4, 15360 MiB'")
    assert describe_gpus()[0] == ("NVIDIA H200, 143771 MiB", "NVIDIA T4, 15360 MiB")


@pytest.mark.parametrize("script", ["exit 9", "sleep 30"])
def test_a_tool_that_fails_or_hangs_is_no_gpu_and_says_why(machine: Machine, script: str) -> None:
    machine.has(script)
    gpus, reason = describe_gpus()
    assert gpus == ()
    assert "nvidia-smi fails" in reason


def test_a_driver_without_its_tool_needs_the_library(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has(None)
    monkeypatch.setattr(devices.ctypes.util, "find_library", lambda _: "libcuda.so.1")
    monkeypatch.setattr(devices.shutil, "which", lambda _: None)
    assert describe_gpus()[0] == ("GPU 0",)
    describe_gpus.cache_clear()
    monkeypatch.setattr(devices.ctypes.util, "find_library", lambda _: None)
    assert describe_gpus() == ((), "libcuda is not found")


def test_a_device_that_the_engine_cannot_use_is_told_and_no_take_depends_on_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = shutil.copytree(Path(__file__).resolve().parents[1] / "fakes" / "fake", tmp_path / "fake")
    (fake / "engine.toml").write_text((fake / "engine.toml").read_text().replace("streams = true", "gpu = true"))
    (fake / "worker.py").write_text((fake / "worker.py").read_text().replace("device=request.device", 'device="cpu"'))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(tmp_path))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKE__PYTHON", sys.executable)
    monkeypatch.setattr(devices, "describe_gpus", lambda: TWO)
    heard = Notes()
    with Pool(load_settings(), progress=heard) as pool:
        assert pool.speak("fake", SpeechRequest("hello")).degraded == ()
    assert heard.notes == ["fake: computes on cpu in place of cuda:0"]


def test_that_there_is_no_gpu_is_told_once_and_only_when_something_is_spoken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = shutil.copytree(Path(__file__).resolve().parents[1] / "fakes" / "fake", tmp_path / "fake")
    (fake / "engine.toml").write_text((fake / "engine.toml").read_text().replace("streams = true", "gpu = true"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(tmp_path))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKE__PYTHON", sys.executable)
    none = ((), "no NVIDIA driver is loaded")
    monkeypatch.setattr(devices, "describe_gpus", lambda: none)
    monkeypatch.setattr(pool, "describe_gpus", lambda: none)
    heard = Notes()
    with Pool(load_settings(), progress=heard) as workers:
        workers.load("fake")
        assert heard.notes == []
        for _ in range(2):
            workers.speak("fake", SpeechRequest("hello"))
    assert heard.notes == ["engine fake runs on the CPU: no NVIDIA driver is loaded"]


class Notes(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)
