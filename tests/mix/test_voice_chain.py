"""High-pass, de-esser and compressor: what they take away, what they leave alone, and that blocks leave no trace."""

from __future__ import annotations

import numpy as np
import pytest
from support.signals import level_at, noise, sine, speechlike

from demod_voice.audio.clip import Clip
from demod_voice.formats.mix_spec import Compression
from demod_voice.mix.voice_chain import CELL, ChainSettings, VoiceChain

RATE = 24000
OFF = ChainSettings(high_pass_hz=0.0, de_ess=0.0)


def through(settings: ChainSettings, samples: np.ndarray, blocks: int = 1) -> np.ndarray:
    chain = VoiceChain(settings, RATE)
    cuts = [each[0] * CELL for each in np.array_split(np.arange(samples.shape[1] // CELL), blocks)][1:]
    return np.concatenate([chain.process(piece) for piece in np.split(samples[0], cuts)])


def settled(made: np.ndarray, frequency_hz: float) -> float:
    return level_at(Clip(made[RATE:].reshape(1, -1), RATE), frequency_hz)


def sibilant(seconds: float, level_db: float) -> np.ndarray:
    """Noise between 5.5 and 9.5 kHz."""
    spectrum = np.fft.rfft(noise(3, seconds, level_db, RATE)[0])
    hz = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    spectrum[(hz < 5500) | (hz > 9500)] = 0
    return np.fft.irfft(spectrum, round(seconds * RATE)).astype(np.float32).reshape(1, -1)


def test_a_chain_of_nothing_changes_no_bit() -> None:
    samples = speechlike(1, 2.0, RATE)
    assert np.array_equal(through(OFF, samples), samples[0])


@pytest.mark.parametrize(
    ("frequency_hz", "least", "most"), [(20, -60, -21), (70, -3.2, -2.8), (200, -0.2, 0.1), (1000, -0.02, 0.02)]
)
def test_the_high_pass_takes_the_rumble_only(frequency_hz: float, least: float, most: float) -> None:
    made = through(ChainSettings(high_pass_hz=70.0, de_ess=0.0), sine(frequency_hz, 3.0, 0.0, RATE))
    assert least <= settled(made, frequency_hz) <= most


@pytest.mark.parametrize(("strength", "expected_db"), [(0.3, -3.6), (1.0, -12.0)])
def test_a_sibilant_is_turned_down_by_its_strength(strength: float, expected_db: float) -> None:
    samples = sibilant(3.0, -20.0)
    made = through(ChainSettings(0.0, strength), samples)
    change = 20 * np.log10(np.std(made[RATE:]) / np.std(samples[0, RATE:]))
    assert change == pytest.approx(expected_db, abs=0.7)


def test_a_vowel_goes_through_unchanged() -> None:
    vowel = sum(sine(150 * n, 2.0, -20.0 - 6 * np.log2(n), RATE) for n in range(1, 20))
    made = through(ChainSettings(0.0, 1.0), vowel)
    assert np.abs(made[RATE // 4 :] - vowel[0, RATE // 4 :]).max() < 1e-6


def test_a_hiss_below_the_floor_is_left_alone() -> None:
    samples = sibilant(2.0, -85.0)
    assert np.array_equal(through(ChainSettings(0.0, 1.0), samples), samples[0])


@pytest.mark.parametrize(("level_db", "expected_db"), [(-40.0, 0.0), (-21.0, 0.0), (-11.0, -6.0)])
def test_the_compressor_follows_its_curve(level_db: float, expected_db: float) -> None:
    """Threshold -24 dB of power (a sine of -21 dBFS peak), ratio 2.5: ten decibels over become four."""
    settings = ChainSettings(0.0, 0.0, Compression())
    made = through(settings, sine(1000, 3.0, level_db, RATE))
    assert settled(made, 1000) - level_db == pytest.approx(expected_db, abs=0.3)


def test_the_compressor_is_quick_down_and_slow_up() -> None:
    loud, soft = sine(1000, 1.0, -6.0, RATE), sine(1000, 1.0, -30.0, RATE)
    made = through(ChainSettings(0.0, 0.0, Compression()), np.concatenate([soft, loud, soft], axis=1))
    envelope = np.abs(made).reshape(-1, 240).max(axis=1)
    after_attack, at_end = envelope[100 + 6], envelope[195]
    assert after_attack / at_end < 1.25
    back, rested = envelope[202], envelope[290]
    assert back / rested < 0.75


@pytest.mark.parametrize("blocks", [2, 17, 400])
def test_blocks_leave_no_trace(blocks: int) -> None:
    settings = ChainSettings(70.0, 0.5, Compression())
    samples = speechlike(4, 3.0, RATE, 0.5)
    assert np.abs(through(settings, samples, blocks) - through(settings, samples)).max() < 1e-6
