"""Long pauses are shortened by what is asked, and the map says where everything went."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.audio.silence import Kept, shortened


def test_only_long_pauses_are_shortened():
    found = shortened([(1.0, 3.0), (3.8, 5.0), (9.0, 10.0)], 10.5, longest_s=1.0, left_s=0.4)
    assert found == (Kept(0.0, 5.2, 0.0), Kept(8.8, 10.5, pytest.approx(5.2)))


def test_the_ends_keep_half_a_pause():
    found = shortened([(5.0, 6.0)], 12.0, longest_s=1.0, left_s=0.5)
    assert found == (Kept(4.75, 6.25, 0.0),)


def test_nothing_to_do():
    assert shortened([], 7.0, 1.0, 0.5) == (Kept(0.0, 7.0, 0.0),)
    assert shortened([(0.5, 6.5)], 7.0, 1.0, 0.5) == (Kept(0.0, 7.0, 0.0),)


@pytest.mark.parametrize(("longest_s", "left_s"), [(1.0, 1.5), (1.0, -0.1)])
def test_lengths_that_cannot_be_are_refused(longest_s, left_s):
    with pytest.raises(ValueError, match="cannot be shortened"):
        shortened([(1.0, 2.0)], 5.0, longest_s, left_s)


@given(st.lists(st.floats(0.05, 4.0), min_size=2, max_size=20), st.floats(0.2, 3.0), st.floats(0.0, 1.0))
def test_no_speech_is_lost_and_the_map_is_whole(lengths, longest_s, part):
    speech, place = [], 0.0
    for number, length in enumerate(lengths):
        if number % 2:
            speech.append((place, place + length))
        place += length
    duration_s = place + 1.5
    kept = shortened(speech, duration_s, longest_s, part * longest_s)
    for start_s, end_s in speech:
        assert any(each.start_s <= start_s + 1e-9 and end_s <= each.end_s + 1e-9 for each in kept)
    new = 0.0
    for each in kept:
        assert each.new_start_s == pytest.approx(new)
        new += each.duration_s
    assert new <= duration_s + 1e-9
