"""Two speakers in the recordings of one voice are told, when an embedding model can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import Voice
from support.signals import speechlike, wav
from support.stand_ins import stand_in

from demod_voice.api.references import prepared_references
from demod_voice.audio.clip import Clip
from demod_voice.config.settings import DEFAULTS, EngineSettings, Settings
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.media.wav import write_wav

TEXT = (
    "The old lighthouse keeper climbed the narrow stairs and lit the lamp before the storm reached the harbour again."
)


@pytest.fixture(scope="module")
def spoken(engine_python: Callable[[str], Path]) -> dict[str, Clip]:
    """The same text in a man's voice and in a woman's."""
    named = {"espeak": EngineSettings(python=str(engine_python("espeak")))}
    settings = replace(DEFAULTS, engines=replace(DEFAULTS.engines, named=named))
    with Pool(settings) as pool:
        asked = {name: SpeechRequest(TEXT, "en", Voice(preset=name)) for name in ("en-us", "en-us+f3")}
        return {name: pool.speak("espeak", request).clip for name, request in asked.items()}


@pytest.fixture
def hearing(tmp_path: Path) -> Settings:
    return replace(DEFAULTS, engines=replace(DEFAULTS.engines, named={"ecapa": stand_in("ecapa", tmp_path)}))


def warnings(paths: list[Path], settings: Settings) -> list[str]:
    with prepared_references(paths, settings) as prepared:
        assert all(path.is_file() for path in prepared.paths)
        return [each for each in prepared.warnings if "two voices" in each]


def joined(path: Path, *clips: Clip) -> Path:
    write_wav(path, Clip(np.concatenate([each.samples for each in clips], axis=1), clips[0].sample_rate), "pcm_s16le")
    return path


def test_two_speakers_in_a_clip_or_across_clips_are_told(spoken, hearing, tmp_path: Path) -> None:
    deep, high = spoken.values()
    one = joined(tmp_path / "one.wav", deep, deep)
    other = joined(tmp_path / "other.wav", high, high)
    both = joined(tmp_path / "both.wav", deep, high)
    assert warnings([one], hearing) == []
    (told,) = warnings([both], hearing)
    assert "both.wav" in told
    assert "one person" in told
    assert "the references together" in warnings([one, other], hearing)[0]


def test_nothing_is_said_without_an_embedding_model(spoken, tmp_path: Path) -> None:
    assert warnings([joined(tmp_path / "both.wav", *spoken.values())], DEFAULTS) == []


def test_without_the_model_it_says_so_with_its_remedy(tmp_path: Path) -> None:
    own = replace(stand_in("ecapa", tmp_path), model="")
    settings = replace(DEFAULTS, engines=replace(DEFAULTS.engines, named={"ecapa": own}))
    clip = wav(tmp_path / "one.wav", speechlike(3, 7.0, 24000, 0.3), 24000)
    with prepared_references([clip], settings) as prepared:
        (told,) = [each for each in prepared.warnings if "one person" in each]
    assert "was not looked at" in told
    assert "models pull ecapa-voxceleb" in told
