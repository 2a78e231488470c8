"""``piper infer`` from the command line to the file."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest

from demod_voice.api.piper import PiperOptions, infer_piper
from demod_voice.cli import main, piper_infer
from demod_voice.errors import UsageError
from demod_voice.media.wav import read_wav, wav_info


@pytest.fixture
def piper_engine(monkeypatch, engine_python):
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__PIPER__PYTHON", str(engine_python("piper")))
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")


@pytest.mark.engines
@pytest.mark.parametrize("command", [["piper", "infer"], ["piper-infer"]])
def test_a_text_becomes_a_wav(piper_engine, tiny_voice, tmp_path, capsys, command):
    out = tmp_path / "out.wav"
    assert main([*command, "--model", tiny_voice(speakers=3), "--text", "Hello there.", "-o", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    info = wav_info(out)
    assert (info.sample_rate, info.num_channels, info.encoding) == (22050, 1, "pcm_s16le")
    assert report["duration_s"] == pytest.approx(info.duration_s)
    assert [word["text"] for word in report["words"]] == ["Hello", "there."]


@pytest.mark.engines
def test_every_flag_changes_what_is_heard(piper_engine, tiny_voice, tmp_path):
    model = tiny_voice(speakers=3)
    flags = {
        "plain": [],
        "speaker": ["--speaker", "1"],
        "length": ["--length-scale", "1.5"],
        "noise": ["--noise-scale", "3"],
        "noise_w": ["--noise-w", "3"],
        "silence": ["--sentence-silence", "0.3"],
        "seed": ["--seed", "7"],
        "volume": ["--volume", "-6"],
    }
    found = {}
    for name, more in flags.items():
        out = tmp_path / f"{name}.wav"
        assert main(["-q", "piper", "infer", "--model", model, "--text", "One. Two.", "-o", str(out), *more]) == 0
        found[name] = out.read_bytes()
    assert len(set(found.values())) == len(flags)
    again = tmp_path / "again.wav"
    assert (
        main(["-q", "piper", "infer", "--model", model, "--text", "One. Two.", "-o", str(again), "--speaker", "0"]) == 0
    )
    assert again.read_bytes() == found["plain"]
    quieter = read_wav(tmp_path / "volume.wav").samples / read_wav(tmp_path / "plain.wav").samples.clip(1e-9)
    assert np.median(quieter[read_wav(tmp_path / "plain.wav").samples > 0.5]) == pytest.approx(
        10 ** (-6 / 20), rel=1e-3
    )


@pytest.mark.engines
def test_the_text_may_come_from_stdin(piper_engine, tiny_voice, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Hällo wörld.".encode()), encoding="utf-8"))
    out = tmp_path / "out.wav"
    assert main(["-q", "piper", "infer", "--model", tiny_voice(), "-", "-o", str(out)]) == 0
    assert wav_info(out).duration_s > 1


@pytest.mark.engines
def test_a_long_text_is_spoken_in_pieces_and_its_words_run_on(piper_engine, tiny_voice, tmp_path):
    from demod_voice.config import load_settings

    text = "The quick brown fox jumps. " * 100
    told = infer_piper(
        text, tiny_voice(), tmp_path / "out.wav", PiperOptions(length_scale=0.3), settings=load_settings()
    )
    assert [word.text for word in told.words] == text.split()
    starts = [word.start_s for word in told.words]
    assert starts == sorted(starts)
    assert told.words[-1].end_s <= told.duration_s == pytest.approx(wav_info(tmp_path / "out.wav").duration_s)


@pytest.mark.engines
def test_an_unknown_speaker_leaves_no_file(piper_engine, tiny_voice, tmp_path, capsys):
    out = tmp_path / "out.wav"
    words = [
        "piper",
        "infer",
        "--model",
        tiny_voice(speakers=3),
        "--text",
        "Hello.",
        "-o",
        str(out),
        "--speaker",
        "bem",
    ]
    assert main(words) == 4
    assert "nearest: ben" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--text", "x", "-o", "out.mp3"], "writes WAV only"),
        (["--text", "...", "-o", "out.wav"], "nothing to speak"),
        (["-o", "out.wav"], "neither --text nor -"),
        (["--text", "x", "-", "-o", "out.wav"], "both --text and -"),
        (["--text", "x", "-o", "out.wav"], "does not exist"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(tmp_path, monkeypatch, capsys, more, told):
    monkeypatch.chdir(tmp_path)
    assert main(["piper", "infer", "--model", "nowhere.onnx", *more]) == 2
    assert told in capsys.readouterr().err


def test_a_missing_output_folder_is_an_output_error(tmp_path):
    assert main(["piper", "infer", "--model", "m.onnx", "--text", "x", "-o", str(tmp_path / "no" / "o.wav")]) == 7


def test_a_path_outside_the_allowed_roots_is_refused(tmp_path, monkeypatch):
    from demod_voice.config import load_settings

    settings = load_settings(**{"paths.allowed_roots": [str(tmp_path)]})
    with pytest.raises(UsageError):
        infer_piper("x", str(tmp_path / "m.onnx"), "/elsewhere/o.wav", settings=settings)


def test_the_older_name_is_a_program_of_its_own(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["piper-infer", "--model", "nowhere.onnx", "--text", "x", "-o", "x.wav"])
    assert piper_infer() == 2
    assert "nowhere.onnx" in capsys.readouterr().err
