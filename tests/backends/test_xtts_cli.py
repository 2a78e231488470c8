"""``xtts`` from the command line to the sound; what is wrong is said before anything heavy starts."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.signals import speechlike, wav

from demod_voice.api.xtts import NUMBERS
from demod_voice.cli import main
from demod_voice.media.wav import read_wav, wav_info

RATE = 24000
SPEAK = ["xtts", "zero-shot", "--text", "Hello there. How are you?", "-o"]


@pytest.fixture
def reference(tmp_path: Path) -> str:
    return str(wav(tmp_path / "ref.wav", speechlike(3, 7.0, RATE, 0.3), RATE))


@pytest.fixture
def xtts_engine(monkeypatch, engine_python, tiny_model) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__PYTHON", str(engine_python("xtts")))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__MODEL", str(tiny_model("xtts")))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__GUARDS", "report")
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], ["neither recordings nor a speaker", "xtts speakers"]),
        (["--reference", "REF"], ["word about consent", "--consent self"]),
        (["--reference", "REF", "--consent", "maybe"], ["'maybe' is neither a file"]),
        (["--reference", "REF", "--speaker", "Ada", "--consent", "self"], ["both recordings and a speaker"]),
        (["--reference", "none.wav", "--speed", "9"], ["none.wav does not exist", "speed 9", "consent"]),
        (["--reference", "TEXT", "--consent", "self"], ["text.wav cannot be used"]),
        (["--reference", "REF", "TEXT", "--consent", "self"], ["reference", "text.wav cannot be used"]),
        (["--speaker", "Ada"], ["xtts-v2 is not installed", "models pull xtts-v2"]),
        (["--speaker", "Ada", "--model", "xtts-v2"], ["xtts-v2 is not on this machine", "models pull xtts-v2"]),
        (["--speaker", "Ada", "--model", "/nope"], ["/nope does not exist", "a folder", "models list --engine xtts"]),
        (["--speaker", "Ada", "--temperature", "99", "--top-k", "0"], ["--temperature 99", "--top-k 0", "1 to 1024"]),
        (["--speaker", "Ada", "--language", "sv"], ["--language: ", "'sv'", "it speaks ar, cs"]),
    ],
)
def test_what_is_wrong_is_said_before_an_engine_starts(tmp_path, reference, capsys, monkeypatch, flags, words):
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__PYTHON", "/bin/true")
    (tmp_path / "text.wav").write_text("no sound")
    given = [{"REF": reference, "TEXT": str(tmp_path / "text.wav")}.get(each, each) for each in flags]
    assert main([*SPEAK, str(tmp_path / "out.wav"), *given]) in (2, 3, 4)
    told = capsys.readouterr().err
    assert [word for word in words if word not in told] == []
    assert not (tmp_path / "out.wav").exists()


def test_a_language_that_it_does_not_speak_lists_those_that_it_does(reference):
    from demod_voice.config.settings import DEFAULTS
    from demod_voice.voices.resolve import resolve

    voice = resolve(DEFAULTS, engine="xtts")
    fault = voice._language_fault("sv-SE")
    assert fault is not None
    assert fault.hint == f"it speaks {', '.join(voice.engine.languages)}"


@pytest.mark.parametrize("command", [["zero-shot", "-o", "out.wav"], ["stream"]], ids=str)
@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--temperature", "nan"], 2),
        (["--gpt-cond-len", "61"], 2),
        (["--language", "sv"], 2),
        (["--model", "/nope"], 2),
        (["--model", "xtts-v2"], 4),
    ],
    ids=str,
)
def test_its_exit_code_says_what_kind_of_mistake_it_is(command, flags, code, capsysbinary):
    assert main(["xtts", *command, "--text", "Hello.", "--speaker", "Ada", *flags]) == code


def test_sound_that_cannot_be_read_is_told_once(tmp_path, reference, capsys):
    noise = tmp_path / "noise.wav"
    noise.write_text("no sound")
    own = ["--reference", reference, str(noise), "--consent", "self"]
    assert main([*SPEAK, str(tmp_path / "out.wav"), *own]) == 3
    assert capsys.readouterr().err.count("noise.wav") == 1


def test_the_ranges_are_those_of_the_engine(engine_part):
    wishes = engine_part("xtts", "xtts_wishes")
    known = {**wishes.NUMBERS, **wishes.VOICE_NUMBERS}
    assert {name: known[name] for name in NUMBERS} == NUMBERS
    assert {*wishes.NUMBERS} <= {*NUMBERS}


@pytest.mark.engines
def test_a_text_in_the_voice_of_a_recording(xtts_engine, reference, tmp_path, capsys):
    out = tmp_path / "out.wav"
    asked = [
        *SPEAK,
        str(out),
        "--reference",
        reference,
        "--consent",
        "self",
        "--language",
        "en",
        "--seed",
        "3",
        "--json",
    ]
    assert main(asked) == 0
    report = json.loads(capsys.readouterr().out)
    info = wav_info(out)
    assert (info.sample_rate, info.num_channels, info.encoding) == (RATE, 1, "pcm_s16le")
    assert report["file"]["duration_s"] == pytest.approx(info.duration_s)
    assert (report["consent"], report["licence"]) == ("self", "CPML")
    assert any(each.startswith("quality: ") for each in report["file"]["degraded"]), "noise is reported, and kept"
    first = out.read_bytes()
    assert main(asked) == 0
    assert out.read_bytes() == first
    assert main(["xtts-zero-shot", *asked[2:], "--temperature", "0.2"]) == 0
    assert out.read_bytes() != first


@pytest.mark.engines
def test_the_speakers_of_the_model_and_their_sound_as_it_is_made(xtts_engine, tmp_path, capsys):
    assert main(["xtts", "speakers"]) == 0
    assert capsys.readouterr().out.splitlines() == ["Ada Tiny", "Bo Tiny"]
    say = ["--speaker", "Ada Tiny", "--text", "Hello there. How are you?", "--seed", "3"]
    command = [sys.executable, "-m", "demod_voice", "xtts", "stream", *say, "--format", "wav"]
    done = subprocess.run(command, capture_output=True, check=True)
    head, sound = done.stdout[:44], done.stdout[44:]
    assert (head[:4], head[8:12], struct.unpack("<I", head[24:28])[0]) == (b"RIFF", b"WAVE", RATE)
    samples = np.frombuffer(sound, "<i2") / 32768.0
    assert main(["xtts", "zero-shot", *say, "-o", str(tmp_path / "whole.wav")]) == 0
    whole = read_wav(tmp_path / "whole.wav").samples[0]
    assert len(samples) == pytest.approx(len(whole), abs=RATE // 4), "a take is trimmed"
    assert np.abs(samples).max() == pytest.approx(np.abs(whole).max(), abs=1e-3)
