"""The engines on a real NVIDIA GPU, with tiny models of random weights: stage ``gpu``, where there is one.

The environments must hold CUDA builds (``TEST_XTTS_PYTHON`` and the like name others). What a GPU makes is held against
what the CPU makes by length and level: its bytes are other bytes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import EmbedRequest, Voice
from support.sound import fingerprint, rms_db

from demod_voice.audio.clip import mono
from demod_voice.config.settings import DEFAULTS, Engines, EngineSettings, Settings
from demod_voice.engines.inventory import read_inventory
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.media.wav import write_wav

pytestmark = pytest.mark.gpu

GPU = "cuda:0"
TEXT = "Hello there."


@pytest.fixture
def settings(engine_python):
    """Settings of one engine: ``settings("csm", "cuda:0", "dtype=bfloat16")``."""

    def made(name: str, device: str, *options: str, model: Path | None = None) -> Settings:
        own = EngineSettings(python=str(engine_python(name)), options=options, model=str(model or ""))
        return dataclasses.replace(DEFAULTS, device=device, engines=Engines(named={name: own}))

    return made


def request(name: str, model: Path, seed: int = 1) -> SpeechRequest:
    voice = Voice(model=str(model), preset="Ada Tiny" if name == "xtts" else None)
    return SpeechRequest(TEXT, language="en", voice=voice, seed=seed, max_s=0.85)


def noise(path: Path, seed: int) -> str:
    samples = 0.2 * np.random.default_rng(seed).standard_normal(48000)
    write_wav(path, mono(samples.astype(np.float32), 16000), "pcm_s16le")
    return str(path)


def test_the_inventory_sees_it():
    found = read_inventory()
    assert found.devices, found.reason
    assert found.devices[0].total_mb > 1000


@pytest.mark.parametrize("name", ["xtts", "csm"])
def test_a_line_is_made_on_the_gpu_and_its_seed_gives_it_again(settings, tiny_model, name):
    model = tiny_model(name)
    with Pool(settings(name, GPU)) as pool, Pool(settings(name, "cpu")) as other:
        assert pool.load(name, str(model)).device == GPU
        first = pool.speak(name, request(name, model)).clip
        pool.speak(name, request(name, model, 2))
        assert fingerprint(pool.speak(name, request(name, model)).clip) == fingerprint(first)
        plain = other.speak(name, request(name, model)).clip
    assert first.num_samples == plain.num_samples
    assert rms_db(first) == pytest.approx(rms_db(plain), abs=6.0)


@pytest.mark.parametrize("options", [("dtype=bfloat16",), ("cache=static",), ("compile=yes",)])
def test_csm_in_other_ways(settings, tiny_model, options):
    model = tiny_model("csm")
    with Pool(settings("csm", GPU, *options)) as pool:
        spoken = pool.speak("csm", request("csm", model)).clip
    assert spoken.duration_s == pytest.approx(0.8)
    assert np.isfinite(spoken.samples).all()


def test_csm_speaks_sixteen_lines_at_once(settings, tiny_model):
    model = tiny_model("csm")
    with Pool(settings("csm", GPU)) as pool:
        lines = pool.speak_many("csm", [request("csm", model, seed) for seed in range(16)])
    assert len({fingerprint(line.clip) for line in lines}) == 16


def test_xtts_in_half_precision(settings, tiny_model):
    model = tiny_model("xtts")
    with Pool(settings("xtts", GPU, "dtype=float16")) as pool:
        spoken = pool.speak("xtts", request("xtts", model)).clip
    assert np.isfinite(spoken.samples).all()


def test_vectors_are_those_of_the_cpu(settings, tiny_model, tmp_path):
    model = tiny_model("ecapa")
    clips = tuple(noise(tmp_path / f"{seed}.wav", seed) for seed in range(4))
    found = {}
    for device in (GPU, "cpu"):
        with Pool(settings("ecapa", device, model=model)) as pool:
            pool.embed("ecapa", EmbedRequest(clips, str(tmp_path / "vectors")))
        found[device] = np.fromfile(tmp_path / "vectors", "<f4").reshape(len(clips), -1)
    assert np.abs(found[GPU] - found["cpu"]).max() < 1e-3
