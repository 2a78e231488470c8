"""Synthetic voices of known pitch: harmonics in syllables, which the stand-in for the embedding engine tells apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.signals import noise, wav

from demod_voice.audio.clip import Samples

RATE = 16000


def voice(pitch_hz: float, seconds: float, seed: int = 1) -> Samples:
    """A buzz of that pitch in syllables of 3 Hz, with a little noise; shape (1, n) at 16 kHz."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * pitch_hz * n * time_s) / n for n in range(1, 20))
    sounding = 0.1 * wave * np.abs(np.sin(np.pi * 3 * time_s))
    return (sounding + noise(seed, seconds, -60.0, RATE)[0]).astype(np.float32).reshape(1, -1)


def voice_file(path: Path, pitch_hz: float, seconds: float = 3.0, seed: int = 1) -> Path:
    """The same as a WAV; its path."""
    return wav(path, voice(pitch_hz, seconds, seed), RATE, "pcm_s16le")
