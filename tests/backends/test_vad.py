"""The vad engine: frame for frame what the model says, and nothing but 16 kHz mono."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import DetectRequest
from support.signals import noise, wav

from demod_voice.audio.resample import resample
from demod_voice.config.settings import Settings
from demod_voice.engines.locate import backends_folder, sdk_folder
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.errors import EngineRefused

pytestmark = pytest.mark.slow

RATE = 16000


@pytest.fixture(scope="module")
def vad(engine_python: Callable[[str], Path], with_python: Callable[[str, Path], Settings]) -> Iterator[Pool]:
    with Pool(with_python("vad", engine_python("vad"))) as pool:
        yield pool


@pytest.fixture(scope="module")
def sentence(espeak: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of silence, then a sentence, then silence to 5 s."""
    said = resample(
        espeak.speak("espeak", SpeechRequest("The old captain opened a bottle of water.", "en-us")).clip, RATE
    )
    samples = np.zeros((1, 5 * RATE), np.float32)
    samples[:, RATE // 2 : RATE // 2 + said.num_samples] = 0.5 * said.samples
    return wav(tmp_path_factory.mktemp("vad") / "sentence.wav", samples, RATE, "pcm_s16le")


def detected(pool: Pool, audio: Path, folder: Path) -> np.ndarray:
    out = folder / "out.f32"
    result = pool.detect("vad", DetectRequest(str(audio), str(out)))
    found = np.fromfile(out, "<f4")
    assert (result.frames, result.frame_s, result.model) == (len(found), 0.032, "silero-vad")
    return found


def test_speech_is_likely_where_it_is(vad: Pool, sentence: Path, tmp_path: Path) -> None:
    found = detected(vad, sentence, tmp_path)
    assert len(found) == -(-5 * RATE // 512)
    assert found[:12].max() < 0.3
    assert np.median(found[20:70]) > 0.9
    assert found[-20:].max() < 0.1


def test_nothing_of_a_request_is_left_for_the_next(vad: Pool, sentence: Path, tmp_path: Path) -> None:
    first = detected(vad, sentence, tmp_path)
    detected(vad, wav(tmp_path / "noise.wav", noise(3, 2.0, -20.0, RATE), RATE, "pcm_s16le"), tmp_path)
    assert np.array_equal(detected(vad, sentence, tmp_path), first)


@pytest.mark.parametrize("num_samples", [0, 1, 511, 512, 513, 256 * 512, 256 * 512 + 1])
def test_every_length_has_its_frames(vad: Pool, tmp_path: Path, num_samples: int) -> None:
    samples = noise(1, num_samples / RATE, -40.0, RATE)
    path = wav(tmp_path / "a.wav", samples, RATE, "pcm_s16le")
    assert len(detected(vad, path, tmp_path)) == -(-num_samples // 512)


IN_ITS_ENVIRONMENT = """
import sys; sys.path[:0] = {places!r}
import numpy, onnxruntime, worker
from demod_worker.messages import DetectRequest

class Task:
    check = staticmethod(lambda: None)

def heard():
    vad.detect(DetectRequest({audio!r}, {out!r}), Task)
    return numpy.fromfile({out!r}, "<f4")

vad = worker.Vad()
vad.prepare()
found = [heard()]
for worker.BLOCK in (7, 1):
    found.append(heard())
model = vad._open()
assert model._encoder is not None
model._encoder = None
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
model._session = onnxruntime.InferenceSession(worker._model_file().read_bytes(), options)
whole = heard()
print(max(abs(each - whole).max() for each in found), whole.max(), whole.min())
"""


def test_it_gives_the_numbers_of_the_whole_graph_however_many_frames_at_once(
    sentence: Path, tmp_path: Path, engine_python: Callable[[str], Path]
) -> None:
    places = [str(backends_folder() / "vad"), str(sdk_folder())]
    code = IN_ITS_ENVIRONMENT.format(places=places, audio=str(sentence), out=str(tmp_path / "out"))
    done = subprocess.run([engine_python("vad"), "-c", code], capture_output=True, text=True, check=True)
    apart, most, least = map(float, done.stdout.split())
    assert apart < 1e-4
    assert least < 0.01 < 0.99 < most


@pytest.mark.parametrize(
    ("rate", "channels", "encoding"), [(24000, 1, "pcm_s16le"), (16000, 2, "pcm_s16le"), (16000, 1, "pcm_f32le")]
)
def test_another_kind_of_file_is_refused(vad: Pool, tmp_path: Path, rate: int, channels: int, encoding: str) -> None:
    path = wav(tmp_path / "a.wav", np.zeros((channels, rate), np.float32), rate, encoding)
    with pytest.raises(EngineRefused, match=r"a\.wav"):
        detected(vad, path, tmp_path)


def test_a_place_that_cannot_be_written_is_refused(vad: Pool, sentence: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineRefused, match="cannot be written"):
        vad.detect("vad", DetectRequest(str(sentence), str(tmp_path / "none" / "out.f32")))


def test_another_model_is_refused(vad: Pool) -> None:
    with pytest.raises(EngineRefused, match="no other models"):
        vad.load("vad", "other.onnx")


def test_it_is_ready_before_its_packages_are_imported(engine_python: Callable[[str], Path]) -> None:
    """What worker.py imports at its top is the standard library and the SDK."""
    for name in ("vad", "pocketsphinx"):
        code = (
            f"import sys; sys.path[:0] = [{str(backends_folder() / name)!r}, {str(sdk_folder())!r}]\n"
            "import worker; print(*sorted({'numpy', 'onnxruntime', 'torch', 'pocketsphinx', 'silero_vad'} & set(sys.modules)))"
        )
        done = subprocess.run([engine_python(name), "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", ["vad", "pocketsphinx"])
def test_it_passes_the_conformance_suite(
    name: str, engine_python: Callable[[str], Path], with_python: Callable[[str, Path], Settings]
) -> None:
    from demod_voice.api.engines import check_engine, failed_findings

    assert not failed_findings(check_engine(name, settings=with_python(name, engine_python(name))))
