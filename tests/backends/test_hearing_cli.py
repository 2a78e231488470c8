"""``speaker``, ``separate``, ``transcribe`` and ``align`` from the command line to the file, with the installed engines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, sine, wav
from support.voices import voice_file

from demod_voice.audio.resample import resample
from demod_voice.cli import main
from demod_voice.media.wav import read_wav, wav_info

pytestmark = pytest.mark.engines

PAUSE_S = 13
SENTENCES = ("The old captain opened a bottle of water.", "Our teacher repaired the broken radio.")


@pytest.fixture(autouse=True)
def installed(
    monkeypatch: pytest.MonkeyPatch, engine_python: Callable[[str], Path], tiny_model: Callable[..., Path]
) -> None:
    for name in ("ecapa", "demucs", "whisper"):
        monkeypatch.setenv(f"DEMOD_VOICE_ENGINES__{name.upper()}__PYTHON", str(engine_python(name)))
        monkeypatch.setenv(f"DEMOD_VOICE_ENGINES__{name.upper()}__MODEL", str(tiny_model(name)))
    for name in ("vad", "pocketsphinx", "espeak"):
        monkeypatch.setenv(f"DEMOD_VOICE_ENGINES__{name.upper()}__PYTHON", str(engine_python(name)))
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")
    monkeypatch.setenv("DEMOD_VOICE_JOBS", "1")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict]:
    """Runs a command with ``--json`` and reads what it says."""

    def run(*argv: str, code: int = 0) -> dict:
        capsys.readouterr()
        found = main([*argv, "--json"])
        captured = capsys.readouterr()
        assert found == code, captured.err
        return json.loads(captured.out)

    return run


def test_speakers_are_embedded_calibrated_and_compared(
    tmp_path: Path, said: Callable[..., dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The network that finds speech hears none in a synthetic buzz.
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__VAD__PYTHON", "/bin/false")
    files = {name: voice_file(tmp_path / f"{name}.wav", pitch, 2.0, seed) for name, pitch, seed in (
        ("a1", 110.0, 1), ("a2", 111.0, 2), ("b1", 240.0, 3), ("b2", 242.0, 4),
    )}  # fmt: skip
    made = said("speaker", "embed", *map(str, files.values()), "-o", str(tmp_path / "v.npz"))
    assert made["threshold"] is None
    rows = np.load(tmp_path / "v.npz")["vectors"]
    assert rows.shape == (4, 64)
    near = rows @ rows.T
    # Random weights still hear that a voice of the same pitch sounds more alike.
    assert min(near[0, 1], near[2, 3]) > near[:2, 2:].max()
    pair = (str(files["a1"]), str(files["a2"]))
    unknown = said("speaker", "compare", *pair)
    assert unknown["same"] is None
    assert "nobody has measured" in unknown["reason"]
    assert unknown["cosine"] == pytest.approx(float(near[0, 1]), abs=1e-5)
    assert main(["-q", "speaker", "verify", *pair]) == 2
    trials = ["1 a1.wav a2.wav", "1 b1.wav b2.wav", *(f"0 {a}.wav {b}.wav" for a in ("a1", "a2") for b in ("b1", "b2"))]
    (tmp_path / "trials.txt").write_text("\n".join(trials))
    measured = said("speaker", "calibrate", str(tmp_path / "trials.txt"), "--far", "0.25")["calibration"]
    assert measured["rates"]["equal_error_rate"] == 0.0
    assert measured["revision"] == made["revision"]
    assert main(["-q", "speaker", "verify", *pair]) == 0
    assert main(["-q", "speaker", "verify", str(files["a1"]), str(files["b1"])]) == 6


def test_a_recording_is_separated_at_its_own_rate(tmp_path: Path, said: Callable[..., dict]) -> None:
    mixed = sine(500.0, 3.0, -20.0, 48000) + noise(1, 3.0, -40.0, 48000)
    source = wav(tmp_path / "scene.wav", np.concatenate([mixed, 0.5 * mixed]), 48000, "pcm_s16le")
    for name in ("one", "two"):
        report = said("separate", str(source), "-o", str(tmp_path / name), "--shifts", "1", "--seed", "7")
    dialogue, background = (read_wav(tmp_path / "two" / f"{name}.wav") for name in ("dialogue", "background"))
    assert np.array_equal(dialogue.samples + background.samples, read_wav(source).samples)
    assert np.abs(dialogue.samples).max() > 1e-4
    assert (report["result"]["model"], dialogue.sample_rate) == ("tiny", 48000)
    for name in ("dialogue.wav", "background.wav"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A sentence, a pause, and another sentence."""
    parts = []
    for text in SENTENCES:
        assert main(["-q", "speak", text, "--engine", "espeak", "-o", str(tmp_path / "said.wav")]) == 0
        parts += [resample(read_wav(tmp_path / "said.wav"), 16000).samples, np.zeros((1, PAUSE_S * 16000), np.float32)]
    samples = np.concatenate(parts, axis=1)
    return wav(tmp_path / "talk.wav", samples + noise(1, samples.shape[1] / 16000, -70.0, 16000), 16000, "pcm_s16le")


def test_a_recording_is_transcribed_the_same_way_twice(talk: Path, tmp_path: Path, said: Callable[..., dict]) -> None:
    for name in ("a.json", "b.json"):
        report = said("transcribe", str(talk), "-o", str(tmp_path / name), "--words")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    transcript = report["transcript"]
    assert transcript["engine"] == "whisper"
    assert len(transcript["language"]) in (2, 3)
    assert transcript["duration_s"] == pytest.approx(wav_info(talk).duration_s, abs=0.05)
    first, second = transcript["passages"]
    assert second["start_s"] - first["end_s"] == pytest.approx(PAUSE_S, abs=0.8)
    for passage in (first, second):
        times = [word["start_s"] for word in passage["words"]]
        assert times == sorted(times)
        assert all(passage["start_s"] <= at <= passage["end_s"] for at in times)


def test_a_text_is_aligned_by_either_recognizer(talk: Path, tmp_path: Path, said: Callable[..., dict]) -> None:
    (tmp_path / "text.txt").write_text("\n".join(SENTENCES))
    written = " ".join(SENTENCES).split()
    for engine, code in (("whisper", 6), ("pocketsphinx", 0)):  # random weights hear none of the words
        found = said("align", str(talk), str(tmp_path / "text.txt"), "--engine", engine, "--language", "en", code=code)
        words = found["alignment"]["words"]
        assert found["alignment"]["engine"] == engine
        assert [each["text"] for each in words] == written
        starts = [each["start_s"] for each in words]
        assert starts == sorted(starts)
    assert all(each["aligned"] for each in words), "pocketsphinx hears what espeak says"
    pause = len(SENTENCES[0].split())
    assert words[pause]["start_s"] - words[pause - 1]["end_s"] == pytest.approx(PAUSE_S, abs=0.8)
