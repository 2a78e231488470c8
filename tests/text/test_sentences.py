"""Sentences of eight languages, and chunks that fit an engine."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.text.sentences import chunk, split_sentences


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Mr. Smith paid 3.50 to Dr. Who, e.g. in cash.", "Then he left."]),
        ("en", ["He lives at No. 5 Main Street.", "It is big."]),
        ("en", ['"Really?!" she said.', "Yes!", "No…", "Maybe… not."]),
        ("en", ["“Stop!”", "They stopped."]),
        ("en", ["Look at example.com/?q=1 now.", "Done."]),
        ("en", ["Wait...", "What?"]),
        ("de", ["Das kostet ca. 5,30 Euro.", "Dr. Meier weiß es.", "„Wirklich?“", "Ja."]),
        ("fr", ["M. Dupont habite ici.", "Vraiment ?", "Oui !", "« Bon. »", "Il part."]),
        ("ja", ["今日は晴れです。", "明日は？", "「はい。」と彼は言った。", "終わり！？"]),
        ("zh", ["你好。", "你叫什么名字？", "我很好！"]),
        ("ar", ["كيف حالك؟", "أنا بخير.", "شكرا."]),
        ("hi", ["यह एक वाक्य है।", "दूसरा वाक्य।"]),
        ("ur", ["یہ ایک جملہ ہے۔", "دوسرا۔"]),
        ("xx", ["One.", "Two."]),
        ("pt_BR", ["O Sr. Silva chegou.", "Bom dia."]),
    ],
)
def test_sentences_end_where_a_reader_would_breathe(language: str, sentences: list[str]) -> None:
    joint = "" if language in ("ja", "zh") else " "
    assert split_sentences(joint.join(sentences), language) == sentences


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_no_text_has_no_sentences(text: str) -> None:
    assert split_sentences(text, "en") == []
    assert chunk(text, "en", 10) == []


TEXTS = st.text(st.characters(), max_size=120) | st.text("ab .,!?…。、-'\u0301\u200d👍🏽", max_size=200)


@given(TEXTS, st.sampled_from(["en", "de", "ja", "hi", "zz", ""]))
def test_sentences_hold_every_character_in_order(text: str, language: str) -> None:
    assert "".join("".join(split_sentences(text, language)).split()) == "".join(text.split())


@given(TEXTS, st.integers(1, 40))
def test_chunks_fit_and_lose_nothing(text: str, most: int) -> None:
    pieces = chunk(text, "en", most)
    assert all(0 < len(piece) <= most for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@given(st.lists(st.text("abc.,-:'", min_size=1, max_size=12), min_size=1, max_size=40), st.integers(12, 60))
def test_a_word_that_fits_is_never_cut(words: list[str], most: int) -> None:
    assert " ".join(chunk(" ".join(words), "en", most)).split() == words


@pytest.mark.parametrize(
    ("text", "most", "pieces"),
    [
        ("xe\u0323\u0301y", 2, ["x", "e\u0323", "\u0301y"]),
        ("xe\u0323\u0301y", 3, ["x", "e\u0323\u0301", "y"]),
        ("कििक", 3, ["किि", "क"]),
    ],
)
def test_a_mark_stays_with_its_letter_where_it_can(text: str, most: int, pieces: list[str]) -> None:
    assert chunk(text, "en", most) == pieces


def test_a_sentence_of_thousands_of_words_is_one_sentence() -> None:
    text = "word " * 5000 + "end. Next one. " + "More. " * 3000
    assert [len(each.split()) for each in split_sentences(text, "en")] == [5001, 2, *[1] * 3000]


def test_a_chunk_ends_at_a_clause_before_it_ends_at_a_word() -> None:
    assert chunk("One two three, four five six seven.", "en", 22) == ["One two three,", "four five six seven."]


def test_short_sentences_share_a_chunk() -> None:
    assert chunk("One. Two. Three. Four.", "en", 12) == ["One. Two.", "Three. Four."]
    assert chunk("一。二。三。四。", "zh", 4) == ["一。二。", "三。四。"]


def test_the_joined_emoji_is_not_torn() -> None:
    assert chunk("👩\u200d🚀👍🏽", "en", 4) == ["👩\u200d🚀", "👍🏽"]


def test_a_chunk_of_no_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        chunk("a", "en", 0)


@pytest.mark.parametrize("unit", ["a", ".", "a.", "!", '"', "1,", "…", "。", "ab ", "A. B, ", "- ", "\u0301", ".' "])
def test_a_long_text_takes_seconds(unit: str) -> None:
    text = unit * (200_000 // len(unit)) + " End."
    started = time.perf_counter()
    pieces = chunk(text, "en", 200)
    assert time.perf_counter() - started < 10  # quadratic work would take many minutes
    assert "".join("".join(pieces).split()) == "".join(text.split())
