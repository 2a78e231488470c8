"""Text read letter by letter, as a number, a date: by the words of each language."""

from __future__ import annotations

import pytest

from demod_voice.text.say_as import KINDS, read_as


@pytest.mark.parametrize(
    ("text", "kind", "language", "words"),
    [
        ("FBI", "characters", "en", "F B I"),
        ("a1-b", "characters", "fr-CA", "A un B"),
        ("b2", "characters", "sv", "B 2"),
        ("007", "digits", "en", "zero zero seven"),
        ("12", "digits", "sv", "1 2"),
        ("+1 (555) 123-4567", "telephone", "en", "plus one, five five five, one two three, four five six seven"),
        ("1999", "cardinal", "en", "one thousand nine hundred and ninety-nine"),
        ("1.234", "cardinal", "de", "eintausendzweihundertvierunddreißig"),
        ("-5", "cardinal", "en", "minus five"),
        ("3.5", "cardinal", "en", "three point five"),
        ("3rd", "ordinal", "en", "third"),
        ("21", "ordinal", "de", "einundzwanzigste"),
        ("2026-03-05", "date", "en", "March fifth, twenty twenty-six"),
        ("14:30", "time", "en", "fourteen thirty"),
    ],
)
def test_read_as(text: str, kind: str, language: str, words: str) -> None:
    assert read_as(text, kind, language) == words


@pytest.mark.parametrize(
    ("text", "kind", "language"),
    [
        ("hello", "time", "en"),
        ("12 dogs", "cardinal", "en"),
        ("none", "digits", "en"),
        ("12", "cardinal", "sv"),
        ("MMXX", "ordinal", "en"),
        ("...", "characters", "en"),
    ],
)
def test_what_is_no_such_thing_is_not_guessed(text: str, kind: str, language: str) -> None:
    assert read_as(text, kind, language) is None


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_particular_does_no_harm(kind: str) -> None:
    for text in ("", " ", "\u0663", "٣٤", "1" * 400, "é" * 50, "1,2,3", "१२"):
        read_as(text, kind, "en")
