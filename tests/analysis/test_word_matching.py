"""Words of two texts are paired: always the same word, always rising, and a whole text with itself entirely."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.analysis import word_matching
from demod_voice.analysis.word_matching import matching_words, plain_word

pytestmark = pytest.mark.slow

WORDS = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "an", "er", "ing")]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Hello,", "hello"),
        ("“Don’t”", "don't"),
        ("well-known.", "well-known"),
        ("—", ""),
        ("...", ""),
        ("(1984)", "1984"),
        ("ﬁne", "fine"),
        ("_x_", "x"),
    ],
)
def test_a_word_without_its_punctuation(written: str, plain: str) -> None:
    assert plain_word(written) == plain


@given(st.lists(st.sampled_from("abc "), max_size=30), st.lists(st.sampled_from("abc "), max_size=30))
@pytest.mark.parametrize("small", [400_000, 3])
def test_pairs_are_the_same_word_and_rise(small: int, first: list[str], second: list[str]) -> None:
    before = word_matching.SMALL
    word_matching.SMALL = small
    try:
        one, other = [each.strip() for each in first], [each.strip() for each in second]
        pairs = matching_words(one, other)
    finally:
        word_matching.SMALL = before
    assert all(one[a] == other[b] != "" for a, b in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))


def test_a_long_text_with_holes_and_mistakes_is_found_again_quickly() -> None:
    source = random.Random(4)
    written = [source.choice(WORDS) for _ in range(30_000)]
    heard: list[str] = []
    true: list[tuple[int, int]] = []
    for place, word in enumerate(written):
        chance = source.random()
        if chance < 0.05 or 12_000 < place < 14_000:
            continue
        if chance < 0.15:
            heard.append("wrong")
            continue
        true.append((place, len(heard)))
        heard.append(word)
    began = time.process_time()
    pairs = matching_words(written, heard)
    assert time.process_time() - began < 5.0
    assert len(set(pairs) & set(true)) > 0.97 * len(true)
    assert len(set(pairs) - set(true)) < 0.02 * len(true)


def test_nothing_in_common_and_nothing_at_all() -> None:
    assert matching_words(["a"] * 2000, ["b"] * 2000) == []
    assert matching_words([], ["a"]) == []
