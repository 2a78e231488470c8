"""What espeak says: the same bytes, every language, word times, rate, pitch, level, and odd texts."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from demod_worker.messages import Voice
from support.processes import peak_mb
from support.sound import fingerprint, pitches_hz, rms_db

from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import EngineRefused

FOX = "The quick brown fox jumps over the lazy dog near the bank of the river."
VOICED = "Mary was in the garden all morning, where we were reading aloud. My uncle and I love a warm, lazy evening."
SENTENCES = {
    "en-gb": "Good morning, how are you today?",
    "en-us": "Good morning, how are you today?",
    "fr-fr": "Bonjour, comment allez-vous aujourd'hui ?",
    "pt-br": "Bom dia, como você está hoje?",
    "pt-pt": "Bom dia, como você está hoje?",
    "de": "Guten Morgen, wie geht es Ihnen heute?",
    "es": "Buenos días, ¿cómo está usted hoy?",
    "es-419": "Buenos días, ¿cómo está usted hoy?",
    "it": "Buongiorno, come sta oggi?",
    "pl": "Dzień dobry, jak się pan dzisiaj ma?",
    "ru": "Доброе утро, как вы сегодня?",
    "uk": "Доброго ранку, як ви сьогодні?",
    "el": "Καλημέρα, πώς είστε σήμερα;",
    "tr": "Günaydın, bugün nasılsınız?",
    "ar": "صباح الخير، كيف حالك اليوم؟",
    "he": "בוקר טוב, מה שלומך היום?",
    "hi": "सुप्रभात, आज आप कैसे हैं?",
    "mr": "सुप्रभात, आज तुम्ही कसे आहात?",
    "ta": "காலை வணக்கம், இன்று எப்படி இருக்கிறீர்கள்?",
    "zh": "早上好，你今天好吗？",
    "yue": "早晨，你今日好嗎？",
    "ja": "おはようございます。",
    "ko": "안녕하세요, 오늘 어떠세요?",
    "vi": "Chào buổi sáng, hôm nay bạn thế nào?",
    "sw": "Habari za asubuhi, hujambo leo?",
}


def say(pool: Pool, text: str = FOX, **wishes) -> Speech:
    preset = wishes.pop("preset", None)
    return pool.speak("espeak", SpeechRequest(text, voice=Voice(preset=preset), **wishes))


def test_the_same_words_give_the_same_bytes_whatever_was_said_before(espeak, espeak_settings):
    first = say(espeak)
    say(espeak, "Something else entirely, much longer, with 42 numbers.", language="de", speed=1.4)
    say(espeak, "...")
    assert fingerprint(say(espeak).clip) == fingerprint(first.clip)
    with Pool(espeak_settings) as another:
        assert fingerprint(say(another).clip) == fingerprint(first.clip)
        assert say(another).words == first.words


@pytest.mark.parametrize(
    "preset",
    [
        "en-us+f3",
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("en-us+whisper", "en-us+Demonic", "en-gb+f5")),
    ],
)
def test_breathy_variants_give_the_same_bytes_at_another_time(espeak_settings, preset):
    """Their noise comes from rand(), which the library seeds with the time in seconds."""
    found = set()
    for _ in range(2):
        with Pool(espeak_settings) as pool:
            found.add(fingerprint(say(pool, "The same breath, twice.", preset=preset).clip))
        time.sleep(1.1)
    assert len(found) == 1


def test_two_workers_at_once_do_not_change_each_other(espeak_settings):
    from concurrent.futures import ThreadPoolExecutor

    with Pool(espeak_settings, jobs=2) as pool, ThreadPoolExecutor(4) as threads:
        texts = [f"Line number {n} of this small test." for n in range(8)]
        at_once = list(threads.map(lambda text: fingerprint(say(pool, text).clip), texts))
        assert at_once == [fingerprint(say(pool, text).clip) for text in texts]
    assert len(set(at_once)) == len(texts)


def test_every_language_has_a_sound_of_its_own(espeak):
    spoken = {language: say(espeak, text, language=language) for language, text in SENTENCES.items()}
    assert {language for language, each in spoken.items() if rms_db(each.clip) < -40} == set()
    assert {language for language, each in spoken.items() if not 0.8 < each.clip.duration_s < 6} == set()
    assert len({fingerprint(each.clip) for each in spoken.values()}) == len(SENTENCES)
    assert {language: each.degraded for language, each in spoken.items() if each.degraded} == {}


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [("ar", "كتاب", "مدرسة"), ("hi", "किताब", "विद्यालय"), ("zh", "书", "学校"), ("ja", "ほん", "がっこう")],
)
def test_words_of_other_scripts_are_read_and_not_skipped(espeak, language, one, other):
    first, second = say(espeak, one, language=language), say(espeak, other, language=language)
    assert rms_db(first.clip) > -40
    assert rms_db(second.clip) > -40
    assert fingerprint(first.clip) != fingerprint(second.clip)
    assert say(espeak, f"{one} {other}", language=language).clip.duration_s > first.clip.duration_s + 0.1
    # Read as letters by an English voice it would be another, longer sound.
    assert fingerprint(say(espeak, one, language="en").clip) != fingerprint(first.clip)


@pytest.mark.slow
def test_every_voice_and_variant_that_is_listed_can_be_spoken_with(espeak):
    listed = espeak.load("espeak").voices
    presets = [name if not name.startswith("+") else f"en-us{name}" for name in listed]
    assert len(presets) > 230
    spoken = {preset: say(espeak, "one two three", preset=preset).clip for preset in presets}
    assert {preset for preset, clip in spoken.items() if rms_db(clip) < -50} == set()
    variants = [preset for preset in presets if "+" in preset]
    assert len(variants) >= 100
    assert len({fingerprint(spoken[preset]) for preset in variants}) > 0.9 * len(variants)


@pytest.mark.parametrize(
    ("asked", "same_as"),
    [("English (America)", "en-us"), ("gmw/en-US", "en-us"), ("EN_US+F3", "en-us+f3"), ("en-us+female3", "en-us+f3")],
)
def test_a_voice_is_found_by_name_identifier_and_case(espeak, asked, same_as):
    assert fingerprint(say(espeak, preset=asked).clip) == fingerprint(say(espeak, preset=same_as).clip)


def test_a_variant_alone_takes_the_language_of_the_line(espeak):
    alone = say(espeak, SENTENCES["de"], preset="+f3", language="de")
    assert fingerprint(alone.clip) == fingerprint(say(espeak, SENTENCES["de"], preset="de+f3").clip)


@pytest.mark.parametrize(
    ("wish", "nearest"),
    [
        ({"preset": "en-uss"}, "en-us"),
        ({"preset": "en-us+f33"}, "+f3"),
        ({"preset": "Englisch (America)"}, "english (america)"),
        ({"language": "zz-de"}, None),
        ({"preset": "en-us+"}, None),
    ],
)
def test_an_unknown_voice_is_refused_and_the_nearest_is_named(espeak, wish, nearest):
    with pytest.raises(EngineRefused) as refused:
        say(espeak, **wish)
    assert nearest is None or nearest in str(refused.value)
    assert say(espeak, "Still there.").clip.num_samples > 0


@pytest.mark.parametrize(
    "field", [{"model": "/x.onnx"}, {"speaker": "0"}, {"references": ("/a.wav",)}, {"adapter": "/a"}]
)
def test_a_voice_that_espeak_cannot_have_is_refused(espeak, field):
    voice = Voice(**{"preset": "en-us", **field})
    request = SpeechRequest("x", voice=voice)
    with pytest.raises(EngineRefused):
        espeak.speak("espeak", request)


def test_a_region_that_is_not_there_is_told(espeak):
    assert say(espeak, language="en-AU").degraded == ("language: en-AU as en-gb",)
    assert say(espeak, language="de-AT").degraded == ()
    assert fingerprint(say(espeak, language="es-AR").clip) == fingerprint(say(espeak, language="es-419").clip)


@pytest.mark.parametrize("speed", [0.5, 1.5, 2.0, 3.0, 4.0])
def test_speed_divides_the_length(espeak, speed):
    plain, fast = say(espeak, VOICED), say(espeak, VOICED, speed=speed)
    assert fast.clip.duration_s * speed == pytest.approx(plain.clip.duration_s, rel=0.1)
    assert fast.degraded == ()


def test_a_speed_beyond_the_limits_is_told(espeak):
    assert say(espeak, speed=0.25).degraded == ("speed: 0.46 in place of 0.25",)
    assert say(espeak, speed=20.0).degraded == ("speed: 5.14 in place of 20",)


@pytest.mark.parametrize("preset", ["en-us", "en-us+f3", "de+m3"])
@pytest.mark.parametrize("ratio", [0.7, 0.85, 1.2, 1.5])
def test_pitch_is_a_true_ratio(espeak, preset, ratio):
    plain = np.median(pitches_hz(say(espeak, VOICED, preset=preset).clip))
    moved = say(espeak, VOICED, preset=preset, pitch=ratio)
    assert np.median(pitches_hz(moved.clip)) / plain == pytest.approx(ratio, rel=0.04)
    assert moved.degraded == ()


def test_a_pitch_beyond_the_voice_is_told_and_goes_as_far_as_it_can(espeak):
    high = say(espeak, VOICED, pitch=3.0)
    assert high.degraded == ("pitch: 3 is beyond what the voice can do",)
    assert np.median(pitches_hz(high.clip)) > 1.6 * np.median(pitches_hz(say(espeak, VOICED).clip))


def test_the_pitch_range_widens_the_intonation(espeak):
    def spread(wide: int) -> float:
        found = np.log2(pitches_hz(say(espeak, VOICED, style={"pitch_range": wide}).clip))
        return float(np.percentile(found, 90) - np.percentile(found, 10))

    assert spread(0) < 0.1 < spread(50) < spread(90)


@pytest.mark.parametrize(
    "wish", [{"style": {"pitch_range": 101}}, {"style": {"pitch_range": "wide"}}, {"speed": 0.0}, {"pitch": -1.0}]
)
def test_numbers_without_a_meaning_are_refused(espeak, wish):
    with pytest.raises(EngineRefused):
        say(espeak, **wish)


@pytest.mark.parametrize("volume_db", [-20.0, -6.0, 6.0, 12.0])
def test_volume_is_exact_and_nothing_is_cut_off(espeak, volume_db):
    plain, moved = say(espeak), say(espeak, volume_db=volume_db)
    assert rms_db(moved.clip) - rms_db(plain.clip) == pytest.approx(volume_db, abs=0.1)
    assert np.allclose(moved.clip.samples, plain.clip.samples * 10 ** (volume_db / 20), atol=1e-6)
    assert moved.degraded == ()


def test_style_that_espeak_does_not_know_is_told(espeak):
    assert say(espeak, style={"emotion": "glad", "pitch_range": 40}).degraded == ("style.emotion",)


def test_max_s_ends_the_sound_and_says_so(espeak):
    cut = say(espeak, max_s=1.0)
    assert cut.clip.duration_s == pytest.approx(1.0, abs=0.001)
    assert cut.degraded == ("max_s: the text was cut short",)
    assert [word.text for word in cut.words] == FOX.split()[: len(cut.words)]
    assert 0 < len(cut.words) < 8
    assert cut.words[-1].end_s <= 1.0
    assert say(espeak, max_s=60.0).degraded == ()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-us", FOX),
        ("en-us", "It costs $42.50, in 2024; Dr. Smith's dog-house (really) measured 1,234,567 feet!"),
        ("fr-fr", "L'été dernier, j'ai vu trois élèves à l'école."),
        ("ar", SENTENCES["ar"]),
        ("he", SENTENCES["he"]),
        ("hi", "नमस्ते दुनिया। यह एक परीक्षण है।"),
        ("ru", SENTENCES["ru"]),
        ("en-us", "e\u0301te\u0301 cafe\u0301 with 👍 thumbs"),
    ],
)
def test_every_word_has_its_time(espeak, language, text):
    spoken = say(espeak, text, language=language)
    assert [word.text for word in spoken.words] == text.split()
    assert_plausible(spoken)


def test_chinese_is_cut_into_words(espeak):
    spoken = say(espeak, "你好世界。这是一个测试，2024年。", language="zh")
    assert "".join(word.text for word in spoken.words) == "你好世界。这是一个测试，2024年。"
    assert len(spoken.words) >= 8
    assert_plausible(spoken)


def assert_plausible(spoken: Speech) -> None:
    """In order, inside the sound, and each word is heard where it is said to be."""
    for word, after in itertools.pairwise(spoken.words):
        assert 0 <= word.start_s <= word.end_s <= after.start_s + 1e-9
    assert spoken.words[-1].end_s <= spoken.clip.duration_s + 1e-3
    rate, wave = spoken.clip.sample_rate, spoken.clip.samples[0]
    for word in spoken.words:
        assert word.end_s > word.start_s, word
        heard = wave[int(word.start_s * rate) : int(word.end_s * rate)]
        assert np.sqrt(np.mean(heard**2)) > 0.005, word


def test_word_times_follow_what_is_heard(espeak):
    """The pause between two sentences belongs to no word, and cutting the sound at a word gives that word's beginning."""
    spoken = say(espeak, "Alpha. Bravo.")
    alpha, bravo = spoken.words
    rate, wave = spoken.clip.sample_rate, spoken.clip.samples[0]
    pause = wave[int((alpha.end_s + 0.02) * rate) : int((bravo.start_s - 0.02) * rate)]
    assert bravo.start_s - alpha.end_s > 0.2
    assert np.abs(pause).max() < 0.01
    assert np.abs(wave[int(bravo.start_s * rate) :][: rate // 10]).max() > 0.05


def test_a_number_takes_its_time(espeak):
    words = say(espeak, "We saw 7,777,777 birds.").words
    lengths = {word.text: word.end_s - word.start_s for word in words}
    assert lengths["7,777,777"] > 5 * lengths["birds."]


@pytest.mark.parametrize("text", ["...", "?!", "— – —", "", " \n\t "])
def test_text_without_a_word_gives_silence_and_no_words(espeak, text):
    spoken = say(espeak, text)
    assert rms_db(spoken.clip) < -60
    assert spoken.words == ()


def test_emoji_are_read(espeak):
    assert rms_db(say(espeak, "👍😀").clip) > -40


def test_nul_and_control_characters_are_spaces(espeak):
    plain = fingerprint(say(espeak, "one two three").clip)
    assert fingerprint(say(espeak, "one\0two\x7fthree").clip) == plain
    # 0x01 begins an embedded command of the library: "150S" would be a speed.
    assert fingerprint(say(espeak, "one two \x01450S three").clip) != plain
    assert say(espeak, "\x01450S one two three").clip.duration_s > say(espeak, "one two three").clip.duration_s


@pytest.mark.parametrize("markup", ['<break time="9s"/>', "<speak>", "[[h@lloU]]", "&amp;", '<prosody rate="9">'])
def test_markup_is_text(espeak, markup):
    """It is read aloud like any other text: never obeyed, and never swallowed."""
    marked, plain = say(espeak, f"one {markup} two"), say(espeak, "one two")
    assert plain.clip.duration_s + 0.1 < marked.clip.duration_s < plain.clip.duration_s + 8


@pytest.mark.slow
def test_a_very_long_text_streams_in_bounded_memory(espeak_worker):
    text = (FOX + " ") * 1400
    assert len(text.encode()) > 100_000
    count = 0
    item = {"item": 0, "text": text}

    def take(frame):
        nonlocal count
        count += len(frame.payload) // 2

    espeak_worker.request("speak", {"items": [item]}, take)
    assert count / 22050 > 5000
    assert peak_mb(espeak_worker.pid) < 100


def test_sound_comes_while_it_is_made(espeak):
    clips = list(espeak.stream("espeak", SpeechRequest((FOX + " ") * 40)))
    assert len(clips) > 10
    whole = np.concatenate([clip.samples for clip in clips], axis=1)
    assert np.array_equal(whole, say(espeak, (FOX + " ") * 40).clip.samples)


def test_what_engine_toml_says_is_what_the_library_has(espeak):
    loaded = espeak.load("espeak")
    offered = {tag.split("-")[0] for tag in loaded.languages}
    said = set(espeak.info("espeak").languages)
    assert offered <= said
    for older in said - offered:
        assert rms_db(say(espeak, "one two", language=older).clip) > -50
