"""A store with nothing in it, reference clips, and four engine folders that are never started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from demod_voice.config import load_settings
from demod_voice.config.settings import Settings
from demod_voice.voices.adding import NewVoice
from demod_voice.voices.store import VoiceStore

ENGINE = """
name = "{name}"
summary = "Never started"
version = "1"
output_version = 1

[capabilities]
operations = {operations}
clones = {clones}
context = {context}
languages = ["en"]

[licence]
code = "MIT"
model = "CC0-1.0"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with the engines ``cloner``, ``plain``, ``deaf`` and ``talker``, and a store of their own."""
    folder = tmp_path / "engines"
    for name, clones, operations in [
        ("cloner", "true", '["load", "speak"]'),
        ("plain", "false", '["load", "speak"]'),
        ("deaf", "true", '["embed"]'),
        ("talker", "true", '["load", "speak"]'),
    ]:
        (folder / name).mkdir(parents=True)
        (folder / name / "engine.toml").write_text(
            ENGINE.format(name=name, clones=clones, operations=operations, context=str(name == "talker").lower())
        )
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(folder))
    found = load_settings()
    return replace(found, paths=replace(found.paths, voices=str(tmp_path / "voices")))


@pytest.fixture
def store(settings: Settings) -> VoiceStore:
    """An empty store."""
    return VoiceStore(settings)


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    """Write a recording: seeded noise in syllables, peak -20 dBFS, 44.1 kHz stereo FLAC unless told otherwise."""

    def write(name: str = "a.flac", seconds: float = 8.0, level: float = 0.1, rate: int = 44_100) -> Path:
        noise = np.random.default_rng(3).uniform(-level, level, (round(seconds * rate), 2))
        noise *= np.clip(np.sin(8 * np.pi * np.arange(len(noise)) / rate), 0.0, None)[:, None]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise.clip(-1, 1), rate)
        return path

    return write


@pytest.fixture
def clone(recording: Callable[..., Path]) -> Callable[..., NewVoice]:
    """A clone of two recordings, ready to be added."""

    def make(name: str = "ada", **changes: Any) -> NewVoice:
        new = NewVoice(
            name=name,
            engine="cloner",
            references=(recording("a.flac"), recording("b.wav", 6.5)),
            texts=("What a says.", "What b says."),
            language="en-GB",
            consent="self",
            licence="CC-BY-4.0",
        )
        return replace(new, **changes)

    return make
