"""Voices side by side: half a loudness unit apart with ten seconds of speech, one decibel of RMS with less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, sine, speechlike, wav

from demod_voice.audio.clip import Clip
from demod_voice.audio.levels import rms_dbfs
from demod_voice.mix.loudness import NO_LOUDNESS
from demod_voice.mix.speaker_level import REFERENCE_LUFS, SpeechLevel, matching_gains, speech_level
from demod_voice.mix.voice_chain import ChainSettings

RATE = 24000


def louder(samples: np.ndarray, gain_db: float) -> np.ndarray:
    return (samples * 10 ** (gain_db / 20)).astype(np.float32)


@pytest.mark.parametrize("chain", [None, ChainSettings()])
def test_voices_of_any_level_end_half_a_unit_apart(tmp_path: Path, chain: ChainSettings | None) -> None:
    levels, clips = {}, {}
    for number, gain_db in enumerate((0.0, -17.0, 5.0)):
        paths = [
            wav(tmp_path / f"{number}-{part}.wav", louder(speechlike(number * 9 + part, 4.0, RATE), gain_db), RATE)
            for part in range(3)
        ]
        clips[str(number)], levels[str(number)] = paths, speech_level(paths, chain)
    gains = matching_gains(levels, {})
    for name, paths in clips.items():
        moved = [wav(path, louder(read(path), gains[name]), RATE) for path in paths]
        assert speech_level(moved, chain).lufs == pytest.approx(REFERENCE_LUFS, abs=0.5)


def test_a_voice_of_few_words_is_matched_by_its_active_rms(tmp_path: Path) -> None:
    """Its pauses do not make it louder."""
    long = wav(tmp_path / "long.wav", noise(1, 12.0, -20.0, RATE), RATE)
    words = noise(2, 1.0, -35.0, RATE)
    short = wav(tmp_path / "short.wav", np.concatenate([words, np.zeros((1, 3 * RATE), np.float32)], axis=1), RATE)
    levels = {"long": speech_level([long], None), "short": speech_level([short], None)}
    gains = matching_gains(levels, {})
    found = [
        rms_dbfs(Clip(louder(samples, gains[name]), RATE))
        for name, samples in (("long", noise(1, 12.0, -20.0, RATE)), ("short", words))
    ]
    assert found[0] == pytest.approx(found[1], abs=1.0)


def test_clips_of_several_rates_are_measured_as_one_voice(tmp_path: Path) -> None:
    """Not only those of the rate with most samples."""
    parts = [(-20.0, 6.0, 24000), (-26.0, 4.0, 44100), (-23.0, 3.0, 16000)]
    mixed = [wav(tmp_path / f"{rate}.wav", sine(1000.0, seconds, level, rate), rate) for level, seconds, rate in parts]
    alike = [wav(tmp_path / f"{level}.wav", sine(1000.0, seconds, level, RATE), RATE) for level, seconds, _ in parts]
    found, expected = speech_level(mixed, None), speech_level(alike, None)
    assert (found.lufs, found.active_dbfs) == pytest.approx((expected.lufs, expected.active_dbfs), abs=0.05)
    assert found.seconds == 13.0
    assert abs(found.lufs - speech_level(mixed[1:2], None).lufs) > 3


def test_a_wish_is_kept_and_matching_can_be_off() -> None:
    levels = {"a": SpeechLevel(-20.0, -22.0, 30.0), "b": SpeechLevel(-26.0, -28.0, 20.0)}
    assert matching_gains(levels, {"b": 3.0}) == {"a": -3.0, "b": 6.0}
    assert matching_gains(levels, {}, match=False) == {"a": -3.0, "b": -3.0}


def test_silence_gets_no_gain(tmp_path: Path) -> None:
    silent = speech_level([wav(tmp_path / "s.wav", np.zeros((1, RATE), np.float32), RATE)], ChainSettings())
    assert (silent.lufs, silent.active_dbfs) == (NO_LOUDNESS, NO_LOUDNESS)
    assert matching_gains({"a": silent}, {}) == {"a": 0.0}


def read(path: Path) -> np.ndarray:
    from demod_voice.media.wav import read_wav

    return read_wav(path).samples
