"""The pure part of the Piper engine: words from phonemes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

IDS = {"_": [0], "^": [1], "$": [2], " ": [3], **{letter: [10 + n] for n, letter in enumerate("abcdefghijklmnop.,")}}


@pytest.fixture(scope="module")
def words(piper_part):
    return piper_part("phoneme_words")


def spell(text):
    """A phonemizer that says every letter as it stands."""
    return [list(text.lower())]


def test_phoneme_words_lie_where_their_samples_are(words):
    #          ^   _   a   _   b   _  sp   _   c   _   .   _   $
    samples = [10, 10, 50, 10, 40, 20, 30, 10, 80, 20, 90, 10, 5]
    found = words.heard_words(list("ab c."), samples, IDS, 1000)
    assert [(each.phonemes, each.begin, each.end) for each in found] == [("ab", 1020, 1140), ("c", 1180, 1280)]


def test_a_phoneme_that_the_voice_does_not_know_takes_no_time(words):
    samples = [10, 10, 50, 10, 5]
    found = words.heard_words(["a", "ʒ"], samples, IDS, 0)
    assert [(each.phonemes, each.begin, each.end) for each in found] == [("aʒ", 20, 80)]


def test_lengths_that_do_not_fit_give_no_words(words):
    assert words.heard_words(list("ab"), [1, 2, 3], IDS, 0) == []


def heard(module, *spans):
    return [module.Heard(*span) for span in spans]


def test_one_word_may_be_heard_as_several(words):
    found = words.word_times("pan 42 go", heard(words, ("pan", 0, 10), ("ab", 10, 20), ("cd", 20, 40), ("go", 50, 60)),
                             lambda word: spell("ab cd") if word == "42" else spell(word), 10)  # fmt: skip
    assert [(each.text, each.start_s, each.end_s) for each in found] == [("pan", 0, 1), ("42", 1, 4), ("go", 5, 6)]


def test_several_words_may_be_heard_as_one(words):
    found = words.word_times("pan of a go", heard(words, ("pan", 0, 10), ("ofa", 10, 40), ("go", 50, 60)), spell, 10)
    assert [(each.text, each.start_s, each.end_s) for each in found] == [
        ("pan", 0, 1), ("of", 1, 3), ("a", 3, 4), ("go", 5, 6),
    ]  # fmt: skip


def test_a_word_that_is_not_heard_has_no_length(words):
    found = words.word_times("pan hmhmhm go", heard(words, ("pan", 0, 10), ("go", 50, 60)), spell, 10)
    assert [(each.text, each.start_s, each.end_s) for each in found] == [("pan", 0, 1), ("hmhmhm", 1, 1), ("go", 5, 6)]


def test_blocks_of_phonemes_are_words_and_punctuation_is_none(words):
    assert list(words.text_words("Say — [[ a b ]], please!")) == [
        ("Say", False), ("a", True), ("b", True), ("please!", False),
    ]  # fmt: skip


@settings(max_examples=60)
@given(
    st.lists(st.text(alphabet="abcdef", min_size=1, max_size=5), max_size=12),
    st.lists(st.text(alphabet="abcdef", min_size=1, max_size=5), min_size=1, max_size=12),
)
def test_whatever_is_heard_words_are_in_order_and_all_there(piper_part, said, sounds):
    module = piper_part("phoneme_words")
    row = [module.Heard(sound, 10 * n, 10 * n + 8) for n, sound in enumerate(sounds)]
    found = module.word_times(" ".join(said), row, spell, 10)
    assert [word.text for word in found] == said
    assert all(word.start_s <= word.end_s for word in found)
    assert all(one.start_s <= two.start_s and one.end_s <= two.start_s + 1e-9 for one, two in itertools.pairwise(found))


def test_a_limit_of_gpu_memory_is_told_to_onnxruntime_in_bytes(piper_part):
    from demod_worker.messages import LoadRequest

    options = piper_part("voice_files").cuda_options
    assert "gpu_mem_limit" not in options(LoadRequest(device="cuda:0"))
    limited = options(LoadRequest(device="cuda:1", memory_fraction=0.5, memory_mb=4096))
    assert (limited["device_id"], limited["gpu_mem_limit"]) == ("1", str(4 << 30))
    assert limited["arena_extend_strategy"] == "kSameAsRequested"
