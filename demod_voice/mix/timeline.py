"""Clips on a time line: explicit sample positions, fades at every edge, summed in blocks to a float WAV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Clip, Samples
from demod_voice.audio.fades import equal_power, faded, raised_cosine
from demod_voice.audio.resample import resample
from demod_voice.media.wav import WavWriter, read_wav
from demod_voice.mix.behind import Listener
from demod_voice.mix.loudness import LoudnessReport, Meter, report

BLOCK = 1 << 17
"""Samples of the time line that are held at once."""


@dataclass(frozen=True, slots=True)
class Placement:
    """One clip on the time line."""

    path: Path
    """WAV, any rate; several channels are mixed to one."""
    start_sample: int
    """At the time line's rate."""
    fade_in_s: float = 0.010
    fade_out_s: float = 0.010
    gain_db: float = 0.0
    equal_power_in: bool = False
    """The fade in is one half of an equal-power crossfade; else raised-cosine."""
    equal_power_out: bool = False


def render_timeline(placements: Sequence[Placement], sample_rate: int, num_samples: int, out: Path) -> LoudnessReport:
    """Sum the clips into a mono float WAV of exactly ``num_samples``, and measure it on the way.

    A clip is in memory only while its samples are being summed, so memory does not grow with the time line.

    Args:
        placements: in any order; a clip may overlap others and is cut at the end of the time line.
        sample_rate: Hz.
        num_samples: length.
        out: WAV, ``pcm_f32le``.

    Raises:
        MediaError: a clip cannot be read.
        OutputError: the file cannot be written.
    """
    waiting = sorted(placements, key=lambda each: (each.start_sample, str(each.path)), reverse=True)
    active: list[tuple[int, Samples]] = []
    meter = Meter(sample_rate, 1)
    with WavWriter(out, sample_rate, 1, "pcm_f32le") as writer, Listener(meter) as listener:
        for start in range(0, num_samples, BLOCK):
            end = min(start + BLOCK, num_samples)
            while waiting and waiting[-1].start_sample < end:
                each = waiting.pop()
                active.append((each.start_sample, load(each, sample_rate).samples[0]))
            block = np.zeros((1, end - start), np.float32)
            for at, samples in active:
                _add(block[0], start, at, samples)
            active = [(at, samples) for at, samples in active if at + len(samples) > end]
            writer.write(block)
            listener.push(block)
    return report(meter, num_samples / sample_rate)


def load(placement: Placement, sample_rate: int) -> Clip:
    """A placement's clip: mono, at the time line's rate, faded and with its gain."""
    clip = read_wav(placement.path)
    if clip.num_channels > 1:
        clip = Clip(clip.samples.mean(axis=0, keepdims=True, dtype=np.float32), clip.sample_rate)
    clip = resample(clip, sample_rate)
    fade_in, fade_out = _fades(placement, clip)
    clip = faded(clip, fade_in, fade_out)
    if placement.gain_db:
        clip = Clip(clip.samples * np.float32(10 ** (placement.gain_db / 20)), sample_rate)
    return clip


def _fades(placement: Placement, clip: Clip) -> Iterator[Samples]:
    sides = ((placement.fade_in_s, placement.equal_power_in), (placement.fade_out_s, placement.equal_power_out))
    for seconds, power in sides:
        length = min(round(seconds * clip.sample_rate), clip.num_samples // 2)
        yield equal_power(length) if power else raised_cosine(length)


def _add(block: Samples, start: int, at: int, samples: Samples) -> None:
    low, high = max(start, at), min(start + len(block), at + len(samples))
    if low < high:
        block[low - start : high - start] += samples[low - at : high - at]
