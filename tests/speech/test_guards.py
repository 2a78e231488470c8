"""Bad takes are seen, good ones are left in peace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.corpus import sentence

from demod_voice.audio.clip import Clip, mono
from demod_voice.config.settings import DEFAULTS, Engines, EngineSettings
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.speech.guards import examine, length_bounds_s, pace_bounds_s, peak_dbfs, usual_s

RATE = 16_000
CUTS_SEEN, TAILS_SEEN = 0.4, 0.85
"""Measured: 104 of 216 cuts (the others fall into a pause or a soft consonant), 48 of 53 tails."""
TEXT = "This is a sentence of an ordinary length, said at an ordinary speed."


def speech(seconds: float, level: float = 0.3, fade: bool = True) -> Clip:
    """Noise that dies away within 30 ms."""
    rng = np.random.default_rng(7)
    wave = level * rng.standard_normal(round(seconds * RATE)).clip(-3, 3) / 3
    edge = min(len(wave), round(0.03 * RATE)) if fade else 0
    wave[len(wave) - edge :] *= np.linspace(1.0, 0.0, edge)
    return mono(wave, RATE)


def then(*parts: Clip | float) -> Clip:
    """Clips one after the other, with seconds of silence where a number stands."""
    silent = [
        np.zeros((1, round(each * RATE)), np.float32) if isinstance(each, float) else each.samples for each in parts
    ]
    return Clip(np.concatenate(silent, axis=1), RATE)


def found(clip: Clip, text: str = TEXT, **more: Any) -> str:
    """What is found, or nothing."""
    finding = examine(clip, text, **more)
    return "" if finding is None else finding.what


@pytest.mark.parametrize("seconds_per_char", [0.02, 0.065, 0.15, 0.18])
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
    shortest, longest = pace_bounds_s(TEXT)
    worse, bad = examine(speech(longest * 4), TEXT), examine(speech(longest * 2), TEXT)
    assert worse is not None
    assert bad is not None
    assert not bad.fatal
    assert "too long" in bad.what
    assert worse.badness > bad.badness > 1
    short = examine(speech(shortest / 2), TEXT)
    assert short is not None
    assert "too short" in short.what


USUAL_S = 54 * 0.065
"""54 letters of TEXT, seconds."""


def test_the_usual_time_is_of_the_language_and_its_script() -> None:
    assert usual_s(TEXT, "en") == pytest.approx(USUAL_S)
    assert usual_s("شكرا", "ar") == pytest.approx(4 * 0.085)
    assert usual_s("你好", "zh") == usual_s("你好", "en") == pytest.approx(0.44)
    assert usual_s("감사합니다", "ko") == pytest.approx(5 * 0.16)
    assert usual_s("ありがとう", "ja-JP") == pytest.approx(5 * 0.14)
    assert usual_s("12:30 !", "en") == 0.0


def test_abbreviations_in_capitals_may_be_spelled() -> None:
    plain, spelled = pace_bounds_s("the man met the man")[1], pace_bounds_s("the FBI met the CIA")[1]
    assert spelled == pytest.approx(plain + 6 * 2.0)


@pytest.mark.parametrize(
    ("clip", "what"),
    [
        (then(speech(USUAL_S), 1.0, speech(1.2)), "1.2 s of sound after a pause of 1 s"),
        (then(speech(USUAL_S * 0.7), 2.0, speech(3.0)), "3 s of sound after a pause of 2 s"),
        (then(speech(USUAL_S), speech(4.0, level=0.005)), "4 s of noise after its last word"),
        (speech(USUAL_S * 0.7, fade=False), "cut off: it ends at full level"),
        (speech(USUAL_S * 0.2), "too short: 0.7"),
        (then(speech(0.3), 3.0), "too short: 0.3 s of sound for 68"),
        (then(*[speech(1.5), 0.3] * 10), "too long: 15 s of sound for 68"),
        (speech(20.0), "too long: 20 s"),
    ],
    ids=["tail", "late tail", "noise", "cut", "truncated", "silence", "babble", "hum"],
)
def test_what_engines_invent_or_leave_out_is_seen(clip: Clip, what: str) -> None:
    assert found(clip).startswith(what)


@pytest.mark.parametrize(
    ("clip", "text"),
    [
        (then(speech(2.0), 1.2, speech(2.0)), "This is one sentence of it. And this is the other one."),
        (then(speech(1.1), 0.9, speech(0.6), 0.9, speech(1.4)), "One of the three, well; yes, and the third of them."),
        (then(speech(USUAL_S), 2.0), TEXT),
        (then(0.8, speech(USUAL_S)), TEXT),
        (then(speech(USUAL_S), 1.0, speech(0.02)), TEXT),
        (then(speech(USUAL_S), speech(0.6, level=0.01)), TEXT),
        (then(speech(0.5), 0.9, speech(USUAL_S)), TEXT),
    ],
    ids=["two sentences", "clauses", "silence after", "silence before", "click", "echo", "late begin"],
)
def test_what_readers_do_is_left_in_peace(clip: Clip, text: str) -> None:
    assert found(clip, text) == ""


def test_a_slow_voice_may_pause_and_a_fast_one_is_short() -> None:
    slow = then(speech(USUAL_S * 2), 1.2, speech(1.0))
    assert "after a pause" in found(slow)
    assert found(slow, speed=0.5) == ""
    assert found(speech(USUAL_S / 7)).startswith("too short")
    assert found(speech(USUAL_S / 7), speed=2.0) == ""


def test_bounds_follow_the_speed_that_was_asked_for() -> None:
    slow, fast, plain = (length_bounds_s(TEXT, speed) for speed in (0.5, 2.0, 1.0))
    assert slow == (plain[0], 2 * plain[1])
    assert fast == (plain[0] / 2, plain[1])


def test_a_waveform_that_is_cut_flat() -> None:
    sine = np.sin(2 * np.pi * 200 * np.arange(4 * RATE) / RATE)
    flat = examine(mono((4 * sine).clip(-1, 1), RATE), TEXT)
    assert flat is not None
    assert "clipped: 8" in flat.what  # a sine of 4 times full scale is above it for 1 - 2 asin(1/4)/pi = 83.9 %
    sine[-320:] *= np.linspace(1.0, 0.0, 320)
    assert examine(mono(0.9999 * sine, RATE), TEXT) is None


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        # As an engine gets it that reads numbers itself; the seconds are those of the words, at 15 letters a second.
        ("The town spent 1234567 euros. That was far too much, said the mayor.", 5.6, 2.4),
        ("It was 1999. We were young and knew nothing of the years that came.", 1.6, 3.2),
        ("He left in the summer with his brother and the dog. He paid $1,234.50 in 1987.", 2.7, 6.0),
    ],
)
def test_a_pause_where_a_sentence_ends_is_none_of_a_tail_whatever_its_numbers(text, before, after) -> None:
    assert found(then(speech(before), 0.9, speech(after)), text, language="en") == ""
    plain = "".join(sign for sign in text if sign not in ".,")
    assert "after a pause" in found(then(speech(before + after), 0.9, speech(2.0)), plain, language="en")


def test_letters_of_formulas_may_be_read_one_by_one() -> None:
    assert found(speech(6.5), "\U0001d4d7\U0001d4ee\U0001d4f5\U0001d4f5\U0001d4f8", language="en") == ""


def test_peak_is_in_dbfs() -> None:
    assert peak_dbfs(mono(np.array([0.0, -0.5]), RATE)) == pytest.approx(-6.0206, abs=1e-3)


def spoken(pool: Pool, texts: Sequence[str], speed: float = 1.0) -> list[tuple[str, Clip]]:
    return [(text, pool.speak("espeak", SpeechRequest(text, language="en", speed=speed)).clip) for text in texts]


@pytest.fixture(scope="module")
def readings(engine_python: Callable[[str], Path]) -> list[tuple[str, Clip]]:
    """120 lines, read by espeak: invented sentences, and what is short or strange."""
    random = np.random.default_rng(11)
    strange = [
        "Ok.",
        "I.",
        "No!",
        "Hm...",
        "NASA met the FBI.",
        "It costs $1,234.50.",
        "Call 555 1234 987.",
        "Wait... what?",
    ]
    strange += [
        "www.example.org",
        "One. Two. Three.",
        'He said: "Stop!" (and stopped).',
        "Well - I never; not once: never!",
    ]
    texts = [*strange, *(sentence(random) for _ in range(108))]
    named = {"espeak": EngineSettings(python=str(engine_python("espeak")))}
    with Pool(replace(DEFAULTS, engines=Engines(named=named))) as pool:
        return [*spoken(pool, texts[:60]), *spoken(pool, texts[60:90], 0.6), *spoken(pool, texts[90:], 1.8)]


def speeds(count: int) -> list[float]:
    return [1.0] * 60 + [0.6] * 30 + [1.8] * (count - 90)


def test_clean_speech_gives_no_false_alarm(readings: list[tuple[str, Clip]]) -> None:
    alarms = [
        (text, found(clip, text, speed=speed, language="en"))
        for (text, clip), speed in zip(readings, speeds(len(readings)), strict=True)
    ]
    assert len(alarms) == 120
    assert [each for each in alarms if each[1]] == []


def whole(readings: list[tuple[str, Clip]]) -> list[tuple[str, Clip]]:
    """The sentences at speed 1 that are long enough to be spoilt."""
    return [(text, clip) for text, clip in readings[:60] if clip.duration_s > 1.5]


def test_many_cuts_are_seen(readings: list[tuple[str, Clip]]) -> None:
    cuts = [
        (text, Clip(clip.samples[:, : int(clip.num_samples * part)], clip.sample_rate), part)
        for text, clip in whole(readings)
        for part in (0.5, 0.6, 0.7, 0.8)
    ]
    seen = sum(bool(found(clip, text, language="en")) for text, clip, _ in cuts)
    assert len(cuts) > 150
    assert seen / len(cuts) > CUTS_SEEN


def test_most_tails_after_a_pause_are_seen(readings: list[tuple[str, Clip]]) -> None:
    takes = whole(readings)
    tails = []
    for (text, clip), (_, more) in pairwise(takes):
        gap = np.zeros((1, round(1.0 * clip.sample_rate)), np.float32)
        tail = more.samples[:, : round(1.5 * clip.sample_rate)] * np.linspace(1, 0, round(1.5 * clip.sample_rate))
        tails.append(
            (text, Clip(np.concatenate([clip.samples, gap, tail.astype(np.float32)], axis=1), clip.sample_rate))
        )
    seen = sum(bool(found(clip, text, language="en")) for text, clip in tails)
    assert len(tails) > 35
    assert seen / len(tails) > TAILS_SEEN
