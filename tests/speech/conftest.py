"""The odd engine (``tests/speech/odd``), lines for it, and its log of what it was asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demod_voice.config import load_settings
from demod_voice.config.settings import Settings
from demod_voice.speech.studio import LineJob
from demod_voice.voices.resolve import resolve

HERE = Path(__file__).parent


@pytest.fixture
def odd_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The odd engine is installed, beside whatever else is."""
    folder = tmp_path / "engines"
    folder.mkdir()
    (folder / "odd").symlink_to(HERE / "odd")
    before = os.environ.get("DEMOD_VOICE_ENGINES__SEARCH_PATH", "")
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", os.pathsep.join(filter(None, [before, str(folder)])))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__ODD__PYTHON", sys.executable)


@pytest.fixture
def settings(odd_engine: None) -> Settings:
    """Settings with the odd engine."""
    return load_settings()


class Log:
    """What the odd engine was asked, an utterance a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[str]:
        """``seed speed pitch volume text`` of each utterance, in the order of speaking."""
        return self.path.read_text().splitlines() if self.path.exists() else []


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """The engine's log; jobs made by ``job`` write to it."""
    return Log(tmp_path / "odd.log")


@pytest.fixture
def job(settings: Settings, log: Log) -> Callable[..., LineJob]:
    """Make a line for the odd engine."""

    def make(
        text: str, *, id: str = "line-1", seed: int = 42, hints: Any = None, language: str = "en", **voice: Any
    ) -> LineJob:
        style = {"log": str(log.path), **voice.pop("style", {})}
        voice = {"engine": "odd", "voice": "plain", **voice}
        return LineJob(id, text, resolve(settings, style=style, **voice), language, seed, hints or {})

    return make
