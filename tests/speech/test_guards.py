"""Bad takes are seen, good ones are left in peace."""

from __future__ import annotations

import numpy as np
import pytest

from demod_voice.audio.clip import Clip, mono
from demod_voice.speech.guards import examine, length_bounds_s, peak_dbfs

RATE = 16_000
TEXT = "This is a sentence of an ordinary length, said at an ordinary speed."


def speech(seconds: float, level: float = 0.3) -> Clip:
    rng = np.random.default_rng(7)
    return mono(level * rng.standard_normal(round(seconds * RATE)).clip(-3, 3) / 3, RATE)


@pytest.mark.parametrize("seconds_per_char", [0.02, 0.065, 0.15, 0.4])
def test_readings_of_any_sane_speed_pass(seconds_per_char: float) -> None:
    assert examine(speech(seconds_per_char * len(TEXT)), TEXT) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024", 2.6),
        ("Ok", 0.15),
        ("I", 1.5),
        ("555 1234 987", 6.0),
        ("www.example.org", 6.0),
        ("\U0001f600 hi", 2.5),
        ("你好世界", 1.4),
        ("$1,234,567.89", 7.0),
    ],
)
def test_short_and_strange_texts_are_not_taken_for_mistakes(text: str, seconds: float) -> None:
    assert examine(speech(seconds), text) is None


@pytest.mark.parametrize(
    ("clip", "word"),
    [
        (Clip(np.zeros((1, 0), np.float32), RATE), "empty"),
        (mono(np.zeros(RATE), RATE), "silent"),
        (mono(np.full(RATE, 10 ** (-61 / 20)), RATE), "silent"),
        (mono(np.array([0.5, np.nan]), RATE), "not a number"),
        (mono(np.array([0.5, np.inf]), RATE), "not a number"),
    ],
)
def test_what_is_never_kept(clip: Clip, word: str) -> None:
    finding = examine(clip, TEXT)
    assert finding is not None
    assert finding.fatal
    assert word in finding.what


def test_a_quiet_take_is_not_silent() -> None:
    assert examine(speech(5.0, level=10 ** (-55 / 20) * 1.1), TEXT) is None


def test_runaway_and_truncated_takes_are_found_with_how_bad_they_are() -> None:
    shortest, longest = length_bounds_s(TEXT)
    worse, bad = examine(speech(longest * 4), TEXT), examine(speech(longest * 2), TEXT)
    assert worse is not None
    assert bad is not None
    assert not bad.fatal
    assert "too long" in bad.what
    assert worse.badness > bad.badness > 1
    short = examine(speech(shortest / 2), TEXT)
    assert short is not None
    assert "too short" in short.what


def test_bounds_follow_the_speed_that_was_asked_for() -> None:
    slow, fast, plain = (length_bounds_s(TEXT, speed) for speed in (0.5, 2.0, 1.0))
    assert slow == (plain[0], 2 * plain[1])
    assert fast == (plain[0] / 2, plain[1])


def test_a_waveform_that_is_cut_flat() -> None:
    sine = np.sin(2 * np.pi * 200 * np.arange(4 * RATE) / RATE)
    flat = examine(mono((4 * sine).clip(-1, 1), RATE), TEXT)
    assert flat is not None
    assert "clipped: 8" in flat.what  # a sine of 4 times full scale is above it for 1 - 2 asin(1/4)/pi = 83.9 %
    assert examine(mono(0.9999 * sine, RATE), TEXT) is None


def test_peak_is_in_dbfs() -> None:
    assert peak_dbfs(mono(np.array([0.0, -0.5]), RATE)) == pytest.approx(-6.0206, abs=1e-3)
