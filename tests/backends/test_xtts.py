"""The XTTS engine's real library with a tiny model of random weights."""

from __future__ import annotations

import os
import pickle
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import Voice
from support.sound import fingerprint

from demod_voice.audio.clip import mono
from demod_voice.engines.conformance import check
from demod_voice.engines.conformance_findings import FAILED
from demod_voice.engines.locate import engine
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import EngineRefused, ModelMissing
from demod_voice.media.wav import write_wav

pytestmark = pytest.mark.engines

RATE = 24000
TEXT = "Hello there, Mr. Smith has 42 apples."
CUT = "the model's limit of length: the sound was cut, the model had not ended the text"
READ = {
    "ar": "في الـ 12,5 ثانية.",
    "cs": "Za 12,5 vteřiny, Dr. Novák.",
    "de": "Frau Dr. Müller hat 42 Äpfel.",
    "es": "Hola Sr. Garcia, son 20€.",
    "fr": "Bonjour Mme. Moreau, 14° ?",
    "hi": "12.5 सेकंड में।",
    "hu": "Dr. Szabó itt van, 42.",
    "it": "Buongiorno, Sig. Rossi, 42.",
    "ja": "私は本を3冊読みました。",
    "ko": "50 명의 병사가 있었다.",
    "nl": "Dhr. Jansen heeft 42.",
    "pl": "W 12,5 sekundy.",
    "pt": "Olá Sr. Silva, 42.",
    "ru": "Здравствуйте г-н Иванов, 42.",
    "tr": "Bu 1. test.",
    "zh": "有50名士兵",
}


