"""The two engines as the core runs them, and their pure parts as modules."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from demod_voice.config.settings import DEFAULTS, Engines, EngineSettings, Settings
from demod_voice.engines.client import Worker
from demod_voice.engines.locate import backends_folder, engine
from demod_voice.engines.pool import Pool


def settings_with(name: str, python: Path, model: str = "") -> Settings:
    """The defaults, with an interpreter (and a model) for one engine."""
    return dataclasses.replace(
        DEFAULTS, device="cpu", engines=Engines(named={name: EngineSettings(python=str(python), model=model)})
    )


@pytest.fixture(scope="session")
def espeak_settings(engine_python: Callable[[str], Path]) -> Settings:
    return settings_with("espeak", engine_python("espeak"))


@pytest.fixture(scope="module")
def espeak(espeak_settings: Settings) -> Iterator[Pool]:
    with Pool(espeak_settings) as pool:
        yield pool


@pytest.fixture
def espeak_worker(espeak_settings: Settings) -> Iterator[Worker]:
    worker = started("espeak", espeak_settings)
    yield worker
    worker.kill()


@pytest.fixture(scope="session")
def piper_settings(engine_python: Callable[[str], Path]) -> Settings:
    return settings_with("piper", engine_python("piper"))


@pytest.fixture(scope="module")
def piper(piper_settings: Settings) -> Iterator[Pool]:
    with Pool(piper_settings) as pool:
        yield pool


def started(name: str, settings: Settings) -> Worker:
    """A worker of the engine, started."""
    worker = Worker(engine(name, settings), Path(settings.engines.named[name].python), settings)
    worker.start()
    return worker


def part(engine_name: str, module: str) -> ModuleType:
    """One file of an engine's folder as a module; only files that need nothing of the engine's environment."""
    folder = str(backends_folder() / engine_name)
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(folder)


@pytest.fixture(scope="session")
def espeak_part() -> Callable[[str], ModuleType]:
    return lambda module: part("espeak", module)


@pytest.fixture(scope="session")
def piper_part() -> Callable[[str], ModuleType]:
    return lambda module: part("piper", module)


@pytest.fixture(scope="session")
def start_worker() -> Callable[[str, Settings], Worker]:
    return started


@pytest.fixture(scope="session")
def with_python() -> Callable[..., Settings]:
    return settings_with


@pytest.fixture(scope="session")
def engine_part() -> Callable[[str, str], ModuleType]:
    return part


@pytest.fixture(scope="session")
def with_options() -> Callable[..., Settings]:
    """The same settings with options of an engine: ``with_options(settings, "ecapa", "batch=4")``."""

    def changed(settings: Settings, name: str, *options: str) -> Settings:
        own = dataclasses.replace(settings.engines.named[name], options=options)
        return dataclasses.replace(settings, engines=Engines(named={name: own}))

    return changed


@pytest.fixture(scope="session")
def xtts_settings(engine_python: Callable[[str], Path]) -> Settings:
    return settings_with("xtts", engine_python("xtts"))


@pytest.fixture(scope="module")
def xtts(xtts_settings: Settings) -> Iterator[Pool]:
    with Pool(xtts_settings) as pool:
        yield pool
