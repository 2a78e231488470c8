"""Steady noise goes, speech stays: measured on signals of known level."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from demod_voice.audio.clip import Samples
from demod_voice.audio.denoise import learn_noise, without_noise

RATE = 24000
SECONDS = 20


def cleaned(samples: NDArray[np.float32], block: int = 65536) -> NDArray[np.float32]:
    def blocks() -> Iterator[Samples]:
        for at in range(0, len(samples), block):
            yield samples[None, at : at + block]

    made = list(without_noise(blocks(), RATE, learn_noise(blocks(), RATE)))
    return np.concatenate([each[0] for each in made]) if made else np.zeros(0, np.float32)


def level(samples: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


@pytest.fixture(scope="module")
def voice() -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """A voice of harmonics in syllables, three seconds of four; where it is loud, and where it is silent."""
    t = np.arange(SECONDS * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    tone = sum(np.sin(number * phase) / number for number in range(1, 25))
    shape = np.clip(np.sin(2 * np.pi * 3.1 * t), 0, 1) ** 0.7 * ((t % 4) < 3)
    return (0.1 * tone * shape).astype(np.float32), shape > 0.3, ((t % 4) > 3.3) & ((t % 4) < 3.9)


@pytest.mark.parametrize("snr_db", [40.0, 30.0, 20.0, 15.0])
@pytest.mark.parametrize("color", ["white", "hum"])
def test_noise_is_held_down_and_the_voice_is_not(
    voice: tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]], snr_db: float, color: str
) -> None:
    clean, loud, silent = voice
    if color == "white":
        noise = np.random.default_rng(5).standard_normal(len(clean))
    else:
        t = np.arange(len(clean)) / RATE
        noise = sum(np.sin(2 * np.pi * 50 * number * t + number) / number for number in range(1, 9))
    noise *= 10 ** ((level(clean[loud]) - snr_db) / 20) / np.sqrt(np.mean(noise**2))
    made = cleaned(clean + noise.astype(np.float32))
    assert level(made[silent]) - level(noise.astype(np.float32)[silent]) < -12.0
    assert abs(level(made[loud]) - level(clean[loud])) < 1.0


def test_the_size_of_a_block_changes_no_sample(
    voice: tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]],
) -> None:
    noisy = voice[0][: 3 * RATE] + np.random.default_rng(6).normal(0, 0.003, 3 * RATE).astype(np.float32)
    whole = cleaned(noisy)
    assert len(whole) == len(noisy)
    assert np.array_equal(whole, cleaned(noisy, 777))


@pytest.mark.parametrize("length", [0, 1, 100, 1024, 5000])
def test_short_and_silent_sounds_keep_their_length(length: int) -> None:
    made = cleaned(np.zeros(length, np.float32))
    assert len(made) == length
    assert not made.any()
