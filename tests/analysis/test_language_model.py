"""A language model's probabilities add up, whatever the text, and it prefers the text's own order."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.analysis.language_model import BEGIN, END, arpa

pytestmark = pytest.mark.slow

PHRASES = [["the", "old", "captain"], ["opened", "the", "river", "bank"], ["the"], ["the", "old", "river"]]


class Read:
    """An ARPA file read back, by its definition."""

    def __init__(self, text: str) -> None:
        self.logs: dict[tuple[str, ...], float] = {}
        self.backs: dict[tuple[str, ...], float] = {}
        for row in text.splitlines():
            fields = row.split("\t")
            if len(fields) >= 2:
                gram = tuple(fields[1].split(" "))
                self.logs[gram] = float(fields[0])
                self.backs[gram] = float(fields[2]) if len(fields) > 2 else 0.0

    def probability(self, gram: tuple[str, ...]) -> float:
        if gram in self.logs:
            return 10.0 ** self.logs[gram]
        return 10.0 ** self.backs.get(gram[:-1], 0.0) * self.probability(gram[1:])


def vocabulary(phrases: list[list[str]]) -> list[str]:
    return sorted({word for phrase in phrases for word in phrase})


@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5), min_size=1, max_size=8))
def test_what_may_follow_adds_up_to_one(phrases: list[list[str]]) -> None:
    phrases = [*phrases, ["y"], ["z"]]  # so that no history has seen every word
    model = Read(arpa(phrases))
    words = [*vocabulary(phrases), END]
    assert sum(10.0 ** model.logs[(word,)] for word in words) == pytest.approx(1.0, abs=2e-4)
    for history in [(BEGIN,), *((word,) for word in words[:-1]), *itertools.product(words[:-1], repeat=2)]:
        known = history if any(gram[:-1] == history for gram in model.logs) else history[1:]
        total = sum(model.probability((*known, word)) for word in words)
        assert total == pytest.approx(1.0, abs=2e-3), known


def test_the_counts_at_its_head_are_true_and_the_rows_sorted() -> None:
    text = arpa(PHRASES)
    for order in (1, 2, 3):
        (said,) = re.findall(rf"ngram {order}=(\d+)", text)
        rows = text.partition(f"\\{order}-grams:\n")[2].partition("\n\n")[0].splitlines()
        assert len(rows) == int(said)
        grams = [row.split("\t")[1].split(" ") for row in rows]
        assert grams == sorted(grams)
        assert all(len(gram) == order for gram in grams)
    assert text.endswith("\\end\\\n")


def test_the_order_of_the_text_is_the_likeliest() -> None:
    model = Read(arpa(PHRASES))
    assert model.probability(("the", "old", "captain")) > model.probability(("the", "old", "bank")) * 3
    assert model.probability((BEGIN, "opened")) > model.probability((BEGIN, "captain"))
    assert arpa(PHRASES) == arpa([list(each) for each in PHRASES])


@pytest.mark.parametrize("phrases", [[], [[]], [[], []]])
def test_a_text_without_a_word_is_refused(phrases: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="needs words"):
        arpa(phrases)
