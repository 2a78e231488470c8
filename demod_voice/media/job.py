"""One encode, as every encoder is handed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Samples
from demod_voice.audio.resample import QUALITY
from demod_voice.config.settings import Encode
from demod_voice.media.tags import ChapterMark, Tags
from demod_voice.media.wav import BLOCK, WavInfo, read_blocks

BIT_EXACT = {"fflags": "+bitexact"}
"""Option of libav's muxers: without it they write their version, a random serial number, or the time of day."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is encoded, into what, and how."""

    wav: Path
    """16-bit master."""
    out: Path
    out_format: str
    info: WavInfo
    encode: Encode
    tags: Tags
    chapters: Sequence[ChapterMark]
    gain: float
    """Factor applied before the encoder."""
    tap: Callable[[bytes], None] | None = None
    """Given the frames of an MP3 as they are made."""

    @property
    def scratch(self) -> Path:
        """A file beside the output for what an encoder needs in between; whoever writes it removes it."""
        return self.out.with_name(f"{self.out.name}.part")

    def blocks(self, rate: int) -> Iterator[Samples]:
        """The master's samples with the gain, of shape (channels, n), at an encoder's rate."""
        gain = np.float32(self.gain)
        if rate == self.info.sample_rate:
            yield from (block * gain for block in read_blocks(self.wav, BLOCK))
            return
        import soxr

        channels = self.info.num_channels
        stream = soxr.ResampleStream(self.info.sample_rate, rate, channels, dtype="float32", quality=QUALITY)
        for block in read_blocks(self.wav, BLOCK):
            made = stream.resample_chunk(np.ascontiguousarray((block * gain).T))
            if len(made):
                yield np.ascontiguousarray(made.T)
        last = stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)
        if len(last):
            yield np.ascontiguousarray(last.T)