def recording(path: Path, seed: int = 0, seconds: float = 7.0) -> str:
    """Bursts of coloured noise with pauses between: no speech, and no silence."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 3.0 * np.arange(count) / RATE)
    noise = np.convolve(rng.standard_normal(count), np.ones(8 + seed) / (8 + seed), "same")
    write_wav(path, mono((0.3 * swell * noise).astype(np.float32), RATE), "pcm_s16le")
    return str(path)


@pytest.fixture(scope="module")
def model(tiny_model) -> Path:
    return tiny_model("xtts")


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> str:
    return recording(tmp_path_factory.mktemp("reference") / "ref.wav")


@pytest.fixture(scope="module")
def voice(model, reference) -> Voice:
    return Voice(model=str(model), references=(reference,))


def say(pool: Pool, voice: Voice, text: str = TEXT, **wishes) -> Speech:
    return pool.speak("xtts", SpeechRequest(text, voice=voice, **{"language": "en", "seed": 3, **wishes}))


def test_the_same_seed_gives_the_same_bytes_whatever_was_said_before(xtts, voice):
    first = say(xtts, voice)
    other = say(xtts, voice, seed=4)
    assert first.clip.sample_rate == RATE
    assert first.degraded == (CUT,), "random weights never end a text"
    assert 0.7 < first.clip.duration_s < 0.9, "19 tokens of 1,115 samples"
    assert fingerprint(other.clip) != fingerprint(first.clip)
    assert fingerprint(say(xtts, voice).clip) == fingerprint(first.clip)


def test_chunks_come_before_the_end_and_are_the_take(xtts, voice):
    whole = say(xtts, voice)
    began = time.monotonic()
    arrived = [(time.monotonic() - began, clip) for clip in xtts.stream("xtts", request(voice))]
    assert len(arrived) > 1
    assert arrived[0][0] < arrived[-1][0] * 0.75
    joined = np.concatenate([clip.samples for _, clip in arrived], axis=1)
    assert np.array_equal(joined, whole.clip.samples)


def request(voice: Voice, text: str = TEXT) -> SpeechRequest:
    return SpeechRequest(text, language="en", voice=voice, seed=3)


def test_latents_are_computed_once_for_each_recording(xtts_settings, voice, model, tmp_path):
    cache = Path(os.environ["XDG_CACHE_HOME"])
    with Pool(xtts_settings) as first:
        one = say(first, voice)
    (kept,) = cache.rglob("*.safetensors")
    stamp = kept.stat().st_mtime_ns
    copy = Voice(model=str(model), references=(str(shutil.copy(voice.references[0], tmp_path / "same.wav")),))
    with Pool(xtts_settings) as second:
        assert fingerprint(say(second, copy).clip) == fingerprint(one.clip), "the content counts, not the name"
        assert (
            [kept.stat().st_mtime_ns] == [each.stat().st_mtime_ns for each in cache.rglob("*.safetensors")] == [stamp]
        )
        say(second, copy, style={"gpt_cond_len": 5})
        assert len(list(cache.rglob("*.safetensors"))) == 2, "another way of taking the voice is another voice"
        kept.write_bytes(b"damaged")
    with Pool(xtts_settings) as third:
        assert fingerprint(say(third, voice).clip) == fingerprint(one.clip)
    assert kept.stat().st_size > 1000


def test_the_order_and_the_number_of_recordings_count(xtts, voice, model, tmp_path):
    other = recording(tmp_path / "other.wav", seed=5)
    both = [
        Voice(model=str(model), references=each) for each in ((*voice.references, other), (other, *voice.references))
    ]
    takes = {fingerprint(say(xtts, each).clip) for each in (voice, *both)}
    assert len(takes) == 3


def test_the_models_own_speakers(xtts, model):
    loaded = xtts.load("xtts", str(model))
    assert loaded.voices == ("Ada Tiny", "Bo Tiny")
    takes = {fingerprint(say(xtts, Voice(model=str(model), preset=name)).clip) for name in loaded.voices}
    assert len(takes) == 2
    with pytest.raises(EngineRefused, match="no speaker 'Ada Tony'") as caught:
        say(xtts, Voice(model=str(model), preset="Ada Tony"))
    assert "Ada Tiny" in (caught.value.hint or "")
    with pytest.raises(EngineRefused, match="needs a voice"):
        say(xtts, Voice(model=str(model)))


@pytest.mark.parametrize("language", sorted(READ))
def test_every_language_is_read_by_the_library(xtts, voice, language):
    spoken = say(xtts, voice, READ[language], language=language, max_s=0.3)
    assert 0.2 < spoken.clip.duration_s <= 0.3
    assert spoken.degraded == ("max_s: the sound was cut, the model had not ended the text",)


def test_languages_that_it_does_not_speak_are_refused(xtts, voice):
    with pytest.raises(EngineRefused, match="'sv'") as caught:
        say(xtts, voice, "Hej", language="sv")
    assert "ar, cs, de, en" in (caught.value.hint or "")


def test_speed_and_style_change_the_sound(xtts, voice):
    plain = say(xtts, voice)
    assert say(xtts, voice, speed=1.5).clip.duration_s == pytest.approx(plain.clip.duration_s / 1.5, rel=0.1)
    styles = ({"temperature": 0.2}, {"top_k": 3}, {"top_p": 0.2}, {"top_k": 1})
    takes = {fingerprint(say(xtts, voice, style=style).clip) for style in styles}
    assert len(takes | {fingerprint(plain.clip)}) == 1 + len(styles)
    beams = say(xtts, voice, style={"num_beams": 2, "length_penalty": 2.0})
    assert beams.degraded == (CUT,)
    assert say(xtts, voice, style={"emotion": "sad"}).degraded == ("style.emotion", CUT)
    with pytest.raises(EngineRefused, match="top_p"):
        say(xtts, voice, style={"top_p": 7})


def test_another_number_format_is_another_sound_of_the_same_length(xtts, xtts_settings, voice, with_options):
    settings = with_options(xtts_settings, "xtts", "dtype=bfloat16")
    with Pool(settings) as pool:
        found = say(pool, voice)
    plain = say(xtts, voice)
    assert found.clip.num_samples == plain.clip.num_samples
    assert fingerprint(found.clip) != fingerprint(plain.clip)


def test_a_text_over_the_limit_of_tokens_is_cut_in_halves(xtts, voice):
    found = say(xtts, voice, "seventy " * 60)
    assert found.degraded[0] == "text: cut into 2 at the model's limit of tokens"
    assert found.clip.duration_s == pytest.approx(2 * say(xtts, voice).clip.duration_s, rel=0.01)


def test_a_cancel_leaves_the_model_loaded(xtts, tiny_model, reference):
    long = Voice(model=str(tiny_model("xtts", "600")), references=(reference,))
    say(xtts, long, max_s=0.3)
    sound = xtts.stream("xtts", request(long))
    next(sound)
    began = time.monotonic()
    sound.close()
    assert time.monotonic() - began < 5.0
    began = time.monotonic()
    say(xtts, long, max_s=0.3)
    assert time.monotonic() - began < 3.0, "no second load"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda path: None, "cannot be read"),
        (lambda path: path.write_bytes(b"RIFF no sound"), "no WAV"),
        (lambda path: recording(path, seconds=0.5), "too short"),
        (lambda path: write_wav(path, mono(np.zeros(5 * RATE, np.float32), RATE), "pcm_s16le"), "silent"),
    ],
)
def test_a_reference_without_a_voice_is_refused(xtts, model, tmp_path, make, word):
    path = tmp_path / "ref.wav"
    make(path)
    with pytest.raises(EngineRefused, match=word):
        say(xtts, Voice(model=str(model), references=(str(path),)))


@pytest.fixture(scope="module")
def loader(xtts_settings, start_worker):
    """One worker that is asked to load one bad model after the other."""
    worker = start_worker("xtts", xtts_settings)
    yield worker
    worker.stop()


class Evil:
    """What a pickle file can do: run a program while it is read."""

    def __reduce__(self):
        return os.system, ("touch evil",)


def broken(model: Path, folder: Path, file: str, make) -> Path:
    """A copy of the model with one file changed."""
    folder.mkdir()
    for each in model.iterdir():
        if each.name != file:
            os.link(each, folder / each.name)
    make(folder / file, (model / file).read_bytes())
    return folder


@pytest.mark.parametrize(
    ("file", "make", "failure", "word"),
    [
        ("model.pth", lambda path, data: path.write_bytes(data[: len(data) // 2]), EngineRefused, "cut short"),
        ("model.pth", lambda path, data: path.write_bytes(b""), EngineRefused, "cut short"),
        ("model.pth", lambda path, data: path.write_bytes(pickle.dumps(Evil())), EngineRefused, "more than weights"),
        ("speakers_xtts.pth", lambda path, data: path.write_bytes(pickle.dumps(Evil())), EngineRefused, "refused"),
        ("vocab.json", lambda path, data: path.write_bytes(b"{}"), EngineRefused, "not a tokenizer"),
        ("vocab.json", lambda path, data: None, ModelMissing, "lacks vocab.json"),
        (
            "config.json",
            lambda path, data: path.write_bytes(data.replace(b'"gpt_layers": 2', b'"gpt_layers": 3')),
            EngineRefused,
            "does not fit",
        ),
    ],
)
def test_a_model_that_is_not_whole_is_refused(loader, model, tmp_path, file, make, failure, word):
    folder = broken(model, tmp_path / "model", file, make)
    with pytest.raises(failure, match=word) as caught:
        loader.request("load", {"model": str(folder)})
    assert str(folder) in caught.value.message
    assert not Path("evil").exists()
    assert not (folder / "evil").exists()


def test_a_checkpoint_with_settings_of_moved_classes_is_read_and_left_as_it_is(xtts, model, tiny_model, reference):
    published = tiny_model("xtts", "20", "legacy")
    before = (published / "model.pth").read_bytes()
    take = say(xtts, Voice(model=str(published), references=(reference,)))
    assert (published / "model.pth").read_bytes() == before
    assert fingerprint(take.clip) == fingerprint(say(xtts, Voice(model=str(model), references=(reference,))).clip)


def test_a_model_that_is_removed_while_loaded_speaks_on(xtts, model, tmp_path, reference):
    folder = broken(model, tmp_path / "model", "model.pth", lambda path, data: path.write_bytes(data))
    gone = Voice(model=str(folder), references=(reference,))
    before = say(xtts, gone)
    shutil.rmtree(folder)
    assert fingerprint(say(xtts, gone).clip) == fingerprint(before.clip)


def test_it_passes_the_conformance_suite(xtts_settings, voice, model):
    found = check(engine("xtts", xtts_settings), xtts_settings, model=str(model), voice=voice)
    failed = [each for each in found if each.status == FAILED]
    assert not failed
