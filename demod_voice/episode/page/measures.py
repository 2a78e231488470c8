"""What a report draws of a master: its waveform in columns and its loudness over time, read block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.clip import Samples
from demod_voice.media.wav import read_blocks, wav_info
from demod_voice.mix.loudness import ABSOLUTE_GATE_LUFS, OFFSET_LUFS, RELATIVE_GATE_LU, k_weighting

COLUMNS = 1200
"""Columns of a waveform at most: about the pixels of a wide window."""
HOP_S = 0.1
"""Loudness is kept for each tenth of a second; windows are means of these."""
MOMENTARY, SHORT_TERM = 4, 30
"""Hops in the windows of EBU Tech 3341: 400 ms and 3 s."""
SILENCE_LUFS = -120.0
"""What a hop without sound reads here: JSON has no minus infinity."""
BLOCK = 1 << 18
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SoundView:
    """A master as a report draws it."""

    duration_s: float
    column_s: float
    """Seconds of one column; the last one may be shorter."""
    peaks: tuple[float, ...]
    """Largest absolute sample of each column, 0..1."""
    levels: tuple[float, ...]
    """RMS of each column, 0..1."""
    hops_lufs: tuple[float, ...]
    """Loudness of each tenth of a second, LUFS."""

    def windows(self, hops: int) -> Floats:
        """Loudness of every window of ``hops`` tenths of a second, LUFS; number n begins at n tenths."""
        energies = _energy(np.asarray(self.hops_lufs))
        if len(energies) < hops:
            return np.zeros(0)
        sums = np.convolve(energies, np.ones(hops), "valid")
        return _lufs(np.maximum(sums, 0.0) / hops)

    def loudness(self, start_s: float, end_s: float) -> float:
        """Loudness of a stretch with the gates of BS.1770-4 over tenths of a second, LUFS."""
        first = int(start_s / HOP_S)
        hops = np.asarray(self.hops_lufs[first : max(first + 1, round(end_s / HOP_S))])
        loud = hops[hops > ABSOLUTE_GATE_LUFS]
        if not len(loud):
            return SILENCE_LUFS
        gate = float(_lufs(_energy(loud).mean())) + RELATIVE_GATE_LU
        return float(_lufs(_energy(loud[loud > gate]).mean()))

    def as_json(self) -> dict[str, Any]:
        """For a step's record."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SoundView:
        """What ``as_json`` gave."""
        rows = {name: tuple(data[name]) for name in ("peaks", "levels", "hops_lufs")}
        return cls(data["duration_s"], data["column_s"], **rows)


def view(path: Path) -> SoundView:
    """Read a master once.

    Raises:
        MediaError: it cannot be read.
    """
    info = wav_info(path)
    column = max(1, -(-info.num_samples // COLUMNS))
    peaks: list[Floats] = []
    powers: list[Floats] = []
    hops = _Hops(info.sample_rate, info.num_channels)
    for block in read_blocks(path, column * max(1, BLOCK // column)):
        starts = np.arange(0, block.shape[1], column)
        loudest, power = np.abs(block).max(axis=0), np.square(block, dtype=np.float64).mean(axis=0)
        counts = np.diff([*starts, block.shape[1]])
        peaks.append(np.maximum.reduceat(loudest, starts))
        powers.append(np.add.reduceat(power, starts) / counts)
        hops.push(block)
    return SoundView(
        duration_s=round(info.duration_s, 6),
        column_s=column / info.sample_rate,
        peaks=_rounded(peaks, 4),
        levels=_rounded([np.sqrt(each) for each in powers], 4),
        hops_lufs=_rounded([np.maximum(_lufs(each), SILENCE_LUFS) for each in hops.energies], 1),
    )


def thin(values: Floats, most: int) -> list[tuple[float, float]]:
    """At most ``most`` points of a curve as (place among the values, largest value there)."""
    if not len(values):
        return []
    width = -(-len(values) // most)
    starts = np.arange(0, len(values), width)
    highest = np.maximum.reduceat(values, starts)
    return [(float(start + (width - 1) / 2), float(value)) for start, value in zip(starts, highest, strict=True)]


class _Hops:
    """Mean square of the K-weighted signal in each tenth of a second, summed over channels (BS.1770-4, annex 1)."""

    def __init__(self, sample_rate: int, num_channels: int) -> None:
        self._sos = k_weighting(sample_rate)
        self._state = np.zeros((len(self._sos), num_channels, 2))
        self._hop = round(sample_rate * HOP_S)
        self._rest = np.zeros((num_channels, 0))
        self.energies: list[Floats] = []

    def push(self, samples: Samples) -> None:
        """Add samples of shape (channels, n)."""
        from scipy.signal import sosfilt

        weighted, self._state = sosfilt(self._sos, samples.astype(np.float64), axis=1, zi=self._state)
        joined = np.concatenate([self._rest, weighted], axis=1)
        count = joined.shape[1] // self._hop
        whole = joined[:, : count * self._hop].reshape(joined.shape[0], count, self._hop)
        self.energies.append(np.square(whole).mean(axis=2).sum(axis=0))
        self._rest = joined[:, count * self._hop :].copy()


def _lufs(energy: Floats) -> Floats:
    return OFFSET_LUFS + 10.0 * np.log10(np.maximum(energy, 1e-12))


def _energy(lufs: Floats) -> Floats:
    return np.power(10.0, (lufs - OFFSET_LUFS) / 10.0)


def _rounded(blocks: Sequence[Floats], digits: int) -> tuple[float, ...]:
    """All blocks as one row of numbers, short ones: they are written to a page."""
    if not blocks:
        return ()
    return tuple(float(each) for each in np.round(np.concatenate(blocks).astype(np.float64), digits))
