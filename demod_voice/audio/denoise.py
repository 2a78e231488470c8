"""Steady noise taken out of a recording: its spectrum is learned from the quiet moments, then held down by a Wiener gain.

Works block by block in two passes, so that an hour needs no more memory than a second. Used for recordings in episodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.clip import Samples

WINDOW_S = 0.04
FLOOR_DB = -15.0
"""What noise is held down to: with nothing left at all a voice sounds as if it were cut out."""
OVERSUBTRACTION_DB = 3.0
"""Noise counts as this much louder than its mean, so that its own swings are held down too."""
SMOOTHING = 0.9
"""Weight of the frame before in the signal-to-noise ratio: 0.98 of the source smears onsets (measured: 8 dB more error at
40 dB). Source: Ephraim and Malah, IEEE Trans. ASSP 32 (1984) 1109."""
_LEARNING = 0.8
"""Weight of the frames before in the power that noise is learned from."""
_QUIET = 10
"""Percentile of that power which is taken for noise alone: speech pauses for more than a tenth of the time."""
_QUIET_RATIO = 0.5954
"""That percentile of white noise, over its mean (measured over two minutes with the window and weight above)."""
_LOWEST_DB, _STEP_DB, _STEPS = -160.0, 0.5, 480
"""The grid on which powers are counted."""


@dataclass(frozen=True)
class _Frames:
    """Windows of half overlap: a square-root Hann on the way in and out gives the signal back unchanged."""

    sample_rate: int

    @cached_property
    def size(self) -> int:
        """Samples of a window: the power of two nearest to ``WINDOW_S``."""
        return int(2 ** round(np.log2(WINDOW_S * self.sample_rate)))

    @cached_property
    def hop(self) -> int:
        """Samples from one window to the next."""
        return self.size // 2

    @cached_property
    def window(self) -> NDArray[np.float32]:
        """The window's weights."""
        return np.sqrt(np.hanning(self.size + 1)[:-1]).astype(np.float32)

    def of(self, blocks: Iterable[Samples]) -> Iterator[NDArray[np.complex64]]:
        """The spectra of one channel, half a window of silence before and after it."""
        kept = np.zeros(self.hop, np.float32)
        for block in blocks:
            kept = np.concatenate((kept, block[0]))
            count = max(0, (len(kept) - self.hop) // self.hop)
            yield from self._spectra(kept, count)
            kept = kept[count * self.hop :]
        rest = np.concatenate((kept, np.zeros(2 * self.size, np.float32)))
        yield from self._spectra(rest, -(-len(kept) // self.hop))

    def _spectra(self, samples: NDArray[np.float32], count: int) -> Iterator[NDArray[np.complex64]]:
        for number in range(count):
            at = number * self.hop
            yield np.fft.rfft(samples[at : at + self.size] * self.window).astype(np.complex64)


def learn_noise(blocks: Iterable[Samples], sample_rate: int) -> NDArray[np.float32]:
    """The mean power of the steady noise in each band of a window.

    Args:
        blocks: float32 (1, samples).
        sample_rate: Hz.
    """
    frames = _Frames(sample_rate)
    bands = frames.hop + 1
    counts = np.zeros((bands, _STEPS), np.int64)
    rows = np.arange(bands)
    mean = np.zeros(0, np.float64)
    for spectrum in frames.of(blocks):
        power = np.abs(spectrum).astype(np.float64) ** 2
        mean = _LEARNING * mean + (1.0 - _LEARNING) * power if len(mean) else power
        level = 10.0 * np.log10(np.maximum(mean, 1e-16))
        counts[rows, np.clip((level - _LOWEST_DB) / _STEP_DB, 0, _STEPS - 1).astype(np.int64)] += 1
    wanted = counts.sum(axis=1) * _QUIET / 100.0
    place = (np.cumsum(counts, axis=1) < wanted[:, None]).sum(axis=1)
    quiet: NDArray[np.float64] = 10.0 ** ((_LOWEST_DB + (place + 0.5) * _STEP_DB) / 10.0)
    return (quiet / _QUIET_RATIO).astype(np.float32)


def without_noise(blocks: Iterable[Samples], sample_rate: int, noise: NDArray[np.float32]) -> Iterator[Samples]:
    """The sound with its noise held down; as many samples as come in.

    Args:
        blocks: float32 (1, samples).
        sample_rate: Hz.
        noise: what ``learn_noise`` gave for the same sound.
    """
    frames = _Frames(sample_rate)
    length = 0

    def counted() -> Iterator[Samples]:
        nonlocal length
        for block in blocks:
            length += block.shape[1]
            yield block

    floor = np.float32(10.0 ** (FLOOR_DB / 20.0))
    loud = noise * np.float32(10.0 ** (OVERSUBTRACTION_DB / 10.0)) + np.float32(1e-20)
    before = np.zeros_like(noise)
    tail = np.zeros(frames.hop, np.float32)
    given, first = 0, True
    for spectrum in frames.of(counted()):
        ratio = (np.abs(spectrum) ** 2) / loud
        prior = SMOOTHING * before + (1.0 - SMOOTHING) * np.maximum(ratio - 1.0, 0.0)
        gain = np.maximum(prior / (1.0 + prior), floor)
        before = gain * gain * ratio
        made = np.fft.irfft(spectrum * gain, frames.size).astype(np.float32) * frames.window
        whole = tail + made[: frames.hop]
        tail = made[frames.hop :]
        if first:
            first = False
            continue
        whole = whole[: max(0, length - given)] if given + len(whole) > length else whole
        given += len(whole)
        if len(whole):
            yield np.ascontiguousarray(whole.reshape(1, -1))
    if given < length:
        yield np.ascontiguousarray(tail[: length - given].reshape(1, -1))
