"""Hum in a recording: found where it is, notched there and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.cleaned import PLAIN, RATE, cleaned, track_of
from support.signals import noise, speechlike

from demod_voice.audio.hum import HumLevel
from demod_voice.audio.hum_track import HumRegion, hum_regions, without_hum
from demod_voice.config.settings import Dataset
from demod_voice.media.wav import read_wav

pytestmark = pytest.mark.slow

HUM = replace(PLAIN, clean=replace(PLAIN.clean, hum=True, high_pass_hz=0.0))


def humming(seconds: float, mains_hz: float, level_dbfs: float, drift_hz: float = 0.0) -> np.ndarray:
    """Five harmonics of falling level, 5 dB each; the mains frequency drifts by so much over the whole length."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * (mains_hz * time_s + drift_hz * time_s**2 / (2 * seconds))
    wave = sum(10 ** ((level_dbfs - 5 * n) / 20) * np.sin((n + 1) * phase + n) for n in range(5))
    return wave.astype(np.float32).reshape(1, -1)


def line_db(samples: np.ndarray, frequency_hz: float) -> float:
    time_s = np.arange(len(samples)) / RATE
    wave = samples.astype(np.float64) * np.hanning(len(samples)) * 2
    return float(20 * np.log10(2 * abs(np.mean(wave * np.exp(-2j * np.pi * frequency_hz * time_s))) + 1e-12))


@pytest.mark.parametrize("mains_hz", [49.91, 60.07])
def test_hum_is_found_and_taken_out(tmp_path, mains_hz):
    voice = speechlike(1, 40.0, RATE)
    hum = humming(40.0, mains_hz, -35.0)
    found, out = cleaned(tmp_path, voice + hum + noise(2, 40.0, -65.0, RATE), HUM, track=track_of(voice))
    step = found.step("hum")
    assert step.applied
    assert step.before["hum_hz"] == pytest.approx(mains_hz, abs=0.02)
    assert step.before["hum_db"] > 20.0
    assert step.after["hum_db"] < 6.0
    assert step.details["regions"][0]["lines"][:3] == [1, 2, 3]
    gain = found.step("loudness").details["gain_db"]
    made = read_wav(out).samples[0, 5 * RATE : 35 * RATE]
    for number in range(1, 4):
        assert line_db(made, number * mains_hz) - gain < -35.0 - 5 * (number - 1) - 20.0


def test_a_recording_without_hum_keeps_every_sample(tmp_path):
    voice = speechlike(1, 40.0, RATE) + noise(2, 40.0, -60.0, RATE)
    found, out = cleaned(tmp_path, voice, HUM)
    assert not found.step("hum").applied
    assert found.step("hum").why == "there is none"
    without = out.read_bytes()
    cleaned(tmp_path, voice, replace(HUM, clean=replace(HUM.clean, hum=False)))
    assert out.read_bytes() == without


def test_only_the_part_that_hums_is_touched(tmp_path):
    voice = speechlike(1, 160.0, RATE) + noise(2, 160.0, -60.0, RATE)
    mixed = voice.copy()
    mixed[:, 64 * RATE : 112 * RATE] += humming(48.0, 50.0, -35.0)
    settings = replace(HUM, encoding="pcm_f32le", lufs=-35.0)
    found, out = cleaned(tmp_path, mixed, settings, track=track_of(voice))
    (region,) = found.step("hum").details["regions"]
    assert (region["start_s"], region["end_s"]) == (pytest.approx(64.0, abs=0.1), pytest.approx(112.0, abs=0.1))
    gain = 10 ** (found.step("loudness").details["gain_db"] / 20)
    made = read_wav(out).samples[0] / np.float32(gain)
    for part in (slice(0, 63 * RATE), slice(113 * RATE, 160 * RATE)):
        assert np.abs(made[part] - voice[0, part]).max() < 1e-5
    assert line_db(made[70 * RATE : 106 * RATE], 50.0) < -60.0


def test_a_drifting_mains_is_followed(tmp_path):
    voice = speechlike(1, 128.0, RATE)
    hum = humming(128.0, 49.95, -35.0, drift_hz=0.1)
    found, _ = cleaned(tmp_path, voice + hum + noise(2, 128.0, -65.0, RATE), HUM, track=track_of(voice))
    assert found.step("hum").before["hum_hz"] == pytest.approx(50.0, abs=0.02)
    assert found.step("hum").after["hum_db"] < found.step("hum").before["hum_db"] - 15.0


def test_windows_make_regions():
    hum, other, none = HumLevel(20.0, 50.01, (1, 3)), HumLevel(9.0, 60.3, (2,)), HumLevel(0.0, 0.0)
    assert hum_regions([none] * 5, 100, 500) == ()
    assert hum_regions([none, hum, none, none, none], 100, 500) == ()
    assert hum_regions([hum], 100, 70) == (HumRegion(0, 70, 50.01, (1, 3), 20.0),)
    assert hum_regions([hum, hum, none, hum, other, none], 100, 600) == (HumRegion(0, 400, 50.01, (1, 3), 20.0),)
    found = hum_regions([hum, HumLevel(20.0, 50.03, (1,)), hum, HumLevel(20.0, 50.03, (1,))], 100, 390)
    assert found[0].lines == (1, 3)
    assert found[0].frequency_hz == pytest.approx(50.02)
    assert found[0].end == 390


def test_a_notch_may_start_anywhere():
    hum = humming(40.0, 50.0, -20.0)[0].astype(np.float64)
    region = HumRegion(0, 40 * RATE, 50.0, (1, 2, 3, 4, 5), 30.0)
    whole = without_hum(hum, 0, [region], RATE)
    part = without_hum(hum[10 * RATE :], 10 * RATE, [region], RATE)
    assert np.abs(whole[20 * RATE :] - part[10 * RATE :]).max() < 1e-7
    beyond = without_hum(hum, 50 * RATE, [region], RATE)
    assert beyond is hum


def test_all_steps_together_on_the_default_settings(tmp_path):
    voice = speechlike(1, 40.0, RATE)
    mixed = voice + humming(40.0, 50.0, -35.0) + noise(2, 40.0, -45.0, RATE)
    found, _ = cleaned(tmp_path, mixed, Dataset(), track=track_of(voice))
    assert [each.name for each in found.steps][:2] == ["high_pass", "hum"]
    assert found.step("hum").applied
    assert found.after["snr_db"] > found.before["snr_db"] + 8.0
