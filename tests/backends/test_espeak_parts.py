"""The pure parts of the espeak engine: which voice is meant, and words from events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

VOICES = [
    ("English (Great Britain)", [("en-gb", 2), ("en", 2)], "gmw/en"),
    ("English (America)", [("en-us", 2), ("en", 3)], "gmw/en-US"),
    ("Spanish (Spain)", [("es", 5)], "roa/es"),
    ("Spanish (Latin America)", [("es-419", 5), ("es-mx", 6)], "roa/es-419"),
    ("Chinese (Mandarin, latin as English)", [("cmn", 5), ("zh-cmn", 5), ("zh", 5)], "sit/cmn"),
    ("Chinese (Mandarin, latin as Pinyin)", [("cmn-latn-pinyin", 5), ("zh-cmn", 5), ("zh", 5)], "sit/cmn-Latn-pinyin"),
    ("Chinese (Cantonese)", [("yue", 5), ("zh-yue", 5), ("zh", 8)], "sit/yue"),
    ("Chinese (Cantonese, latin as Jyutping)", [("yue", 5), ("zh-yue", 5), ("zh", 8)], "sit/yue-Latn-jyutping"),
    ("Norwegian Bokmål", [("nb", 5), ("no", 5)], "gmq/nb"),
]
VARIANTS = [("female3", "f3"), ("Mr_Serious", "Mr serious"), ("Gene", "Gene")]
WORD, SILENCE, SOUND = 1, 2, 3


@pytest.fixture(scope="module")
def catalogue(espeak_part):
    return espeak_part("catalogue").Catalogue(VOICES, VARIANTS)


@pytest.fixture(scope="module")
def word_times(espeak_part):
    return espeak_part("word_times").word_times


@pytest.mark.parametrize(
    ("language", "identifier", "approximated"),
    [
        ("", "gmw/en", ""),
        ("en", "gmw/en", ""),
        ("en_US", "gmw/en-US", ""),
        ("en-AU", "gmw/en", "en-AU as en-gb"),
        ("es-MX", "roa/es-419", ""),
        ("es-CL", "roa/es-419", ""),
        ("es-ES", "roa/es", ""),
        ("zh", "sit/cmn", ""),
        ("zh-Hant-TW", "sit/cmn", ""),
        ("zh-HK", "sit/yue", ""),
        ("yue", "sit/yue", ""),
        ("nn", "gmq/nb", ""),
        ("no-NO", "gmq/nb", "no-NO as nb"),
    ],
)
def test_a_language_finds_its_voice(catalogue, language, identifier, approximated):
    choice = catalogue.choose("", language)
    assert (choice.identifier, choice.approximated) == (identifier, approximated)


@pytest.mark.parametrize(
    ("preset", "identifier"),
    [
        ("en-us", "gmw/en-US"),
        ("en-us+f3", "gmw/en-US+f3"),
        ("en-us+female3", "gmw/en-US+f3"),
        ("EN-US+GENE", "gmw/en-US+Gene"),
        ("+mr serious", "gmw/en+Mr serious"),
        ("yue-latn-jyutping", "sit/yue-Latn-jyutping"),
        ("chinese (cantonese)", "sit/yue"),
    ],
)
def test_a_preset_finds_its_voice(catalogue, preset, identifier):
    assert catalogue.choose(preset, "").identifier == identifier


def test_a_preset_beats_the_language(catalogue):
    assert catalogue.choose("en-us", "es").identifier == "gmw/en-US"


def test_every_voice_is_offered_under_a_name_of_its_own(catalogue):
    bases = [name for name in catalogue.presets if not name.startswith("+")]
    assert len(bases) == len(set(bases)) == len(VOICES)
    found = {catalogue.choose(name, "").identifier for name in bases}
    assert found == {identifier for _, _, identifier in VOICES}


def test_the_order_of_the_voices_does_not_matter(espeak_part, catalogue):
    backwards = espeak_part("catalogue").Catalogue(VOICES[::-1], VARIANTS[::-1])
    assert backwards.presets == catalogue.presets
    assert [backwards.choose("", tag) for tag in backwards.languages] == [
        catalogue.choose("", tag) for tag in catalogue.languages
    ]


@pytest.mark.parametrize(
    ("preset", "language", "nearest"), [("en-uss", "", "en-us"), ("en+f4", "", "+f3"), ("", "yuo", "yue")]
)
def test_what_is_unknown_names_the_nearest(espeak_part, catalogue, preset, language, nearest):
    with pytest.raises(espeak_part("catalogue").UnknownVoice) as unknown:
        catalogue.choose(preset, language)
    assert nearest in unknown.value.nearest


def test_words_end_where_silence_begins(word_times):
    events = [(WORD, 0, 0), (SOUND, -1, 100), (SILENCE, -1, 500), (WORD, 6, 800), (SOUND, -1, 810), (SILENCE, -1, 950)]
    found = word_times("Hello. World!", events, 1000, 1000)
    assert [(word.text, word.start_s, word.end_s) for word in found] == [("Hello.", 0.0, 0.5), ("World!", 0.8, 0.95)]


def test_a_silence_inside_a_word_does_not_end_it(word_times):
    events = [(SOUND, -1, 0), (WORD, 0, 0), (SILENCE, -1, 200), (SOUND, -1, 300), (WORD, 1, 310), (WORD, 6, 700)]
    found = word_times("1,234 more", events, 1000, 1000)
    assert [(word.text, word.start_s, word.end_s) for word in found] == [("1,234", 0.0, 0.7), ("more", 0.7, 1.0)]


def test_words_spoken_in_one_go_share_the_time_by_their_letters(word_times):
    found = word_times("of a kind", [(WORD, 0, 0), (WORD, 5, 300)], 1000, 600)
    assert [(word.text, word.start_s, word.end_s) for word in found] == [
        ("of", 0.0, 0.2),
        ("a", 0.2, 0.3),
        ("kind", 0.3, 0.6),
    ]


def test_scripts_without_spaces_are_cut_where_the_engine_says(word_times):
    found = word_times("你好世界。Hello", [(WORD, 0, 0), (WORD, 2, 200), (WORD, 5, 400)], 1000, 600)
    assert [word.text for word in found] == ["你好", "世界。", "Hello"]


def test_a_place_in_a_space_counts_for_the_next_word_only_when_that_has_none(word_times):
    found = word_times("👍 smile", [(WORD, 0, 0), (WORD, 1, 200), (WORD, 2, 400)], 1000, 600)
    assert [(word.text, word.start_s) for word in found] == [("👍", 0.0), ("smile", 0.4)]
    found = word_times("— yes", [(WORD, 1, 200)], 1000, 600)
    assert [(word.text, word.start_s) for word in found] == [("yes", 0.2)]


def test_what_was_cut_off_has_no_words(word_times):
    found = word_times("one two three", [(WORD, 0, 0), (WORD, 4, 300)], 1000, 500, whole=False)
    assert [(word.text, word.end_s) for word in found] == [("one", 0.3), ("two", 0.5)]


def test_no_events_no_words(word_times):
    assert word_times("one", [], 1000, 0) == ()
    assert word_times("", [(WORD, 0, 0)], 1000, 10) == ()


EVENTS = st.lists(
    st.tuples(st.sampled_from([WORD, SILENCE, SOUND]), st.integers(-1, 60), st.integers(0, 3000)), max_size=40
)


@given(st.text(alphabet="ab 世界.,é\n", max_size=50), EVENTS, st.booleans())
def test_whatever_the_events_words_are_in_order_and_in_the_text(espeak_part, text, events, whole):
    events = sorted(events, key=lambda event: event[2])
    found = espeak_part("word_times").word_times(text, events, 1000, 2000, whole)
    at = 0
    for word in found:
        at = text.index(word.text, at) + len(word.text)
        assert 0 <= word.start_s <= word.end_s <= 2.0
    assert all(one.end_s <= two.start_s + 1e-9 for one, two in itertools.pairwise(found))
