"""Recordings in an episode: lines like any other, cut to the sample, never called synthetic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.signals import sine, speechlike, wav

from demod_voice.api.episodes import check_episode, describe_check, describe_render, render_episode
from demod_voice.audio.clip import Samples
from demod_voice.config import load_settings
from demod_voice.episode.plan import Plan, read_plan
from demod_voice.episode.recordings import recorded_takes
from demod_voice.errors import FaultsError, MediaError, UsageError
from demod_voice.media.wav import read_wav
from demod_voice.mix.loudness import Meter
from demod_voice.records.hashing import hash_file
from demod_voice.records.progress import SILENT
from demod_voice.speech.takes import Take

pytestmark = pytest.mark.usefixtures("fake_engine")
FRONT = "---\ntitle: T\nspeakers:\n  Ada: {engine: fake}\n  Eve:\n---\n"
RATE = 44100


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Four seconds: a tone that changes its pitch every second."""
    tones = [sine(frequency, 1.0, -12.0, RATE) for frequency in (300, 600, 900, 1200)]
    return wav(tmp_path / "talk.wav", np.concatenate(tones, axis=1), RATE, "pcm_s16le")


def plan_of(folder: Path, body: str) -> Plan:
    (folder / "show.md").write_text(FRONT + body)
    return read_plan(folder / "show.md", load_settings())


def takes_of(folder: Path, body: str) -> dict[int, Take]:
    return recorded_takes(plan_of(folder, body), folder / "takes", load_settings(), 2, SILENT)


def test_a_stretch_is_cut_to_the_sample_at_its_own_rate(talk: Path, tmp_path: Path) -> None:
    takes = takes_of(tmp_path, "Ada: Hi.\nEve: [audio talk.wav 0.5-1.25] Ho.\nEve: [audio talk.wav 3s-]")
    assert sorted(takes) == [1, 2]
    whole, part = read_wav(talk).samples, read_wav(takes[1].path).samples
    assert np.array_equal(part, whole[:, 22050:55125])
    assert (takes[1].sample_rate, takes[2].num_samples) == (RATE, RATE)
    assert (takes[1].engine, takes[1].model, takes[1].model_revision) == ("", "recording", hash_file(talk))
    assert (takes[1].degraded, takes[2].degraded) == ((), ("transcript: none given",))


def test_a_take_is_made_once_and_knows_its_file_by_content(talk: Path, tmp_path: Path) -> None:
    body = "Eve: [audio talk.wav 1-2] Ho."
    first = takes_of(tmp_path, body)
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "takes").iterdir()}
    assert len(stamps) == 2
    talk.rename(tmp_path / "other.wav")
    second = takes_of(tmp_path, body.replace("talk", "other"))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "takes").iterdir()} == stamps
    assert [take.key for take in first.values()] == [take.key for take in second.values()]
    wav(tmp_path / "other.wav", sine(500, 4.0, -12.0, RATE), RATE)
    assert takes_of(tmp_path, body.replace("talk", "other"))[0].key != first[0].key


def test_clean_takes_steady_noise_out(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).normal(0, 0.01, (1, 4 * RATE)).astype(np.float32)
    noise[:, RATE : 2 * RATE] += sine(500, 1.0, -6.0, RATE)
    wav(tmp_path / "talk.wav", noise, RATE)
    takes = takes_of(tmp_path, "Eve: [audio talk.wav] Ho.\nEve: [audio talk.wav clean] Ho.")
    before, after = (read_wav(take.path).samples[0] for take in takes.values())
    quiet, loud = slice(int(2.5 * RATE), 4 * RATE), slice(int(1.2 * RATE), int(1.8 * RATE))
    assert 10 * np.log10(np.mean(after[quiet] ** 2) / np.mean(before[quiet] ** 2)) < -12
    assert abs(10 * np.log10(np.mean(after[loud] ** 2) / np.mean(before[loud] ** 2))) < 1
    assert len(after) == len(before)


