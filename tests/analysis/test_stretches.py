"""Which words belong to which stretch: decided by anchors, the ends of sentences, and what can be said in the time."""

from __future__ import annotations

import numpy as np

from demod_voice.analysis.speech_track import FRAME_S, Region, SpeechTrack
from demod_voice.analysis.stretches import MARGIN_S, Heard, Stretch, anchors, speech_stretches, with_words

TEXT = "The old captain opened the river bank. Her brother painted a long letter. We waited near the quiet village.".split()


def track(*regions: tuple[float, float], length_s: float) -> SpeechTrack:
    """A track with speech in these places."""
    found = np.zeros(round(length_s / FRAME_S), np.float32)
    for start, end in regions:
        found[round(start / FRAME_S) : round(end / FRAME_S)] = 1.0
    return SpeechTrack(found, "vad")


def heard(first: int, last: int, start_s: float, confidence: float = 0.9) -> list[Heard]:
    """Tokens ``first`` to ``last`` of the text, heard a third of a second apart."""
    words = [TEXT[place].strip(".").lower() for place in range(first, last)]
    return [Heard(word, start_s + n / 3, start_s + (n + 1) / 3, confidence) for n, word in enumerate(words)]


def test_stretches_have_margins_that_end_half_way_to_the_neighbour() -> None:
    found = speech_stretches(track((1, 9), (9.6, 14), (14.26, 25), length_s=30))
    assert len(found) == 3
    assert abs(found[0].start_s - (1 - MARGIN_S)) < FRAME_S
    assert abs(found[0].end_s - (9 + MARGIN_S)) < FRAME_S
    assert found[1].end_s == found[2].start_s  # a pause of 0.26 s is shared
    assert speech_stretches(track(length_s=5)) == ()


def test_short_regions_are_joined_and_the_edges_of_the_recording_kept() -> None:
    found = speech_stretches(track((0, 2), (3, 5), (6, 8), (20, 29.984), length_s=30))
    assert [(round(each.start_s), round(each.end_s)) for each in found] == [(0, 8), (20, 30)]
    assert found[0].start_s == 0.0
    assert found[1].end_s <= 30.0


def test_a_row_of_words_is_an_anchor_and_a_single_short_one_is_not() -> None:
    rows = [
        heard(0, 4, 1.0),
        [Heard("a", 8.0, 8.1, 0.9)],
        [Heard("letter", 9.0, 9.3, 0.9)],
        [Heard("quiet", 12.0, 12.3, 0.9)],
    ]
    assert sorted(anchors(TEXT, rows)) == [0, 1, 2, 3, 12]
    rows[2] = [Heard("letter", 9.0, 9.3, 0.2)]
    assert sorted(anchors(TEXT, rows)) == [0, 1, 2, 3]


def test_words_between_two_stretches_are_divided_at_the_end_of_the_sentence() -> None:
    regions = [Region(0.8, 4.0), Region(4.4, 8.0)]
    found = anchors(TEXT, [heard(0, 5, 1.0), heard(9, 13, 5.0)])
    assert with_words(TEXT[:13], regions, found) == [Stretch(0.8, 4.0, 0, 7), Stretch(4.4, 8.0, 7, 13)]


def test_words_that_may_belong_to_either_join_the_two() -> None:
    regions = [Region(0.8, 2.4), Region(2.6, 4.5)]
    found = anchors(TEXT, [heard(0, 3, 1.0), heard(4, 7, 3.0)])
    assert with_words(TEXT[:7], regions, found) == [Stretch(0.8, 4.5, 0, 7)]


def test_speech_that_is_not_in_the_text_and_text_that_was_not_said_are_left_to_nobody() -> None:
    regions = [Region(0.8, 4.0), Region(10.0, 60.0), Region(70.0, 74.0)]
    far = ["somebody", "else"] * 200
    text = [*TEXT[:7], *far, *TEXT[13:]]
    rows = [
        heard(0, 7, 1.0),
        [],
        [Heard(w.strip(".").lower(), 71 + n / 3, 71.3 + n / 3, 0.9) for n, w in enumerate(TEXT[13:])],
    ]
    assert with_words(text, regions, anchors(text, rows)) == [
        Stretch(0.8, 4.0, 0, 7),
        Stretch(70.0, 74.0, 407, 413),
    ]


def test_the_first_and_the_last_words_reach_into_stretches_without_an_anchor() -> None:
    regions = [Region(0.0, 2.0), Region(2.5, 4.5), Region(5.0, 7.0)]
    found = anchors(TEXT, [[], heard(7, 12, 2.6), []])
    assert with_words(TEXT, regions, found) == [Stretch(0.0, 7.0, 0, 19)]
    assert with_words(TEXT, regions, {}) == []
