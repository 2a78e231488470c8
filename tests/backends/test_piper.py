"""The Piper engine with tiny voices of known behaviour."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import PhonemizeRequest, Voice
from support.processes import long_environment
from support.sound import fingerprint, rms_db

from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import EngineCancelled, EngineRefused, ModelMissing

pytestmark = pytest.mark.engines

TEXT = "Welcome to the world of a speech synthesis! It costs $42.50, Dr. Smith's dog-house. Third one?"
QUIET = {"noise_scale": 0.0, "noise_w": 0.0}


def say(pool: Pool, model: str, text: str = TEXT, speaker: str | None = None, **wishes) -> Speech:
    return pool.speak("piper", SpeechRequest(text, voice=Voice(model=model, speaker=speaker), **wishes))


@pytest.fixture
def voice(tiny_voice) -> str:
    return tiny_voice()


@pytest.fixture
def three(tiny_voice) -> str:
    return tiny_voice(speakers=3)


def test_the_same_seed_gives_the_same_bytes_whatever_was_said_before(piper, piper_settings, voice):
    first = say(piper, voice, seed=1)
    other = say(piper, voice, seed=2)
    assert fingerprint(other.clip) != fingerprint(first.clip)
    say(piper, voice, "Something else.", seed=3)
    again = say(piper, voice, seed=1)
    assert fingerprint(again.clip) == fingerprint(first.clip)
    assert again.words == first.words
    with Pool(piper_settings) as another:
        assert fingerprint(say(another, voice, seed=1).clip) == fingerprint(first.clip)
        assert fingerprint(say(another, voice, seed=2).clip) == fingerprint(other.clip)


def test_sentences_of_one_item_have_noise_of_their_own(piper, voice):
    twice = say(piper, voice, "The same words. The same words.", seed=5, style={"noise_w": 0.0, "noise_scale": 5.0})
    half = twice.clip.num_samples // 2
    one, two = twice.clip.samples[0, :half], twice.clip.samples[0, half : 2 * half]
    assert not np.array_equal(one, two)
    still = say(piper, voice, "The same words. The same words.", seed=5, style=QUIET).clip.samples[0]
    assert np.array_equal(still[:half], still[half:])


def test_without_noise_the_seed_changes_nothing(piper, voice):
    assert fingerprint(say(piper, voice, seed=1, style=QUIET).clip) == fingerprint(
        say(piper, voice, seed=2, style=QUIET).clip
    )


def test_the_noise_is_normal_and_as_loud_as_asked(piper, voice):
    """The tiny graph adds 0.01 x noise_scale x N(0, 1) to every sample; the sine below it is known from a quiet run."""
    quiet = say(piper, voice, "Hello.", style={**QUIET, "normalize_audio": False}).clip.samples[0]
    loud = say(
        piper, voice, "Hello.", style={"noise_w": 0.0, "noise_scale": 2.0, "normalize_audio": False}
    ).clip.samples[0]
    noise = (loud - quiet) / 0.02
    assert len(noise) > 5000
    assert abs(noise.mean()) < 0.05
    assert noise.std() == pytest.approx(1.0, abs=0.03)
    assert np.mean(np.abs(noise) < 1) == pytest.approx(0.683, abs=0.02)


def test_a_graph_with_other_random_nodes_keeps_its_bytes_too(piper, tiny_voice):
    odd = tiny_voice(random="RandomUniformLike")
    assert "made anew for every line" in piper.load("piper", odd).notes[0]
    first = fingerprint(say(piper, odd, seed=1).clip)
    assert fingerprint(say(piper, odd, seed=2).clip) != first
    assert fingerprint(say(piper, odd, seed=1).clip) == first


def test_speakers_by_number_and_name(piper, three):
    by_number = [fingerprint(say(piper, three, speaker=str(number)).clip) for number in range(3)]
    by_name = [fingerprint(say(piper, three, speaker=name).clip) for name in ("anna", "ben", "carl")]
    assert by_number == by_name
    assert len(set(by_number)) == 3
    assert fingerprint(say(piper, three).clip) == by_number[0]
    assert piper.load("piper", three).voices == ("anna", "ben", "carl")


def test_speaker_0_of_a_voice_of_one(piper, voice):
    assert fingerprint(say(piper, voice, speaker="0").clip) == fingerprint(say(piper, voice).clip)


@pytest.mark.parametrize(("speaker", "told"), [("3", "0 to 2"), ("ana", "anna"), ("-1", "0 to 2"), ("1.0", "0 to 2")])
def test_an_unknown_speaker_is_refused_and_the_nearest_is_named(piper, three, speaker, told):
    with pytest.raises(EngineRefused, match=told):
        say(piper, three, speaker=speaker)


@pytest.mark.parametrize(("wish", "factor"), [({"speed": 2.0}, 0.5), ({"style": {"length_scale": 2.0}}, 2.0)])
def test_speed_and_length_scale(piper, voice, wish, factor):
    style = {**QUIET, **wish.pop("style", {})}
    plain, moved = say(piper, voice, style=QUIET), say(piper, voice, style=style, **wish)
    assert moved.clip.duration_s == pytest.approx(factor * plain.clip.duration_s, rel=0.12)
    assert moved.degraded == ()


def test_speed_multiplies_a_length_scale(piper, voice):
    both = say(piper, voice, speed=2.0, style={**QUIET, "length_scale": 2.0})
    assert fingerprint(both.clip) == fingerprint(say(piper, voice, style=QUIET).clip)


def test_noise_w_has_two_names(piper, voice):
    old, new = say(piper, voice, style={"noise_w": 0.3}), say(piper, voice, style={"noise_w_scale": 0.3})
    assert fingerprint(old.clip) == fingerprint(new.clip) != fingerprint(say(piper, voice).clip)


def test_sentence_silence_stands_between_sentences(piper, voice):
    three = "One. Two. Three."
    plain, spaced = say(piper, voice, three), say(piper, voice, three, style={"sentence_silence": 0.5})
    assert spaced.clip.duration_s - plain.clip.duration_s == pytest.approx(2 * 0.5, abs=1e-3)
    assert spaced.words[-1].end_s == pytest.approx(plain.words[-1].end_s + 1.0, abs=1e-3)
    assert np.abs(spaced.clip.samples[0, -100:]).max() > 0


@pytest.mark.parametrize("volume_db", [-12.0, 6.0])
def test_volume_is_exact_and_nothing_is_cut_off(piper, voice, volume_db):
    plain, moved = say(piper, voice), say(piper, voice, volume_db=volume_db)
    assert rms_db(moved.clip) - rms_db(plain.clip) == pytest.approx(volume_db, abs=0.01)
    assert np.allclose(moved.clip.samples, plain.clip.samples * 10 ** (volume_db / 20), rtol=1e-5, atol=1e-7)


def test_every_sentence_is_brought_to_full_scale_unless_it_is_switched_off(piper, voice):
    normal, raw = say(piper, voice, "One."), say(piper, voice, "One.", style={"normalize_audio": False})
    assert np.abs(normal.clip.samples).max() == pytest.approx(1.0)
    assert np.abs(raw.clip.samples).max() < 0.9


def test_every_word_has_its_time(piper, voice):
    spoken = say(piper, voice, seed=4)
    assert [word.text for word in spoken.words] == TEXT.split()
    latest = 0.0
    for word in spoken.words:
        assert latest - 1e-9 <= word.start_s < word.end_s <= spoken.clip.duration_s
        latest = word.end_s
    lengths = {word.text: word.end_s - word.start_s for word in spoken.words}
    assert lengths["$42.50,"] > 4 * lengths["It"]


def test_word_times_are_where_the_phonemes_are(piper, tiny_voice):
    """Letters as phonemes: each has its own frames, so a word spoken alone is found inside the sentence, sample by sample."""
    letters = tiny_voice(phoneme_type="text")
    style = {**QUIET, "normalize_audio": False}
    whole = say(piper, letters, "abc xyz abc", style=style)
    rate, wave = whole.clip.sample_rate, whole.clip.samples[0]
    first, _, last = whole.words
    frames = [(round(word.start_s * rate / 256), round(word.end_s * rate / 256)) for word in (first, last)]
    cut = [wave[begin * 256 : end * 256] for begin, end in frames]
    assert len(cut[0]) > 1000
    assert np.array_equal(cut[0], cut[1])
    for word, (begin, end) in zip((first, last), frames, strict=True):
        assert (word.start_s * rate, word.end_s * rate) == pytest.approx((begin * 256, end * 256), abs=3)


def test_a_voice_without_alignment_gives_no_word_times_and_says_so(piper, tiny_voice):
    plain = tiny_voice(alignment=False)
    assert "no word times" in piper.load("piper", plain).notes[0]
    assert say(piper, plain).words == ()


def test_phonemes_in_the_text_and_in_the_item(piper, piper_settings, voice, start_worker):
    spoken = say(piper, voice, "Hello [[ wˈɜːld ]]", style=QUIET)
    assert [word.text for word in spoken.words] == ["Hello", "wˈɜːld"]
    assert spoken.clip.num_samples == say(piper, voice, "Hello world", style=QUIET).clip.num_samples
    worker = start_worker("piper", piper_settings)
    frames = []
    item = {"item": 0, "text": "ignored", "phonemes": "həlˈoʊ wˈɜːld", "voice": {"model": voice}, "style": QUIET}
    worker.request("speak", {"items": [item]}, frames.append)
    worker.stop()
    assert frames[-1].type == "item-done"
    from_block = say(piper, voice, "[[ həlˈoʊ wˈɜːld ]]", style=QUIET).clip.samples.tobytes()
    assert b"".join(frame.payload for frame in frames) == from_block


def test_the_phonemes_of_a_text_sentence_by_sentence(piper, voice):
    told = piper.phonemize("piper", PhonemizeRequest("Hello world. The end.", voice=Voice(model=voice))).phonemes
    assert len(told) == 2
    spoken = [say(piper, voice, text, style=QUIET).clip for text in ("Hello world.", f"[[ {told[0]} ]]")]
    assert np.array_equal(spoken[0].samples, spoken[1].samples)


def test_the_phonemes_of_a_language_without_a_voice(piper_settings):
    with Pool(piper_settings) as pool:
        told = pool.phonemize("piper", PhonemizeRequest("Hello, world. The end", "en-US")).phonemes
        assert told == ("həlˈoʊ, wˈɜːld.", "ðɪʲ ˈɛnd")
        with pytest.raises(EngineRefused, match="xx"):
            pool.phonemize("piper", PhonemizeRequest("Hello.", "xx"))
        with pytest.raises(EngineRefused, match="needs a voice"):
            pool.phonemize("piper", PhonemizeRequest("Hello."))


def test_a_sentence_comes_as_soon_as_it_is_made(piper, voice):
    clips = list(piper.stream("piper", SpeechRequest("One. Two. Three. Four.", voice=Voice(model=voice), seed=3)))
    assert len(clips) == 4
    whole = say(piper, voice, "One. Two. Three. Four.", seed=3).clip
    assert np.array_equal(np.concatenate([clip.samples for clip in clips], axis=1), whole.samples)


def test_a_cancel_is_done_between_sentences(piper_settings, voice, start_worker):
    worker = start_worker("piper", piper_settings)
    text = "This is one of a great many sentences. " * 2000
    began = 0.0

    def stop(frame):
        nonlocal began
        if frame.type == "audio-chunk":
            began = time.monotonic()
            raise EngineCancelled("enough")

    with pytest.raises(EngineCancelled):
        worker.request("speak", {"items": [{"item": 0, "text": text, "voice": {"model": voice}}]}, stop)
    assert time.monotonic() - began < 1.0
    assert worker.alive
    worker.stop()


def test_max_s_ends_the_sound_and_says_so(piper, voice):
    cut = say(piper, voice, max_s=2.0)
    assert cut.clip.duration_s == pytest.approx(2.0, abs=1e-3)
    assert cut.degraded == ("max_s: the text was cut short",)
    assert [word.text for word in cut.words] == TEXT.split()[: len(cut.words)]
    assert 2 <= len(cut.words) < 6


def test_what_is_not_honoured_is_told(piper, voice):
    spoken = say(piper, voice, pitch=1.2, language="de", style={"emotion": "glad"})
    assert spoken.degraded == ("language: the voice speaks en-us", "pitch", "style.emotion")
    assert say(piper, voice, language="en-GB").degraded == ()


@pytest.mark.parametrize(
    "style",
    [{"length_scale": 0}, {"noise_scale": -1}, {"noise_w": "loud"}, {"normalize_audio": 1}, {"sentence_silence": 1e9}],
)
def test_a_style_out_of_bounds_is_refused(piper, voice, style):
    with pytest.raises(EngineRefused):
        say(piper, voice, style=style)


def test_cuda_that_is_not_there_is_told(piper_settings, voice, start_worker):
    worker = start_worker("piper", piper_settings)
    loaded = worker.request("load", {"model": voice, "device": "cuda:0", "threads": 1})
    assert loaded["device"] == "cpu"
    assert "cuda:0 was asked for" in loaded["notes"][0]
    frames = []
    worker.request("speak", {"items": [{"item": 0, "text": "One.", "voice": {"model": voice}}]}, frames.append)
    assert frames[-1].data["degraded"] == [], "a take is the same wherever it was computed"
    worker.stop()


def test_the_revision_is_of_both_files(piper, voice, tmp_path):
    for name in ("a", "b"):
        for suffix in (".onnx", ".onnx.json"):
            shutil.copy(voice.removesuffix(".onnx") + suffix, tmp_path / f"{name}{suffix}")
    settings = json.loads((tmp_path / "b.onnx.json").read_text())
    (tmp_path / "b.onnx.json").write_text(json.dumps({**settings, "note": "changed"}))
    original = piper.load("piper", voice).model_revision
    assert piper.load("piper", str(tmp_path / "a.onnx")).model_revision == original
    assert piper.load("piper", str(tmp_path / "b.onnx")).model_revision != original
    assert say(piper, str(tmp_path / "a.onnx")).model == "a"


def test_missing_files(piper, voice, tmp_path):
    with pytest.raises(ModelMissing, match=r"nowhere\.onnx does not exist"):
        say(piper, "/nowhere.onnx")
    shutil.copy(voice, tmp_path / "alone.onnx")
    with pytest.raises(ModelMissing, match=r"alone\.onnx\.json does not exist"):
        say(piper, str(tmp_path / "alone.onnx"))


@pytest.mark.parametrize(
    ("model", "settings", "told"),
    [
        (None, "{", "cannot be read"),
        (None, "[]", "holds no object"),
        (None, "{}", "not a Piper voice's settings"),
        (None, '{"audio": 5, "num_symbols": 1, "num_speakers": 1}', "not a Piper voice's settings"),
        (b"no model", None, "not an ONNX model"),
        (b"", None, "not a Piper voice"),
    ],
)
def test_files_that_are_something_else(piper, voice, tmp_path, model, settings, told):
    path = tmp_path / "bad.onnx"
    path.write_bytes(Path(voice).read_bytes() if model is None else model)
    Path(f"{path}.json").write_text(Path(f"{voice}.json").read_text() if settings is None else settings)
    with pytest.raises(EngineRefused, match=told):
        say(piper, str(path))


def test_a_phonemizer_that_is_not_here_is_told(piper, tiny_voice):
    with pytest.raises(EngineRefused, match="pinyin"):
        say(piper, tiny_voice(phoneme_type="pinyin"))


@pytest.mark.parametrize("field", [{"preset": "amy"}, {"references": ("/a.wav",)}, {"adapter": "/a"}, {}])
def test_a_voice_that_piper_cannot_have_is_refused(piper, voice, field):
    model = {"model": voice} if field else {}
    request = SpeechRequest("x", voice=Voice(**model, **field))
    with pytest.raises(EngineRefused):
        piper.speak("piper", request)


@pytest.mark.parametrize(
    "text", ["...", "", " \n", "👍", "a\0b\x01c", "e\u0301te\u0301", "مرحبا بالعالم", "\u202eabc", "\u200b"]
)
def test_odd_texts_do_no_harm(piper, voice, text):
    spoken = say(piper, voice, text)
    assert np.isfinite(spoken.clip.samples).all()
    assert fingerprint(say(piper, voice, "Still here.").clip) == fingerprint(say(piper, voice, "Still here.").clip)


def test_a_very_long_text(piper, voice):
    text = "The quick brown fox jumps. " * 400
    assert len(say(piper, voice, text, style={"length_scale": 0.2}).words) == 2000


def test_two_voices_in_turn(piper, voice, three):
    first = fingerprint(say(piper, voice, seed=1).clip)
    say(piper, three, seed=1, speaker="2")
    assert fingerprint(say(piper, voice, seed=1).clip) == first


def test_a_path_of_over_300_characters_is_no_obstacle(piper, piper_settings, voice, tmp_path, with_python):
    python = long_environment(Path(piper_settings.engines.named["piper"].python), tmp_path, "piper")
    assert len(os.fspath(python.parent.parent)) > 300
    with Pool(with_python("piper", python)) as pool:
        assert fingerprint(say(pool, voice, seed=1).clip) == fingerprint(say(piper, voice, seed=1).clip)
