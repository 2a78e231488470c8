"""Where a recording is cut: at pauses, within the asked lengths, and nothing left out without a reason."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.config.settings import Segments
from demod_voice.dataset.cutting.cut import CutResult, Sound, cut
from demod_voice.dataset.cutting.pauses import find_phrases
from demod_voice.dataset.cutting.plan import TOO_LONG, TOO_SHORT
from demod_voice.errors import UsageError

DEFAULTS = Segments()


def sound_of(
    speech: list[tuple[float, float]], duration_s: float, noise_dbfs: float = -70.0, late_s: float = 0.0
) -> Sound:
    """Speech at -20 dBFS with short closures at these times, and a detector whose edges are ``late_s`` off."""
    envelope = np.full(round(duration_s * 100), noise_dbfs, np.float32)
    chances = np.full(int(duration_s / FRAME_S) + 1, 0.02, np.float32)
    for start, end in speech:
        envelope[round(start * 100) : round(end * 100)] = -20.0
        for at in range(round(start * 100) + 20, round(end * 100) - 3, 25):
            envelope[at : at + 2] = noise_dbfs
        chances[round((start + late_s) / FRAME_S) : round((end + late_s) / FRAME_S)] = 0.95
    return Sound(SpeechTrack(chances, "test"), envelope, duration_s)


def phrases(*pieces: tuple[float, float], begin: float = 1.0) -> tuple[list[tuple[float, float]], float]:
    """Speech of (seconds, pause after) pieces, and the length of it all."""
    found, at = [], begin
    for seconds, pause in pieces:
        found.append((round(at, 2), round(at + seconds, 2)))
        at += seconds + pause
    return found, round(at + 1.0, 2)


def cut_of(*pieces: tuple[float, float], settings: Segments = DEFAULTS, **more: float) -> CutResult:
    return cut(sound_of(*phrases(*pieces), **more), settings)


def test_margins_are_150_ms_of_silence():
    (only,) = cut_of((6.0, 2.0)).cuts
    assert (only.start_s, only.end_s) == (0.85, 7.15)
    assert (only.speech_start_s, only.speech_end_s) == (1.0, 7.0)


@pytest.mark.parametrize("late_s", [-0.09, 0.0, 0.09])
def test_the_level_corrects_the_detector(late_s):
    (only,) = cut_of((6.0, 2.0), late_s=late_s).cuts
    assert (only.speech_start_s, only.speech_end_s) == (1.0, 7.0)


def test_margins_end_at_the_recording():
    (only,) = cut(sound_of([(0.05, 6.0)], 6.02), DEFAULTS).cuts
    assert (only.start_s, only.end_s) == (0.0, 6.02)


def test_a_margin_ends_in_the_middle_of_a_short_pause():
    first, second = cut_of((8.0, 0.2), (8.0, 0.0)).cuts
    assert first.end_s == second.start_s == pytest.approx(9.1)


def test_a_long_one_is_split_at_the_longest_pause():
    result = cut_of((4.0, 0.25), (4.0, 0.6), (4.0, 0.25), (4.0, 0.0))
    assert [each.speech_end_s for each in result.cuts] == [9.25, 18.1]


def test_short_ones_are_merged():
    (only,) = cut_of((2.0, 0.8), (2.0, 0.8), (2.0, 0.0)).cuts
    assert (only.speech_start_s, only.speech_end_s) == (1.0, 8.6)


def test_the_last_short_one_is_not_left_over():
    """Greedy filling would make 14 s and leave 2 s."""
    result = cut_of((7.0, 0.3), (7.0, 0.3), (2.0, 0.0))
    assert not result.dropped
    assert [each.speech_end_s for each in result.cuts] == [8.0, 17.6]


def test_a_short_one_alone_has_a_row():
    result = cut_of((3.0, 2.0), (6.0, 0.0))
    assert [(each.start_s, each.end_s, each.reason) for each in result.dropped] == [(1.0, 4.0, TOO_SHORT)]
    assert len(result.cuts) == 1


def test_speech_without_a_pause_is_never_cut():
    result = cut_of((16.0, 2.0), (6.0, 0.0))
    assert [(each.start_s, each.end_s, each.reason) for each in result.dropped] == [(1.0, 17.0, TOO_LONG)]


def test_a_closure_is_no_pause():
    """100 ms of silence, as a stop consonant has, that the detector does not see."""
    sound = sound_of([(1.0, 17.0)], 19.0)
    sound.envelope_dbfs[900:910] = -70.0
    assert [each.reason for each in cut(sound, DEFAULTS).dropped] == [TOO_LONG]


def test_a_weak_pause_divides_what_is_too_long():
    sound = sound_of([(1.0, 9.0), (9.12, 17.0)], 19.0)
    assert [each.speech_end_s for each in cut(sound, DEFAULTS).cuts] == [9.0, 17.0]
    short = sound_of([(1.0, 5.0), (5.12, 9.0)], 11.0)
    assert len(cut(short, DEFAULTS).cuts) == 1


def test_a_pause_is_found_in_noise():
    result = cut_of((8.0, 0.5), (8.0, 0.0), noise_dbfs=-32.0)
    assert len(result.cuts) == 2


def test_soft_speech_beside_loud_has_a_row_or_a_cut():
    sound = sound_of([(1.0, 7.0), (10.0, 16.0)], 18.0)
    sound.envelope_dbfs[1000:1600] = -66.0  # 46 dB softer
    assert len(cut(sound, DEFAULTS).cuts) == 2


def test_a_step_of_the_level_hides_no_words():
    """From another microphone, 45 dB softer, with a detector that is late: its words are judged by their own level."""
    speech, duration_s = phrases(*[(2.0, 0.4)] * 20)
    sound, softer = (sound_of(speech, duration_s, -80.0, late_s=0.09) for _ in range(2))
    softer.envelope_dbfs[2500:] -= 45.0
    assert cut(softer, DEFAULTS) == cut(sound, DEFAULTS)
    assert [each.speech_end_s for each in cut(softer, DEFAULTS).cuts][-1] == speech[-1][1]


@pytest.mark.parametrize("duration_s", [0.0, 0.005, 0.5])
def test_nothing_to_cut(duration_s):
    empty = Sound(SpeechTrack(np.zeros(0, np.float32), "test"), np.zeros(0, np.float32), duration_s)
    assert cut(empty, DEFAULTS) == CutResult((), ())


def test_infinite_levels_are_silence():
    sound = sound_of([(1.0, 7.0)], 9.0, noise_dbfs=-np.inf)
    assert [each.speech_start_s for each in cut(sound, DEFAULTS).cuts] == [1.0]


def test_limits_that_cannot_be_met():
    with pytest.raises(UsageError, match="min_s"):
        cut_of((6.0, 0.0), settings=Segments(min_s=9.0, max_s=8.0))


LENGTHS = st.floats(0.1, 20.0).map(lambda value: round(value, 2))
PAUSES = st.floats(0.1, 3.0).map(lambda value: round(value, 2))


@limits(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(LENGTHS, PAUSES), max_size=25),
    st.floats(-0.08, 0.08),
    st.sampled_from([-90.0, -45.0, -30.0]),
    st.sampled_from([DEFAULTS, Segments(min_s=0.5, max_s=4.0, margin_ms=33.0), Segments(margin_ms=0.0)]),
)
def test_whatever_is_said(pieces, late_s, noise_dbfs, settings):
    speech, duration_s = phrases(*pieces)
    sound = sound_of(speech, duration_s, noise_dbfs, late_s)
    result = cut(sound, settings)
    assert cut(sound, settings) == result
    found = [(each.start_s, each.end_s) for each in result.cuts]
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    assert all(0 <= start < end <= duration_s for start, end in found)
    assert all(settings.min_s <= round(end - start, 3) <= settings.max_s for start, end in found)
    regions = find_phrases(sound.track, sound.envelope_dbfs, duration_s, settings)
    inside = [(each.speech_start_s, each.speech_end_s) for each in result.cuts]
    inside += [(each.start_s, each.end_s) for each in result.dropped]
    for region in regions:
        start, end = region.start_ms / 1000, region.end_ms / 1000
        assert sum(a <= start and end <= b for a, b in inside) == 1
        assert not any(start < edge < end for each in found for edge in each)
    for region in sound.track.regions(settings.speech_threshold):
        assert any(a < region.end_s and region.start_s < b for a, b in inside)


@pytest.mark.slow
def test_ten_hours_take_seconds():
    pieces = [(1.0 + n % 7, 0.2 + (n % 5) * 0.2) for n in range(8000)]
    sound = sound_of(*phrases(*pieces))
    began = time.process_time()
    result = cut(sound, DEFAULTS)
    assert len(result.cuts) > 2000
    assert time.process_time() - began < 10
