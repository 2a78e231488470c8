"""Mains hum is read where it is, at its level, and no voice, bass or noise is taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from support.signals import noise, sine

from demod_voice.audio.hum import BAND_HZ, FOUND_DB, NO_HUM, RATE, hum_level, low_band, measure_hum

SAMPLE_RATE = 24000
NOISE_DBFS = -40.0
PEAK_DB = 10 * np.log10(2)


def line_dbfs(over_db: float) -> float:
    """RMS of the sine that stands so far over white noise of ``NOISE_DBFS``."""
    return NOISE_DBFS - 10 * np.log10(SAMPLE_RATE / 2) + 10 * np.log10(BAND_HZ) + over_db


def pink(seed: int, seconds: float, rms_dbfs: float) -> np.ndarray:
    white = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    spectrum = np.fft.rfft(white)
    at = np.fft.rfftfreq(len(white), 1 / SAMPLE_RATE)
    spectrum *= np.where(at < 20, 0, 1 / np.sqrt(np.maximum(at, 20)))
    wave = np.fft.irfft(spectrum, len(white))
    return (wave / wave.std() * 10 ** (rms_dbfs / 20)).astype(np.float32)


def vowel(pitch_hz: float, seconds: float, vibrato: float = 0.0, jitter: float = 0.0) -> np.ndarray:
    """Harmonics with formants at 600 and 1500 Hz, held without any pause."""
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wander = np.random.default_rng(1).standard_normal(round(seconds * 100) + 2)
    moved = vibrato * np.sin(2 * np.pi * 5.3 * time_s) + jitter * np.interp(
        time_s * 100, np.arange(len(wander)), wander
    )
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + moved)) / SAMPLE_RATE
    wave = np.zeros_like(time_s)
    for number in range(1, int(5000 / pitch_hz)):
        hz = number * pitch_hz
        formants = 1 + 2 * np.exp(-(((hz - 600) / 200) ** 2)) + 2 * np.exp(-(((hz - 1500) / 200) ** 2))
        wave += formants / number * np.cos(number * phase)
    return (0.1 * wave).astype(np.float32)


@pytest.mark.parametrize("seconds", [1.0, 5.0, 15.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_has_no_hum(seed, seconds):
    assert measure_hum(noise(seed, seconds, NOISE_DBFS, SAMPLE_RATE)[0], SAMPLE_RATE) == NO_HUM
    assert measure_hum(pink(seed, seconds, NOISE_DBFS), SAMPLE_RATE) == NO_HUM


@pytest.mark.parametrize("mains_hz", [50.0, 49.63, 60.0, 60.41])
@pytest.mark.parametrize("over_db", [6.0, 15.0, 30.0])
def test_a_line_reads_what_it_is(mains_hz, over_db):
    hum = sine(mains_hz, 8.0, line_dbfs(over_db) + PEAK_DB, SAMPLE_RATE)[0]
    found = measure_hum(noise(7, 8.0, NOISE_DBFS, SAMPLE_RATE)[0] + hum, SAMPLE_RATE)
    assert found.db == pytest.approx(over_db, abs=0.8)
    assert found.frequency_hz == pytest.approx(mains_hz, abs=0.01)
    assert found.lines == (1,)
    assert found.level_dbfs == pytest.approx(line_dbfs(over_db), abs=0.5)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100, 48000])
def test_the_rate_makes_no_difference(sample_rate):
    hum = sine(50.0, 5.0, -40.0, sample_rate)[0]
    found = measure_hum(noise(7, 5.0, -50.0, sample_rate)[0] + hum, sample_rate)
    over = -43.01 - (-50.0 - 10 * np.log10(sample_rate / 2) + 10 * np.log10(BAND_HZ))
    assert found.db == pytest.approx(over, abs=0.9)


def test_harmonics_are_found_each():
    hum = sum(sine(50.03 * number, 10.0, -45.0 - number, SAMPLE_RATE, number)[0] for number in (1, 2, 3, 5, 7))
    found = measure_hum((noise(7, 10.0, -50.0, SAMPLE_RATE)[0] + hum).astype(np.float32), SAMPLE_RATE)
    assert found.lines == (1, 2, 3, 5, 7)
    assert found.frequency_hz == pytest.approx(50.03, abs=0.003)


@pytest.mark.parametrize("pitch_hz", [100.0, 120.0, 150.0, 180.0, 200.0, 300.0])
@pytest.mark.parametrize("how", [{}, {"vibrato": 0.01}, {"vibrato": 0.03}, {"jitter": 0.01}])
def test_a_held_vowel_on_a_harmonic_is_no_hum(pitch_hz, how):
    voice = vowel(pitch_hz, 6.0, **how)
    assert measure_hum(voice, SAMPLE_RATE) == NO_HUM
    assert measure_hum(voice + noise(3, 6.0, -60.0, SAMPLE_RATE)[0], SAMPLE_RATE) == NO_HUM


@pytest.mark.parametrize("pitch_hz", [50.0, 60.0, 100.0, 120.0])
def test_a_voice_with_pauses_is_no_hum_and_hides_none(pitch_hz):
    time_s = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    voice = vowel(pitch_hz, 8.0) * (np.sin(2 * np.pi * 0.8 * time_s) > -0.5)
    quiet = (voice + noise(3, 8.0, -60.0, SAMPLE_RATE)[0]).astype(np.float32)
    assert measure_hum(quiet, SAMPLE_RATE).db < FOUND_DB
    hum = sine(50.0, 8.0, -50.0, SAMPLE_RATE)[0]
    found = measure_hum(quiet + hum, SAMPLE_RATE)
    assert found.frequency_hz == pytest.approx(50.0, abs=0.02)
    assert found.level_dbfs == pytest.approx(-53.01, abs=1.0)


@pytest.mark.parametrize("note_hz", [49.0, 50.1, 51.91, 58.27, 60.0, 61.74])
def test_a_bass_near_the_mains_is_no_hum(note_hz):
    bass = np.zeros(8 * SAMPLE_RATE, np.float32)
    for number in range(16):
        tune = (1.0, 1.0, 1.5, 1.335)[number % 4]
        begin = number * SAMPLE_RATE // 2
        tone = sine(note_hz * tune, 0.45, -15.0, SAMPLE_RATE)[0]
        bass[begin : begin + len(tone)] += tone * np.exp(-3 * np.arange(len(tone)) / SAMPLE_RATE)
    assert measure_hum(bass + noise(4, 8.0, -60.0, SAMPLE_RATE)[0], SAMPLE_RATE).db < FOUND_DB


def test_silence_and_scraps_have_none():
    assert measure_hum(np.zeros(5 * SAMPLE_RATE, np.float32), SAMPLE_RATE) == NO_HUM
    assert measure_hum(np.full(5 * SAMPLE_RATE, 0.3, np.float32), SAMPLE_RATE) == NO_HUM
    assert measure_hum(sine(50.0, 0.5, -10.0, SAMPLE_RATE)[0], SAMPLE_RATE) == NO_HUM
    assert measure_hum(np.zeros(0, np.float32), SAMPLE_RATE) == NO_HUM


def test_what_nobody_is_to_hear_counts_for_nothing():
    low = low_band(
        np.concatenate([sine(100.0, 5.0, -20.0, SAMPLE_RATE)[0], np.zeros(5 * SAMPLE_RATE, np.float32)]), 24000
    )
    low += np.random.default_rng(1).standard_normal(len(low)) * 1e-4
    heard = np.ones(len(low))
    heard[: round(5.2 * RATE)] = 0.0
    assert hum_level(low, heard) == NO_HUM
    assert hum_level(low, heard * 0.0) == NO_HUM


def test_rumble_hides_no_hum():
    rumble, hum = sine(14.0, 8.0, -25.0, SAMPLE_RATE)[0], sine(50.0, 8.0, -40.0, SAMPLE_RATE)[0]
    found = measure_hum(rumble + hum + noise(7, 8.0, -50.0, SAMPLE_RATE)[0], SAMPLE_RATE)
    assert found.frequency_hz == pytest.approx(50.0, abs=0.01)
    assert found.level_dbfs == pytest.approx(-43.0, abs=0.5)
