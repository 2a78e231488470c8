"""Noise taken out of real speech with the gaps that our own detector finds: lower pauses, the same words, no more error.

STOI is pystoi's, on the recording as it would be without the noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pystoi import stoi
from support import corpus
from support.cleaned import PLAIN, RATE, cleaned, track_of
from support.signals import noise, sine, speechlike, wav

from demod_voice.analysis.speech_detection import detect_speech
from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.audio.resample import resample
from demod_voice.config import load_settings
from demod_voice.dataset.cleaning.report import StepReport
from demod_voice.engines.pool import Pool
from demod_voice.media.wav import read_wav

pytestmark = pytest.mark.slow

SECONDS = 64.0
SNR_DB = 15.0
DENOISE = replace(PLAIN, encoding="pcm_f32le", lufs=-30.0, clean=replace(PLAIN.clean, denoise_db=18.0))
LEFT = replace(DENOISE, clean=replace(DENOISE.clean, denoise_db=0.0))
Noise = Callable[[np.random.Generator, int], np.ndarray]


@pytest.fixture(scope="module")
def voice(module_engines) -> np.ndarray:
    """A minute of two speakers at 24 kHz, shape (n,)."""
    with Pool(load_settings(), jobs=2) as pool:
        return resample(corpus.make(3, SECONDS, pool=pool).clip, RATE).samples[0].astype(np.float64)


def pink(random: np.random.Generator, count: int) -> np.ndarray:
    return corpus.pink(random, count)


def fan(random: np.random.Generator, count: int) -> np.ndarray:
    """Broad noise below a kilohertz that swings, three tones of the blades, and some hiss."""
    time_s = np.arange(count) / RATE
    brown = np.cumsum(random.standard_normal(count))
    brown -= np.convolve(brown, np.ones(801) / 801, "same")
    swinging = (1 + 0.2 * np.sin(2 * np.pi * 7.3 * time_s)) * brown
    tones = sum(np.sin(2 * np.pi * hz * time_s) for hz in (118, 236, 354))
    made = swinging / swinging.std() + 0.25 * tones + 0.15 * random.standard_normal(count)
    return made / made.std()


def babble(voice: np.ndarray) -> Noise:
    """Six voices at once."""

    def made(random: np.random.Generator, count: int) -> np.ndarray:
        mixed = sum(np.roll(voice, int(random.integers(5 * RATE, count))) for _ in range(6))
        return mixed / mixed.std()

    return made


def truth(voice: np.ndarray) -> SpeechTrack:
    """Where the voice alone is heard, held for two frames as detectors do."""
    exact = track_of(voice.reshape(1, -1).astype(np.float32), threshold_dbfs=-50.0).probabilities
    held = np.convolve(exact > 0.5, np.ones(5), "same") > 0
    return SpeechTrack(np.where(held, 0.98, 0.02).astype(np.float32), "oracle")


def pauses_of(voice: np.ndarray) -> np.ndarray:
    """Samples where nobody speaks, a frame away from everything."""
    quiet = truth(voice).probabilities < 0.5
    quiet[1:-1] &= quiet[:-2] & quiet[2:]
    samples = np.repeat(quiet, round(FRAME_S * RATE))[: len(voice)]
    return np.pad(samples, (0, len(voice) - len(samples)))


def si_sdr(reference: np.ndarray, heard: np.ndarray) -> float:
    target = reference * np.dot(reference, heard) / np.dot(reference, reference)
    return float(10 * np.log10(np.dot(target, target) / np.dot(heard - target, heard - target)))


class Outcome:
    """A mixture cleaned with and without noise reduction, against the clean voice through the same filters."""

    def __init__(self, folder: Path, voice: np.ndarray, made: Noise, track: SpeechTrack | None = None) -> None:
        level = np.sqrt(np.mean(voice[np.abs(voice) > 0.003] ** 2))
        mixed = voice + made(np.random.default_rng(5), len(voice)) * level * 10 ** (-SNR_DB / 20)
        if track is None:
            source = wav(folder / "mixed.wav", mixed.reshape(1, -1).astype(np.float32), RATE)
            with Pool(load_settings(), jobs=2) as pool:
                track = detect_speech(source, folder, pool, jobs=2)
        self.detector = track.detector
        reference, _ = self._run(folder, voice, track, LEFT)
        before, _ = self._run(folder, mixed, track, LEFT)
        after, self.step = self._run(folder, mixed, track, DENOISE)
        quiet = pauses_of(voice)
        self.lower_db = 10 * np.log10(np.mean(before[quiet] ** 2) / np.mean(after[quiet] ** 2))
        self.stoi_change = stoi(reference, after, RATE) - stoi(reference, before, RATE)
        self.si_sdr_change = si_sdr(reference, after) - si_sdr(reference, before)

    @staticmethod
    def _run(folder: Path, wave: np.ndarray, track: SpeechTrack, settings) -> tuple[np.ndarray, StepReport]:
        found, out = cleaned(folder, wave.reshape(1, -1).astype(np.float32), settings, track=track)
        gain = 10 ** (found.step("loudness").details["gain_db"] / 20)
        return read_wav(out).samples[0].astype(np.float64) / gain, found.step("denoise")


@pytest.mark.parametrize("kind", [pink, pytest.param(fan, marks=pytest.mark.slow)], ids=["pink", "fan"])
def test_steady_noise_with_the_gaps_of_our_own_detector(tmp_path, voice, kind):
    found = Outcome(tmp_path, voice, kind)
    assert found.detector == "vad"
    assert found.step.applied
    assert found.lower_db >= 15.0
    assert found.lower_db <= 18.01, "never more than asked"
    assert found.stoi_change >= -0.005
    assert found.si_sdr_change >= 1.0
    assert found.step.details["applied_s"] == pytest.approx(SECONDS, abs=0.1)
    told = found.step.before["noise_floor_dbfs"] - found.step.after["noise_floor_dbfs"]
    assert told == pytest.approx(found.lower_db, abs=2.0)


def test_babble_is_taken_out_safely_or_not_at_all(tmp_path, voice):
    """The detector hears babble as the speech that it is, so there may be no gap to learn from: then that is said."""
    found = Outcome(tmp_path, voice, babble(voice))
    if found.step.details["applied_s"] < SECONDS / 2:
        assert sum(found.step.details["declined_s"].values()) > SECONDS / 2
        assert found.step.why
    else:
        assert found.lower_db >= 10.0
    assert found.stoi_change >= -0.01
    assert found.si_sdr_change >= -0.05


def test_babble_between_the_true_gaps_comes_out_ten_decibels_lower(tmp_path, voice):
    found = Outcome(tmp_path, voice, babble(voice), truth(voice))
    assert found.step.applied
    assert found.lower_db >= 10.0
    assert found.stoi_change >= -0.01
    assert found.si_sdr_change >= 0.0


def test_music_is_left_alone(tmp_path, voice):
    def music(random: np.random.Generator, count: int) -> np.ndarray:
        return corpus.music(np.arange(count) / corpus.RATE)

    found = Outcome(tmp_path, voice, music, truth(voice))
    assert found.step.details["applied_s"] < SECONDS / 2
    assert "music" in found.step.why
    assert found.stoi_change >= -0.01


def test_only_what_is_asked_is_taken(tmp_path):
    voice = np.zeros((1, 40 * RATE), np.float32)
    for start in range(1, 39, 3):
        voice[:, start * RATE : (start + 2) * RATE] = speechlike(start, 2.0, RATE, level=0.5)
    mixed = voice + noise(1, 40.0, -55.0, RATE)
    for most_db in (6.0, 12.0, 30.0):
        settings = replace(DENOISE, clean=replace(DENOISE.clean, denoise_db=most_db))
        found, _ = cleaned(tmp_path, mixed, settings, track=track_of(voice))
        step = found.step("denoise")
        assert step.applied, step.why
        lower = step.before["noise_floor_dbfs"] - step.after["noise_floor_dbfs"]
        assert lower == pytest.approx(most_db, abs=1.0 if most_db < 20 else 6.0)
        assert lower <= most_db + 0.1


def test_without_pauses_there_is_nothing_to_learn_from(tmp_path):
    voice = sine(300.0, 40.0, -20.0, RATE) + noise(1, 40.0, -40.0, RATE)
    track = SpeechTrack(np.full(1250, 0.99, np.float32), "oracle")
    found, out = cleaned(tmp_path, voice, DENOISE, track=track)
    assert not found.step("denoise").applied
    assert "no pause" in found.step("denoise").why
    whole = out.read_bytes()
    cleaned(tmp_path, voice, LEFT, track=track)
    assert out.read_bytes() == whole
