"""The ecapa engine: vectors by speechbrain's own network, whatever is in a folder that it must not trust."""

from __future__ import annotations

import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import EmbedRequest, EmbedResult
from support.signals import noise, wav
from support.voices import RATE, voice, voice_file

from demod_voice.config.settings import Settings
from demod_voice.engines.client import Worker
from demod_voice.engines.locate import backends_folder, sdk_folder
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineError, EngineRefused, ModelMissing

pytestmark = pytest.mark.engines

DIMENSION = 64


@pytest.fixture(scope="module")
def tiny_ecapa(tiny_model: Callable[..., Path]) -> Path:
    return tiny_model("ecapa")


@pytest.fixture(scope="module")
def settings(engine_python, with_python, tiny_ecapa) -> Settings:
    return with_python("ecapa", engine_python("ecapa"), str(tiny_ecapa))


@pytest.fixture(scope="module")
def ecapa(settings: Settings) -> Iterator[Pool]:
    with Pool(settings) as pool:
        yield pool


@pytest.fixture(scope="module")
def worker(settings: Settings, start_worker: Callable[[str, Settings], Worker]) -> Iterator[Worker]:
    """One process that is given one bad model after the other."""
    worker = start_worker("ecapa", settings)
    yield worker
    worker.kill()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three voices of different lengths, the last one over half a minute."""
    folder = tmp_path_factory.mktemp("clips")
    lengths = ((110.0, 2.0), (180.0, 3.1), (150.0, 61.0))
    return [str(voice_file(folder / f"{n}.wav", pitch, seconds, n)) for n, (pitch, seconds) in enumerate(lengths)]


def embedded(pool: Pool, clips: list[str], folder: Path) -> tuple[np.ndarray, EmbedResult]:
    out = folder / "vectors.f32"
    found = pool.embed("ecapa", EmbedRequest(tuple(clips), str(out)))
    return np.fromfile(out, "<f4").reshape(len(clips), found.dimension), found


def test_vectors_have_length_one_and_say_whose_they_are(
    ecapa: Pool, tiny_ecapa: Path, clips: list[str], tmp_path: Path
) -> None:
    rows, found = embedded(ecapa, clips, tmp_path)
    assert rows.shape == (3, DIMENSION)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert (found.model, found.same_speaker, found.reasons) == (tiny_ecapa.name, None, ())
    assert len(found.model_revision) == 16
    assert not np.allclose(rows[0], rows[1], atol=1e-3)


def test_a_clips_vector_depends_on_nothing_else(ecapa: Pool, clips: list[str], tmp_path: Path) -> None:
    together, _ = embedded(ecapa, clips, tmp_path)
    for number in (2, 0, 1):
        alone, _ = embedded(ecapa, [clips[number]], tmp_path)
        assert np.array_equal(alone[0], together[number])


def test_it_is_the_librarys_own_answer(
    clips: list[str], tiny_ecapa: Path, ecapa: Pool, tmp_path: Path, engine_python: Callable[[str], Path]
) -> None:
    """speechbrain's own loader, which runs the yaml's tags, gives the same vector."""
    code = f"""
import sys; sys.path[:0] = [{str(backends_folder() / "ecapa")!r}, {str(sdk_folder())!r}]
import torchaudio_stub; torchaudio_stub.install()
import numpy as np, torch, clips
from hyperpyyaml import load_hyperpyyaml
torch.set_num_threads(1)
made = load_hyperpyyaml(open({str(tiny_ecapa / "hyperparams.yaml")!r}))
network = made["embedding_model"]
network.load_state_dict(torch.load({str(tiny_ecapa / "embedding_model.ckpt")!r}))
network.eval()
sound = torch.from_numpy(clips.read({clips[0]!r}))[None]
whole = torch.ones(1)
with torch.inference_mode():
    row = network(made["mean_var_norm"](made["compute_features"](sound), whole), whole)[0, 0]
