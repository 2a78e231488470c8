"""A stereo show end to end: what is where, how loud, ducked, and the stems that add up to it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, wav

from demod_voice.api import episodes
from demod_voice.config import load
from demod_voice.config.settings import Settings
from demod_voice.errors import FaultsError, UsageError
from demod_voice.media.wav import read_wav
from demod_voice.mix.loudness import measure

RATE = 48000
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """---
title: A show
speakers:
  Ada: {engine: fake, voice: default}
  Ben: {engine: fake, voice: high}
---

Ada: The first line of a show that is not very long at all.

Ben: The second line of it, which somebody else has to say.

[pause 4s]

Ada: And the third one.
"""
MIX = """
positions: {Ada: -1.0, Ben: 1.0}
music:
  - {file: bed.wav, level: -6, duck_amount: 0.1, fade_in: 0s, fade_out: 0s, crossfade: 200ms}
effects:
  - {file: bang.wav, at: 0s, level: -12}
intro: bang.wav
room_tone: false
"""


@pytest.fixture
def show(tmp_path: Path, fake_engine: Path) -> Path:
    """A folder with a script, a mix and its sounds."""
    (tmp_path / "show.md").write_text(SCRIPT)
    (tmp_path / "mix.yaml").write_text(MIX)
    wav(tmp_path / "bed.wav", np.repeat(noise(1, 3.0, -30.0, RATE), 2, axis=0), RATE)
    wav(tmp_path / "bang.wav", noise(2, 1.5, -10.0, RATE), RATE)
    return tmp_path


@pytest.fixture
def settings(fake_engine: Path) -> Settings:
    return load().settings


def test_a_stereo_show(show: Path, settings: Settings) -> None:
    report = episodes.render_episode(show / "show.md", show / "show.wav", mix=show / "mix.yaml", settings=settings)
    found = measure(show / "show.wav")
    assert found.lufs == pytest.approx(-16.0, abs=0.1)
    assert found.true_peak_dbtp <= -0.95
    samples = read_wav(show / "show.wav").samples
    assert samples.shape[0] == 2
    mix = report.manifest["mix"]
    assert (mix["channels"], mix["sample_rate"], set(mix["sounds"])) == (2, RATE, {"bed.wav", "bang.wav"})
    ada, ben, last = report.manifest["segments"]
    assert ada["start_sec"] == pytest.approx(0.5)
    left, right = level(samples, ada)
    assert left > right + 6
    left, right = level(samples, ben)
    assert right > left + 6
    assert last["start_sec"] - ben["end_sec"] == pytest.approx(4.0)


@pytest.mark.slow
def test_music_is_down_under_speech_and_up_between(show: Path, settings: Settings) -> None:
    files = episodes.write_stems(show / "show.md", show / "stems", mix=show / "mix.yaml", settings=settings)
    assert sorted(each.name for each in files) == ["Ada.wav", "Ben.wav", "effects.wav", "intro.wav", "music-1.wav"]
    music = read_wav(show / "stems" / "music-1.wav").samples
    ada = read_wav(show / "stems" / "Ada.wav").samples
    spoken = np.flatnonzero(np.abs(ada[0]) > 0)
    under = music[:, spoken[0] : spoken[0] + RATE // 2]
    rest = read_wav(show / "stems" / "Ben.wav").samples
    after = np.flatnonzero(np.abs(rest[1]) > 0)[-1] + 2 * RATE
    between = music[:, after : after + RATE // 2]
    assert rms_db(between) - rms_db(under) == pytest.approx(20.0, abs=1.5)


@pytest.mark.slow
def test_stems_add_up_to_the_show(show: Path, settings: Settings) -> None:
    quiet = {"loudness.stereo_lufs": -30.0}
    settings = load(quiet).settings
    episodes.render_episode(show / "show.md", show / "show.wav", mix=show / "mix.yaml", settings=settings)
    files = episodes.write_stems(show / "show.md", show / "stems", mix=show / "mix.yaml", settings=settings)
    total = sum(read_wav(each).samples for each in files)
    assert np.abs(total - read_wav(show / "show.wav").samples).max() < 2.5 / 32768


def test_a_mix_changes_nothing_that_is_spoken(show: Path, settings: Settings) -> None:
    episodes.render_episode(show / "show.md", show / "show.wav", settings=settings)
    again = episodes.render_episode(show / "show.md", show / "show.wav", mix=show / "mix.yaml", settings=settings)
    assert again.metrics["utterances_generated"] == 0


def test_room_tone_has_its_level_in_the_finished_show(show: Path, settings: Settings) -> None:
    (show / "room.yaml").write_text("room_tone: -46\n")
    report = episodes.render_episode(show / "show.md", show / "show.wav", mix=show / "room.yaml", settings=settings)
    samples = read_wav(show / "show.wav").samples
    pause = round((report.manifest["segments"][1]["end_sec"] + 0.5) * 24000)
    assert rms_db(samples[:, pause : pause + 2 * 24000]) == pytest.approx(-46.0, abs=1.5)


def test_acx(show: Path, settings: Settings) -> None:
    """RMS between -23 and -18 dB, peak below -3 dB, noise floor below -60 dB, 44.1 kHz."""
    report = episodes.render_episode(show / "show.md", show / "show.wav", preset="acx", settings=settings)
    found = read_wav(show / "show.wav")
    assert found.sample_rate == 44100
    assert -23.0 <= rms_db(found.samples) <= -18.0
    assert measure(show / "show.wav").true_peak_dbtp <= -3.0
    pause = round((report.manifest["segments"][1]["end_sec"] + 0.5) * 44100)
    assert rms_db(found.samples[:, pause : pause + 44100]) <= -60.0


def test_a_timing_plan_is_written_and_followed(show: Path, settings: Settings) -> None:
    plan = show / "plan.json"
    episodes.render_episode(show / "show.md", show / "show.wav", timing=plan, settings=settings)
    written = json.loads(plan.read_text())
    written["lines"][2]["start_sec"] = 20.0
    plan.write_text(json.dumps(written))
    report = episodes.render_episode(show / "show.md", show / "show.wav", timing=plan, settings=settings)
    assert report.manifest["segments"][2]["start_sec"] == 20.0
    assert report.metrics["utterances_generated"] == 0


def test_every_fault_of_a_mix_is_told_at_once_with_its_line(show: Path, settings: Settings) -> None:
    (show / "bad.yaml").write_text(
        "positons: {}\npositions: {Adda: 0, Ben: 3}\nmusic:\n  - {level: 3}\n  - {file: none.mp3, start: x}\n"
        "preset: appel\nroom_tone: {file: none.wav}\nduck: {primary: Bne}\n"
    )
    with pytest.raises(FaultsError) as caught:
        episodes.render_episode(show / "show.md", show / "x.wav", mix=show / "bad.yaml", settings=settings)
    text = str(caught.value)
    for part in ("positions", "Ada", "between -1 and 1", "music[1].file", "none.mp3", "duration", "apple", "Ben?"):
        assert part in text
    assert text.count("bad.yaml:") >= 7
    assert not (show / "x.demod").exists()


@pytest.mark.parametrize(("name", "content"), [("none.yaml", None), ("latin.yaml", b"\xff\xfe\x00")])
def test_a_mix_that_cannot_be_read_is_named(show: Path, settings: Settings, name: str, content: bytes | None) -> None:
    if content is not None:
        (show / name).write_bytes(content)
    with pytest.raises(UsageError, match=name):
        episodes.render_episode(show / "show.md", show / "x.wav", mix=show / name, settings=settings)


def level(samples: np.ndarray, segment: dict[str, float]) -> list[float]:
    part = samples[:, round(segment["start_sec"] * RATE) : round(segment["end_sec"] * RATE)]
    return [rms_db(channel) for channel in part]


def rms_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def test_a_recording_of_a_room_lies_under_everything(show: Path, settings: Settings) -> None:
    wav(show / "room.wav", noise(5, 2.0, -20.0, 44100), 44100)
    (show / "room.yaml").write_text("room_tone: {file: room.wav, level: -45}\n")
    report = episodes.render_episode(show / "show.md", show / "show.wav", mix=show / "room.yaml", settings=settings)
    pause = round((report.manifest["segments"][1]["end_sec"] + 0.5) * RATE)
    found = rms_db(read_wav(show / "show.wav").samples[:, pause : pause + 2 * RATE])
    assert found == pytest.approx(-45.0, abs=1.5)


@pytest.mark.parametrize("name", ["essay", "two-hosts", "drama"])
def test_the_examples_are_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from demod_voice.episode.production import PLAIN, produce

    production = produce(ROOT / "docs" / "examples" / f"{name}.md", load().settings, PLAIN)
    assert production.target.num_channels == (1 if name == "essay" else 2)
    assert len(production.plan.voices) == {"essay": 1, "two-hosts": 2, "drama": 4}[name]
