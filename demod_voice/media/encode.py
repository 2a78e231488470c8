"""Encode a master: wav, flac, mp3, m4a, opus; tags and chapters; the same input gives the same bytes.

MP3 is made by lameenc (fast, needs nothing installed) and put into its final file by libav, which writes the Xing frame,
ID3v2 tags and the CHAP and CTOC frames. Everything else is libav alone. Every container is written bit-exact: without
it, they hold the muxer's version, a random serial number, or the time of day.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import lameenc
import numpy as np

from demod_voice.audio.clip import Clip, Samples
from demod_voice.audio.resample import QUALITY
from demod_voice.config.settings import Encode
from demod_voice.errors import MediaError, UsageError
from demod_voice.media.wav import BLOCK, WavInfo, encode_pcm, read_blocks, wav_info
from demod_voice.records.atomic import output_error
from demod_voice.units import gain_from_db

BIT_EXACT = {"fflags": "+bitexact"}
OPUS_RATE = 48000
"""Opus works at 48 kHz inside, whatever it is given (RFC 6716, 2.1.3)."""
VORBIS_COMMENTS = ("flac", "opus")
"""Formats whose tags are Vorbis comments."""
MP3_RATES = (16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True, slots=True)
class Tags:
    """What a player shows."""

    title: str = ""
    artist: str = ""
    album: str = ""
    date: str = ""
    comment: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Further tags; in MP3 they become TXXX frames."""


@dataclass(frozen=True, slots=True)
class ChapterMark:
    """A chapter of the finished file."""

    start_s: float
    end_s: float
    title: str


@dataclass(frozen=True, slots=True)
class _Job:
    wav: Path
    out: Path
    out_format: str
    info: WavInfo
    encode: Encode
    tags: Tags
    chapters: Sequence[ChapterMark]
    gain: float


def encode(
    wav: Path, out: Path, format: str, encode: Encode, tags: Tags, chapters: Sequence[ChapterMark], gain_db: float = 0.0
) -> None:
    """Encode a WAV.

    Args:
        wav: 16-bit master.
        out: the file, written in place (use a temporary name: ``records.atomic.replacing``).
        format: one of ``FORMATS``.
        encode: bit rates.
        tags: what a player shows; not written to wav.
        chapters: in order; not written to wav.
        gain_db: applied before a lossy encode.

    Raises:
        UsageError: unknown format, or a sample rate that the format does not have.
        MediaError: the encoder failed. OutputError: the file cannot be written.
    """
    if format not in FORMATS:
        raise UsageError(f"unknown audio format {format!r}", f"known formats: {', '.join(FORMATS)}")
    job = _Job(wav, out, format, wav_info(wav), encode, tags, chapters, gain_from_db(gain_db))
    try:
        FORMATS[format](job)
    except av.FFmpegError as error:
        if isinstance(error, OSError) and error.errno:
            raise output_error(out, error) from error
        raise MediaError(f"{out} could not be encoded: {error}") from error
    except OSError as error:
        raise output_error(out, error) from error


def decoded_blocks(path: Path) -> Iterator[Clip]:
    """The sound of a file that this program encoded, as clips of about ``BLOCK`` samples at its own rate.

    Raises:
        MediaError: it cannot be decoded.
    """
    frames: list[Samples] = []
    rate = 0
    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="fltp")
            for frame in container.decode(audio=0):
                for each in resampler.resample(frame):
                    frames.append(each.to_ndarray().astype(np.float32, copy=False))
                    rate = each.sample_rate
                if sum(piece.shape[1] for piece in frames) >= BLOCK:
                    yield _joined(frames, rate)
                    frames = []
    except av.FFmpegError as error:
        raise MediaError(f"{path} cannot be decoded: {error}") from error
    if frames:
        yield _joined(frames, rate)


def _joined(frames: Sequence[Samples], rate: int) -> Clip:
    return Clip(np.concatenate(frames, axis=1), rate)


def _wav(job: _Job) -> None:
    shutil.copyfile(job.wav, job.out)


def _flac(job: _Job) -> None:
    _libav(job, "flac", "flac", job.info.sample_rate, "s16", 0)


def _m4a(job: _Job) -> None:
    options = {**BIT_EXACT, "movflags": "+faststart"}
    _libav(job, "ipod", "aac", job.info.sample_rate, "fltp", job.encode.aac_kbps, options)


def _opus(job: _Job) -> None:
    _libav(job, "opus", "libopus", OPUS_RATE, "flt", job.encode.opus_kbps)


