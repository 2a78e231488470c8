"""The demucs engine: segment by segment what the library makes of the whole, and nothing that a model's file could run."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import SeparateRequest, SeparateResult
from support.signals import noise, sine, speechlike, wav

from demod_voice.config.settings import Settings
from demod_voice.engines.client import Worker
from demod_voice.engines.locate import backends_folder, sdk_folder
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineError, EngineRefused, ModelMissing
from demod_voice.media.wav import read_wav, wav_info

pytestmark = pytest.mark.engines

RATE = 44100


@pytest.fixture(scope="module")
def tiny(tiny_model: Callable[..., Path]) -> Path:
    return tiny_model("demucs")


@pytest.fixture(scope="module")
def settings(engine_python, with_python, tiny: Path) -> Settings:
    return with_python("demucs", engine_python("demucs"), str(tiny))


@pytest.fixture(scope="module")
def demucs(settings: Settings) -> Iterator[Pool]:
    with Pool(settings) as pool:
        yield pool


@pytest.fixture(scope="module")
def worker(settings: Settings, start_worker: Callable[[str, Settings], Worker]) -> Iterator[Worker]:
    """One process that is given one bad model after the other."""
    worker = start_worker("demucs", settings)
    yield worker
    worker.kill()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of something like speech in the middle of a hum that is louder on the left."""
    speech = speechlike(1, 4.3, RATE, 0.4)
    hum = sine(110.0, 4.3, -20.0, RATE)
    samples = np.concatenate([speech + hum, speech + 0.3 * hum]) + noise(2, 4.3, -50.0, RATE)
    return wav(tmp_path_factory.mktemp("scene") / "scene.wav", samples, RATE, "pcm_s16le")


def separated(pool: Pool, audio: Path, folder: Path, **more: int) -> tuple[np.ndarray, np.ndarray, SeparateResult]:
    folder.mkdir(exist_ok=True)
    found = pool.separate("demucs", SeparateRequest(str(audio), str(folder), **more))
    dialogue, background = (read_wav(folder / found.stems[name]) for name in ("dialogue", "background"))
    return dialogue.samples, background.samples, found


def test_the_stems_are_as_long_as_the_recording_and_sum_up_to_it(demucs: Pool, scene: Path, tmp_path: Path) -> None:
    dialogue, background, found = separated(demucs, scene, tmp_path / "a")
    recording = read_wav(scene).samples
    assert dialogue.shape == recording.shape
    assert np.array_equal(dialogue + background, recording)
    assert np.abs(dialogue).max() > 1e-3
    assert (found.model, found.sample_rate, found.degraded) == ("tiny", RATE, ())
    assert len(found.model_revision) == 16
    assert wav_info(tmp_path / "a" / "dialogue.wav").encoding == "pcm_f32le"


@pytest.mark.parametrize("shifts", [0, 1])
def test_it_is_what_the_library_makes_of_the_whole(
    demucs: Pool, scene: Path, tiny: Path, tmp_path: Path, engine_python: Callable[[str], Path], shifts: int
) -> None:
    mine, _, _ = separated(demucs, scene, tmp_path / "a", shifts=shifts, seed=5)
    code = f"""
import sys; sys.path[:0] = [{str(backends_folder() / "demucs")!r}, {str(sdk_folder())!r}]
import random, torch
from demucs.apply import apply_model
from demucs.hf import load_safetensors_model
from wave_files import open_source
torch.set_num_threads(1)
model = load_safetensors_model({str(tiny / "0123abcd.safetensors")!r}).eval()
source = open_source({str(scene)!r}, {RATE})
mix = torch.from_numpy(source.read(0, source.num_samples))
level = mix.mean(0)
random.seed(5)
mix = (mix - level.mean()) / (level.std() + 1e-8)
made = apply_model(model, mix[None], shifts={shifts}, overlap=0.25)[0, 3] * (level.std() + 1e-8) + level.mean()
made.detach().numpy().astype("<f4").tofile({str(tmp_path / "whole.f32")!r})
"""
    subprocess.run([engine_python("demucs"), "-W", "ignore", "-c", code], check=True, capture_output=True)
    whole = np.fromfile(tmp_path / "whole.f32", "<f4").reshape(2, -1)
    assert mine == pytest.approx(whole, abs=2e-5)


def test_the_seed_moves_the_shifts_and_nothing_else(demucs: Pool, scene: Path, tmp_path: Path) -> None:
    made = {
        (shifts, seed): separated(demucs, scene, tmp_path / "a", shifts=shifts, seed=seed)[0]
        for shifts, seed in ((0, 1), (0, 2), (1, 1), (1, 2))
    }
    assert np.array_equal(made[0, 1], made[0, 2])
    assert not np.array_equal(made[1, 1], made[1, 2])
    assert np.array_equal(separated(demucs, scene, tmp_path / "a", shifts=1, seed=1)[0], made[1, 1])


@pytest.mark.parametrize("num_samples", [0, 1, 441, 2 * RATE, int(1.5 * RATE), 2 * RATE + 1])
def test_every_length_has_its_stems(demucs: Pool, tmp_path: Path, num_samples: int) -> None:
    samples = noise(1, 3.0, -20.0, RATE)[:, :num_samples]
    path = wav(tmp_path / "a.wav", samples, RATE, "pcm_f32le")
    dialogue, background, found = separated(demucs, path, tmp_path / "out")
    assert dialogue.shape == (1, num_samples)
    assert dialogue + background == pytest.approx(samples, abs=3e-7)
    assert "one channel" in found.degraded[0]


