"""A registry of two models in an empty home, and a hub that has their files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.hub import FakeHub, fake_hub
from support.models import FILES, REGISTRY

from demod_voice.config import load_settings
from demod_voice.config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def registry(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own models.toml, and no word about hubs in the environment."""
    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING", "COQUI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    path = empty_home / ".config" / "demod-voice" / "models.toml"
    path.parent.mkdir(parents=True)
    path.write_text(REGISTRY)
    return path


@pytest.fixture
def models(empty_home: Path) -> Path:
    """The folder that holds this program's models."""
    return empty_home / ".local/share/demod-voice/models"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub that behaves."""
    with fake_hub(FILES) as running:
        yield running


@pytest.fixture
def settings(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that know the hub, with a short patience."""
    monkeypatch.setenv("DEMOD_VOICE_MODELS__HUB_URL", hub.url)
    monkeypatch.setenv("DEMOD_VOICE_MODELS__TIMEOUT_S", "1.0")
    return load_settings()


@pytest.fixture
def program(settings: Settings) -> Callable[..., subprocess.Popen[str]]:
    """Start ``demod-voice ...`` as a process of its own."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "demod_voice", *words]
        environ = {**os.environ, "PYTHONPATH": path}
        return subprocess.Popen(command, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts are short."""
    monkeypatch.setattr("demod_voice.models.transfer.FIRST_PAUSE_S", 0.01)