def _mp3(job: _Job) -> None:
    """LAME's frames first, then one pass of libav that adds header, tags and chapters."""
    if job.info.sample_rate not in MP3_RATES:
        raise UsageError(f"mp3 has no sample rate {job.info.sample_rate}", f"it has {', '.join(map(str, MP3_RATES))}")
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(job.encode.mp3_kbps)
    encoder.set_in_sample_rate(job.info.sample_rate)
    encoder.set_out_sample_rate(job.info.sample_rate)
    encoder.set_channels(job.info.num_channels)
    encoder.set_quality(job.encode.mp3_quality)
    if hasattr(encoder, "silence"):
        encoder.silence()
    frames = io.BytesIO()
    for block in read_blocks(job.wav, BLOCK):
        frames.write(encoder.encode(encode_pcm(block * np.float32(job.gain), "pcm_s16le")))
    frames.write(encoder.flush())
    frames.seek(0)
    source: Any = av.open(frames, format="mp3")
    with source, av.open(str(job.out), "w", format="mp3", options=BIT_EXACT) as sink:
        inside = source.streams.audio[0]
        outside = sink.add_stream_from_template(inside)
        _describe(sink, job)
        for packet in source.demux(inside):
            if packet.dts is not None:
                packet.stream = outside
                sink.mux(packet)


def _libav(
    job: _Job,
    container: str,
    codec: str,
    rate: int,
    sample_format: str,
    kbps: int,
    options: Mapping[str, str] = BIT_EXACT,
) -> None:
    layout = "mono" if job.info.num_channels == 1 else "stereo"
    with av.open(str(job.out), "w", format=container, options=dict(options)) as sink:
        stream: Any = sink.add_stream(codec, rate=rate)
        stream.layout = layout
        stream.format = sample_format
        if kbps:
            stream.bit_rate = kbps * 1000
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        _describe(sink, job)
        stream.codec_context.open()
        cutter = av.AudioResampler(sample_format, layout, rate, frame_size=stream.codec_context.frame_size or None)
        position = 0
        for block in _blocks(job, rate):
            frame = _frame(block, rate, layout, position)
            position += block.shape[1]
            for each in cutter.resample(frame):
                sink.mux(stream.encode(each))
        for each in cutter.resample(None):
            sink.mux(stream.encode(each))
        sink.mux(stream.encode(None))


def _blocks(job: _Job, rate: int) -> Iterator[Samples]:
    """The master's samples with the gain, at the encoder's rate."""
    gain = np.float32(job.gain)
    if rate == job.info.sample_rate:
        yield from (block * gain for block in read_blocks(job.wav, BLOCK))
        return
    import soxr

    stream = soxr.ResampleStream(job.info.sample_rate, rate, job.info.num_channels, dtype="float32", quality=QUALITY)
    nothing = np.zeros((0, job.info.num_channels), np.float32)
    for block in read_blocks(job.wav, BLOCK):
        made = stream.resample_chunk(np.ascontiguousarray((block * gain).T))
        if len(made):
            yield np.ascontiguousarray(made.T)
    last = stream.resample_chunk(nothing, last=True)
    if len(last):
        yield np.ascontiguousarray(last.T)


def _frame(block: Samples, rate: int, layout: str, position: int) -> Any:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
    frame.sample_rate = rate
    frame.pts = position
    frame.time_base = Fraction(1, rate)
    return frame


def _describe(sink: Any, job: _Job) -> None:
    tags = job.tags
    named = {
        "title": tags.title,
        "artist": tags.artist,
        "album": tags.album,
        "date": tags.date,
        "comment": tags.comment,
    }
    sink.metadata.update({name: value for name, value in {**named, **tags.extra}.items() if value})
    if job.out_format in VORBIS_COMMENTS:
        sink.metadata.update(_vorbis_chapters(job.chapters))
    elif job.chapters:
        sink.set_chapters(
            [
                {
                    "id": number,
                    "start": round(mark.start_s * 1000),
                    "end": round(mark.end_s * 1000),
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": mark.title},
                }
                for number, mark in enumerate(job.chapters)
            ]
        )


def _vorbis_chapters(chapters: Sequence[ChapterMark]) -> dict[str, str]:
    """Chapters as Vorbis comments (Xiph's Chapter Extension). Written here because libav's are a second late or none:
    its Ogg muxer rounds the seconds and adds the milliseconds, its FLAC muxer leaves chapters out.
    """
    comments = {}
    for number, mark in enumerate(chapters):
        seconds, milliseconds = divmod(round(mark.start_s * 1000), 1000)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"
        comments[f"CHAPTER{number:03d}"] = clock
        comments[f"CHAPTER{number:03d}NAME"] = mark.title
    return comments


FORMATS: Mapping[str, Callable[[_Job], None]] = {"wav": _wav, "mp3": _mp3, "flac": _flac, "m4a": _m4a, "opus": _opus}
"""Format (also the file's suffix) -> what encodes it."""
LOSSY = ("mp3", "m4a", "opus")
