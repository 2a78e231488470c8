"""The same voice through both runtimes of the Piper engine: onnxruntime and tinygrad."""

from __future__ import annotations

import dataclasses
import json
import os

import numpy as np
import pytest
from demod_worker.messages import Voice
from support.sound import fingerprint

from demod_voice.cli import main
from demod_voice.config.settings import DEFAULTS
from demod_voice.engines.locate import engine
from demod_voice.engines.options import audible_options, options_of, with_option
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.errors import EngineRefused, UsageError
from demod_voice.media.wav import read_wav

TOLERANCE = 1e-5
"""Of full scale. Both compute in float32; sums in another order differ in the last bits, 1e-7 as measured."""
TEXT = "One voice. And two runtimes!"


@pytest.fixture(scope="module")
def pools(piper_settings):
    with Pool(piper_settings) as plain, Pool(with_option(piper_settings, "piper", "runtime", "tinygrad")) as other:
        yield plain, other


def say(pool, model, seed=1, speaker=None, text=TEXT, **style):
    request = SpeechRequest(text, voice=Voice(model=model, speaker=speaker), seed=seed, style=style)
    return pool.speak("piper", request)


@pytest.mark.engines
def test_both_runtimes_say_the_same(pools, tiny_voice):
    model = tiny_voice(speakers=3)
    for seed, speaker in ((1, "0"), (2, "ben")):
        plain, other = (say(pool, model, seed, speaker) for pool in pools)
        assert other.clip.num_samples == plain.clip.num_samples > 20000
        assert np.abs(other.clip.samples - plain.clip.samples).max() <= TOLERANCE
        assert other.words == plain.words != ()
        assert (other.model_revision, other.degraded) == (plain.model_revision, ())


@pytest.mark.engines
def test_the_same_seed_gives_the_same_bytes_in_tinygrad_too(pools, tiny_voice):
    model = tiny_voice()
    first = fingerprint(say(pools[1], model, 1, text="One voice.").clip)
    assert fingerprint(say(pools[1], model, 2, text="One voice.").clip) != first
    assert fingerprint(say(pools[1], model, 1, text="One voice.").clip) == first


@pytest.mark.engines
def test_a_run_says_that_it_is_slow_and_where_it_computes(pools, tiny_voice):
    loaded = pools[1].load("piper", tiny_voice())
    assert loaded.device == "cpu"
    assert "experimental" in loaded.notes[0]


@pytest.mark.engines
def test_an_operator_that_tinygrad_has_not_is_named(pools, tiny_voice):
    with pytest.raises(EngineRefused, match="has no RandomUniformLike"):
        say(pools[1], tiny_voice(random="RandomUniformLike"))


@pytest.mark.engines
def test_without_a_compiler_the_remedy_is_named(piper_settings, tiny_voice, tmp_path, monkeypatch):
    model = tiny_voice()
    monkeypatch.setenv("PATH", str(tmp_path))
    with Pool(with_option(piper_settings, "piper", "runtime", "tinygrad")) as pool:
        with pytest.raises(EngineRefused, match="needs a C compiler") as caught:
            say(pool, model)
    assert "clang" in (caught.value.hint or "")


@pytest.mark.engines
def test_another_compiler_than_clang_will_do(piper_settings, tiny_voice, tmp_path, monkeypatch, pools):
    """gcc makes the small programs around the machine code that tinygrad writes itself, on x86-64."""
    compiler = next((found for name in ("cc", "gcc") if os.path.exists(found := f"/usr/bin/{name}")), "")
    if not compiler or os.uname().machine != "x86_64":
        pytest.skip("no cc on this machine, or not x86-64")
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("as", "ld"):
        os.symlink(f"/usr/bin/{name}", folder / name)
    os.symlink(compiler, folder / "cc")
    monkeypatch.setenv("PATH", str(folder))
    with Pool(with_option(piper_settings, "piper", "runtime", "tinygrad")) as pool:
        other = say(pool, tiny_voice(), text="One voice.")
    plain = say(pools[0], tiny_voice(), text="One voice.")
    assert np.abs(other.clip.samples - plain.clip.samples).max() <= TOLERANCE


@pytest.mark.engines
def test_the_runtime_of_a_command(tiny_voice, tmp_path, monkeypatch, engine_python, capsys):
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__PIPER__PYTHON", str(engine_python("piper")))
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")
    found = {}
    for runtime in ("onnxruntime", "tinygrad"):
        out = tmp_path / f"{runtime}.wav"
        words = ["piper", "infer", "--model", tiny_voice(), "--text", "One.", "-o", str(out), "--runtime", runtime]
        assert main([*words, "--json"]) == 0
        captured = capsys.readouterr()
        found[runtime] = read_wav(out).samples, json.loads(captured.out)["words"], captured.err
    (plain, words, quiet), (other, same, told) = found.values()
    assert np.abs(other - plain).max() <= 2 / 32768
    assert words == same
    assert "experimental" in told
    assert "experimental" not in quiet


def test_a_runtime_is_part_of_what_a_take_is_made_of():
    piper = engine("piper", DEFAULTS)
    other = with_option(DEFAULTS, "piper", "runtime", "tinygrad")
    assert options_of(piper, DEFAULTS) == {"runtime": "onnxruntime"}
    assert audible_options(piper, DEFAULTS) == {}
    assert audible_options(piper, other) == {"runtime": "tinygrad"}
    assert audible_options(piper, with_option(other, "piper", "runtime", "onnxruntime")) == {}
    with pytest.raises(UsageError, match="onnxruntime, tinygrad"):
        options_of(piper, with_option(DEFAULTS, "piper", "runtime", "torch"))


def test_an_option_leaves_the_other_settings_of_the_engine():
    own = dataclasses.replace(DEFAULTS.engines, named={})
    settings = with_option(dataclasses.replace(DEFAULTS, engines=own), "piper", "runtime", "tinygrad")
    again = with_option(settings, "espeak", "x", "1")
    assert again.engines.named["piper"].options == ("runtime=tinygrad",)
    assert again.engines.threads == DEFAULTS.engines.threads
