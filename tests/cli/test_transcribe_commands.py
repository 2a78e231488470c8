"""``transcribe`` and ``align`` by a stand-in that hears a numbered word in each burst of sound, so its times are known."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.signals import wav
from support.stand_ins import stand_in
from support.voices import voice

from demod_voice.analysis.recording_transcription import LONGEST_S, divided
from demod_voice.analysis.speech_track import Region
from demod_voice.analysis.transcription import choose_recognizer
from demod_voice.config import load_settings
from demod_voice.engines.pool import Pool
from demod_voice.formats.subtitles import read_subtitles

RATE = 16000
BURSTS = ((1.0, 0.5), (2.0, 0.5), (20.0, 1.0), (41.0, 0.5))
"""(start, length) in seconds."""
LENGTH_S = 45.0


@pytest.fixture(autouse=True)
def engines(home, monkeypatch, tmp_path_factory, engine_python) -> None:
    made = stand_in("whisper", tmp_path_factory.mktemp("whisper"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__WHISPER__PYTHON", made.python)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__WHISPER__MODEL", made.model)
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")
    # Without the network that finds speech its energy does, which hears a burst of anything.
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__VAD__PYTHON", "/bin/false")


@pytest.fixture
def talk(tmp_path) -> Path:
    samples = np.random.default_rng(1).standard_normal(round(LENGTH_S * RATE)).astype(np.float32)[None] * 1e-4
    for start, length in BURSTS:
        begin = round(start * RATE)
        burst = voice(140.0, length) + 0.1 * np.random.default_rng(2).standard_normal(round(length * RATE))
        samples[:, begin : begin + burst.shape[1]] += burst.astype(np.float32)
    return wav(tmp_path / "talk.wav", samples, RATE, "pcm_s16le")


def starts(rows: list[float]) -> list[float]:
    return [pytest.approx(start, abs=0.15) for start, _ in BURSTS] if len(rows) == len(BURSTS) else []


def test_every_word_has_the_time_of_the_whole_recording(cli, talk, tmp_path):
    found = cli("transcribe", str(talk), "--json", "--language", "de")
    assert found.code == 0, found.err
    transcript = json.loads(found.out)["transcript"]
    words = [word for each in transcript["passages"] for word in each["words"]]
    heard = [each["start_s"] for each in words]
    assert heard == starts(heard)
    assert (transcript["engine"], transcript["model"], transcript["language"]) == ("whisper", "bursts", "de")
    assert transcript["duration_s"] == pytest.approx(LENGTH_S, abs=0.05)
    assert all(a["end_s"] <= b["start_s"] for a, b in pairwise(transcript["passages"]))
    assert len(transcript["passages"]) >= 3, "it is cut at its pauses"


def test_the_forms_that_it_is_written_in(cli, talk, tmp_path):
    for name in ("a.srt", "a.vtt", "a.txt", "a.json"):
        found = cli("transcribe", str(talk), "-o", str(tmp_path / name))
        assert found.code == 0, found.err
    for name in ("a.srt", "a.vtt"):
        cues = read_subtitles(tmp_path / name).cues
        assert cues[0].start_s == pytest.approx(1.0, abs=0.15)
        assert cues[-1].start_s == pytest.approx(41.0, abs=0.15)
        assert {cue.speaker for cue in cues} == {""}
    assert "<v" not in (tmp_path / "a.vtt").read_text()
    assert "1\n00:00:0" in (tmp_path / "a.srt").read_text()
    assert (tmp_path / "a.txt").read_text().split() == [
        w for c in read_subtitles(tmp_path / "a.srt").cues for w in c.text.split()
    ]
    segments = json.loads((tmp_path / "a.json").read_text())["segments"]
    assert "words" not in segments[0]
    assert "speaker" not in segments[0]


@pytest.mark.slow
def test_words_alone(cli, talk, tmp_path):
    assert cli("transcribe", str(talk), "-o", str(tmp_path / "w.srt"), "--words").code == 0
    heard = [each.start_s for each in read_subtitles(tmp_path / "w.srt").cues]
    assert heard == starts(heard)
    assert cli("transcribe", str(talk), "-o", str(tmp_path / "w.json"), "--words").code == 0
    segments = json.loads((tmp_path / "w.json").read_text())["segments"]
    heard = [word["startTime"] for each in segments for word in each["words"]]
    assert heard == starts(heard)
    rows = cli("transcribe", str(talk), "--words").out.splitlines()
    assert len(rows) == len(BURSTS)
    assert float(rows[0].split("\t")[0]) == pytest.approx(1.0, abs=0.15)


@pytest.mark.slow
def test_jobs_change_nothing(cli, talk, tmp_path):
    for jobs in ("1", "2"):
        assert cli("transcribe", str(talk), "-o", str(tmp_path / f"{jobs}.json"), "--words", "--jobs", jobs).code == 0
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


def test_silence_has_no_words(cli, tmp_path):
    silent = wav(tmp_path / "silent.wav", np.zeros((1, 3 * RATE), np.float32), RATE, "pcm_s16le")
    found = cli("transcribe", str(silent), "-o", str(tmp_path / "a.srt"))
    assert found.code == 0, found.err
    assert "0 words" in found.out
    assert "no speech was found" in found.err
    assert "whisper/" not in found.out
    assert (tmp_path / "a.srt").read_text().strip() == ""


def test_a_known_text_is_aligned_in_every_form(cli, talk, tmp_path):
    (tmp_path / "text.txt").write_text("W1 w2,\n“W1” w1.")
    for name in ("a.json", "a.srt", "a.vtt", "a.TextGrid"):
        found = cli("align", str(talk), str(tmp_path / "text.txt"), "-o", str(tmp_path / name), "--language", "de")
        assert found.code == 0, found.err
        assert "whisper/bursts" in found.out
    report = json.loads((tmp_path / "a.json").read_text())
    assert [each["text"] for each in report["words"]] == ["W1", "w2,", "“W1”", "w1."]
    assert report["words"][0]["start_s"] == pytest.approx(1.0, abs=0.15)
    assert report["engine"] == "whisper"
    assert len(read_subtitles(tmp_path / "a.vtt").cues) == 4
    assert '"w2,"' in (tmp_path / "a.TextGrid").read_text()


def test_what_cannot_be_used_is_told(cli, talk, tmp_path):
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"this is no sound" * 100)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.txt").write_text("one")
    (tmp_path / "blank.txt").write_text(" … \n")
    text = str(tmp_path / "text.txt")
    for path, code in ((bad, 3), (tmp_path / "empty.wav", 3), (tmp_path / "gone.wav", 2)):
        for command in (["transcribe", str(path)], ["align", str(path), text, "--language", "de"]):
            found = cli(*command)
            assert found.code == code, found.err
            assert path.name in found.err
    nowhere = cli("transcribe", str(bad), "-o", str(tmp_path / "none" / "a.srt"))
    assert "its folder does not exist" in nowhere.err, "told before the sound is looked at"
    assert cli("transcribe", str(talk), "-o", str(tmp_path / "a.docx")).code == 2
    assert cli("align", str(talk), text, "-o", str(tmp_path / "a.txt")).code == 2
    assert "holds no word" in cli("align", str(talk), str(tmp_path / "blank.txt")).err
    assert "do not exist" in cli("align", str(talk), str(tmp_path / "none.txt")).err


@given(st.floats(0.0, 1e5), st.floats(0.1, 40_000.0))
def test_speech_of_hours_is_divided_without_a_gap(start_s, length_s):
    whole = Region(start_s, start_s + length_s)
    parts = divided(whole)
    assert max(each.duration_s for each in parts) <= LONGEST_S + 1e-6
    assert (parts[0].start_s, parts[-1].end_s) == (whole.start_s, whole.end_s)
    assert all(a.end_s == b.start_s for a, b in pairwise(parts))
    assert len(parts) == 1 or length_s > LONGEST_S - 1e-6


def test_without_the_good_engine_other_languages_are_refused_before_the_work(cli, talk, monkeypatch):
    monkeypatch.delenv("DEMOD_VOICE_ENGINES__WHISPER__PYTHON")
    found = cli("transcribe", str(talk), "--language", "de")
    assert found.code == 4
    assert "engines install whisper" in found.err


@pytest.mark.slow
def test_the_fallback_says_that_it_is_one(cli, talk, monkeypatch, engine_python):
    monkeypatch.delenv("DEMOD_VOICE_ENGINES__WHISPER__PYTHON")
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__POCKETSPHINX__PYTHON", str(engine_python("pocketsphinx")))
    found = cli("transcribe", str(talk), "--json")
    assert found.code == 0, found.err
    transcript = json.loads(found.out)["transcript"]
    assert (transcript["engine"], transcript["language"]) == ("pocketsphinx", "en")
    assert "many of its words are wrong" in found.err


@pytest.mark.parametrize("command", ["transcribe", "align"])
def test_a_model_that_is_missing_is_told_with_the_command_that_brings_it(cli, talk, tmp_path, monkeypatch, command):
    monkeypatch.delenv("DEMOD_VOICE_ENGINES__WHISPER__MODEL")
    (tmp_path / "text.txt").write_text("eins")
    text = [str(tmp_path / "text.txt")] if command == "align" else []
    found = cli(command, str(talk), *text, "--language", "de")
    assert found.code == 4
    assert f"no engine can {command} 'de'" in found.err
    assert "models pull whisper-small" in found.err
    assert "engines install" not in found.err
    assert "yourself" not in found.err


@pytest.mark.parametrize("model", ["/nope", "whisper-smal"])
def test_a_model_that_was_configured_wrongly_is_not_replaced_silently(cli, talk, monkeypatch, model):
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__WHISPER__MODEL", model)
    found = cli("transcribe", str(talk), "--language", "en")
    assert found.code == 4
    assert model in found.err
    assert "engines.whisper.model" in found.err
    assert "models pull whisper-smal" not in found.err


def test_the_fallback_names_the_model_that_is_better(monkeypatch):
    monkeypatch.delenv("DEMOD_VOICE_ENGINES__WHISPER__MODEL")
    with Pool(load_settings()) as pool:
        chosen = choose_recognizer("en", pool)
    assert chosen.engine == "pocketsphinx"
    assert "models pull whisper-small" in chosen.degraded[0]


def test_a_text_that_is_not_what_is_said_ends_with_6(cli, talk, tmp_path):
    (tmp_path / "text.txt").write_text(" ".join(f"x{number}" for number in range(20)))
    found = cli("align", str(talk), str(tmp_path / "text.txt"), "-o", str(tmp_path / "a.json"), "--language", "de")
    assert found.code == 6
    words = json.loads((tmp_path / "a.json").read_text())["words"]
    lost = sum(not each["aligned"] for each in words)
    assert 10 < lost <= 20
    assert f"{lost} of 20 words were not heard" in found.err
