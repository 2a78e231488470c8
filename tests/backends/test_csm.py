"""The csm engine's real library path with tiny models of random weights: their sound is noise, so bytes are compared."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import ContextTurn, Voice
from support.signals import sine, wav
from support.sound import fingerprint

from demod_voice.config.settings import EngineSettings, Settings
from demod_voice.engines import conformance
from demod_voice.engines.locate import backends_folder, engine
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import EngineCancelled, EngineError, EngineFailed, EngineRefused, ModelMissing

pytestmark = pytest.mark.engines
ROOT = Path(__file__).resolve().parents[2]
TEXT = "How are you?"


@pytest.fixture(scope="module")
def model(tiny_model) -> str:
    return str(tiny_model("csm"))


@pytest.fixture(scope="module")
def csm_settings(engine_python, with_python, model) -> Settings:
    settings = with_python("csm", engine_python("csm"))
    named = {"csm": EngineSettings(python=settings.engines.named["csm"].python, model=model)}
    return replace(settings, engines=replace(settings.engines, named=named))


@pytest.fixture(scope="module")
def csm(csm_settings) -> Iterator[Pool]:
    with Pool(csm_settings) as pool:
        yield pool


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> tuple[str, str]:
    """Two anchors of different sound, 24 kHz mono."""
    folder = tmp_path_factory.mktemp("clips")
    wav(folder / "low.wav", sine(150.0, 1.2, -9.0, 24000), 24000, "pcm_s16le")
    wav(folder / "high.wav", sine(900.0, 1.5, -9.0, 24000), 24000, "pcm_s16le")
    return str(folder / "low.wav"), str(folder / "high.wav")


@pytest.fixture(scope="module")
def anchored(clips) -> Voice:
    return Voice(references=clips[:1], reference_texts=("Hello there.",))


def request(voice: Voice, text: str = TEXT, seed: int = 1, max_s: float = 1.2, **more: object) -> SpeechRequest:
    return SpeechRequest(text, voice=voice, seed=seed, max_s=max_s, **more)


@pytest.fixture(scope="module")
def say(csm) -> Callable[..., str]:
    """Speak; the fingerprint of the sound."""
    return lambda *args, **more: fingerprint(csm.speak("csm", request(*args, **more)).clip)


def test_conformance(csm_settings, model, anchored):
    voice = replace(anchored, model=model)
    findings = conformance.check(engine("csm", csm_settings), csm_settings, model=model, voice=voice)
    assert [each for each in findings if each.status == conformance.FAILED] == []


def test_its_loops_are_the_librarys(engine_python, model, clips):
    script = ROOT / "tests" / "tiny" / "csm_against_library.py"
    folder = backends_folder()
    command = [str(engine_python("csm")), str(script), model, clips[0], str(folder / "csm"), str(folder / "_sdk")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name for name, value in found.items() if value is False} == set()
    assert found["largest difference"] < 1e-5 * found["largest sample"]


def test_alone_the_same_seed_gives_the_same_bytes(say, csm_settings, anchored):
    first, other = say(anchored, seed=1), say(anchored, seed=2)
    assert first != other
    say(anchored, "Something else in between.", seed=3)
    assert say(anchored, seed=1) == first
    with Pool(csm_settings) as another:
        assert fingerprint(another.speak("csm", request(anchored)).clip) == first


def test_sound_is_what_was_asked_for(csm, anchored):
    speech = csm.speak("csm", request(anchored, max_s=2.0))
    assert speech.clip.sample_rate == 24000
    assert speech.clip.duration_s == 2.0
    assert speech.encoding == "pcm_f32le"
    assert 0.05 < float(np.abs(speech.clip.samples).max()) < 1.0
    assert speech.degraded == ("max_s: the text was cut short",), "random weights never end by themselves"


def test_anchors_turns_adapters_and_style_change_the_sound(say, tiny_model, clips, anchored):
    adapters = [str(tiny_model("csm", "adapters") / name) for name in ("adapter", "second-adapter")]
    turn = ContextTurn("What did you say?", clips[1], "Ben")
    heard = {
        "anchor": say(anchored),
        "other anchor": say(Voice(references=clips[1:], reference_texts=("Hello there.",))),
        "its words": say(Voice(references=clips[:1], reference_texts=("Goodbye.",))),
        "two anchors": say(Voice(references=clips, reference_texts=("Hello there.", "And more."))),
        "none": say(Voice()),
        "speaker": say(replace(anchored, speaker="3")),
        "turn": say(anchored, context=(turn,)),
        "own turn": say(anchored, context=(replace(turn, speaker=""),)),
        "adapter": say(replace(anchored, adapter=adapters[0])),
        "second adapter": say(replace(anchored, adapter=adapters[1])),
        "temperature": say(anchored, style={"temperature": 1.2}),
        "depth": say(anchored, style={"depth_decoder_temperature": 1.2}),
        "top_k": say(anchored, style={"top_k": 2}),
    }
    assert len(set(heard.values())) == len(heard)
    assert say(anchored) == heard["anchor"], "an adapter leaves nothing behind"
    assert say(replace(anchored, adapter=adapters[0])) == heard["adapter"]


def test_a_revision_is_of_model_and_adapter(csm, tiny_model, anchored):
    plain = csm.speak("csm", request(anchored))
    tuned = csm.speak("csm", request(replace(anchored, adapter=str(tiny_model("csm", "adapters") / "adapter"))))
    assert tuned.model_revision.startswith(f"{plain.model_revision}+")


def test_a_batch_in_which_one_item_fails_alone(csm, tiny_model, anchored):
    adapter = str(tiny_model("csm", "adapters") / "adapter")
    asked = [
        request(anchored, seed=1),
        request(Voice(speaker="nobody")),
        request(anchored, "A much longer line than the others, with a seed of its own.", seed=2, max_s=2.4),
        request(replace(anchored, adapter=adapter), seed=3),
    ]
    first, failed, longer, tuned = csm.speak_many("csm", asked)
    assert isinstance(failed, EngineRefused)
    lengths = [each.clip.duration_s for each in (first, longer, tuned) if isinstance(each, Speech)]
    assert lengths == [pytest.approx(1.2), pytest.approx(2.4), pytest.approx(1.2)]
    again = csm.speak_many("csm", asked)
    for one, two in zip((first, longer, tuned), (again[0], again[2], again[3]), strict=True):
        assert fingerprint(one.clip) == fingerprint(two.clip), "the same batch gives the same bytes"
    own = csm.speak("csm", asked[0])
    peak = float(np.abs(own.clip.samples).max())
    assert np.abs(first.clip.samples - own.clip.samples).max() < 1e-3 * peak, "its own random numbers in any batch"


def test_a_stream_is_the_take(csm, anchored):
    asked = request(anchored, max_s=3.0)
    clips = list(csm.stream("csm", asked))
    assert [each.num_samples for each in clips] == [19200, 19200, 19200, 72000 - 3 * 19200 - 960][: len(clips)]
    whole = csm.speak("csm", asked).clip.samples
    assert np.array_equal(np.concatenate([each.samples for each in clips], axis=1), whole)


def test_what_does_not_fit_is_left_out_and_told(csm, clips, anchored):
    long_ago = tuple(ContextTurn("word " * 120, clips[1], "Ben") for _ in range(8))
    speech = csm.speak("csm", request(anchored, context=long_ago))
    assert any(each.startswith("context: the oldest") for each in speech.degraded)
    wide = Voice(references=clips[:1], reference_texts=("word " * 500,))
    with pytest.raises(EngineRefused, match="anchors and the text take"):
        csm.speak("csm", request(wide))


def test_sound_that_has_no_room_is_not_even_encoded(csm, clips, anchored, tmp_path):
    hours = str(tmp_path / "hours.wav")
    wav(Path(hours), np.tile(sine(150.0, 60.0, -9.0, 24000), 20), 24000, "pcm_s16le")
    began = time.monotonic()
    with pytest.raises(EngineRefused, match="anchors and the text take 15"):
        csm.speak("csm", request(Voice(references=(hours,), reference_texts=("Hello.",))))
    turns = (ContextTurn("Before.", hours, "Ben"), ContextTurn("What?", clips[1], "Ben"))
    with_both, with_last = (csm.speak("csm", request(anchored, context=each)) for each in (turns, turns[1:]))
    assert time.monotonic() - began < 10.0, "20 minutes take the codec longer"
    assert with_both.degraded == ("context: the oldest 1 turns do not fit", *with_last.degraded)
    assert fingerprint(with_both.clip) == fingerprint(with_last.clip)


def test_a_cancel_ends_it_between_two_frames(csm_settings, start_worker, model):
    worker = start_worker("csm", csm_settings)
    worker.request("load", {"model": model})
    began = 0.0

    def stop(frame):
        nonlocal began
        if frame.type == "audio-chunk":
            began = time.monotonic()
            raise EngineCancelled("enough")

    with pytest.raises(EngineCancelled):
        worker.request("speak", {"items": [{"item": 0, "text": "A long one. " * 200}]}, stop)
    assert time.monotonic() - began < 5.0
    assert worker.alive
    worker.stop()


@pytest.mark.parametrize(
    ("break_it", "error", "said"),
    [
        (lambda folder: (folder / "config.json").write_text('{"model_type": "llama"}'), EngineRefused, "llama"),
        (lambda folder: (folder / "model.safetensors").unlink(), ModelMissing, "no model.safetensors"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "model.bin"),
            EngineRefused,
            "model.bin is a pickle",
        ),
        (lambda folder: _cut(folder / "model.safetensors"), EngineFailed, "is truncated"),
    ],
)
def test_a_folder_that_is_no_whole_model(csm, model, tmp_path, break_it, error, said):
    folder = tmp_path / "broken"
    shutil.copytree(model, folder)
    break_it(folder)
    with pytest.raises(error, match=said):
        csm.speak("csm", request(Voice(model=str(folder))))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize("kind", ["adapter-of-other", "adapter-of-twin"])
def test_an_adapter_of_another_base_is_refused(csm, say, tiny_model, anchored, kind):
    with pytest.raises(EngineRefused, match="another base"):
        say(replace(anchored, adapter=str(tiny_model("csm", "adapters") / kind)))
    assert say(anchored), "the next line is spoken"


def test_a_model_that_was_deleted_goes_on_and_then_is_missed(csm_settings, model, anchored, tmp_path):
    folder = tmp_path / "soon-gone"
    shutil.copytree(model, folder)
    voice = replace(anchored, model=str(folder))
    with Pool(csm_settings) as pool:
        first = fingerprint(pool.speak("csm", request(voice)).clip)
        shutil.rmtree(folder)
        assert fingerprint(pool.speak("csm", request(voice)).clip) == first
    with Pool(csm_settings) as pool, pytest.raises(EngineError, match="does not exist"):
        pool.speak("csm", request(voice))
