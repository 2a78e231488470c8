"""Silence at the edges, chunks joined, gain: on signals of known length."""

from __future__ import annotations

import numpy as np
import pytest
from demod_worker.messages import Word
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.audio.clip import Clip, mono
from demod_voice.speech.joining import CHUNK_GAP_S, amplify, join
from demod_voice.speech.trim import LEAD_S, TAIL_S, THRESHOLD_DB, sounding, trim

RATE = 16_000


def tone(seconds: float, level: float = 0.5, lead_s: float = 0.0, tail_s: float = 0.0) -> Clip:
    sound = level * np.cos(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
    edges = [np.zeros(round(each * RATE)) for each in (lead_s, tail_s)]
    return mono(np.concatenate([edges[0], sound, edges[1]]), RATE)


def test_long_silence_is_cut_to_the_two_constants_and_words_move_along() -> None:
    clip = tone(0.4, lead_s=1.0, tail_s=2.0)
    made = trim(clip, [Word("a", 1.0, 1.4)])
    assert made.clip.num_samples == pytest.approx((LEAD_S + 0.4 + TAIL_S) * RATE, abs=4)
    assert made.words == (Word("a", LEAD_S, LEAD_S + 0.4),)
    assert (made.lead_s, made.tail_s) == (pytest.approx(0.95, abs=1e-3), pytest.approx(1.85, abs=1e-3))
    first, last = sounding(made.clip)
    assert first == round(LEAD_S * RATE)
    assert made.clip.num_samples - last == round(TAIL_S * RATE)


def test_short_silence_is_left_alone_bit_by_bit() -> None:
    clip = tone(0.4, lead_s=0.03, tail_s=0.1)
    made = trim(clip, [Word("a", 0.03, 0.43)])
    assert np.array_equal(made.clip.samples, clip.samples)
    assert (made.lead_s, made.tail_s, made.words) == (0.0, 0.0, (Word("a", 0.03, 0.43),))


def test_the_threshold_is_relative_to_the_clips_own_peak() -> None:
    soft = 0.5 * 10 ** ((THRESHOLD_DB + 3) / 20)
    quiet_start = np.concatenate([np.full(RATE, soft), np.full(RATE, 0.5)])
    assert sounding(mono(quiet_start, RATE))[0] == 0
    lower = np.concatenate([np.full(RATE, soft / 2), np.full(RATE, 0.5)])
    assert sounding(mono(lower, RATE))[0] == RATE
    assert sounding(mono(lower / 1000, RATE))[0] == RATE


def test_a_silent_clip_stays_whole() -> None:
    clip = mono(np.zeros(RATE), RATE)
    assert trim(clip, ()).clip.num_samples == RATE


def test_any_channel_counts_as_sound() -> None:
    samples = np.zeros((2, RATE), np.float32)
    samples[1, 100:200] = 0.5
    assert sounding(Clip(samples, RATE)) == (100, 200)


@given(st.floats(0, 3), st.floats(0, 3), st.lists(st.floats(0, 7), min_size=2, max_size=2))
def test_word_times_stay_inside_the_clip_and_in_order(lead_s: float, tail_s: float, times: list[float]) -> None:
    begin, end = sorted(times)
    made = trim(tone(0.2, lead_s=lead_s, tail_s=tail_s), [Word("a", begin, end)])
    (word,) = made.words
    assert 0 <= word.start_s <= word.end_s <= made.clip.duration_s + 1e-6


def test_chunks_are_joined_with_a_short_gap_and_shifted_words() -> None:
    one, two = tone(0.5), tone(0.25, level=0.1)
    clip, words = join([(one, (Word("a", 0.1, 0.5),)), (two, (Word("b", 0.0, 0.2),)), (one, (Word("c", 0.0, 0.5),))])
    gap = round(CHUNK_GAP_S * RATE)
    assert clip.num_samples == 2 * one.num_samples + two.num_samples + 2 * gap
    assert not clip.samples[0, one.num_samples : one.num_samples + gap].any()
    starts = [word.start_s for word in words]
    assert starts == pytest.approx([0.1, 0.5 + CHUNK_GAP_S, 0.75 + 2 * CHUNK_GAP_S], abs=1e-6)
    assert words[-1].end_s == pytest.approx(clip.duration_s, abs=1e-6)


def test_one_chunk_is_untouched() -> None:
    clip = tone(0.1)
    assert join([(clip, ())])[0] is clip


def test_gain_is_exact_and_never_clips() -> None:
    clip = tone(0.1, level=0.5)
    assert amplify(clip, 0.0) is clip
    louder = amplify(clip, 12.0).samples
    assert float(np.abs(louder).max()) == pytest.approx(0.5 * 10 ** (12 / 20), rel=1e-6)
    assert np.allclose(louder / clip.samples, 10 ** (12 / 20), rtol=1e-6)
