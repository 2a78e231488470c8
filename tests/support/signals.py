"""Signals of known value: sines, tone sequences, seeded noise, and a stand-in for speech."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Clip, Samples
from demod_voice.media.wav import WavWriter


def sine(frequency_hz: float, seconds: float, level_dbfs: float, sample_rate: int, phase: float = 0.0) -> Samples:
    """A sine whose peak is at ``level_dbfs``, shape (1, n)."""
    time_s = np.arange(round(seconds * sample_rate)) / sample_rate
    wave = 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * frequency_hz * time_s + phase)
    return wave.astype(np.float32).reshape(1, -1)


def tones(levels: Sequence[tuple[float, float]], sample_rate: int, channels: int = 2) -> Samples:
    """A 1 kHz tone through (level in dBFS, seconds) pairs, as the EBU's test signals are, shape (channels, n)."""
    pieces = [sine(1000.0, seconds, level, sample_rate)[0] for level, seconds in levels]
    return np.tile(np.concatenate(pieces), (channels, 1))


def noise(seed: int, seconds: float, rms_dbfs: float, sample_rate: int) -> Samples:
    """Seeded white noise, shape (1, n)."""
    wave = np.random.default_rng(seed).standard_normal(round(seconds * sample_rate))
    return (wave * 10 ** (rms_dbfs / 20)).astype(np.float32).reshape(1, -1)


def speechlike(seed: int, seconds: float, sample_rate: int, level: float = 0.1) -> Samples:
    """Noise in syllables of 4 Hz with a high crest factor and pauses: loud and soft parts, as speech has; (1, n)."""
    time_s = np.arange(round(seconds * sample_rate)) / sample_rate
    syllables = np.clip(np.sin(2 * np.pi * 4 * time_s), 0, None) ** 2
    phrases = (np.sin(2 * np.pi * 0.25 * time_s) > -0.7).astype(float)
    voiced = np.sign(np.sin(2 * np.pi * 140 * time_s)) * 0.3 + noise(seed, seconds, -10.0, sample_rate)[0]
    return (level * voiced * syllables * phrases).astype(np.float32).reshape(1, -1)


def wav(path: Path, samples: Samples, sample_rate: int, encoding: str = "pcm_f32le") -> Path:
    """Write a WAV; its path."""
    with WavWriter(path, sample_rate, samples.shape[0], encoding) as writer:
        writer.write(samples)
    return path


def level_at(clip: Clip, frequency_hz: float) -> float:
    """Level of one frequency in the first channel, dB below a full-scale sine, by projection on it."""
    wave = clip.samples[0].astype(np.float64)
    wave = wave * np.hanning(len(wave)) * 2
    time_s = np.arange(len(wave)) / clip.sample_rate
    found = 2 * abs(np.mean(wave * np.exp(-2j * np.pi * frequency_hz * time_s)))
    return float(20 * np.log10(max(found, 1e-12)))
