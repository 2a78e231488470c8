"""``csm infer`` and the Python surface below it, from the command line to the file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.signals import sine, wav

from demod_voice.api.csm import NUMBERS, CsmAnchor, CsmSynthesizer, CsmVoice
from demod_voice.api.voices import NewVoice, add_voice
from demod_voice.cli import main
from demod_voice.cli.app import root_parser
from demod_voice.cli.csm import voice_of
from demod_voice.config import load_settings
from demod_voice.errors import UsageError
from demod_voice.media.wav import read_wav, wav_info


@pytest.fixture
def anchor(tmp_path: Path) -> Path:
    return wav(tmp_path / "anchor.wav", sine(200.0, 2.0, -9.0, 22050), 22050)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return wav(tmp_path / "other.wav", sine(700.0, 2.0, -9.0, 22050), 22050)


@pytest.fixture
def csm_engine(monkeypatch, engine_python, tiny_model) -> str:
    """The engine with the tiny model as its own; the model's folder."""
    model = str(tiny_model("csm"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__CSM__PYTHON", str(engine_python("csm")))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__CSM__MODEL", model)
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")
    monkeypatch.setenv("DEMOD_VOICE_ATTEMPTS", "1")
    monkeypatch.setenv("DEMOD_VOICE_CACHE__ENABLED", "false")
    return model


@pytest.mark.engines
def test_paragraphs_go_on_from_those_before(csm_engine, anchor, other, tmp_path, capsys):
    own = ["--anchor", str(anchor), str(other), "--anchor-text", "Hello.", "Goodbye.", "--consent", "self"]
    sounds = {}
    for turns in ("0", "2"):
        out = tmp_path / f"{turns}.wav"
        text = "One thing.\n\nAnother one.\n\nA third."
        flags = [*own, "--anchor-idx", "1", "--turns", turns, "--max-length", "1.2", "--temperature", "1.2"]
        assert main(["csm", "infer", "--text", text, "-o", str(out), *flags, "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["consent"], report["licence"], report["file"]["engine"]) == ("self", "Apache-2.0", "csm")
        assert report["file"]["takes"] == 3
        assert wav_info(out).sample_rate == 24000
        sounds[turns] = read_wav(out).samples[0]
    first = 24000
    assert np.array_equal(sounds["0"][:first], sounds["2"][:first])
    assert not np.array_equal(sounds["0"], sounds["2"])


def test_every_flag_of_the_voice_reaches_it(anchor, other, tmp_path):
    """The flags, as the style and the voice that the engine is given."""
    flags = ["--anchor", str(anchor), "--anchor", str(other), "--anchor-text", "One.", "Two.", "--consent", "self"]
    flags += ["--adapter", str(tmp_path), "--speaker", "3", "--temperature", "0.5", "--top-k", "9", "--max-length", "4"]
    args = root_parser().parse_args(["csm", "infer", "--text", "Hi.", "-o", "x.wav", *flags])
    voice = voice_of(args)
    assert [(each.path, each.text) for each in voice.anchors] == [(anchor, "One."), (other, "Two.")]
    assert (voice.adapter, voice.speaker, voice.consent) == (tmp_path, "3", "self")
    assert voice.style() == {"temperature": 0.5, "top_k": 9, "max_length": 4.0}


@pytest.mark.engines
def test_a_synthesizer_keeps_its_model_and_repeats_itself(csm_engine, tiny_model, anchor, other):
    anchors = (CsmAnchor(anchor, "Hello."), CsmAnchor(other, "Goodbye."))
    adapter = tiny_model("csm", "adapters") / "adapter"
    voice = CsmVoice(anchors, adapter=adapter, consent="self", model=csm_engine, max_length_s=1.2)
    with CsmSynthesizer(voice, settings=load_settings()) as synthesizer:
        one = synthesizer.synthesize_utterance("Good evening.", anchor_idx=0, seed=42)
        two = synthesizer.synthesize_utterance("Good evening.", anchor_idx=1, seed=42)
        again = synthesizer.synthesize_utterance("Good evening.")
        seeded = synthesizer.synthesize_utterance("Good evening.", seed=43)
        with pytest.raises(UsageError, match="no anchor 2"):
            synthesizer.synthesize_utterance("Good evening.", anchor_idx=2)
    assert one.sample_rate == 24000
    assert np.array_equal(one.samples, again.samples)
    assert len({each.samples.tobytes() for each in (one, two, seeded)}) == 3


@pytest.mark.engines
def test_a_saved_voice_speaks(csm_engine, tiny_model, anchor, tmp_path):
    new = NewVoice(
        "me",
        "csm",
        references=(anchor,),
        texts=("Hello.",),
        adapter=tiny_model("csm", "adapters") / "adapter",
        consent="self",
    )
    add_voice(new, settings=load_settings())
    out = tmp_path / "out.wav"
    assert main(["-q", "speak", "One.", "--voice", "me", "--style", "max_length=0.8", "-o", str(out)]) == 0
    assert wav_info(out).duration_s == pytest.approx(0.8, abs=0.2)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--anchor", "{anchor}", "--anchor-text", "Hello."], "needs a word about consent"),
        (["--anchor", "{anchor}", "--anchor-text", "Hello.", "--consent", "she said so"], "is neither a file nor"),
        (["--anchor", "{anchor}", "--consent", "self"], "got 1 anchor, 0 texts"),
        (["--anchor", "{anchor}", "--anchor-text", " ", "--consent", "self"], "has no words"),
        (["--anchor", "none.wav", "--anchor-text", "Hello.", "--consent", "self"], "anchor none.wav"),
        (["--adapter", "nowhere", "--consent", "self"], "adapter nowhere is no folder"),
        (["--adapter", "nowhere"], "needs a word about consent"),
        (["--model", "/no/model"], "/no/model does not exist"),
        (["--model", "/no/model"], "give a folder, or a name of: demod-voice models list --engine csm"),
        (["--model", "csm-1b"], "models pull csm-1b"),
        (["--turns", "9"], "from 0 to 8"),
        (["--temperature", "99", "--top-k", "0"], "--temperature 99 is outside 0 to 2"),
        (["--temperature", "99", "--top-k", "0"], "--top-k 0 is outside 1 to 2048"),
        (["--max-length", "nan"], "--max-length nan is outside 0.1 to 600"),
        (["--file", "x.txt"], "both --text and --file"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(more, said, anchor, tmp_path, capsys):
    out = tmp_path / "out.wav"
    flags = [each.format(anchor=anchor) for each in more]
    assert main(["csm", "infer", "--text", "Hi.", "-o", str(out), *flags]) in (2, 3, 4)
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_an_anchor_that_is_not_there(anchor, tmp_path, capsys):
    own = ["--anchor", str(anchor), "--anchor-text", "Hello.", "--consent", "self", "--anchor-idx", "1"]
    assert main(["csm", "infer", "--text", "Hi.", "-o", str(tmp_path / "out.wav"), *own]) == 2
    assert "has no anchor 1" in capsys.readouterr().err


def test_without_the_model_it_says_how_to_get_it(anchor, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__CSM__PYTHON", "/bin/true")
    own = ["--anchor", str(anchor), "--anchor-text", "Hello.", "--consent", "self"]
    assert main(["csm", "infer", "--text", "Hi.", "-o", str(tmp_path / "out.wav"), *own]) == 4
    assert "models pull csm-1b" in capsys.readouterr().err


def test_sound_that_cannot_be_read_is_told_once(tmp_path, capsys):
    noise = tmp_path / "noise.wav"
    noise.write_text("no sound")
    own = ["--anchor", str(noise), "--anchor-text", "Hello.", "--consent", "self"]
    assert main(["csm", "infer", "--text", "Hi.", "-o", str(tmp_path / "out.wav"), *own]) == 3
    assert capsys.readouterr().err.count("noise.wav") == 1


def test_the_ranges_are_those_of_the_engine(engine_part):
    known = engine_part("csm", "conversation").STYLES
    assert {name: known[name] for name in NUMBERS} == NUMBERS
