"""Engines that hear, as the core runs them, and speech with known words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.corpus import Made, make
from support.stand_ins import stand_in

from demod_voice.config.settings import DEFAULTS, Engines, EngineSettings, Settings
from demod_voice.engines.pool import Pool

EMBEDDED = ("espeak", "vad", "pocketsphinx")


@pytest.fixture(scope="session")
def hearing_settings(engine_python: Callable[[str], Path]) -> Settings:
    """The defaults, with the interpreters of the embedded engines."""
    named = {name: EngineSettings(python=str(engine_python(name))) for name in EMBEDDED}
    return dataclasses.replace(DEFAULTS, device="cpu", engines=Engines(named=named))


@pytest.fixture(scope="session")
def pool(hearing_settings: Settings) -> Iterator[Pool]:
    with Pool(hearing_settings, jobs=2) as pool:
        yield pool


@pytest.fixture(scope="session")
def pool_with_fakes(hearing_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """With stand-ins for the engines ecapa and whisper."""
    named = {
        **hearing_settings.engines.named,
        "ecapa": stand_in("ecapa", tmp_path_factory.mktemp("ecapa")),
        "whisper": stand_in("whisper", tmp_path_factory.mktemp("whisper")),
    }
    engines = Engines(named=named)
    with Pool(dataclasses.replace(hearing_settings, engines=engines), jobs=2) as pool:
        yield pool


@pytest.fixture(scope="session")
def interview(pool: Pool) -> Made:
    """Half a minute of two voices."""
    return make(11, 28.0, pool=pool)
