"""Sound that is read a little at a time: a clip on the time line, with its chain, rate, fades and gain.

A clip is never in memory whole, be it a word or an hour. It is read, worked on and resampled in pieces of its own, so
that what comes out does not depend on how the time line is cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from demod_voice.audio.clip import Samples
from demod_voice.audio.fades import equal_power, raised_cosine
from demod_voice.audio.resample import QUALITY
from demod_voice.media.wav import WavInfo, read_blocks, wav_info
from demod_voice.mix.voice_chain import ChainSettings, VoiceChain
from demod_voice.units import gain_from_db

PIECE = 1 << 15
"""Frames that are read at once."""


@dataclass(frozen=True, slots=True)
class Placement:
    """One clip on the time line."""

    path: Path
    """WAV, any rate."""
    start_sample: int
    """At the time line's rate."""
    fade_in_s: float = 0.010
    fade_out_s: float = 0.010
    gain_db: float = 0.0
    equal_power_in: bool = False
    """The fade in is one half of an equal-power crossfade; else raised-cosine."""
    equal_power_out: bool = False
    num_samples: int | None = None
    """Length at the time line's rate; None = the whole clip."""
    chain: ChainSettings | None = None
    """What a voice goes through; each clip begins with a rested chain."""


class ClipSource:
    """The samples of a placement, front to back.

    Args:
        placement: which clip, and how.
        sample_rate: of the time line, Hz.
        num_channels: 1 mixes the clip's channels; 2 keeps two, and doubles one.

    Raises:
        MediaError: the clip cannot be read.
    """

    def __init__(self, placement: Placement, sample_rate: int, num_channels: int) -> None:
        self.placement = placement
        self.start = placement.start_sample
        self._info = wav_info(placement.path)
        whole = clip_length(self._info, sample_rate)
        self.num_samples = whole if placement.num_samples is None else min(whole, placement.num_samples)
        self._rate, self._channels = sample_rate, num_channels
        self._pieces = self._read()
        self._held = np.zeros((num_channels, 0), np.float32)
        self._at = 0
        self._fades = [
            _fade(seconds, power, sample_rate, self.num_samples)
            for seconds, power in (
                (placement.fade_in_s, placement.equal_power_in),
                (placement.fade_out_s, placement.equal_power_out),
            )
        ]
        self._gain = np.float32(gain_from_db(placement.gain_db))

    @property
    def end(self) -> int:
        """One past its last sample on the time line."""
        return self.start + self.num_samples

    def take(self, count: int) -> Samples:
        """The next ``count`` samples, shape (channels, count); silence where the clip is shorter than it said."""
        while self._held.shape[1] < count:
            piece = next(self._pieces, None)
            if piece is None:
                piece = np.zeros((self._channels, count - self._held.shape[1]), np.float32)
            self._held = np.concatenate([self._held, piece], axis=1)
        out, self._held = self._held[:, :count], self._held[:, count:]
        out = out * self._gain
        self._apply_fades(out)
        self._at += count
        return out

    def _apply_fades(self, out: Samples) -> None:
        rising, falling = self._fades
        low, high = self._at, self._at + out.shape[1]
        if low < len(rising):
            part = rising[low:high]
            out[:, : len(part)] *= part
        edge = self.num_samples - len(falling)
        if high > edge:
            first = max(low, edge)
            part = falling[::-1][first - edge : high - edge]
            out[:, first - low : first - low + len(part)] *= part

    def _read(self) -> Iterator[Samples]:
        """Pieces at the time line's rate, worked on."""
        stream = None
        if self._info.sample_rate != self._rate:
            stream = soxr.ResampleStream(
                self._info.sample_rate, self._rate, self._channels, dtype="float32", quality=QUALITY
            )
        for samples in self._worked():
            if stream is None:
                yield samples
                continue
            made = stream.resample_chunk(np.ascontiguousarray(samples.T))
            if len(made):
                yield np.ascontiguousarray(made.reshape(-1, self._channels).T)
        if stream is not None:
            last = stream.resample_chunk(np.zeros((0, self._channels), np.float32), last=True)
            if len(last):
                yield np.ascontiguousarray(last.reshape(-1, self._channels).T)

    def _worked(self) -> Iterator[Samples]:
        """Pieces at the clip's own rate, in the channels that are wanted, after the chain."""
        settings = self.placement.chain
        chain = VoiceChain(settings, self._info.sample_rate) if settings is not None else None
        for block in read_blocks(self.placement.path, PIECE):
            samples = in_channels(block, 1 if chain is not None else self._channels)
            if chain is not None:
                samples = in_channels(chain.process(samples[0]).reshape(1, -1), self._channels)
            yield samples


def clip_length(info: WavInfo, sample_rate: int) -> int:
    """Samples of a clip at another rate, rounded up as the resampler does."""
    return -(-info.num_samples * sample_rate // info.sample_rate)


def in_channels(samples: Samples, num_channels: int) -> Samples:
    """The samples with one channel (their mean) or two (a single one doubled)."""
    if samples.shape[0] == num_channels:
        return samples
    if num_channels == 1:
        return np.asarray(samples.mean(axis=0, keepdims=True, dtype=np.float32))
    return np.repeat(in_channels(samples, 1), num_channels, axis=0)


def _fade(seconds: float, power: bool, sample_rate: int, num_samples: int) -> Samples:
    length = min(round(seconds * sample_rate), num_samples // 2)
    return equal_power(length) if power else raised_cosine(length)
