"""Measures of a sound that the tests compare with a known value."""

from __future__ import annotations

import hashlib

import numpy as np

from demod_voice.audio.clip import Clip

LOWEST_HZ, HIGHEST_HZ = 45, 500


def fingerprint(clip: Clip) -> str:
    """Hash of the samples."""
    return hashlib.sha256(clip.samples.tobytes()).hexdigest()


def rms_db(clip: Clip) -> float:
    """Level in dB below full scale; -200 for silence."""
    power = float(np.mean(clip.samples.astype(np.float64) ** 2)) if clip.num_samples else 0.0
    return 10 * np.log10(power) if power > 1e-20 else -200.0


def pitches_hz(clip: Clip) -> np.ndarray:
    """Fundamental of every voiced 40 ms: the first strong peak of the normalised autocorrelation."""
    wave, rate = clip.samples[0].astype(np.float64), clip.sample_rate
    length = int(0.04 * rate)
    lags = np.arange(rate // HIGHEST_HZ, rate // LOWEST_HZ)
    found = []
    for begin in range(0, len(wave) - length - lags[-1], length // 2):
        part = wave[begin : begin + length + lags[-1]]
        if np.sqrt(np.mean(part**2)) < 0.02:
            continue
        likeness = _likeness(part - part.mean(), length, lags)
        if likeness.max() > 0.7:
            found.append(rate / _first_peak(likeness, lags))
    return np.array(found)


def _likeness(part: np.ndarray, length: int, lags: np.ndarray) -> np.ndarray:
    head = part[:length]
    power = np.concatenate([[0.0], np.cumsum(part**2)])
    shifted = power[lags + length] - power[lags]
    return np.correlate(part, head, "valid")[lags] / np.sqrt(shifted * (head @ head) + 1e-12)


def _first_peak(likeness: np.ndarray, lags: np.ndarray) -> int:
    """The shortest lag whose peak is nearly the highest: a longer one is a multiple of the period."""
    at = int(np.flatnonzero(likeness > 0.93 * likeness.max())[0])
    while at + 1 < len(likeness) and likeness[at + 1] > likeness[at]:
        at += 1
    return int(lags[at])
