"""Clips, resampling, fades and levels against formulas."""

from __future__ import annotations

import numpy as np
import pytest
from support.signals import level_at, noise, sine

from demod_voice.audio.clip import Clip, mono
from demod_voice.audio.fades import equal_power, faded, raised_cosine
from demod_voice.audio.levels import is_silent, peak_dbfs, rms_dbfs
from demod_voice.audio.resample import resample
from demod_voice.units import SILENCE_DB


@pytest.mark.parametrize(
    ("samples", "sample_rate"),
    [
        (np.zeros(5, np.float32), 24000),
        (np.zeros((1, 5), np.float64), 24000),
        (np.zeros((1, 5), np.int16), 24000),
        (np.zeros((1, 5), np.float32), 0),
        (np.zeros((1, 5), np.float32), -1),
    ],
)
def test_a_clip_is_float32_channels_by_samples_at_a_rate(samples: np.ndarray, sample_rate: int) -> None:
    with pytest.raises(ValueError, match=r"float32|positive"):
        Clip(samples, sample_rate)


def test_a_clip_knows_its_length() -> None:
    clip = Clip(np.zeros((2, 12000), np.float32), 24000)
    assert (clip.num_channels, clip.num_samples, clip.duration_s) == (2, 12000, 0.5)
    assert mono(np.ones(3), 16000).samples.shape == (1, 3)


@pytest.mark.parametrize(
    ("source", "target"), [(44100, 24000), (22050, 24000), (16000, 24000), (24000, 16000), (48000, 24000)]
)
@pytest.mark.parametrize("num_samples", [1, 7, 44100, 44101])
def test_resampling_gives_the_length_of_the_formula(source: int, target: int, num_samples: int) -> None:
    made = resample(Clip(np.zeros((1, num_samples), np.float32), source), target)
    assert made.num_samples == -(-num_samples * target // source)
    assert made.sample_rate == target


def test_nothing_is_resampled_to_nothing() -> None:
    assert resample(Clip(np.zeros((2, 0), np.float32), 16000), 24000).samples.shape == (2, 0)


def test_the_same_rate_is_the_same_clip() -> None:
    clip = Clip(noise(1, 0.1, -20.0, 24000), 24000)
    assert resample(clip, 24000) is clip


@pytest.mark.parametrize(("frequency_hz", "least", "most"), [(1000, -6.1, -5.9), (10000, -6.2, -5.9)])
def test_a_tone_keeps_its_level(frequency_hz: float, least: float, most: float) -> None:
    made = resample(Clip(sine(frequency_hz, 1.0, -6.0, 44100), 44100), 24000)
    assert least <= level_at(made, frequency_hz) <= most


@pytest.mark.parametrize("frequency_hz", [12500, 13000, 15000, 20000])
def test_a_tone_above_the_new_limit_leaves_no_alias(frequency_hz: float) -> None:
    """Under -100 dB; scipy's default resample_poly leaves -11 to -57 dB here."""
    made = resample(Clip(sine(frequency_hz, 1.0, 0.0, 44100), 44100), 24000)
    middle = Clip(made.samples[:, 4000:-4000], 24000)
    assert level_at(middle, abs(24000 - frequency_hz)) < -100.0


def test_channels_are_resampled_apart() -> None:
    both = np.concatenate([sine(500, 0.5, -6.0, 16000), sine(900, 0.5, -12.0, 16000)])
    made = resample(Clip(both, 16000), 24000)
    assert level_at(Clip(made.samples[1:], 24000), 900) == pytest.approx(-12.0, abs=0.2)
    assert level_at(Clip(made.samples[1:], 24000), 500) < -60.0


@pytest.mark.parametrize("length", [1, 2, 240, 1201])
def test_equal_power_fades_add_up_to_constant_power(length: int) -> None:
    rising = equal_power(length).astype(np.float64)
    assert rising**2 + rising[::-1] ** 2 == pytest.approx(np.ones(length), abs=1e-6)


@pytest.mark.parametrize("length", [1, 2, 240])
def test_raised_cosine_fades_add_up_to_one(length: int) -> None:
    rising = raised_cosine(length).astype(np.float64)
    assert rising + rising[::-1] == pytest.approx(np.ones(length), abs=1e-6)
    assert (np.diff(rising) >= 0).all()


def test_a_fade_leaves_the_given_clip_alone() -> None:
    clip = Clip(np.ones((1, 100), np.float32), 24000)
    made = faded(clip, raised_cosine(10), raised_cosine(20))
    assert (clip.samples == 1.0).all()
    assert (made.samples[0, 10:80] == 1.0).all()
    assert made.samples[0, 0] < 0.01
    assert made.samples[0, -1] < 0.01


def test_levels_of_known_signals() -> None:
    tone = Clip(sine(1000, 1.0, 0.0, 48000), 48000)
    assert rms_dbfs(tone) == pytest.approx(-3.0103, abs=1e-3)
    assert peak_dbfs(tone) == pytest.approx(0.0, abs=1e-3)
    assert rms_dbfs(Clip(np.full((2, 10), -0.5, np.float32), 24000)) == pytest.approx(-6.0206, abs=1e-3)


@pytest.mark.parametrize("num_samples", [0, 100])
def test_silence_has_a_level_too(num_samples: int) -> None:
    clip = Clip(np.zeros((1, num_samples), np.float32), 24000)
    assert rms_dbfs(clip) == peak_dbfs(clip) == SILENCE_DB
    assert is_silent(clip)
    assert not is_silent(Clip(sine(100, 0.1, -50.0, 24000), 24000))
