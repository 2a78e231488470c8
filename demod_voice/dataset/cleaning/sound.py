"""A mono WAV read at any place from any thread, the slabs that it is worked on in, and levels beside a speech track."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.errors import MediaError
from demod_voice.media.wav import decode_pcm, wav_info
from demod_voice.units import SILENCE_DB

Mono = NDArray[np.float32]

PAUSE_BELOW, SPEECH_FROM = 0.2, 0.5
"""Probabilities under and from which a frame counts as a pause and as speech; between them it counts as neither."""
ENVELOPE_S = 0.01


class Sound:
    """A mono WAV.

    Args:
        path: written by this program.

    Raises:
        MediaError: it cannot be read, or has more than one channel.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._info = wav_info(path)
        if self._info.num_channels != 1:
            raise MediaError(f"{path} has {self._info.num_channels} channels; cleaning works on one")
        self._width = {"pcm_s16le": 2, "pcm_s24le": 3, "pcm_f32le": 4}[self._info.encoding]
        self._file = path.open("rb")

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self._info.sample_rate

    @property
    def num_samples(self) -> int:
        """Length."""
        return self._info.num_samples

    def read(self, start: int, end: int) -> Mono:
        """Samples ``start`` to ``end``, shape (n,), zeros beyond both ends of the file. Safe from every thread."""
        low, high = min(max(0, start), self.num_samples), max(0, min(end, self.num_samples))
        made = np.zeros(end - start, np.float32)
        if high > low:
            data = os.pread(self._file.fileno(), (high - low) * self._width, self._info.offset + low * self._width)
            if len(data) < (high - low) * self._width:
                raise MediaError(f"{self._path} is shorter than its header says")
            made[low - start : high - start] = decode_pcm(data, self._info.encoding, 1)[0]
        return made

    def __enter__(self) -> Sound:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Slab:
    """A piece of the time line; slabs lie at multiples of their length, whoever works on them."""

    number: int
    start: int
    end: int
    """After the last sample; beyond the file's end for the last slab."""


def slabs(num_samples: int, length: int) -> Iterator[Slab]:
    """Slabs that cover so many samples."""
    for number, start in enumerate(range(0, num_samples, length)):
        yield Slab(number, start, start + length)


def edges(first: int, last: int, step_s: float, sample_rate: int) -> NDArray[np.int64]:
    """First samples of the steps numbered ``first`` to ``last`` (inclusive), shape (last - first + 1,)."""
    places: NDArray[np.int64] = np.rint(np.arange(first, last + 1) * step_s * sample_rate).astype(np.int64)
    return places


class Levels:
    """Mean power of every step of a stream that comes block by block.

    Args:
        step_s: length of a step, seconds.
        sample_rate: Hz.
    """

    def __init__(self, step_s: float, sample_rate: int) -> None:
        self._step_s, self._rate = step_s, sample_rate
        self._done: list[Mono] = []
        self._count = 0
        self._rest = np.zeros(0, np.float32)
        self._seen = 0

    def push(self, samples: Mono) -> None:
        """Samples of shape (n,) that follow those before."""
        joined = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        begin = self._seen - len(self._rest)
        self._seen += len(samples)
        last = int(self._seen / (self._step_s * self._rate) + 1e-9)
        places = edges(self._count, last, self._step_s, self._rate) - begin
        places = places[places <= len(joined)]
        if len(places) > 1:
            self._done.append(_powers(joined, places))
            self._count += len(places) - 1
        self._rest = joined[places[-1] :].copy()

    def powers(self) -> Mono:
        """Mean power of each step, the last one perhaps shorter; float32 (steps,)."""
        tail = [np.array([np.mean(self._rest.astype(np.float64) ** 2)], np.float32)] if len(self._rest) else []
        return np.concatenate([*self._done, *tail]) if self._done or tail else np.zeros(0, np.float32)


def _powers(samples: Mono, places: NDArray[np.int64]) -> Mono:
    lengths = np.diff(places)
    if (lengths == lengths[0]).all():
        rows = samples[places[0] : places[-1]].reshape(len(lengths), -1)
        return np.asarray(np.einsum("ij,ij->i", rows, rows) / np.float32(lengths[0]), np.float32)
    squares = np.square(samples[: places[-1]], dtype=np.float32)
    sums = np.add.reduceat(squares, places[:-1], dtype=np.float64)
    powers: Mono = (sums / lengths).astype(np.float32)
    return powers


def in_db(powers: NDArray[np.floating]) -> Mono:
    """Powers in dB; nothing is ``SILENCE_DB``."""
    floor = 10.0 ** (SILENCE_DB / 10.0)
    levels: Mono = (10.0 * np.log10(np.maximum(powers.astype(np.float64), floor))).astype(np.float32)
    return levels


@dataclass(frozen=True, slots=True)
class Frames:
    """Which frames of a speech track are surely speech, and which surely pause."""

    speech: NDArray[np.bool_]
    pause: NDArray[np.bool_]

    @classmethod
    def of(cls, track: SpeechTrack, num_samples: int, sample_rate: int) -> Frames:
        """Sorted by probability; a pause also keeps a frame away from everything else. As long as the recording."""
        count = max(1, -(-num_samples // max(1, round(FRAME_S * sample_rate))))
        known = np.full(count, 0.0, np.float32)
        shared = min(count, len(track.probabilities))
        known[:shared] = track.probabilities[:shared]
        quiet = known < PAUSE_BELOW
        padded = np.concatenate(([True], quiet, [True]))
        return cls(known >= SPEECH_FROM, quiet & padded[:-2] & padded[2:])

    def measures(self, powers: Mono) -> dict[str, float]:
        """Noise floor (median of the pauses), speech level (its own power without the noise's) and their distance.

        What cannot be told is left out: a noise floor without pauses, a speech level that the noise swallows.
        """
        count = min(len(powers), len(self.speech))
        speech, pause = powers[:count][self.speech[:count]], powers[:count][self.pause[:count]]
        found: dict[str, float] = {}
        noise = float(np.median(pause)) if len(pause) else None
        if noise is not None:
            found["noise_floor_dbfs"] = _rounded(noise)
        loud = float(np.mean(speech, dtype=np.float64)) - (noise or 0.0) if len(speech) else 0.0
        if loud > 0.0:
            found["speech_dbfs"] = _rounded(loud)
        if noise is not None and loud > 0.0:
            found["snr_db"] = round(found["speech_dbfs"] - found["noise_floor_dbfs"], 2)
        return found


def _rounded(power: float) -> float:
    return round(float(in_db(np.array([power]))[0]), 2)
