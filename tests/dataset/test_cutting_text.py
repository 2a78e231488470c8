"""How text and speakers meet the sound: subtitles, words, turns."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from dataset.test_cutting import DEFAULTS, phrases, sound_of
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from demod_voice.config.settings import Segments
from demod_voice.dataset.cutting.cut import CutResult, Sound, TimedText, cut
from demod_voice.dataset.cutting.plan import TOO_LONG
from demod_voice.dataset.cutting.text import NO_SPEECH, NO_TEXT, TOO_LITTLE_TEXT, TOO_MUCH_TEXT, TWO_SPEAKERS
from demod_voice.dataset.cutting.turns import CHANGE, OVERLAP
from demod_voice.dataset.cutting.words import NO_WORDS, UNHEARD
from demod_voice.formats.cues import SpokenWord
from demod_voice.formats.rttm import Turn

SHORT = Segments(min_s=1.0, max_s=15.0)


def lines_of(
    speech: list[tuple[float, float]], *texts: str, late_s: float = 0.0, longer_s: float = 0.0
) -> list[TimedText]:
    """A line for each stretch of speech."""
    named = texts or [f"text {number}." for number in range(len(speech))]
    return [
        TimedText(start + late_s, end + late_s + longer_s, text)
        for (start, end), text in zip(speech, named, strict=True)
    ]


def texts(result: CutResult) -> list[str]:
    return [each.text for each in result.cuts]


def reasons(result: CutResult) -> list[str]:
    return [each.reason for each in result.dropped]


def test_each_text_goes_with_its_speech():
    speech, duration_s = phrases((6.0, 2.0), (7.0, 2.0))
    result = cut(sound_of(speech, duration_s), DEFAULTS, lines_of(speech, "One two.", "Three."))
    assert [(each.text, each.text_source) for each in result.cuts] == [
        ("One two.", "subtitles"),
        ("Three.", "subtitles"),
    ]
    assert not result.dropped
    assert not result.notes


def test_cues_are_merged_and_never_beyond_the_longest():
    pieces = [(1.7, 0.4)] * 30
    speech, duration_s = phrases(*pieces)
    result = cut(sound_of(speech, duration_s), DEFAULTS, lines_of(speech))
    assert " ".join(texts(result)) == " ".join(f"text {number}." for number in range(30))
    assert all(5 <= each.end_s - each.start_s <= 15 for each in result.cuts)


@pytest.mark.parametrize("late_s", [-6.4, -0.3, 0.0, 0.3, 3.7, 9.5])
def test_subtitles_that_are_off_as_a_whole(late_s):
    chance = np.random.default_rng(3)
    pieces = [(float(chance.uniform(1.5, 4)), float(chance.uniform(0.3, 2))) for _ in range(40)]
    speech, duration_s = phrases(*pieces)
    sound = sound_of(speech, duration_s)
    straight = cut(sound, SHORT, lines_of(speech, longer_s=0.2))
    moved = cut(sound, SHORT, lines_of(speech, late_s=late_s, longer_s=0.2))
    assert len(straight.cuts) > 5
    assert [(each.start_s, each.text) for each in moved.cuts] == [(each.start_s, each.text) for each in straight.cuts]
    assert bool(moved.notes) == (late_s != 0.0)


def test_subtitles_of_another_recording_are_told():
    chance = np.random.default_rng(5)

    def random_phrases() -> tuple[list[tuple[float, float]], float]:
        return phrases(*[(float(chance.uniform(1, 5)), float(chance.uniform(1, 6))) for _ in range(80)])

    speech, duration_s = random_phrases()
    result = cut(sound_of(speech, duration_s), SHORT, lines_of(random_phrases()[0]))
    assert "no better than chance" in result.notes[-1]


def test_speech_without_a_text_has_a_row():
    speech, duration_s = phrases((6.0, 2.0), (7.0, 2.0))
    sound, lines = sound_of(speech, duration_s), lines_of(speech)[1:]
    result = cut(sound, DEFAULTS, lines)
    assert [(each.start_s, each.end_s, each.reason) for each in result.dropped] == [(1.0, 7.0, NO_TEXT)]
    kept = cut(sound, DEFAULTS, lines, keep_untexted=True)
    assert [(each.text, each.text_source) for each in kept.cuts] == [("", "none"), ("text 1.", "subtitles")]


def test_with_and_without_a_text_never_share_a_segment():
    speech, duration_s = phrases((3.0, 0.5), (3.0, 0.5), (3.0, 0.5))
    result = cut(sound_of(speech, duration_s), SHORT, lines_of(speech)[:2], keep_untexted=True)
    assert texts(result) == ["text 0. text 1.", ""]


def test_a_text_without_speech_has_a_row():
    speech, duration_s = phrases((6.0, 5.0), (7.0, 2.0))
    lines = [*lines_of(speech), TimedText(9.0, 10.0, "lost"), TimedText(900.0, 901.0, "after the end")]
    result = cut(sound_of(speech, duration_s), DEFAULTS, lines)
    assert [(each.start_s, each.reason) for each in result.dropped] == [(9.0, NO_SPEECH), (duration_s, NO_SPEECH)]


def test_a_line_beside_its_speech():
    """A short word whose line ends before it begins."""
    speech, duration_s = phrases((6.0, 3.0), (0.4, 3.0), (6.0, 0.0))
    lines = [TimedText(1, 7, "a"), TimedText(9.2, 9.9, "yes"), TimedText(13.4, 19.4, "b")]
    result = cut(sound_of(speech, duration_s), Segments(min_s=0.5), lines)
    assert texts(result) == ["a", "yes", "b"]


@pytest.mark.parametrize(("text", "reason"), [("word " * 30, TOO_MUCH_TEXT), ("word", TOO_LITTLE_TEXT)])
def test_a_text_that_cannot_be_what_is_said(text, reason):
    """Twelve lines of 12 words in 6 s, and one of 30 or of 1."""
    speech, duration_s = phrases(*[(6.0, 1.5)] * 13)
    lines = lines_of(speech, *["word " * 12] * 6, text, *["word " * 12] * 6)
    result = cut(sound_of(speech, duration_s), DEFAULTS, lines)
    assert [(each.start_s, each.reason) for each in result.dropped] == [(46.0, reason)]
    few = cut(sound_of(speech[:3], duration_s), DEFAULTS, [*lines[:2], lines[6]])
    assert TOO_MUCH_TEXT not in reasons(few)


def test_a_line_over_several_phrases_keeps_them_together():
    speech, duration_s = phrases((4.0, 0.6), (4.0, 0.6), (4.0, 0.6), (4.0, 0.6))
    lines = [TimedText(1.0, 9.6, "one two"), TimedText(10.2, 18.8, "three four")]
    assert texts(cut(sound_of(speech, duration_s), DEFAULTS, lines)) == ["one two", "three four"]


def test_a_long_line_is_divided_where_punctuation_agrees_with_a_pause():
    speech, duration_s = phrases((8.0, 0.5), (8.0, 0.0))
    text = "It was a long day for everyone here, and nobody wanted to go back home."
    result = cut(sound_of(speech, duration_s), DEFAULTS, [TimedText(1.0, 17.5, text)])
    assert texts(result) == ["It was a long day for everyone here,", "and nobody wanted to go back home."]


def test_a_long_line_without_such_a_mark_has_a_row():
    speech, duration_s = phrases((8.0, 0.5), (8.0, 0.0))
    for text in ("Well, it was a long day and nobody wanted to go back home that early", "x" * 90):
        result = cut(sound_of(speech, duration_s), DEFAULTS, [TimedText(1.0, 17.5, text)])
        assert (texts(result), reasons(result)) == ([], [TOO_LONG])


def test_lines_that_share_a_phrase_are_divided_at_their_border():
    """No pause where one line ends and the next begins, but a pause close to it."""
    speech, duration_s = phrases((9.7, 0.3), (9.0, 0.0))
    lines = [TimedText(1.0, 10.8, "first half"), TimedText(10.8, 20.0, "second half")]
    assert texts(cut(sound_of(speech, duration_s), DEFAULTS, lines)) == ["first half", "second half"]


def test_a_segment_has_one_speaker():
    speech, duration_s = phrases((3.0, 0.4), (3.0, 0.4), (3.0, 0.4), (3.0, 0.0))
    names = ["Anna", "Anna", "Bob", ""]
    lines = [TimedText(*span, "word", name) for span, name in zip(speech, names, strict=True)]
    result = cut(sound_of(speech, duration_s), SHORT, lines)
    assert [each.speaker for each in result.cuts] == ["Anna", "Bob", ""]


@pytest.mark.parametrize(
    "lines",
    [
        [TimedText(1.0, 4.0, "a", "Anna"), TimedText(4.0, 7.0, "b", "Bob")],
        [TimedText(1.0, 7.0, "a b", mixed=True)],
    ],
)
def test_two_speakers_without_a_pause_have_a_row(lines):
    speech, duration_s = phrases((6.0, 1.0))
    assert reasons(cut(sound_of(speech, duration_s), DEFAULTS, lines)) == [TWO_SPEAKERS]


def words_of(speech: list[tuple[float, float]], each_s: float = 0.5) -> tuple[SpokenWord, ...]:
    """Words that touch, all through the speech."""
    found = []
    for start, end in speech:
        for at in np.arange(start, end - 0.01, each_s):
            found.append(SpokenWord(f"w{len(found)}", float(at), float(min(end, at + each_s))))
    return tuple(found)


def with_words(sound: Sound, words: tuple[SpokenWord, ...]) -> Sound:
    return Sound(sound.track, sound.envelope_dbfs, sound.duration_s, words, "whisper")


def test_words_are_the_text():
    speech, duration_s = phrases((6.0, 2.0), (7.0, 2.0))
    result = cut(with_words(sound_of(speech, duration_s), words_of(speech)), DEFAULTS)
    assert [each.text.split()[0] for each in result.cuts] == ["w0", "w12"]
    assert sum(len(each.text.split()) for each in result.cuts) == 26
    assert {each.text_source for each in result.cuts} == {"whisper"}


def test_no_cut_inside_a_known_word():
    """A pause of 300 ms that a word is said to go on through is none."""
    speech, duration_s = phrases((8.0, 0.3), (8.0, 0.0))
    words = (*words_of(speech[:1])[:-1], SpokenWord("through", 8.5, 9.8), *words_of([(9.8, 17.3)]))
    result = cut(with_words(sound_of(speech, duration_s), words), DEFAULTS)
    assert reasons(result) == [TOO_LONG]


def test_a_short_gap_between_known_words_divides_what_is_too_long():
    speech, duration_s = phrases((8.0, 0.07), (8.0, 0.0))
    sound = sound_of(speech, duration_s)
    sound.track.probabilities[int(8 / 0.032) : int(10 / 0.032)] = 0.95
    assert reasons(cut(sound, DEFAULTS)) == [TOO_LONG]
    result = cut(with_words(sound, words_of(speech)), DEFAULTS)
    assert [each.speech_end_s for each in result.cuts] == [9.0, 17.07]


def test_a_word_that_the_detector_missed_is_speech():
    speech, duration_s = phrases((6.0, 0.5), (0.4, 3.0))
    sound = sound_of(speech[:1], duration_s)
    words = (*words_of(speech[:1]), SpokenWord("soft", 7.5, 7.9))
    (only,) = cut(with_words(sound, words), DEFAULTS).cuts
    assert only.text.endswith(" soft")
    assert only.end_s >= 7.9


def test_speech_without_a_word_has_a_row():
    speech, duration_s = phrases((6.0, 2.0), (7.0, 2.0))
    result = cut(with_words(sound_of(speech, duration_s), words_of(speech[:1])), DEFAULTS)
    assert reasons(result) == [NO_WORDS]


@dataclass(frozen=True)
class Guessed(SpokenWord):
    """A word that nobody heard."""

    aligned: bool = False


def test_a_word_that_was_not_heard_between_others_is_said():
    speech, duration_s = phrases((6.0, 2.0), (7.0, 2.0))
    words = list(words_of(speech))
    words[3] = Guessed("soft", words[3].start_s, words[3].end_s)
    result = cut(with_words(sound_of(speech, duration_s), tuple(words)), DEFAULTS)
    assert result.cuts[0].text.split()[2:5] == ["w2", "soft", "w4"]


@pytest.mark.parametrize(("lost", "kept"), [((3, 4, 5), ["w12"]), ((11,), []), ((25,), ["w0"]), ((0,), ["w12"])])
def test_words_whose_phrase_is_unknown_reject_those_that_it_may_be(lost, kept):
    """Three in a row; at the end of a phrase before the next one; at the end; at the beginning."""
    speech, duration_s = phrases((6.0, 2.0), (7.0, 2.0))
    words = [
        Guessed(each.text, each.start_s, each.end_s) if number in lost else each
        for number, each in enumerate(words_of(speech))
    ]
    result = cut(with_words(sound_of(speech, duration_s), tuple(words)), DEFAULTS)
    assert [each.text.split()[0] for each in result.cuts] == kept
    assert set(reasons(result)) == {UNHEARD}


def test_a_guessed_time_is_no_speech():
    speech, duration_s = phrases((6.0, 9.0), (6.0, 0.0))
    words = (*words_of(speech[:1]), *(Guessed("x", 8.0 + n, 9.0 + n) for n in range(7)), *words_of(speech[1:]))
    result = cut(with_words(sound_of(speech, duration_s), words), DEFAULTS)
    assert [(each.start_s, each.end_s) for each in result.dropped] == [(1.0, 7.0), (16.0, 22.0)]


def test_lines_say_who_speaks_the_words():
    speech, duration_s = phrases((6.0, 0.5), (6.0, 0.0))
    lines = [TimedText(*speech[0], "a", "Anna"), TimedText(*speech[1], "b", "Bob")]
    result = cut(with_words(sound_of(speech, duration_s), words_of(speech)), DEFAULTS, lines)
    assert [each.speaker for each in result.cuts] == ["Anna", "Bob"]


def test_turns_are_labels():
    speech, duration_s = phrases((3.0, 0.4), (3.0, 0.4), (6.0, 0.4), (6.0, 0.0))
    turns = [Turn(0.9, 7.5, "S1"), Turn(7.7, 14.0, "S2")]
    result = cut(sound_of(speech, duration_s), DEFAULTS, turns=turns)
    assert [(each.label, each.speech_start_s) for each in result.cuts] == [("S1", 1.0), ("S2", 7.8), ("", 14.2)]


def test_where_two_speak_nothing_is_kept():
    speech, duration_s = phrases((6.0, 0.5), (6.0, 0.5), (6.0, 0.0))
    turns = [Turn(1.0, 8.5, "S1"), Turn(8.0, 21.0, "S2")]
    result = cut(sound_of(speech, duration_s), DEFAULTS, turns=turns)
    assert [(each.start_s, each.reason) for each in result.dropped] == [(7.5, OVERLAP)]
    assert [each.label for each in result.cuts] == ["S1", "S2"]


def test_a_change_without_a_pause_has_a_row():
    speech, duration_s = phrases((6.0, 0.5), (6.0, 0.0))
    turns = [Turn(1.0, 4.0, "S1"), Turn(4.0, 14.0, "S2")]
    result = cut(sound_of(speech, duration_s), DEFAULTS, turns=turns)
    assert reasons(result) == [CHANGE]
    assert [each.label for each in result.cuts] == ["S2"]


SPANS = st.lists(st.tuples(st.floats(0, 120), st.floats(0.01, 30)), max_size=25)
NAMES = st.sampled_from(["", "Anna", "Bob"])


@limits(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.1, 12), st.floats(0.1, 3)), max_size=20),
    SPANS,
    st.lists(NAMES, min_size=25, max_size=25),
    SPANS,
    st.booleans(),
)
def test_whatever_the_text(pieces, shown, names, said, keep):
    speech, duration_s = phrases(*pieces)
    lines = [
        TimedText(start, start + length, f"L{number}. more.", name)
        for number, ((start, length), name) in enumerate(zip(shown, names, strict=False))
    ]
    turns = [Turn(start, start + length, f"S{number % 3}") for number, (start, length) in enumerate(said)]
    sound = sound_of(speech, duration_s)
    result = cut(sound, DEFAULTS, lines, turns, keep_untexted=keep)
    found = [(each.start_s, each.end_s) for each in result.cuts]
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    assert all(5.0 <= round(end - start, 3) <= 15.0 for start, end in found)
    assert len([mark for mark in " ".join(texts(result)).split() if mark.startswith("L")]) == len(
        {mark for mark in " ".join(texts(result)).split() if mark.startswith("L")}
    )
    inside = [(each.speech_start_s, each.speech_end_s) for each in result.cuts]
    inside += [(each.start_s, each.end_s) for each in result.dropped]
    for region in sound.track.regions():
        assert any(a < region.end_s and region.start_s < b for a, b in inside)
    assert keep or not lines or all(each.text for each in result.cuts)


@pytest.mark.slow
@pytest.mark.parametrize("late_s", [0.0, 1.3])
def test_ten_hours_of_subtitles_take_seconds(late_s):
    """Lines that overlap their neighbours' speech link everything, which must not cost more than the length."""
    speech, duration_s = phrases(*[(1.0 + n % 7, 0.2 + (n % 5) * 0.2) for n in range(8000)])
    lines = lines_of(speech, *(["word, word. "] * len(speech)), late_s=late_s, longer_s=3.0)
    turns = [Turn(start, end, f"S{number % 2}") for number, (start, end) in enumerate(speech)]
    sound = sound_of(speech, duration_s)
    began = time.process_time()
    cut(sound, DEFAULTS, lines, turns)
    cut(with_words(sound, words_of(speech)), DEFAULTS, lines)
    assert time.process_time() - began < 20


@limits(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.1, 12), st.floats(0.1, 3)), min_size=1, max_size=20),
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.0, 1.5), st.booleans()), max_size=40),
)
def test_whatever_the_words(pieces, spans):
    """Words anywhere: none whose time is known is cut, none is said twice, none is out of order."""
    speech, duration_s = phrases(*pieces)
    words = [
        (SpokenWord if known else Guessed)(f"w{number}", start, start + length)
        for number, (start, length, known) in enumerate(sorted(spans))
        if start + length < duration_s
    ]
    result = cut(with_words(sound_of(speech, duration_s), tuple(words)), DEFAULTS)
    edges = [edge for each in result.cuts for edge in (each.start_s, each.end_s)]
    for word in words:
        if not isinstance(word, Guessed):
            assert not any(word.start_s + 0.03 < edge < word.end_s - 0.03 for edge in edges)
    said = [int(each[1:]) for each in " ".join(texts(result)).split()]
    assert said == sorted(set(said))
    assert all(each.text for each in result.cuts) or not words
