"""Gains that follow the clock: ducking is down before the first word, and the same wherever a block is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.mix.curves import LEVEL, Curve, duck, merged
from demod_voice.mix.panning import pan_gains

INTERVALS = st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 800)).map(lambda each: (each[0], sum(each))))


def drawn(curve: Curve, count: int, step: int) -> np.ndarray:
    parts = [
        np.broadcast_to(curve.gains(start, min(step, count - start)), min(step, count - start))
        for start in range(0, count, step)
    ]
    return np.concatenate(parts)


def test_the_bed_is_down_when_the_first_word_comes_and_up_after_the_last() -> None:
    gains_db = 20 * np.log10(drawn(duck([(1000, 2000)], -10.0, 200, 400), 4000, 4000))
    assert gains_db[:800] == pytest.approx(np.zeros(800), abs=1e-4)
    assert gains_db[900] == pytest.approx(-5.0, abs=0.1)
    assert gains_db[1000:2001] == pytest.approx(np.full(1001, -10.0), abs=1e-4)
    assert gains_db[2200] == pytest.approx(-5.0, abs=0.1)
    assert gains_db[2400:] == pytest.approx(np.zeros(1600), abs=1e-4)


@given(INTERVALS, st.integers(1, 300), st.integers(1, 300))
def test_whatever_the_intervals_speech_is_ducked_and_nothing_is_louder(intervals, attack: int, release: int) -> None:
    curve = duck(intervals, -6.0, attack, release)
    gains = drawn(curve, 6000, 6000)
    for start, end in intervals:
        assert gains[start : min(end, 6000)] == pytest.approx(10 ** (-6 / 20), abs=1e-5)
    assert gains.max() <= 1.0 + 1e-6
    assert list(curve.samples) == sorted(set(curve.samples))


@given(INTERVALS, st.integers(7, 900))
def test_blocks_leave_no_trace(intervals, step: int) -> None:
    curve = duck(intervals, -6.0, 100, 200)
    assert np.array_equal(drawn(curve, 6000, step), drawn(curve, 6000, 6000))


def test_no_intervals_is_no_change() -> None:
    assert duck([], -6.0, 10, 10) is LEVEL
    assert LEVEL.gains(5, 10) == 1.0


def test_near_intervals_become_one() -> None:
    assert merged([(50, 60), (0, 10), (15, 20), (5, 5)], 5) == [(0, 20), (50, 60)]


@pytest.mark.parametrize("position", [-1.0, -0.5, 0.0, 0.3, 1.0])
def test_equal_power_keeps_the_power_wherever_a_voice_stands(position: float) -> None:
    left, right = pan_gains(position)
    assert left**2 + right**2 == pytest.approx(1.0)
    assert (right > left) == (position > 0)


@pytest.mark.parametrize(
    ("position", "left", "right"), [(-1, 1.0, 0.0), (0, 0.5, 0.5), (0.5, 0.25, 0.75), (1, 0.0, 1.0)]
)
def test_the_linear_law_is_the_documents(position: float, left: float, right: float) -> None:
    assert pan_gains(position, "linear") == pytest.approx((left, right))


@pytest.mark.parametrize(("position", "law"), [(1.1, "linear"), (-2, "equal-power"), (0, "round")])
def test_a_place_that_is_not_there_is_refused(position: float, law: str) -> None:
    with pytest.raises(ValueError, match=r"position|law"):
        pan_gains(position, law)
