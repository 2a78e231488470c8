"""An empty home for every test, and a settings file in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.upper().startswith("DEMOD_VOICE_"):
            monkeypatch.delenv(name)
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def settings_file(home: Path) -> Path:
    """Where the settings file is looked for; its folder exists, the file does not."""
    path = home / "config" / "demod-voice" / "config.yaml"
    path.parent.mkdir(parents=True)
    return path
