"""A script in the test's folder, and an episode that was rendered once."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from demod_voice.api.episodes import render_episode
from demod_voice.config import load

FAKES = Path(__file__).resolve().parents[1] / "fakes"


@pytest.fixture
def write_script(tmp_path: Path):
    """Write a script into the test's folder and return its path."""

    def write(text: str, name: str = "show.md") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="session")
def render_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Render a script with the fake engine, each text once for all tests of a process; the folder of its files."""

    @cache
    def render(text: str) -> Path:
        folder = tmp_path_factory.mktemp("rendered")
        (folder / "show.md").write_text(text)
        flags = {"engines.search_path": [str(FAKES)], "engines.fake.python": sys.executable, "cache.enabled": False}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
            render_episode(folder / "show.md", folder / "show.wav", settings=load(flags).settings)
        return folder

    return render


@pytest.fixture
def rendered(render_once: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of the episode of a script in the test's own folder: ``show.wav`` beside ``show.md``."""

    def copy(text: str) -> Path:
        shutil.copytree(render_once(text), tmp_path, dirs_exist_ok=True)
        return tmp_path / "show.wav"

    return copy
