"""Lexicons on lines: whole words, the longest first, once; speakers, languages, patterns, and time."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.errors import UsageError
from demod_voice.text.lexicon import Entry, Lexicon, joined
from demod_voice.text.spans import Span


def said(lexicon: Lexicon, text: str, speaker: str = "Ada", language: str = "en", spans: tuple[Span, ...] = ()) -> str:
    """The line with what is said in the place of what is written."""
    _, made, _ = lexicon.pronounced(text, spans, speaker, language)
    return "".join(f"/{span.phonemes}/" if span.phonemes else span.alias or span.text for span in made) or text


WORDS = Lexicon(
    (
        Entry("Demod", "dee-mod"),
        Entry("GIF", "jif", ipa="dʒɪf"),
        Entry("lead", "led", language="en", exact=True),
        Entry("York", "yawk"),
        Entry("New York", "noo yawk"),
        Entry("C++", "see plus plus"),
        Entry("Nguyễn", "win"),
    )
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Demod and DEMOD.", "dee-mod and dee-mod."),
        ("demodulate, xDemod", "demodulate, xDemod"),
        ("A GIF's size", "A /dʒɪf/'s size"),
        ("lead Lead LEAD", "led Lead LEAD"),
        ("New\u00a0York, York", "noo yawk, yawk"),
        ("C++ or C", "see plus plus or C"),
        (unicodedata.normalize("NFD", "Nguyễn says"), "win says"),
        ("nothing to do", "nothing to do"),
    ],
)
def test_whole_words_the_longest_first(text: str, words: str) -> None:
    assert said(WORDS, text) == words


def test_a_line_without_a_match_is_left_alone() -> None:
    spans = (Span("Hello ", rate=2.0), Span("there"))
    assert WORDS.pronounced("Hello there", spans, "Ada", "en") == ("Hello there", spans, ())
    assert WORDS.pronounced("lead", (), "Ada", "de")[1] == ()


def test_what_was_said_is_not_looked_at_again() -> None:
    circle = Lexicon((Entry("one", "two"), Entry("two", "one"), Entry(r"\btwo\b", "three", pattern=True)))
    assert said(circle, "one two") == "two one"


def test_patterns_take_what_the_words_left_in_their_order() -> None:
    rules = Lexicon(
        (
            Entry(r"\bv(\d+)\b", r"version \1", pattern=True),
            Entry(r"(\w+)\.py\b", r"\1 dot pie", pattern=True),
            Entry(r"\b\d+\b", "number", pattern=True),
            Entry("v2", "the second"),
        )
    )
    assert said(rules, "v2, V3 and main.py 7") == "the second, version 3 and main dot pie number"


def test_speakers_and_languages_the_more_particular_wins() -> None:
    names = Lexicon(
        (
            Entry("Nguyen", "new-yen"),
            Entry("Nguyen", "win", speaker="Ada"),
            Entry("Nguyen", "wen", speaker="Ada", language="en-GB"),
            Entry("Nguyen", "ngwee-en", language="fr"),
        )
    )
    assert said(names, "Nguyen", "ada", "en-US") == "win"
    assert said(names, "Nguyen", "Ada", "en-GB") == "wen"
    assert said(names, "Nguyen", "Ben", "en") == "new-yen"
    assert said(names, "Nguyen", "Ben", "fr_CA") == "ngwee-en"


def test_a_later_lexicon_wins() -> None:
    show, episode = Lexicon((Entry("GIF", "gif"),)), Lexicon((Entry("gif", "jif"),))
    assert said(joined([show, episode]), "GIF") == "jif"


def test_markup_that_pronounces_is_left_alone_and_the_manner_is_kept() -> None:
    spans = (Span("A "), Span("GIF", alias="picture"), Span(" and a GIF", rate=0.8), Span(" GIF", language="de"))
    text, made, found = WORDS.pronounced("A GIF and a GIF GIF", spans, "Ada", "en")
    assert [(span.text, span.phonemes, span.rate) for span in made[2:4]] == [(" and a ", "", 0.8), ("GIF", "dʒɪf", 0.8)]
    assert (made[1], len(found), "".join(span.text for span in made)) == (spans[1], 2, text)


def test_a_pattern_that_never_ends_is_a_fault_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demod_voice.text.lexicon.LONGEST_S", 0.1)
    bad = Lexicon((Entry(r"(?:a|aa)+c", "y", pattern=True, source="show.yaml", line=7),))
    began = time.monotonic()
    with pytest.raises(UsageError, match=r"show\.yaml:7: the pattern .* takes too long"):
        bad.pronounced("a" * 60 + "!c", (), "Ada", "en")
    assert time.monotonic() - began < 5.0


@given(st.lists(st.sampled_from(["GIF", "gif", "York", "New York", "x", "Demod,", "v3", "C++"]), max_size=12))
def test_the_written_text_is_always_all_there(words: list[str]) -> None:
    text = " ".join(words)
    written, spans, found = WORDS.pronounced(text, (), "Ada", "en")
    assert written == text
    assert not spans or "".join(span.text for span in spans) == text
    assert bool(spans) == bool(found)
