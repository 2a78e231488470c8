"""Cleaning of a whole recording: what it does, what it leaves, and that nothing but the recording decides its bytes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.cleaned import PLAIN, RATE, cleaned, track_of
from support.signals import noise, sine, speechlike

from demod_voice.config.settings import Dataset
from demod_voice.media.wav import read_wav, wav_info
from demod_voice.mix.loudness import measure

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 44100])
def test_a_recording_comes_to_its_loudness(tmp_path, rate):
    voice = speechlike(1, 20.0, rate, level=0.02)
    found, out = cleaned(tmp_path, voice, replace(PLAIN, sample_rate=rate))
    step = found.step("loudness")
    written = measure(out)
    assert written.lufs == pytest.approx(-19.0, abs=0.1)
    assert step.after["lufs"] == written.lufs
    assert step.details["on_target"]
    assert step.why == ""
    assert written.true_peak_dbtp <= -1.0
    assert wav_info(out).num_samples == voice.shape[1]
    assert wav_info(out).encoding == "pcm_s16le"
    assert len(found.envelope_dbfs) == 2000


def test_what_the_ceiling_forbids_is_said(tmp_path):
    clicks = np.zeros((1, 5 * RATE), np.float32)
    clicks[0, :: RATE // 4] = 0.5
    clicks += noise(1, 5.0, -75.0, RATE)
    found, out = cleaned(tmp_path, clicks, replace(PLAIN, lufs=-8.0))
    assert "cannot be reached" in found.step("loudness").why or "dB of gain" in found.step("loudness").why
    assert measure(out).true_peak_dbtp <= -1.0
    assert found.step("loudness").details["limited_samples"] > 0


@pytest.mark.parametrize(("encoding", "step"), [("pcm_s24le", 2.0**-23), ("pcm_f32le", 0.0)])
def test_other_encodings_hold_the_same_sound(tmp_path, encoding, step):
    voice = speechlike(1, 5.0, RATE)
    _, short = cleaned(tmp_path, voice)
    coarse = read_wav(short).samples
    _, out = cleaned(tmp_path, voice, replace(PLAIN, encoding=encoding))
    assert wav_info(out).encoding == encoding
    assert np.abs(read_wav(out).samples - coarse).max() < 2.5 / 32768 + step


def test_the_high_pass_takes_what_lies_below_and_leaves_what_lies_above(tmp_path):
    low, high = sine(20.0, 6.0, -20.0, RATE), sine(300.0, 6.0, -20.0, RATE)
    found, out = cleaned(tmp_path, low + high)
    made = read_wav(out).samples[0, RATE:].astype(np.float64)
    made *= 10 ** (-found.step("loudness").details["gain_db"] / 20)
    turn = np.exp(-2j * np.pi * np.arange(len(made)) / RATE)
    levels = {hz: 20 * np.log10(2 * abs(np.mean(made * turn**hz))) for hz in (20, 300)}
    assert levels[300] == pytest.approx(-20.0, abs=0.1)
    # Butterworth of order 4, 60 Hz: 10 log10(1 + 3^8) = 38.2 dB at 20 Hz.
    assert levels[20] == pytest.approx(-20.0 - 38.2, abs=0.5)
    off = replace(PLAIN, clean=replace(PLAIN.clean, high_pass_hz=0.0))
    found, _ = cleaned(tmp_path, low + high, off)
    assert not found.step("high_pass").applied
    assert found.step("high_pass").why == "switched off"


def test_an_offset_goes(tmp_path):
    found, out = cleaned(tmp_path, speechlike(1, 20.0, RATE) + np.float32(0.05))
    assert abs(float(read_wav(out).samples[0, RATE:].mean())) < 2e-5
    assert found.step("high_pass").applied


def test_levels_are_those_of_the_mixture(tmp_path):
    voice = np.zeros((1, 20 * RATE), np.float32)
    for start in range(0, 20, 4):
        voice[:, start * RATE : (start + 2) * RATE] = sine(400.0, 2.0, -20.0, RATE)
    found, _ = cleaned(tmp_path, voice + noise(3, 20.0, -50.0, RATE), track=track_of(voice))
    assert found.before["noise_floor_dbfs"] == pytest.approx(-50.0, abs=0.3)
    assert found.before["speech_dbfs"] == pytest.approx(-23.01, abs=0.1)
    assert found.before["snr_db"] == pytest.approx(27.0, abs=0.4)
    gain = found.step("loudness").details["gain_db"]
    assert found.after["speech_dbfs"] == pytest.approx(-23.01 + gain, abs=0.2)


def test_the_envelope_is_that_of_the_file(tmp_path):
    found, out = cleaned(tmp_path, speechlike(1, 10.0, RATE))
    made = read_wav(out).samples[0].reshape(-1, RATE // 100).astype(np.float64)
    level = 10 * np.log10(np.maximum(np.mean(made**2, axis=1), 1e-20))
    np.testing.assert_allclose(found.envelope_dbfs, level, atol=1e-3)
    assert found.envelope_dbfs.dtype == np.float32


def test_the_number_of_threads_changes_no_byte(tmp_path):
    samples = np.tile(speechlike(1, 35.0, RATE), (1, 2))
    one, out = cleaned(tmp_path, samples, Dataset(), jobs=1)
    bytes_of_one = out.read_bytes()
    many, out = cleaned(tmp_path, samples, Dataset(), jobs=8)
    assert out.read_bytes() == bytes_of_one
    assert many.facts() == one.facts()
    json.dumps(many.facts(), allow_nan=False)


def test_silence_and_scraps_come_through(tmp_path):
    found, out = cleaned(tmp_path, np.zeros((1, RATE), np.float32), Dataset())
    assert found.step("loudness").why == "silence has no loudness"
    assert not read_wav(out).samples.any()
    assert (found.envelope_dbfs == -200.0).all()
    json.dumps(found.facts(), allow_nan=False)
    for count in (0, 1, 100, 5000):
        found, out = cleaned(tmp_path, noise(1, 1.0, -30.0, RATE)[:, :count], Dataset())
        assert wav_info(out).num_samples == count
        json.dumps(found.facts(), allow_nan=False)
