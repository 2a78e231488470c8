"""Cleaning: what is dropped, what is folded, what stays."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.text.clean import clean, speakable, without_pictures

ANY = st.text(st.characters(), max_size=60)  # surrogates and controls included


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("a\0b", "ab"),
        ("a\ud800b", "ab"),
        ("a\tb\r\n c\u00a0d\u2009e\u3000f", "a b c d e f"),
        ("e\u0301", "é"),
        ("e\u00ad\u0301", "é"),
        ("\u202eabc\u202c \u2067אבג\u2069", "abc אבג"),
        ("\ufeffHello", "Hello"),
        ("co\u00adop\u200berate", "cooperate"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d🚀 👍🏽 🇩🇪", "👩\u200d🚀 👍🏽 🇩🇪"),
        ("a\ue000b\U0010ffffc", "abc"),
        ("   ", ""),
    ],
)
def test_only_what_may_be_spoken_is_left(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@given(ANY)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(ANY)
def test_no_letter_is_lost(text: str) -> None:
    letters = [char for char in unicodedata.normalize("NFC", text) if char.isalnum()]
    assert len([char for char in clean(text) if char.isalnum()]) <= len(letters)
    assert speakable(clean(text)) == speakable(text)


@pytest.mark.parametrize("mark", ["\u0301", "\u0344", "\u0315\u0300", "\u093c"])
def test_thousands_of_marks_on_one_letter_become_thirty(mark: str) -> None:
    started = time.perf_counter()
    cleaned = clean("a" + mark * 500_000 + "b")
    assert len(cleaned) <= 32
    assert clean(cleaned) == cleaned
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", True), ("7", True), ("½", True), ("字", True), ("…", False), ("👍", False), ("", False), ("-- !", False)],
)
def test_a_letter_or_digit_makes_text_speakable(text: str, expected: bool) -> None:
    assert speakable(text) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hi \U0001f44b\U0001f3fd there", "Hi   there"),
        ("family\U0001f468\u200d\U0001f469\u200d\U0001f467!", "family !"),
        ("\u2764\ufe0f to all", "  to all"),
        ("20\u00b0, \u00a9, \u00bd, \u20ac5 \u2192 x", "20\u00b0, \u00a9, \u00bd, \u20ac5 \u2192 x"),
        ("\u0915\u094d\u200d\u0937 \u5b57 \U00020000", "\u0915\u094d\u200d\u0937 \u5b57 \U00020000"),
    ],
)
def test_pictures_are_not_said_and_signs_and_letters_are(text: str, said: str) -> None:
    assert without_pictures(text) == said
