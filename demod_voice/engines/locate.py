"""Where engines are: the ones that come with the program, the user's own, and the folders of ``engines.search_path``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import demod_voice
from demod_voice.config.folders import data_folder
from demod_voice.config.settings import Settings
from demod_voice.engines.manifest import FILE, read_engine
from demod_voice.engines.shared_folders import shared_folders
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineNotInstalled


def backends_folder() -> Path:
    """The engines that come with the program: inside the installed package, else in the checkout."""
    package = Path(demod_voice.__file__).resolve().parent
    inside = package / "_backends"
    return inside if inside.is_dir() else package.parent / "backends"


def sdk_folder() -> Path:
    """The folder that holds ``demod_worker``: the only thing on a worker's PYTHONPATH."""
    return backends_folder() / "_sdk"


def find_engines(settings: Settings) -> dict[str, EngineInfo]:
    """Every engine, by name, in alphabetical order; of two with one name the first folder wins.

    Raises:
        FaultsError: an engine.toml is wrong.
    """
    found: dict[str, EngineInfo] = {}
    for folder in _engine_folders(settings):
        if folder.name not in found:
            found[folder.name] = read_engine(folder)
    return dict(sorted(found.items()))


def engine(name: str, settings: Settings) -> EngineInfo:
    """One engine.

    Raises:
        EngineNotInstalled: there is no engine of that name; the nearest one is told.
        FaultsError: its engine.toml is wrong.
    """
    folders = {folder.name: folder for folder in reversed(list(_engine_folders(settings)))}
    if name in folders:
        return read_engine(folders[name])
    close = get_close_matches(name, list(folders), n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"known engines: {', '.join(sorted(folders))}"
    raise EngineNotInstalled(f"there is no engine {name!r}", hint)


def _engine_folders(settings: Settings) -> Iterator[Path]:
    places = [backends_folder(), data_folder() / "backends"]
    places += shared_folders("engines.search_path", settings.engines.search_path)
    for place in places:
        if place.is_dir():
            for folder in sorted(place.iterdir()):
                if not folder.name.startswith(("_", ".")) and os.access(folder / FILE, os.R_OK):
                    yield folder
