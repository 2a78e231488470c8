"""Datasets of a few seeded clips, and what the tests of keeping them share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.datasets import make_dataset

from demod_voice.dataset.store import Dataset


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of ``dataset``, to be copied."""
    return make_dataset(tmp_path_factory.mktemp("made") / "data", quarantined=1, anchors=2).path


@pytest.fixture
def dataset(made_once: Path, tmp_path: Path) -> Dataset:
    """Three recordings of four segments: train, val, test; a copy of its own, hard links included."""
    subprocess.run(["cp", "-a", made_once, tmp_path / "data"], check=True)
    return Dataset(tmp_path / "data")


@pytest.fixture(scope="session")
def engines(engine_python: Callable[[str], Path]) -> dict[str, str]:
    """Variables that name the interpreters of the engines that datasets are made with."""
    return {f"DEMOD_VOICE_ENGINES__{name.upper()}__PYTHON": str(engine_python(name)) for name in ("espeak", "vad")}


@pytest.fixture(autouse=True)
def with_engines(engines: dict[str, str], empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engines are there, in the empty HOME too."""
    for name, value in engines.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def module_engines(engines: dict[str, str]) -> Iterator[None]:
    """The engines are there for the fixtures of a module."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engines.items():
            patch.setenv(name, value)
        yield
