"""The room's tone: its level, its colour, and that it is a function of the absolute sample."""

from __future__ import annotations

import numpy as np
import pytest

from demod_voice.mix.room_tone import CELL, room_tone

RATE = 48000


@pytest.mark.parametrize("sample_rate", [24000, 48000])
@pytest.mark.parametrize("level", [-50.0, -60.0])
def test_the_level_is_the_rms_that_was_asked_for(sample_rate: int, level: float) -> None:
    made = room_tone(1, 0, 10 * sample_rate, sample_rate, 0, level)
    assert 20 * np.log10(np.std(made)) == pytest.approx(level, abs=0.3)


def test_it_is_dark_and_has_no_rumble() -> None:
    made = room_tone(1, 0, 1 << 20, RATE, 0, -50.0)
    power = np.abs(np.fft.rfft(made)) ** 2
    hz = np.fft.rfftfreq(len(made), 1 / RATE)
    band = {
        name: 10 * np.log10(power[(hz > low) & (hz < high)].mean())
        for name, low, high in (("low", 120, 200), ("mid", 900, 1100), ("high", 9000, 11000), ("sub", 1, 15))
    }
    assert band["low"] - band["mid"] == pytest.approx(14.0, abs=2.5)
    assert band["mid"] - band["high"] == pytest.approx(20.0, abs=3.0)
    assert band["sub"] < band["low"]


@pytest.mark.parametrize(("start", "count"), [(0, 5), (CELL - 3, 9), (3 * CELL + 17, 2 * CELL), (5, 0)])
def test_it_depends_on_the_absolute_sample_alone(start: int, count: int) -> None:
    whole = room_tone(3, 0, 6 * CELL, RATE, 0, -50.0)
    assert np.array_equal(room_tone(3, start, count, RATE, 0, -50.0), whole[start : start + count])


def test_channels_and_seeds_have_rooms_of_their_own() -> None:
    one = room_tone(1, 0, CELL, RATE, 0, -50.0)
    for other in (room_tone(1, 0, CELL, RATE, 1, -50.0), room_tone(2, 0, CELL, RATE, 0, -50.0)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.1
