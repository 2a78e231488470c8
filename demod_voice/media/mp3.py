"""MP3: LAME's frames (lameenc: fast, and needs nothing installed), then libav for the Xing frame, ID3v2, CHAP and CTOC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import lameenc
import numpy as np

from demod_voice.errors import UsageError
from demod_voice.media.cover import add_cover
from demod_voice.media.job import BIT_EXACT, Job
from demod_voice.media.tags import libav_chapters, named, three_letters
from demod_voice.media.wav import encode_pcm

MP3_RATES = (16000, 22050, 24000, 32000, 44100, 48000)
VBR_MTRH = 4
"""LAME's newer VBR mode (``vbr_mtrh``), its default and twice as fast as the older. Source: lame.h."""
FAST_QUALITY = 7
"""LAME's effort with ``encode.fast``: 8 and 9 took the same time, and gave the same size."""


def encode_mp3(job: Job) -> None:
    """Encode a job as MP3.

    Raises:
        UsageError: MP3 does not have the master's sample rate.
    """
    if job.info.sample_rate not in MP3_RATES:
        raise UsageError(f"mp3 has no sample rate {job.info.sample_rate}", f"it has {', '.join(map(str, MP3_RATES))}")
    try:
        _write_frames(job)
        _put_together(job)
    finally:
        job.scratch.unlink(missing_ok=True)


def _write_frames(job: Job) -> None:
    encoder = _encoder(job)
    with job.scratch.open("wb") as frames:
        for data in _frames(encoder, job):
            frames.write(data)
            if job.tap is not None:
                job.tap(data)


def _frames(encoder: Any, job: Job) -> Iterator[bytes]:
    for block in job.blocks(job.info.sample_rate):
        yield bytes(encoder.encode(encode_pcm(block.astype(np.float32, copy=False), "pcm_s16le")))
    yield bytes(encoder.flush())


def _encoder(job: Job) -> Any:
    encoder = lameenc.Encoder()
    if job.encode.mp3_mode == "vbr":
        encoder.set_vbr(VBR_MTRH)
        encoder.set_vbr_quality(job.encode.mp3_vbr_quality)
    else:
        encoder.set_bit_rate(job.encode.mp3_kbps)
    encoder.set_in_sample_rate(job.info.sample_rate)
    encoder.set_out_sample_rate(job.info.sample_rate)
    encoder.set_channels(job.info.num_channels)
    encoder.set_quality(max(job.encode.mp3_quality, FAST_QUALITY) if job.encode.fast else job.encode.mp3_quality)
    if hasattr(encoder, "silence"):
        encoder.silence()
    return encoder


def _put_together(job: Job) -> None:
    source: Any = av.open(str(job.scratch), format="mp3")
    with source, av.open(str(job.out), "w", format="mp3", options=BIT_EXACT) as sink:
        inside = source.streams.audio[0]
        outside = sink.add_stream_from_template(inside)
        language = three_letters(job.tags.language)
        sink.metadata.update({**named(job.tags), **({"language": language} if language else {}), **job.tags.extra})
        if job.chapters:
            sink.set_chapters(libav_chapters(job.chapters))
        add_cover(sink, job.tags.cover)
        for packet in source.demux(inside):
            if packet.dts is not None:
                packet.stream = outside
                sink.mux(packet)
