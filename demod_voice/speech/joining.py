"""Chunks of one line become one clip again; gain is applied to samples, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from demod_worker.messages import Word

from demod_voice.audio.clip import Clip
from demod_voice.speech.trim import shift
from demod_voice.units import gain_from_db

CHUNK_GAP_S = 0.1
"""Between two chunks of one line; with the 50 + 150 ms that trimming leaves it is 0.3 s, a short sentence pause."""


def join(pieces: Sequence[tuple[Clip, tuple[Word, ...]]]) -> tuple[Clip, tuple[Word, ...]]:
    """One clip of all pieces (of one rate and channel count) with short gaps, and the word times from its start."""
    if len(pieces) == 1:
        return pieces[0]
    rate = pieces[0][0].sample_rate
    gap = silence(rate, pieces[0][0].num_channels)
    parts: list[Clip] = []
    words: list[Word] = []
    start = 0
    for number, (clip, heard) in enumerate(pieces):
        if number:
            parts.append(gap)
            start += gap.num_samples
        parts.append(clip)
        words += shift(heard, start / rate, (start + clip.num_samples) / rate)
        start += clip.num_samples
    return Clip(np.concatenate([part.samples for part in parts], axis=1), rate), tuple(words)


def silence(sample_rate: int, num_channels: int = 1) -> Clip:
    """The gap between two chunks."""
    return Clip(np.zeros((num_channels, round(CHUNK_GAP_S * sample_rate)), dtype=np.float32), sample_rate)


def amplify(clip: Clip, gain_db: float) -> Clip:
    """The clip louder by ``gain_db``; 0 dB changes no bit, and nothing is clipped."""
    if gain_db == 0.0:
        return clip
    return Clip(clip.samples * np.float32(gain_from_db(gain_db)), clip.sample_rate)
