"""``health``: exit code 0 only when what is configured works; every fault with what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from demod_voice.api import health
from demod_voice.api.health import check_health
from demod_voice.config import load_settings
from demod_voice.engines import devices

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake engine is the configured default."""
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(ROOT / "tests" / "fakes"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKE__PYTHON", sys.executable)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__DEFAULT", "fake")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "describe_gpus", lambda: ((), "no NVIDIA driver is loaded"))


def found() -> dict[str, health.Check]:
    return {check.name: check for check in check_health(load_settings())}


@pytest.mark.usefixtures("fake")
def test_a_machine_that_works_is_healthy(cli: Callable[..., object]) -> None:
    done = cli("health")
    assert done.code == 0
    for words in ("python", "engine fake", "starts", "gpu", "engines run on the CPU", "speech cache"):
        assert words in done.out


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
    monkeypatch.setattr(health.os, "access", lambda *_: False)
    assert found()["disk data"].status == "failed"


@pytest.mark.usefixtures("fake")
def test_a_cache_that_is_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_CACHE__ENABLED", "false")
    assert "switched off" in found()["speech cache"].detail


@pytest.mark.usefixtures("fake")
def test_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "describe_gpus", lambda: (("NVIDIA H200, 143771 MiB",), ""))
    assert found()["gpu"] == health.Check("gpu", "ok", "NVIDIA H200, 143771 MiB")