(row / row.norm()).numpy().astype("<f4").tofile({str(tmp_path / "own.f32")!r})
"""
    subprocess.run([engine_python("ecapa"), "-c", code], check=True, capture_output=True)
    rows, _ = embedded(ecapa, clips[:1], tmp_path)
    assert rows[0] == pytest.approx(np.fromfile(tmp_path / "own.f32", "<f4"), abs=1e-5)


def test_batches_are_told_how_long_each_clip_is(
    settings: Settings, clips: list[str], tmp_path: Path, ecapa: Pool, with_options: Callable[..., Settings]
) -> None:
    alone, _ = embedded(ecapa, clips, tmp_path)
    with Pool(with_options(settings, "ecapa", "batch=4")) as pool:
        together, _ = embedded(pool, clips, tmp_path)
    assert np.sum(alone * together, axis=1) == pytest.approx(1.0, abs=0.02)
    with Pool(with_options(settings, "ecapa", "batch=0")) as pool, pytest.raises(EngineRefused, match="batch"):
        embedded(pool, clips, tmp_path)


def test_a_clip_without_a_voice_has_a_reason(ecapa: Pool, clips: list[str], tmp_path: Path) -> None:
    silent = str(wav(tmp_path / "silent.wav", noise(1, 1.0, -90.0, RATE), RATE, "pcm_s16le"))
    short = str(wav(tmp_path / "short.wav", voice(110.0, 0.2), RATE, "pcm_s16le"))
    empty = str(wav(tmp_path / "empty.wav", voice(110.0, 0.0), RATE, "pcm_s16le"))
    rows, found = embedded(ecapa, [silent, clips[0], short, empty], tmp_path)
    assert found.reasons == ("silence", "", "shorter than 0.3 s", "shorter than 0.3 s")
    assert np.isnan(rows[[0, 2, 3]]).all()
    assert not np.isnan(rows[1]).any()


def test_other_files_are_refused(ecapa: Pool, clips: list[str], tmp_path: Path) -> None:
    stereo = str(wav(tmp_path / "stereo.wav", np.zeros((2, RATE), np.float32), RATE, "pcm_s16le"))
    for path in (stereo, str(tmp_path / "none.wav")):
        with pytest.raises(EngineRefused, match=Path(path).name):
            embedded(ecapa, [clips[0], path], tmp_path)
    with pytest.raises(EngineRefused, match="cannot be written"):
        ecapa.embed("ecapa", EmbedRequest((clips[0],), str(tmp_path / "none" / "out")))


class Evil:
    """What a pickle can do to who loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def pickled(folder: Path) -> None:
    (folder / "embedding_model.ckpt").write_bytes(pickle.dumps({"a": Evil(folder / "was-run")}))


def truncated(folder: Path) -> None:
    path = folder / "embedding_model.ckpt"
    path.write_bytes(path.read_bytes()[:-5000])


def emptied(folder: Path) -> None:
    (folder / "embedding_model.ckpt").write_bytes(b"")


def other_width(folder: Path) -> None:
    path = folder / "hyperparams.yaml"
    path.write_text(path.read_text().replace("[16, 16, 16, 16, 48]", "[32, 32, 32, 32, 48]"))


def running_yaml(folder: Path) -> None:
    path = folder / "hyperparams.yaml"
    harm = f"!apply:os.mkdir ['{folder / 'was-run'}']"
    path.write_text(path.read_text() + f"harm: {harm}\n" + "more: !new:os.system ['true']\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (pickled, "refused"),
        (truncated, "damaged"),
        (emptied, "damaged|refused"),
        (other_width, "does not fit"),
    ],
)
def test_weights_that_cannot_be_trusted_are_refused(
    spoil: Callable[[Path], None], message: str, worker: Worker, tiny_ecapa: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_ecapa, folder)
    spoil(folder)
    with pytest.raises(EngineError, match=message) as caught:
        worker.request("load", {"model": str(folder)})
    assert "model/" in caught.value.message
    assert caught.value.code == "bad_request"
    assert not (folder / "was-run").exists()
    worker.request("load", {"model": str(tiny_ecapa)})


def test_nothing_in_the_yaml_is_run(worker: Worker, tiny_ecapa: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_ecapa, folder)
    running_yaml(folder)
    worker.request("load", {"model": str(folder)})
    assert not (folder / "was-run").exists()


def test_a_folder_without_the_files_is_told(worker: Worker, tiny_ecapa: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"embedding_model\.ckpt|hyperparams\.yaml"):
        worker.request("load", {"model": str(tmp_path)})
    with pytest.raises(EngineRefused, match="is a file"):
        worker.request("load", {"model": str(tiny_ecapa / "hyperparams.yaml")})


def test_it_passes_the_conformance_suite(settings: Settings, tiny_ecapa: Path) -> None:
    from demod_voice.api.engines import check_engine, failed_findings

    assert not failed_findings(check_engine("ecapa", settings=settings, model=str(tiny_ecapa)))
