"""Pieces of one line become one clip again; gain is applied to samples, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from demod_worker.messages import Word

from demod_voice.audio.clip import Clip, Samples
from demod_voice.audio.fades import raised_cosine
from demod_voice.speech.trim import shift
from demod_voice.units import gain_from_db

CHUNK_GAP_S = 0.1
"""Between two chunks of one line; with the 50 + 150 ms that trimming leaves it is 0.3 s, a short sentence pause."""
CROSSFADE_S = 0.02
"""Where a piece runs on: twice what ``trim.RUN_ON_S`` leaves at an edge, so that no silence is heard."""


def join(
    pieces: Sequence[tuple[Clip, tuple[Word, ...]]], gaps: Sequence[float | None] = ()
) -> tuple[Clip, tuple[Word, ...]]:
    """One clip of all pieces (of one rate and channel count), and the word times from its start.

    Args:
        pieces: clips with their words.
        gaps: seconds of silence before each piece (the first one is not used), None for a crossfade; default: short gaps.
    """
    if len(pieces) == 1:
        return pieces[0]
    rate = pieces[0][0].sample_rate
    parts: list[Samples] = []
    words: list[Word] = []
    start = 0
    for number, (clip, heard) in enumerate(pieces):
        samples = clip.samples
        gap_s = gaps[number] if gaps else CHUNK_GAP_S
        if number and gap_s is None:
            parts[-1], samples, shared = _crossed(parts[-1], samples, round(CROSSFADE_S * rate))
            start -= shared
            words = [*shift(words, 0.0, start / rate)]
        elif number:
            gap = silence(rate, clip.num_channels, gap_s or 0.0)
            parts.append(gap.samples)
            start += gap.num_samples
        parts.append(samples)
        words += shift(heard, start / rate, (start + clip.num_samples) / rate)
        start += clip.num_samples
    return Clip(np.concatenate(parts, axis=1), rate), tuple(words)


def _crossed(before: Samples, after: Samples, longest: int) -> tuple[Samples, Samples, int]:
    """The two with the end of the first faded into the beginning of the second, and how many samples they share."""
    shared = min(longest, before.shape[1] // 2, after.shape[1] // 2)
    rising = raised_cosine(shared)
    mixed = after.copy()
    mixed[:, :shared] = after[:, :shared] * rising + before[:, before.shape[1] - shared :] * rising[::-1]
    return before[:, : before.shape[1] - shared], mixed, shared


def silence(sample_rate: int, num_channels: int = 1, length_s: float = CHUNK_GAP_S) -> Clip:
    """A gap; by default the one between two chunks."""
    return Clip(np.zeros((num_channels, round(length_s * sample_rate)), dtype=np.float32), sample_rate)


def amplify(clip: Clip, gain_db: float) -> Clip:
    """The clip louder by ``gain_db``; 0 dB changes no bit, and nothing is clipped."""
    if gain_db == 0.0:
        return clip
    return Clip(clip.samples * np.float32(gain_from_db(gain_db)), clip.sample_rate)
