"""Faster or slower at the same pitch, higher or lower at the same length: what an engine does not do by itself.

libav's ``atempo`` overlaps and adds the waveform where it fits best (WSOLA). Measured on a sine: pitch within 0.1 %
from half to twice the speed. The pitch is changed by resampling and stretching back, so that the formants move along:
right for a few semitones, no more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

import av
import numpy as np
from av.filter import Graph

from demod_voice.audio.clip import Clip, Samples
from demod_voice.audio.resample import resample

SLOWEST, FASTEST = 0.5, 2.0
"""Ratios between which speech stays clear."""
LOWEST, HIGHEST = 0.8, 1.25
"""Ratios of pitch (about four semitones) between which a voice stays a person's."""
_SPARE_S = 0.25
"""Silence given after the clip, so that the filter lets all of it out."""


def stretch(clip: Clip, ratio: float) -> Clip:
    """The clip ``ratio`` times as fast: ``round(num_samples / ratio)`` samples of the same pitch.

    Raises:
        ValueError: a ratio outside ``SLOWEST`` to ``FASTEST``.
    """
    _check(ratio, SLOWEST, FASTEST)
    length = round(clip.num_samples / ratio)
    if ratio == 1.0 or length == 0:
        return clip
    channels = [_stretched(channel, clip.sample_rate, ratio, length) for channel in clip.samples]
    return Clip(np.stack(channels), clip.sample_rate)


def shift_pitch(clip: Clip, ratio: float) -> Clip:
    """The clip ``ratio`` times as high, of the same length.

    Raises:
        ValueError: a ratio outside ``LOWEST`` to ``HIGHEST``.
    """
    _check(ratio, LOWEST, HIGHEST)
    if ratio == 1.0 or clip.num_samples == 0:
        return clip
    higher = resample(Clip(clip.samples, round(clip.sample_rate * ratio)), clip.sample_rate)
    made = stretch(Clip(higher.samples, clip.sample_rate), higher.num_samples / clip.num_samples)
    return Clip(made.samples[:, : clip.num_samples], clip.sample_rate)


def _check(ratio: float, least: float, most: float) -> None:
    if not (math.isfinite(ratio) and least <= ratio <= most):
        raise ValueError(f"a ratio from {least:g} to {most:g} is possible, not {ratio!r}")


def _stretched(channel: Samples, rate: int, ratio: float, length: int) -> Samples:
    spare = np.zeros(round(_SPARE_S * rate), np.float32)
    parts = list(_filtered(np.concatenate([channel, spare]), rate, ratio))
    made = np.concatenate([*parts, np.zeros(length, np.float32)])
    return np.ascontiguousarray(made[:length], dtype=np.float32)


def _filtered(samples: Samples, rate: int, ratio: float) -> Iterator[Samples]:
    graph = Graph()
    options = f"sample_rate={rate}:sample_fmt=flt:channel_layout=mono:time_base=1/{rate}"
    source, sink = graph.add("abuffer", options), graph.add("abuffersink")
    tempo = graph.add("atempo", repr(ratio))
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    source.push(frame)
    source.push(None)
    while True:
        try:
            yield cast(av.AudioFrame, sink.pull()).to_ndarray().reshape(-1).astype(np.float32)
        except (av.error.EOFError, av.error.BlockingIOError):
            return
