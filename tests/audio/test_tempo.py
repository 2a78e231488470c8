"""Speed without pitch, pitch without length: on sines of known frequency."""

from __future__ import annotations

import numpy as np
import pytest

from demod_voice.audio.clip import Clip, mono
from demod_voice.audio.tempo import shift_pitch, stretch

RATE = 22_050


def sine(seconds: float = 1.0, hz: float = 220.0) -> Clip:
    return mono(0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE), RATE)


def frequency_hz(clip: Clip) -> float:
    wave = clip.samples[0, 1000:-1000].astype(float)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 1 << 18))
    return float(np.argmax(spectrum)) * RATE / (1 << 18)


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.25, 2.0])
@pytest.mark.parametrize("seconds", [0.3, 1.0])
def test_another_speed_at_the_same_pitch_and_level(ratio: float, seconds: float) -> None:
    before = sine(seconds)
    after = stretch(before, ratio)
    assert after.num_samples == round(before.num_samples / ratio)
    assert frequency_hz(after) == pytest.approx(220.0, rel=0.01)
    assert np.sqrt(np.mean(after.samples**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("ratio", [0.8, 0.95, 1.25])
def test_another_pitch_of_the_same_length(ratio: float) -> None:
    after = shift_pitch(sine(), ratio)
    assert after.num_samples == RATE
    assert frequency_hz(after) == pytest.approx(220.0 * ratio, rel=0.01)


def test_nothing_asked_nothing_done_and_the_same_bytes_again() -> None:
    clip = sine(0.5)
    assert stretch(clip, 1.0) is clip
    assert shift_pitch(clip, 1.0) is clip
    assert np.array_equal(stretch(clip, 1.3).samples, stretch(clip, 1.3).samples)
    assert stretch(Clip(np.zeros((1, 0), np.float32), RATE), 1.3).num_samples == 0


def test_every_channel_is_kept() -> None:
    clip = Clip(np.concatenate([sine(0.5).samples, np.zeros((1, RATE // 2), np.float32)]), RATE)
    after = stretch(clip, 1.25)
    assert after.num_channels == 2
    assert not after.samples[1].any()


@pytest.mark.parametrize("ratio", [0.0, 0.4, 2.1, float("nan")])
def test_ratios_that_would_harm_speech_are_refused(ratio: float) -> None:
    for change in (stretch, shift_pitch):
        with pytest.raises(ValueError, match="is possible"):
            change(sine(0.1), ratio)