def test_every_recording_that_cannot_be_used_is_told_with_its_line(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(MediaError) as error:
        takes_of(tmp_path, "Eve: [audio talk.wav 5-6] a\nEve: [audio talk.wav] b\nEve: [audio bad.wav] c")
    assert error.value.message.startswith("2 of 3 recordings cannot be used\n  show.md:7: ")
    assert "it ends at 4.00 s, before 5.00 s" in error.value.message
    assert "show.md:9: " in error.value.message


@pytest.fixture
def render(tmp_path: Path, talk: Path) -> Callable[[str], Any]:
    def render(body: str) -> Any:
        (tmp_path / "show.md").write_text(FRONT + body)
        return render_episode(tmp_path / "show.md", tmp_path / "show.flac", settings=load_settings())

    return render


def test_an_episode_of_both_kinds(render: Callable[[str], Any], tmp_path: Path) -> None:
    report = render("Ada: Hello there.\nEve: [audio talk.wav 1-2] I am Eve.\nEve: [audio talk.wav 2-3]\nAda: Bye.")
    story = report.manifest
    assert story["speakers"] == ["Ada", "Eve"]
    assert [each["synthetic"] for each in story["segments"]] == [True, False, False, True]
    cut = story["segments"][1]["recording"]
    assert (cut["file"], cut["from_sec"], cut["to_sec"]) == ("talk.wav", 1.0, 2.0)
    assert cut["file_sha256"] == hash_file(tmp_path / "talk.wav")
    assert story["synthetic_speech"] is True
    assert list(story["voices"]) == ["Ada"]
    assert [each["engine"] for each in story["engines"]] == ["fake"]
    assert [each["what"] for each in story["degradations"]] == ["transcript: none given"]
    assert "recordings: transcript: none given (line 9)" in describe_render(report)
    said = (tmp_path / "show.vtt").read_text()
    assert "<v Eve>I am Eve." in said
    assert said.count("<v Eve>") == 1
    assert render("Ada: Hello there.\nEve: [audio talk.wav 1-2] You.").metrics["utterances_generated"] == 0


def test_an_episode_without_a_synthetic_line_is_not_marked(render: Callable[[str], Any], tmp_path: Path) -> None:
    story = render("Eve: [audio talk.wav 0-2] I am Eve.").manifest
    assert (story["synthetic_speech"], story["engines"], story["voices"]) == (False, [], {})
    assert story["generation"]["model"] == ""
    assert b"SYNTHETIC" not in (tmp_path / "show.flac").read_bytes()


def test_a_recording_is_not_overwritten(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "show.md").write_text(FRONT + "Eve: [audio talk.wav] I am Eve.")
    before = talk.read_bytes()
    with pytest.raises(UsageError, match=r"would overwrite .*talk\.wav, which it reads"):
        render_episode(tmp_path / "show.md", talk, settings=load_settings())
    assert talk.read_bytes() == before


def test_check_tells_who_is_a_recording_and_what_is_missing(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "show.md").write_text(FRONT + "Ada: Hi.\nEve: [audio talk.wav] Ho.")
    assert "  Eve: 1 line, recordings" in describe_check(check_episode(tmp_path / "show.md", settings=load_settings()))
    talk.unlink()
    with pytest.raises(FaultsError, match=r"show\.md:8: the sound file 'talk\.wav' does not exist"):
        check_episode(tmp_path / "show.md", settings=load_settings())


@pytest.mark.parametrize(
    ("kind", "seconds", "rate"), [("tone", 3.0, 16000), ("tone", 14.0, 44100), ("speech", 14.0, 16000)]
)
def test_a_soft_recording_comes_out_as_loud_as_the_synthetic_lines(
    tmp_path: Path, kind: str, seconds: float, rate: int
) -> None:
    """15 LU below what the engine speaks for the same speaker; less than one apart in the show."""
    spoken = sine(220.0, seconds, float(20 * np.log10(12000 / 32768)), rate)
    recorded = spoken if kind == "tone" else speechlike(5, seconds, rate)
    softer_db = loudness(recorded, rate) - loudness(spoken, rate) + 15.0
    wav(tmp_path / "soft.wav", (recorded * 10 ** (-softer_db / 20)).astype(np.float32), rate)
    words = "These are some words that take the fake engine more than five seconds to say, as it speaks no faster."
    body = f"Ada: {words}\nAda: [audio soft.wav] And these were recorded.\nAda: {words} {words}"
    (tmp_path / "show.md").write_text(FRONT.replace("  Eve:\n", "") + body)
    story = render_episode(tmp_path / "show.md", tmp_path / "show.wav", settings=load_settings()).manifest
    samples = read_wav(tmp_path / "show.wav").samples
    lines = [slice(round(each["start_sec"] * 24000), round(each["end_sec"] * 24000)) for each in story["segments"]]
    first, soft, last = (loudness(samples[:, line], 24000) for line in lines)
    assert soft == pytest.approx(first, abs=1.0)
    assert soft == pytest.approx(last, abs=1.0)
    spoken_voice, recorded_voice = story["mix"]["speakers"]["Ada"]["voices"]
    assert (spoken_voice["recording"], recorded_voice["recording"]) == (None, "soft.wav")
    assert recorded_voice["gain_db"] - spoken_voice["gain_db"] == pytest.approx(15.0, abs=1.0)


def loudness(samples: Samples, rate: int) -> float:
    meter = Meter(rate, 1, peaks=False)
    meter.push(samples)
    return meter.integrated()
