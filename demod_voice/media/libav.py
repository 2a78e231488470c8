"""Everything but MP3 and WAV: encoded and put into its container by libav, bit-exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np

from demod_voice.audio.clip import Samples
from demod_voice.media.cover import add_cover
from demod_voice.media.job import BIT_EXACT, Job
from demod_voice.media.mp4_tags import finish
from demod_voice.media.tags import libav_chapters, named, three_letters, vorbis_chapters, vorbis_picture

OPUS_RATE = 48000
"""Opus works at 48 kHz inside, whatever it is given (RFC 6716, 2.1.3)."""
AAC_CODER = {"aac_coder": "fast"}
"""libav's other coder, ``twoloop``, takes three times as long, and was further from the original at every rate that was
measured (64, 96 and 128 kbit/s of synthetic speech, mono and stereo: log-spectral distance 4.5 dB and not 3.7 at 96 kbit/s
stereo), with true peaks up to 0.8 dB higher."""
FAST_OPUS = "5"
"""Opus' complexity with ``encode.fast``, of 10."""


@dataclass(frozen=True, slots=True)
class _Codec:
    """How libav is asked for one format."""

    container: str
    name: str
    sample_format: str
    rate: int = 0
    """0 = the master's."""
    kbps: int = 0
    """0 = the codec's own."""
    stereo: bool = False
    """Always two channels, equal ones for a mono master."""
    codec_options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)


def encode_flac(job: Job) -> None:
    """FLAC: the master's own samples."""
    _encode(job, _Codec("flac", "flac", "s16"))


def encode_opus(job: Job) -> None:
    """Opus in Ogg."""
    options = {"compression_level": FAST_OPUS} if job.encode.fast else {}
    _encode(job, _Codec("opus", "libopus", "flt", OPUS_RATE, job.encode.opus_kbps, codec_options=options))


def encode_vorbis(job: Job) -> None:
    """Vorbis in Ogg, with libav's own encoder: it has one quality, and always two channels."""
    _encode(job, _Codec("ogg", "vorbis", "fltp", stereo=True, codec_options={"strict": "experimental"}))


def encode_aac(job: Job) -> None:
    """AAC in MP4: ``m4a``, and ``m4b``, which players keep among the audiobooks."""
    brand = {"brand": "M4B "} if job.out_format == "m4b" else {}
    kbps = job.encode.aac_kbps
    codec = _Codec("ipod", "aac", "fltp", kbps=kbps, codec_options=AAC_CODER, container_options=brand)
    try:
        _encode(job, codec)
        finish(job.scratch, job.out, job.tags.extra, job.tags.cover)
    finally:
        job.scratch.unlink(missing_ok=True)


def _encode(job: Job, codec: _Codec) -> None:
    mp4 = codec.container == "ipod"
    rate = codec.rate or job.info.sample_rate
    layout = "stereo" if codec.stereo or job.info.num_channels == 2 else "mono"
    options = {**BIT_EXACT, **codec.container_options}
    with av.open(str(job.scratch if mp4 else job.out), "w", format=codec.container, options=options) as sink:
        stream: Any = sink.add_stream(codec.name, rate=rate, options=dict(codec.codec_options))
        stream.layout = layout
        stream.format = codec.sample_format
        if codec.kbps:
            stream.bit_rate = codec.kbps * 1000
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        if mp4:
            _describe_mp4(sink, stream, job)
        else:
            _describe_vorbis(sink, job)
        stream.codec_context.open()
        if codec.container == "flac":
            add_cover(sink, job.tags.cover)
        _pour(job, sink, stream, codec.sample_format, layout, rate)


def _pour(job: Job, sink: Any, stream: Any, sample_format: str, layout: str, rate: int) -> None:
    """The samples, in frames of the encoder's size."""
    cutter = av.AudioResampler(sample_format, layout, rate, frame_size=stream.codec_context.frame_size or None)
    position = 0
    for block in job.blocks(rate):
        both = np.repeat(block, 2, axis=0) if layout == "stereo" and len(block) == 1 else block
        frame = _frame(both, rate, layout, position)
        position += block.shape[1]
        for each in cutter.resample(frame):
            sink.mux(stream.encode(each))
    for each in cutter.resample(None):
        sink.mux(stream.encode(each))
    sink.mux(stream.encode(None))


def _frame(block: Samples, rate: int, layout: str, position: int) -> Any:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
    frame.sample_rate = rate
    frame.pts = position
    frame.time_base = Fraction(1, rate)
    return frame


def _describe_vorbis(sink: Any, job: Job) -> None:
    """Vorbis comments; in Ogg the cover is one of them."""
    tags = job.tags
    sink.metadata.update(named(tags))
    sink.metadata.update({"LANGUAGE": tags.language} if tags.language else {})
    sink.metadata.update(tags.extra)
    sink.metadata.update(vorbis_chapters(job.chapters))
    if tags.cover is not None and job.out_format != "flac":
        sink.metadata["METADATA_BLOCK_PICTURE"] = vorbis_picture(tags.cover)


def _describe_mp4(sink: Any, stream: Any, job: Job) -> None:
    """What libav's muxer has atoms for; the rest comes with ``finish``."""
    sink.metadata.update(named(job.tags))
    if job.out_format == "m4b":
        sink.metadata["media_type"] = "2"  # the atom stik: an audiobook
    language = three_letters(job.tags.language)
    if language:
        stream.metadata["language"] = language
    if job.chapters:
        sink.set_chapters(libav_chapters(job.chapters))