def test_silence_stays_silence(demucs: Pool, tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.zeros((2, 3 * RATE), np.float32), RATE, "pcm_s16le")
    dialogue, background, _ = separated(demucs, path, tmp_path / "out")
    assert np.abs(dialogue).max() < 1e-5
    assert np.abs(background).max() < 1e-5


@pytest.mark.parametrize(
    ("rate", "channels", "encoding"), [(48000, 2, "pcm_s16le"), (RATE, 3, "pcm_s16le"), (RATE, 1, "pcm_s24le")]
)
def test_another_kind_of_file_is_refused(demucs: Pool, tmp_path: Path, rate: int, channels: int, encoding: str) -> None:
    path = wav(tmp_path / "a.wav", np.zeros((channels, rate), np.float32), rate, encoding)
    with pytest.raises(EngineRefused, match=r"a\.wav"):
        separated(demucs, path, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_long_recording_takes_the_memory_of_a_short_one(worker: Worker, tiny: Path, tmp_path: Path) -> None:
    worker.request("load", {"model": str(tiny)})
    peaks = []
    for seconds in (24.0, 84.0):
        path = wav(tmp_path / f"{seconds}.wav", np.tile(noise(1, seconds, -20.0, RATE), (2, 1)), RATE, "pcm_s16le")
        worker.request("separate", {"audio": str(path), "folder": str(tmp_path)})
        status = Path(f"/proc/{worker.pid}/status").read_text()
        peaks.append(int(status.split("VmHWM:")[1].split()[0]) / 1024)
    # The longer one holds 21 MB more sound as floats, and as much in each stem.
    assert peaks[1] - peaks[0] < 18


class Evil:
    """What a pickle can do to who loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def pickled(folder: Path) -> None:
    (folder / "0123abcd.safetensors").unlink()
    (folder / "0123abcd.th").write_bytes(pickle.dumps({"klass": Evil(folder / "was-run")}))


def truncated(folder: Path) -> None:
    path = folder / "0123abcd.safetensors"
    path.write_bytes(path.read_bytes()[:-5000])


def other_class(folder: Path) -> None:
    """The metadata of the file name a class to be imported: one that does harm."""
    changed_header(folder, lambda about: about | {"klass": "subprocess.Popen", "args": json.dumps(["true"])})


def other_width(folder: Path) -> None:
    def wider(about: dict[str, str]) -> dict[str, str]:
        return about | {"kwargs": json.dumps(json.loads(about["kwargs"]) | {"channels": 6})}

    changed_header(folder, wider)


def changed_header(folder: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    path = folder / "0123abcd.safetensors"
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"] = change(header["__metadata__"])
    new = json.dumps(header).encode()
    path.write_bytes(len(new).to_bytes(8, "little") + new + data[8 + size :])


def leading_out(folder: Path) -> None:
    (folder / "tiny.yaml").write_text("models: ['../0123abcd']\n")


def running_yaml(folder: Path) -> None:
    (folder / "tiny.yaml").write_text(f"models: !!python/object/apply:os.mkdir ['{folder / 'was-run'}']\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (pickled, "refused"),
        (truncated, "damaged"),
        (other_class, "no Demucs network"),
        (other_width, "cannot be built"),
        (leading_out, "no list of Demucs models"),
        (running_yaml, "cannot be read"),
    ],
)
def test_a_model_that_cannot_be_trusted_is_refused(
    spoil: Callable[[Path], None], message: str, worker: Worker, tiny: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    spoil(folder)
    with pytest.raises(EngineError, match=message) as caught:
        worker.request("load", {"model": str(folder)})
    assert "model/" in caught.value.message
    assert caught.value.code == "bad_request"
    assert not (folder / "was-run").exists()


def test_an_older_package_is_read_as_weights_alone(
    worker: Worker, tiny: Path, tmp_path: Path, engine_python: Callable[[str], Path]
) -> None:
    """A ``.th`` package names the class and a fraction; both are let through, and the model is the same."""
    code = f"""
import torch
from demucs.hf import load_safetensors_model
model = load_safetensors_model({str(tiny / "0123abcd.safetensors")!r})
args, kwargs = model._init_args_kwargs
made = dict(klass=type(model), args=args, kwargs=kwargs, state=model.state_dict(), training_args=dict(epochs=3))
torch.save(made, {str(tmp_path / "0123abcd-89abcdef.th")!r})
"""
    subprocess.run([engine_python("demucs"), "-W", "ignore", "-c", code], check=True, capture_output=True)
    shutil.copy(tiny / "tiny.yaml", tmp_path)
    assert worker.request("load", {"model": str(tmp_path)})["model"] == "tiny"
    assert worker.request("load", {"model": str(tmp_path / "0123abcd-89abcdef.th")})["model"] == "0123abcd-89abcdef"


def test_a_folder_without_a_model_is_told(worker: Worker, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"has no \.safetensors"):
        worker.request("load", {"model": str(tmp_path)})
    shutil.copy(tiny / "tiny.yaml", tmp_path)
    with pytest.raises(ModelMissing, match="0123abcd"):
        worker.request("load", {"model": str(tmp_path)})
    with pytest.raises(ModelMissing, match="none"):
        worker.request("load", {"model": str(tmp_path / "none")})


def test_it_passes_the_conformance_suite(settings: Settings, tiny: Path) -> None:
    from demod_voice.api.engines import check_engine, failed_findings

    assert not failed_findings(check_engine("demucs", settings=settings, model=str(tiny)))
