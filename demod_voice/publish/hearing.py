"""Measure what an encoder wrote: afterwards, from the file, or, of an MP3, while its frames are made.

LAME takes longer than everything else about an MP3 together, and uses one processor. Its frames are decoded and measured as
they come, and are then put into the file as they are, so that hearing the file once more could find nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from demod_voice.audio.clip import Samples
from demod_voice.errors import MediaError
from demod_voice.media.encode import decoded_blocks
from demod_voice.media.wav import BLOCK
from demod_voice.mix.behind import Listener
from demod_voice.mix.loudness import Meter, report

DECODER_DELAY = 529
"""Samples that an MP3 decoder gives before the first one of the sound; players leave them out. Source: LAME's technical
FAQ, "decoder delay"."""
HEADER_ROOM_S = 0.15
"""What the length in a file's header may be off by: frames are whole."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was measured."""

    lufs: float
    true_peak_dbtp: float
    duration_s: float


def hear(path: Path, num_channels: int) -> Heard:
    """Decode and measure a file; the meter works beside the decoder.

    Where a mono master became two equal channels, one of them is heard: a player sends either to both ears.

    Raises:
        MediaError: it cannot be decoded, or holds no sound.
    """
    blocks = decoded_blocks(path)
    first = next(blocks, None)
    if first is None:
        raise MediaError(f"{path} holds no sound after encoding")
    samples = 0
    with Listener(Meter(first.sample_rate, num_channels)) as listener:
        for clip in chain([first], blocks):
            listener.push(clip.samples[:num_channels])
            samples += clip.num_samples
    return _heard(listener.meter, samples / first.sample_rate)


class FramesHeard:
    """Hears MP3 frames while they are made: ``push`` is the tap of ``media.encode.encode``.

    Args:
        sample_rate: of the MP3, Hz.
        num_channels: 1 or 2.
    """

    def __init__(self, sample_rate: int, num_channels: int) -> None:
        self._rate = sample_rate
        self._decoder: Any = av.CodecContext.create("mp3float", "r")
        self._listener = Listener(Meter(sample_rate, num_channels))
        self._frames: list[Samples] = []
        self._waiting = 0
        self._samples = -DECODER_DELAY

    def push(self, data: bytes) -> None:
        """Take more of the stream; frames may be cut anywhere.

        Raises:
            MediaError: it is no MP3.
        """
        try:
            for packet in self._decoder.parse(data):
                self._take(self._decoder.decode(packet))
        except av.FFmpegError as error:
            raise MediaError(f"the MP3 that was made cannot be decoded: {error}") from error

    def report(self, path: Path) -> Heard:
        """What was heard, once the ``with`` block has ended; the finished file must say that it is as long.

        Raises:
            MediaError: it does not, or cannot be opened.
        """
        duration_s = self._samples / self._rate
        try:
            with av.open(str(path)) as container:
                said_s = (container.duration or 0) / 1e6
        except av.FFmpegError as error:
            raise MediaError(f"{path} cannot be decoded: {error}") from error
        if abs(said_s - duration_s) > HEADER_ROOM_S:
            raise MediaError(f"{path} says that it is {said_s:.2f} s long, and {duration_s:.2f} s were encoded")
        return _heard(self._listener.meter, duration_s)

    def __enter__(self) -> FramesHeard:
        self._listener.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.push(b"")
            self._take(self._decoder.decode(None))
            self._pass_on()
        self._listener.__exit__(kind, error, trace)

    def _take(self, frames: Iterator[Any]) -> None:
        for frame in frames:
            self._frames.append(frame.to_ndarray())
            self._waiting += frame.samples
            if self._waiting >= BLOCK:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._frames:
            joined = np.concatenate(self._frames, axis=1)
            self._listener.push(joined[:, max(0, -self._samples) :])
            self._samples += joined.shape[1]
        self._frames, self._waiting = [], 0


def _heard(meter: Meter, duration_s: float) -> Heard:
    found = report(meter, duration_s)
    return Heard(found.lufs, found.true_peak_dbtp, found.duration_s)
