"""``health``: exit code 0 only when what is configured works; every fault with what to do."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.gpus import LOST, Machine, card
from support.stand_ins import stand_in

from demod_voice.api import health
from demod_voice.api.health import check_health
from demod_voice.config import load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake engine is the configured default."""
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(ROOT / "tests" / "fakes"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKE__PYTHON", sys.executable)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__DEFAULT", "fake")


@pytest.fixture(autouse=True)
def no_gpu(machine: Machine) -> None:
    """A machine without one."""


def found() -> dict[str, health.Check]:
    return {check.name: check for check in check_health(load_settings())}


@pytest.mark.usefixtures("fake")
def test_a_machine_that_works_is_healthy(cli: Callable[..., object]) -> None:
    done = cli("health")
    assert done.code == 0
    for words in ("python", "engine fake", "starts", "gpu", "engines run on the CPU", "speech cache"):
        assert words in done.out


@pytest.mark.parametrize(
    ("model", "hint"),
    [("", "models pull whisper-small"), pytest.param("whisper-smal", "engines.whisper.model", marks=pytest.mark.slow)],
)
def test_a_model_that_is_not_here_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: str, hint: str
) -> None:
    made = stand_in("whisper", tmp_path)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__WHISPER__PYTHON", made.python)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__WHISPER__MODEL", model)
    check = found()["engine whisper"]
    assert (check.status, hint in check.hint) == ("warning", True)
    assert f"{model or 'whisper-small'} is not installed" in check.detail


@pytest.mark.usefixtures("fake")
def test_a_program_reads_the_same_as_json(cli: Callable[..., object]) -> None:
    told = json.loads(cli("health", "--json").out)
    assert told["healthy"] is True
    assert {"name", "status", "detail", "hint"} <= set(told["checks"][0])


@pytest.mark.usefixtures("fake")
def test_an_engine_that_does_not_start_is_a_failure(
    cli: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKE__PYTHON", "/bin/false")
    done = cli("health")
    assert done.code == 4
    assert "failed   engine fake" in done.out


def test_an_engine_that_is_configured_but_not_installed_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__DEFAULT", "piper")
    checks = found()
    assert checks["engine piper"].status == "failed"
    assert checks["engine piper"].hint == "demod-voice engines install piper"


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("key", "value", "name", "words"),
    [
        ("ENGINES__DEFAULT", "nosuch", "engine nosuch", "engines.default: there is no engine 'nosuch'"),
        ("ENGINES__NOSUCH__PYTHON", "/bin/false", "engine nosuch", "engines.nosuch: there is no engine 'nosuch'"),
        ("ENGINES__SEARCH_PATH", "/nonexist", "search path", "/nonexist is no folder"),
        ("DEVICE", "cuda:0", "gpu", "device cuda:0 does not exist"),
        ("GPU__USE", "1", "gpu", "no GPU here"),
    ],
)
def test_what_is_configured_and_not_there_is_a_failure(
    cli: Callable[..., object], monkeypatch: pytest.MonkeyPatch, key: str, value: str, name: str, words: str
) -> None:
    monkeypatch.setenv(f"DEMOD_VOICE_{key}", value)
    done = cli("health", "--json")
    check = {each["name"]: each for each in json.loads(done.out)["checks"]}[name]
    assert (done.code, check["status"], words in check["detail"]) == (4, "failed", True)
    assert check["hint"]


@pytest.mark.usefixtures("fake")
def test_a_saved_voice_that_cannot_speak_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEMOD_VOICE_PATHS__VOICES", str(tmp_path))
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "voice.json").write_text("{}")
    assert (found()["voice"].status, "voice ada" in found()["voice"].detail) == ("failed", True)
    part = {"path": "model", "files": {"model/a.onnx": ""}}
    (tmp_path / "ada" / "voice.json").write_text(json.dumps({"engine": "fake", "model": part}))
    assert found()["voice"].detail == "voice ada has lost model/a.onnx"


def test_an_embedded_engine_is_loaded_not_only_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = shutil.copytree(ROOT / "tests" / "fakes" / "fake", tmp_path / "fake")
    (fake / "engine.toml").write_text("embedded = true\n" + (fake / "engine.toml").read_text())
    broken = (
        (fake / "worker.py")
        .read_text()
        .replace("        return LoadResult(", "        raise EngineFault('no data')\n        return LoadResult(")
    )
    (fake / "worker.py").write_text(broken)
    for key, value in (("SEARCH_PATH", str(tmp_path)), ("FAKE__PYTHON", sys.executable), ("DEFAULT", "fake")):
        monkeypatch.setenv(f"DEMOD_VOICE_ENGINES__{key}", value)
    assert (found()["engine fake"].status, found()["engine fake"].detail) == ("failed", "engine fake: no data")


@pytest.mark.usefixtures("fake")
def test_an_engine_that_nobody_asked_for_is_no_failure() -> None:
    assert found()["engine piper"].status == "info"


@pytest.mark.usefixtures("fake")
def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lameenc", None)
    assert found()["environment"].status == "failed"
    assert "lameenc" in found()["environment"].detail


@pytest.mark.usefixtures("fake")
def test_little_disk_is_a_warning_and_no_access_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LITTLE_DISK", 1 << 60)
    assert found()["disk data"].status == "warning"
    monkeypatch.setattr(health.os, "access", lambda _, mode: mode != os.W_OK)
    assert found()["disk data"].status == "failed"


@pytest.mark.usefixtures("fake")
def test_a_cache_that_is_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_CACHE__ENABLED", "false")
    assert "switched off" in found()["speech cache"].detail


@pytest.mark.usefixtures("fake")
def test_a_gpu_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has(card(0, name="NVIDIA H200", total_mb=143771), card(1))
    assert found()["gpu"] == health.Check("gpu", "ok", "NVIDIA H200, 143771 MiB, NVIDIA A, 8192 MiB")
    machine.change(1, error=LOST)
    assert (found()["gpu"].status, found()["gpu"].hint.partition(":")[0]) == ("warning", "GPU 1 is lost")
    monkeypatch.setenv("DEMOD_VOICE_GPU__USE", "none")
    assert "the settings ask for the CPU" in found()["gpu"].detail
