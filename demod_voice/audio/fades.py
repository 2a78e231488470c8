"""Fades: what keeps an edge from clicking."""

from __future__ import annotations

import numpy as np

from demod_voice.audio.clip import Clip, Samples


def raised_cosine(num_samples: int) -> Samples:
    """Gains 0..1 of a fade in, shape (num_samples,): half a Hann window, flat at both ends."""
    phase = (np.arange(num_samples) + 0.5) / max(1, num_samples)
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)


def equal_power(num_samples: int) -> Samples:
    """Gains 0..1 of a fade in whose square and the mirrored one's add up to 1: constant power for unlike sounds."""
    phase = (np.arange(num_samples) + 0.5) / max(1, num_samples)
    return np.sin(0.5 * np.pi * phase).astype(np.float32)


def faded(clip: Clip, fade_in: Samples, fade_out: Samples) -> Clip:
    """The clip with gains applied at its edges.

    Args:
        clip: at least as long as the longer fade.
        fade_in: rising gains, shape (n,).
        fade_out: rising gains too; mirrored here.
    """
    samples = clip.samples.copy()
    if len(fade_in):
        samples[:, : len(fade_in)] *= fade_in
    if len(fade_out):
        samples[:, clip.num_samples - len(fade_out) :] *= fade_out[::-1]
    return Clip(samples, clip.sample_rate)
