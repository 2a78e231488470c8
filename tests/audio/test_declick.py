"""Single clicks are found and repaired; speech, noise and plosives are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from support.signals import noise, speechlike

from demod_voice.audio.declick import Click, context_samples, find_clicks, repaired

RATE = 24000


def clicked(voice: np.ndarray, amplitude: float, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """The voice with about three clicks a second of one to seven samples, and where they begin."""
    random = np.random.default_rng(seed)
    places = np.arange(RATE // 2, len(voice) - RATE // 2, RATE // 3) + random.integers(0, RATE // 12)
    wave = voice.copy()
    for place in places:
        length = int(random.integers(1, 8))
        shape = amplitude * np.exp(-np.arange(length) / 2) * random.choice([1, -1], length)
        wave[place : place + length] += shape
    return wave, places


@pytest.mark.parametrize(("amplitude", "least"), [(0.3, 0.95), (0.8, 0.98)])
def test_clicks_in_noise_are_found_and_repaired(amplitude, least):
    voice = noise(1, 20.0, -45.0, RATE)[0].astype(np.float64)
    wave, places = clicked(voice, amplitude)
    found = find_clicks(wave, 0, RATE)
    hit = sum(any(each.start <= place < each.end for each in found) for place in places)
    assert hit >= least * len(places)
    assert len(found) <= len(places) + 1
    assert all(each.end - each.start < 60 for each in found)
    made = repaired(wave, found)
    assert 10 * np.log10(np.mean((made - voice) ** 2) / np.mean((wave - voice) ** 2)) < -12.0


def test_a_tone_is_continued_through_a_click():
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
    wave = tone + noise(1, 1.0, -80.0, RATE)[0]
    clean = wave.copy()
    wave[12000:12005] += np.array([0.5, -0.4, 0.3, -0.2, 0.2])
    made = repaired(wave, find_clicks(wave, 0, RATE))
    assert np.abs(made - clean).max() < 0.01


def test_noise_has_no_clicks():
    assert find_clicks(noise(1, 30.0, -20.0, RATE)[0].astype(np.float64), 0, RATE) == []
    assert find_clicks(np.zeros(RATE), 0, RATE) == []
    assert find_clicks(np.zeros(10), 0, RATE) == []


def test_bursts_and_pulses_are_no_clicks():
    voice = speechlike(1, 20.0, RATE)[0].astype(np.float64)
    random = np.random.default_rng(1)
    for place in range(RATE, 19 * RATE, RATE):
        burst = random.standard_normal(RATE // 50) * np.exp(-np.arange(RATE // 50) / 200)
        voice[place : place + len(burst)] += 0.2 * burst
    pulses = np.zeros(20 * RATE)
    pulses[:: RATE // 80] = 0.5
    assert find_clicks(voice, 0, RATE) == []
    assert find_clicks(pulses + noise(2, 20.0, -60.0, RATE)[0], 0, RATE)[1:-1] == []


def test_the_same_clicks_wherever_a_stretch_begins():
    wave, _ = clicked(noise(1, 10.0, -45.0, RATE)[0].astype(np.float64), 0.5)
    whole = find_clicks(wave, 0, RATE)
    context = context_samples(RATE)
    for start in (7777, 50001):
        part = [Click(each.start + start, each.end + start) for each in find_clicks(wave[start:], start, RATE)]
        assert [each for each in part if each.start > start + context] == [
            each for each in whole if each.start > start + context
        ]
