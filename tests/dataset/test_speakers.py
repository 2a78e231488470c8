"""Whose segments are kept: a real worker embeds tones by their pitch, and nobody else is let through."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.signals import wav

from demod_voice.audio.clip import Samples
from demod_voice.config import load
from demod_voice.config.settings import Settings
from demod_voice.dataset.speakers import VOICELESS, TargetSpeakers, find_targets, hash_targets
from demod_voice.engines.pool import Pool
from demod_voice.errors import MediaError, UsageError

pytestmark = pytest.mark.slow

ENGINE_TOML = """
name = "voices"
summary = "Embeds a clip by the levels of its bands"
version = "1"
output_version = 1

[capabilities]
operations = ["embed"]
determinism = "bytes"

[licence]
code = "MIT"
model = "MIT"
"""
WORKER = """
import wave
import numpy as np
from demod_worker.messages import EmbedResult
from demod_worker.worker import Adapter, run

class Voices(Adapter):
    name, version, operations = "voices", "1", ("embed",)

    def embed(self, request, task):
        rows, reasons = [], []
        for path in request.audio:
            with wave.open(path) as file:
                assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
            bands = np.abs(np.fft.rfft(samples, 16000))[:800].reshape(8, 100).max(axis=1)
            loud = bands.max() > 1
            rows.append(bands / np.linalg.norm(bands) if loud else bands * np.nan)
            reasons.append("" if loud else "it is silent")
        np.array(rows, "<f4").tofile(request.vectors)
        return EmbedResult(8, "bands", "1", {same}, tuple(reasons))

if __name__ == "__main__":
    run(Voices)
"""
ANNA, BEN, CARL = 250.0, 450.0, 650.0
RATE = 24000


def voice(pitch_hz: float, seconds: float, other_hz: float = 0.0, share: float = 0.0) -> Samples:
    at = np.arange(round(seconds * RATE)) / RATE
    wave = 0.3 * np.sin(2 * np.pi * pitch_hz * at) + 0.3 * share * np.sin(2 * np.pi * other_hz * at)
    return wave.astype(np.float32).reshape(1, -1)


def settings_of(folder: Path, same: float | None = 0.8, **values: object) -> Settings:
    engine = folder / "engines" / "voices"
    engine.mkdir(parents=True, exist_ok=True)
    (engine / "engine.toml").write_text(ENGINE_TOML)
    (engine / "worker.py").write_text(WORKER.replace("{same}", repr(same)))
    flags = {"engines.search_path": [str(engine.parent)], "engines.voices.python": sys.executable, **values}
    return load(flags).settings


@pytest.fixture
def references(tmp_path: Path) -> Path:
    """Two speakers: one with a long clip and a short one."""
    folder = tmp_path / "refs"
    for name in ("anna", "ben", "empty", ".hidden"):
        (folder / name).mkdir(parents=True)
    wav(folder / "anna" / "long.wav", voice(ANNA, 31.0), RATE, "pcm_s16le")
    wav(folder / "anna" / "short.wav", voice(ANNA + 10, 2.0), RATE, "pcm_s16le")
    wav(folder / "ben" / "b.wav", voice(BEN, 6.0), RATE, "pcm_s16le")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


@pytest.fixture
def pool(settings: Settings) -> Iterator[Pool]:
    with Pool(settings, jobs=1) as made:
        yield made


def clips(folder: Path, *waves: Samples) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [wav(folder / f"{number}.wav", wave, RATE, "pcm_s16le") for number, wave in enumerate(waves)]


def learnt(folder: Path, settings: Settings, pool: Pool, scratch: Path, name: str = "") -> TargetSpeakers:
    scratch.mkdir(exist_ok=True)
    return TargetSpeakers.learn(find_targets(folder, name), settings, pool, scratch, engine="voices")


def test_a_segment_is_the_nearest_speakers_or_nobodys(tmp_path, references, settings, pool):
    speakers = learnt(references, settings, pool, tmp_path / "scratch")
    assert (speakers.names, speakers.threshold) == (("anna", "ben"), 0.8)
    assert list((tmp_path / "scratch").iterdir()) == []
    given = clips(tmp_path / "clips", voice(ANNA, 5), voice(BEN, 5), voice(CARL, 5), np.zeros((1, RATE), np.float32))
    found = speakers.score(given, pool, engine="voices")
    assert [each.speaker for each in found] == ["anna", "ben", "", ""]
    assert found[0].score > 0.99
    assert found[2].score < 0.2
    assert found[3].score == VOICELESS


def test_a_segment_between_two_speakers_is_nobodys(tmp_path, references, pool, settings):
    low = dataclasses.replace(settings.dataset.gates, speaker_score_min=0.5)
    settings = dataclasses.replace(settings, dataset=dataclasses.replace(settings.dataset, gates=low))
    speakers = learnt(references, settings, pool, tmp_path / "scratch")
    assert speakers.threshold == 0.5
    both, most = speakers.score(
        clips(tmp_path / "clips", voice(ANNA, 5, BEN, 1.0), voice(ANNA, 5, BEN, 0.5)), pool, engine="voices"
    )
    assert (both.speaker, both.score) == ("", 0.4999)
    assert most.speaker == "anna"


def test_one_target(tmp_path, references, settings, pool):
    speakers = learnt(references / "anna", settings, pool, tmp_path / "scratch", "Anna B.")
    assert speakers.names == ("Anna B.",)
    assert [each.speaker for each in speakers.score(clips(tmp_path / "c", voice(BEN, 3)), pool, engine="voices")] == [
        ""
    ]
    assert speakers.score([], pool, engine="voices") == []
    assert find_targets(references / "anna")[0].name == "anna"


def test_what_a_result_depends_on(references):
    before = hash_targets(find_targets(references))
    assert len(before) == 3
    wav(references / "ben" / "b.wav", voice(CARL, 6.0), RATE)
    assert hash_targets(find_targets(references))[:2] == before[:2]
    assert hash_targets(find_targets(references)) != before


def test_without_a_threshold_one_must_be_given(tmp_path, references):
    settings = settings_of(tmp_path, same=None)
    with Pool(settings, jobs=1) as pool, pytest.raises(UsageError, match="bands") as caught:
        learnt(references, settings, pool, tmp_path / "scratch")
    assert "speaker_score_min" in str(caught.value.hint)


def test_references_that_cannot_be_used(tmp_path, references, settings, pool):
    (references / "ben" / "b.wav").write_bytes(b"no sound")
    with pytest.raises(MediaError, match=r"b\.wav"):
        learnt(references, settings, pool, tmp_path / "scratch")
    wav(references / "ben" / "b.wav", np.zeros((1, RATE * 6), np.float32), RATE)
    with pytest.raises(UsageError, match="no voice is found in the clips of ben"):
        learnt(references, settings, pool, tmp_path / "scratch")


def test_folders_of_references(tmp_path, references):
    with pytest.raises(UsageError, match="is no folder"):
        find_targets(tmp_path / "none")
    with pytest.raises(UsageError, match="holds no clip"):
        find_targets(references / "empty")
    wav(references / "stray.wav", voice(ANNA, 1.0), RATE)
    with pytest.raises(UsageError, match="and folders of clips"):
        find_targets(references)
