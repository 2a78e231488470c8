"""``separate`` from any file to two stems that sum up to it, by a stand-in that knows the dialogue by its frequencies."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from support.signals import level_at, noise, sine, wav
from support.stand_ins import stand_in

from demod_voice.media.wav import read_wav, wav_info


@pytest.fixture(autouse=True)
def separating_engine(home, monkeypatch, tmp_path_factory) -> None:
    made = stand_in("demucs", tmp_path_factory.mktemp("demucs"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__DEMUCS__PYTHON", made.python)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__DEMUCS__MODEL", made.model)
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")


def talk(path, rate, channels=2, encoding="pcm_s16le"):
    """1 kHz is spoken, 60 Hz lies under it."""
    mixed = sine(1000.0, 3.0, -20.0, rate) + sine(60.0, 3.0, -14.0, rate) + noise(1, 3.0, -70.0, rate)
    return wav(path, np.tile(mixed, (channels, 1)), rate, encoding)


@pytest.mark.parametrize(
    ("rate", "channels"),
    [
        (48000, 2),
        (24000, 1),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in ((44100, 2), (44100, 1), (8000, 1))),
    ],
)
def test_the_stems_sum_up_to_the_recording_at_its_own_rate(cli, tmp_path, rate, channels):
    source = talk(tmp_path / "talk.wav", rate, channels)
    found = cli("separate", str(source), "-o", str(tmp_path / "stems"), "--json")
    assert found.code == 0, found.err
    dialogue, background = (read_wav(tmp_path / "stems" / f"{name}.wav") for name in ("dialogue", "background"))
    recording = read_wav(source)
    assert wav_info(tmp_path / "stems" / "dialogue.wav").encoding == "pcm_f32le"
    assert (dialogue.sample_rate, dialogue.samples.shape) == (rate, recording.samples.shape)
    assert np.array_equal(dialogue.samples + background.samples, recording.samples)
    assert level_at(dialogue, 1000.0) == pytest.approx(-20.0, abs=0.2)
    assert level_at(background, 60.0) == pytest.approx(-14.0, abs=0.2)
    assert level_at(dialogue, 60.0) < -50
    assert level_at(background, 1000.0) < -50
    report = json.loads(found.out)["result"]
    assert (report["sample_rate"], report["num_channels"], report["model"]) == (rate, channels, "band")
    assert report["stems"][0]["levels"]["true_peak_dbtp"] == pytest.approx(-20.0, abs=0.5)
    assert report["degraded"] == []


def test_one_stem_alone_and_nothing_is_overwritten(cli, tmp_path):
    source = talk(tmp_path / "talk.wav", 44100)
    folder = tmp_path / "stems"
    assert cli("separate", str(source), "-o", str(folder), "--stems", "dialogue").code == 0
    assert [each.name for each in folder.iterdir()] == ["dialogue.wav"]
    before = (folder / "dialogue.wav").read_bytes()
    again = cli("separate", str(source), "-o", str(folder))
    assert again.code == 2
    assert "dialogue.wav exists already" in again.err
    assert cli("separate", str(source), "-o", str(folder), "--force").code == 0
    assert (folder / "dialogue.wav").read_bytes() == before
    itself = cli("separate", str(folder / "dialogue.wav"), "-o", str(folder), "--force")
    assert itself.code == 2
    assert "would be overwritten" in itself.err


def test_progress_is_told_in_seconds(cli, tmp_path):
    source = talk(tmp_path / "talk.wav", 44100)
    found = cli("separate", str(source), "-o", str(tmp_path / "stems"), "--progress", "json")
    rows = [json.loads(row) for row in found.err.splitlines() if row.startswith("{")]
    done = [row["done"] for row in rows if row.get("step") == "separate"]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(3.0, abs=0.01)


def test_six_channels_become_one_and_say_so(cli, tmp_path):
    source = talk(tmp_path / "film.wav", 48000, 6)
    found = cli("separate", str(source), "-o", str(tmp_path / "stems"))
    assert found.code == 0, found.err
    assert "6 channels were mixed to one" in found.err
    assert wav_info(tmp_path / "stems" / "dialogue.wav").num_channels == 1


def test_what_cannot_be_separated_is_told_and_leaves_nothing(cli, tmp_path):
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"this is no sound" * 100)
    (tmp_path / "empty.wav").touch()
    for path, code in ((bad, 3), (tmp_path / "empty.wav", 3), (tmp_path / "gone.wav", 2)):
        found = cli("separate", str(path), "-o", str(tmp_path / "stems"))
        assert found.code == code
        assert path.name in found.err
        assert not (tmp_path / "stems").exists()
    many = cli("separate", str(bad), "-o", str(tmp_path / "stems"), "--shifts", "21")
    assert not (tmp_path / "stems").exists()
    assert (many.code, "shifts are 0 to 20, not 21" in many.err) == (2, True), "told before the sound is looked at"
    source = str(talk(tmp_path / "talk.wav", 44100))
    assert "there is no stem 'drums'" in cli("separate", source, "-o", str(tmp_path / "s"), "--stems", "drums").err
    assert "separates nothing" in cli("separate", source, "-o", str(tmp_path / "s"), "--engine", "espeak").err


def test_without_the_engine_its_installation_is_named(cli, tmp_path, monkeypatch):
    monkeypatch.delenv("DEMOD_VOICE_ENGINES__DEMUCS__PYTHON")
    monkeypatch.delenv("DEMOD_VOICE_ENGINES__DEMUCS__MODEL")
    found = cli("separate", str(talk(tmp_path / "talk.wav", 44100)), "-o", str(tmp_path / "all" / "stems"))
    assert found.code == 4
    assert not (tmp_path / "all").exists()
    assert "engines install demucs" in found.err


def test_an_engine_that_fails_leaves_no_folder(cli, tmp_path, monkeypatch):
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__DEMUCS__PYTHON", str(program))
    found = cli("separate", str(talk(tmp_path / "talk.wav", 44100)), "-o", str(tmp_path / "stems"))
    assert found.code == 4
    assert not (tmp_path / "stems").exists()
    in_the_way = cli("separate", str(tmp_path / "talk.wav"), "-o", str(tmp_path / "talk.wav" / "stems"))
    assert in_the_way.code == 7


@pytest.mark.parametrize("model", ["", "here"], ids=["no model", "a model"])
@pytest.mark.parametrize(("lacks", "said"), [(True, "which has no demucs, torch"), (False, "no Python interpreter")])
def test_a_wrong_interpreter_is_told_by_its_setting(cli, tmp_path, monkeypatch, model, lacks, said):
    python = sys.executable if lacks else "/bin/ls"
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__DEMUCS__PYTHON", python)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__DEMUCS__MODEL", str(tmp_path) if model else "")
    found = cli("separate", str(talk(tmp_path / "talk.wav", 44100)), "-o", str(tmp_path / "stems"))
    assert found.code == 4
    assert f"engines.demucs.python is {python}, {said}" in found.err.replace("which is no", "no")
    assert "engines install demucs" in found.err
