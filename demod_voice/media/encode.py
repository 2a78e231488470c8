"""Encode a master: wav, flac, mp3, m4a, m4b, opus, ogg; tags and chapters; the same input gives the same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import av
import numpy as np

from demod_voice.audio.clip import Clip, Samples
from demod_voice.config.settings import Encode
from demod_voice.errors import MediaError, UsageError
from demod_voice.media.job import Job
from demod_voice.media.libav import encode_aac, encode_flac, encode_opus, encode_vorbis
from demod_voice.media.mp3 import encode_mp3
from demod_voice.media.tags import ChapterMark, Tags
from demod_voice.media.wav import BLOCK, wav_info
from demod_voice.media.wav_tags import add_info
from demod_voice.records.atomic import output_error
from demod_voice.units import gain_from_db


def encode(
    wav: Path,
    out: Path,
    format: str,
    encode: Encode,
    tags: Tags,
    chapters: Sequence[ChapterMark],
    gain_db: float = 0.0,
    tap: Callable[[bytes], None] | None = None,
) -> None:
    """Encode a WAV.

    Args:
        wav: 16-bit master.
        out: the file, written in place (use a temporary name: ``records.atomic.replacing``). ``m4a``, ``m4b`` and
            ``mp3`` write a second file beside it while they work, called as it is with ``.part`` after it.
        format: one of ``FORMATS``.
        encode: bit rates.
        tags: what a player shows.
        chapters: in order; a wav has none.
        gain_db: applied before a lossy encode.
        tap: given the frames of an mp3 as they are made; other formats have none.

    Raises:
        UsageError: unknown format, or a sample rate that the format does not have.
        MediaError: the encoder failed. OutputError: the file cannot be written.
    """
    if format not in FORMATS:
        raise UsageError(f"unknown audio format {format!r}", f"known formats: {', '.join(FORMATS)}")
    job = Job(wav, out, format, wav_info(wav), encode, tags, chapters, gain_from_db(gain_db), tap)
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


def _wav(job: Job) -> None:
    """The master itself, with its tags after the samples."""
    shutil.copyfile(job.wav, job.out)
    add_info(job.out, job.tags)


FORMATS: Mapping[str, Callable[[Job], None]] = {
    "wav": _wav,
    "mp3": encode_mp3,
    "flac": encode_flac,
    "m4a": encode_aac,
    "m4b": encode_aac,
    "opus": encode_opus,
    "ogg": encode_vorbis,
}
"""Format (also the file's suffix) -> what encodes it."""
LOSSY = ("mp3", "m4a", "m4b", "opus", "ogg")
