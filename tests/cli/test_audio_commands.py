"""``audio info|convert|clean|normalize``: real files through the real road, and every way in which a file can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, sine, speechlike, wav

from demod_voice.audio.resample import resample
from demod_voice.config import load_settings
from demod_voice.config.settings import Limits
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.media.foreign import probe
from demod_voice.media.wav import read_wav, wav_info
from demod_voice.mix.loudness import measure

pytestmark = pytest.mark.slow

RATE = 24000


@pytest.fixture
def vad(engine_python, monkeypatch, home) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__VAD__PYTHON", str(engine_python("vad")))


@pytest.fixture
def talk(tmp_path) -> Path:
    """Ten seconds of something like speech over hum and noise."""
    hum = sine(50.0, 10.0, -35.0, RATE)
    return wav(tmp_path / "talk.wav", speechlike(1, 10.0, RATE) + hum + noise(1, 10.0, -55.0, RATE), RATE, "pcm_s16le")


@pytest.fixture
def spoken(espeak_engine) -> np.ndarray:
    """A sentence, shape (1, n) at 24 kHz."""
    with Pool(load_settings(), jobs=1) as pool:
        said = pool.speak("espeak", SpeechRequest(text="The quiet village is near the river bank.", language="en"))
    return resample(said.clip, RATE).samples


def test_info_measures_what_is_known(cli, vad, tmp_path):
    stereo = np.tile(sine(1000.0, 10.0, -23.0, 48000), (2, 1))
    file = wav(tmp_path / "tone.wav", stereo, 48000, "pcm_s16le")
    found = cli("audio", "info", str(file), "--json")
    assert found.code == 0, found.err
    (result,) = json.loads(found.out)["files"]
    report = result["report"]
    # EBU Tech 3341, case 1: a stereo 1 kHz sine at -23 dBFS reads -23 LUFS.
    assert report["lufs"] == pytest.approx(-23.0, abs=0.1)
    assert report["true_peak_dbtp"] == pytest.approx(-23.0, abs=0.1)
    assert report["lra_lu"] == pytest.approx(0.0, abs=0.1)
    assert report["duration_s"] == pytest.approx(10.0)
    assert (report["media"]["sample_rate"], report["media"]["num_channels"]) == (48000, 2)
    assert report["media"]["codec"] == "pcm_s16le"
    assert report["detector"] == "vad"
    text = cli("audio", "info", str(file)).out
    assert "-23.0 LUFS" in text
    assert "48000 Hz, 2 channels" in text


def test_a_bad_file_does_not_stop_the_others(cli, vad, tmp_path, talk):
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"this is no sound" * 100)
    (tmp_path / "empty.wav").touch()
    found = cli("audio", "info", str(bad), str(tmp_path / "empty.wav"), str(talk), "--json")
    assert found.code == 6
    results = json.loads(found.out)["files"]
    assert [each["error"] is None for each in results] == [False, False, True]
    assert "empty" in results[1]["error"]["message"]
    assert "2 of 3 files could not be used" in found.err
    alone = cli("audio", "info", str(bad))
    assert alone.code == 3
    assert "bad.mp3" in alone.err
    assert "Traceback" not in found.err + alone.err


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a", "opus", "ogg"])
def test_convert_to_each_format(cli, tmp_path, suffix):
    source = wav(tmp_path / "tone.wav", np.tile(sine(440.0, 2.0, -20.0, 44100), (2, 1)), 44100, "pcm_s16le")
    out = tmp_path / f"made.{suffix}"
    found = cli("audio", "convert", str(source), "-o", str(out), "--channels", "mono", "--sample-rate", "24000")
    assert found.code == 0, found.err
    info = probe(out, Limits())
    assert info.sample_rate == (48000 if suffix == "opus" else 24000)
    assert info.num_channels == (2 if suffix == "ogg" else 1)
    assert info.duration_s == pytest.approx(2.0, abs=0.1)


def test_convert_keeps_what_is_not_asked_for(cli, tmp_path):
    samples = np.stack([sine(440.0, 1.0, -20.0, 44100)[0], sine(880.0, 1.0, -30.0, 44100)[0]])
    source = wav(tmp_path / "a.wav", samples, 44100)
    found = cli("audio", "convert", str(source), "-o", str(tmp_path / "b.wav"), "--encoding", "pcm_f32le", "--json")
    assert found.code == 0, found.err
    np.testing.assert_allclose(read_wav(tmp_path / "b.wav").samples, samples, atol=1e-6)
    assert json.loads(found.out)["files"][0]["report"]["sample_rate"] == 44100


def test_tags_travel(cli, tmp_path):
    first, second = tmp_path / "a.flac", tmp_path / "b.mp3"
    source = wav(tmp_path / "a.wav", sine(440.0, 1.0, -20.0, 44100), 44100, "pcm_s16le")
    assert cli("audio", "convert", str(source), "-o", str(first)).code == 0
    import av

    with av.open(str(source)) as read, av.open(str(tmp_path / "tagged.mka"), "w") as write:
        stream = write.add_stream_from_template(read.streams.audio[0])
        write.metadata.update({"title": "A talk", "artist": "Anna"})
        for packet in read.demux(read.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                write.mux(packet)
    assert cli("audio", "convert", str(tmp_path / "tagged.mka"), "-o", str(second)).code == 0
    tags = {key.lower(): value for key, value in probe(second, Limits()).tags.items()}
    assert (tags["title"], tags["artist"]) == ("A talk", "Anna")


def test_inputs_are_never_overwritten_and_outputs_only_with_force(cli, tmp_path, talk):
    before = talk.read_bytes()
    same = cli("audio", "convert", str(talk), "-o", str(talk), "--force")
    assert same.code == 2
    assert "is an input" in same.err
    assert talk.read_bytes() == before
    out = tmp_path / "made.flac"
    assert cli("audio", "convert", str(talk), "-o", str(out)).code == 0
    made = out.read_bytes()
    again = cli("audio", "convert", str(talk), "-o", str(out))
    assert again.code == 2
    assert "exists already" in again.err
    assert cli("audio", "convert", str(talk), "-o", str(out), "--force").code == 0
    assert out.read_bytes() == made


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.wav"], "one output is needed"),
        (["a.wav", "-o", "b.wav", "--out-dir", "c"], "one output is needed"),
        (["a.wav", "b.wav", "-o", "c.wav"], "2 files cannot go into one output"),
        (["a.wav", "-o", "c.xyz"], "unknown audio format"),
        (["a.wav", "sub/a.wav", "--out-dir", "made"], "would both become"),
        (["nothing-*.wav", "--out-dir", "made"], "matches no file"),
        (["gone.wav", "-o", "c.wav"], "does not exist"),
        (["sub", "-o", "c.wav"], "is a folder"),
    ],
)
def test_wrong_requests_start_nothing(cli, tmp_path, monkeypatch, arguments, words):
    (tmp_path / "sub").mkdir()
    for name in ("a.wav", "b.wav", "sub/a.wav"):
        wav(tmp_path / name, sine(440.0, 0.1, -20.0, RATE), RATE)
    monkeypatch.chdir(tmp_path)
    found = cli("audio", "convert", *arguments)
    assert found.code == 2
    assert words in found.err
    assert not (tmp_path / "made").exists()


def test_patterns_and_a_folder(cli, tmp_path):
    for name in ("one", "two"):
        wav(tmp_path / f"{name}.wav", sine(440.0, 0.5, -20.0, RATE), RATE)
    found = cli("audio", "convert", str(tmp_path / "*.wav"), "--out-dir", str(tmp_path / "made"), "--to", "flac")
    assert found.code == 0, found.err
    assert sorted(each.name for each in (tmp_path / "made").iterdir()) == ["one.flac", "two.flac"]


def test_clean_says_what_it_did(cli, vad, tmp_path, talk):
    out = tmp_path / "clean.wav"
    found = cli("audio", "clean", str(talk), "-o", str(out), "--json")
    assert found.code == 0, found.err
    report = json.loads(found.out)["files"][0]["report"]
    steps = {each["name"]: each for each in report["steps"]}
    assert list(steps) == ["high_pass", "hum", "declick", "denoise", "loudness"]
    assert steps["hum"]["applied"]
    assert steps["hum"]["before"]["hum_hz"] == pytest.approx(50.0, abs=0.05)
    assert wav_info(out).num_channels == 1
    assert measure(out).lufs == pytest.approx(-19.0, abs=0.1)
    off = tmp_path / "off.wav"
    flags = ["--no-hum", "--denoise-db", "0", "--high-pass", "0", "--lufs", "-23", "--declick"]
    text = cli("audio", "clean", str(talk), "-o", str(off), *flags).out
    assert text.count("switched off") == 3
    assert measure(off).lufs == pytest.approx(-23.0, abs=0.1)


def test_clean_shortens_pauses_where_it_is_asked(cli, vad, tmp_path, spoken):
    gap = np.zeros((1, 6 * RATE), np.float32)
    voice = np.concatenate([spoken, gap, spoken], axis=1)
    source = wav(tmp_path / "a.wav", voice + noise(1, voice.shape[1] / RATE, -70.0, RATE), RATE)
    kept = cli("audio", "clean", str(source), "-o", str(tmp_path / "whole.wav"))
    assert kept.code == 0, kept.err
    assert wav_info(tmp_path / "whole.wav").num_samples == voice.shape[1]
    out = tmp_path / "short.wav"
    found = cli("audio", "clean", str(source), "-o", str(out), "--remove-silence", "--pause", "0.4", "--json")
    silence = json.loads(found.out)["files"][0]["report"]["silence"]
    assert silence["removed_s"] == pytest.approx(voice.shape[1] / RATE - wav_info(out).duration_s, abs=0.001)
    # Six seconds of nothing, less the 0.4 s that stay, the margins, and what the detector holds on to.
    assert 4.5 < silence["removed_s"] < 6.5
    assert silence["pauses"] == 1
    assert silence["kept"][0]["start_s"] >= 0.0
    wrong = cli("audio", "clean", str(source), "-o", str(out), "--force", "--pause", "3")
    assert wrong.code == 2


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "opus"])
def test_normalize_meets_its_target_after_the_encode_too(cli, tmp_path, suffix):
    source = wav(tmp_path / "a.wav", speechlike(2, 20.0, 44100, level=0.03), 44100)
    out = tmp_path / f"b.{suffix}"
    found = cli("audio", "normalize", str(source), "-o", str(out), "--lufs", "-26", "--true-peak", "-2", "--json")
    assert found.code == 0, found.err
    report = json.loads(found.out)["files"][0]["report"]
    assert report["lufs"] == pytest.approx(-26.0, abs=0.3)
    assert report["true_peak_dbtp"] <= -1.4
    assert report["on_target"]


@pytest.mark.parametrize(("option", "value"), [("--lufs", "5"), ("--lufs", "nan"), ("--true-peak", "3")])
def test_normalize_refuses_a_loudness_that_no_file_can_have(cli, tmp_path, option, value):
    (tmp_path / "talk.wav").write_bytes(b"")
    said = cli("audio", "normalize", str(tmp_path / "talk.wav"), "-o", str(tmp_path / "out.wav"), option, value)
    assert said.code == 2
    assert "is out of range: -" in said.err
    assert not (tmp_path / "out.wav").exists()


def test_normalize_keeps_channels_and_rate(cli, tmp_path):
    source = wav(tmp_path / "a.wav", np.tile(speechlike(2, 10.0, 44100), (2, 1)), 44100)
    out = tmp_path / "b.wav"
    assert cli("audio", "normalize", str(source), "-o", str(out)).code == 0
    info = wav_info(out)
    assert (info.num_channels, info.sample_rate, info.num_samples) == (2, 44100, 441000)
    assert measure(out).lufs == pytest.approx(-16.0, abs=0.1)
