"""WAV files, read and written by this program alone: bit-exact, in blocks, no chunk that varies.

soundfile writes float WAVs with a PEAK chunk that holds the time of day; this writer does not. Files of over 4 GB are
refused with a clear error: at 24 kHz mono in float that is twelve hours.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.clip import Clip, Samples
from demod_voice.errors import MediaError
from demod_voice.records.atomic import output_error

HEADER_BYTES = 44
LARGEST = (1 << 32) - 1 - HEADER_BYTES
BLOCK = 1 << 16
"""Frames of a block where the caller has no wish."""
_FORMATS = {"pcm_s16le": (1, 2), "pcm_s24le": (1, 3), "pcm_f32le": (3, 4)}
"""Encoding -> (WAVE format tag, bytes a sample)."""
_ENCODINGS = {(tag, width): name for name, (tag, width) in _FORMATS.items()}


@dataclass(frozen=True, slots=True)
class WavInfo:
    """What a WAV's header says."""

    sample_rate: int
    num_channels: int
    num_samples: int
    """Per channel."""
    encoding: str
    offset: int
    """Where the samples begin, bytes."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate


class WavWriter:
    """Write a WAV block by block; the header is completed at the end.

    Args:
        path: the file (write to a temporary name: ``records.atomic.replacing``).
        sample_rate: Hz.
        num_channels: channels.
        encoding: ``pcm_s16le``, ``pcm_s24le`` or ``pcm_f32le``.

    Raises:
        OutputError: the file cannot be written.
        MediaError: it would grow over 4 GB.
    """

    def __init__(self, path: Path, sample_rate: int, num_channels: int, encoding: str = "pcm_s16le") -> None:
        self.path = path
        self._shape = (sample_rate, num_channels)
        self._encoding = encoding
        self._bytes = 0
        try:
            self._file: BinaryIO = path.open("wb")
            self._file.write(self._header())
        except OSError as error:
            raise output_error(path, error) from error

    def write(self, samples: Samples) -> None:
        """Append float32 samples of shape (channels, n); integers are rounded to nearest and clipped."""
        self.write_bytes(encode_pcm(samples, self._encoding))

    def write_bytes(self, data: bytes) -> None:
        """Append interleaved samples that are already encoded."""
        self._bytes += len(data)
        if self._bytes > LARGEST:
            raise MediaError(f"{self.path} would grow over 4 GB", "write flac, or split the recording")
        try:
            self._file.write(data)
        except OSError as error:
            raise output_error(self.path, error) from error

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                if self._bytes % 2:
                    self._file.write(b"\0")
                self._file.seek(0)
                self._file.write(self._header())
            self._file.close()
        except OSError as failure:
            raise output_error(self.path, failure) from failure

    def _header(self) -> bytes:
        return _header(*self._shape, self._encoding, self._bytes)


def write_wav(path: Path, clip: Clip, encoding: str = "pcm_s16le") -> None:
    """Write a clip; integers are rounded to nearest and clipped, so samples that came from 16 bits go back unchanged."""
    with WavWriter(path, clip.sample_rate, clip.num_channels, encoding) as writer:
        writer.write(clip.samples)


def wav_bytes(clip: Clip, encoding: str = "pcm_s16le") -> bytes:
    """The bytes of the file that ``write_wav`` writes.

    Raises:
        MediaError: they would be over 4 GB.
    """
    data = encode_pcm(clip.samples, encoding)
    if len(data) > LARGEST:
        raise MediaError("a WAV would grow over 4 GB", "write flac, or split the text")
    return _header(clip.sample_rate, clip.num_channels, encoding, len(data)) + data + b"\0" * (len(data) % 2)


def clip_of_wav(data: bytes) -> Clip:
    """The clip in the bytes of a WAV that this program wrote.

    Raises:
        MediaError: not a WAV of these encodings, or shorter than its header says.
    """
    try:
        info = _parse(io.BytesIO(data), Path("the take"))
    except struct.error as error:
        raise MediaError(f"a take cannot be read: {error}") from error
    end = info.offset + info.num_samples * info.num_channels * _FORMATS[info.encoding][1]
    if end > len(data):
        raise MediaError("a take is shorter than its header says")
    return Clip(decode_pcm(data[info.offset : end], info.encoding, info.num_channels), info.sample_rate)


def wav_info(path: Path) -> WavInfo:
    """The header of a WAV.

    Raises:
        MediaError: not a WAV of these encodings; names the file.
    """
    try:
        with path.open("rb") as file:
            return _parse(file, path)
    except (OSError, struct.error) as error:
        raise MediaError(f"{path} cannot be read: {error}") from error


def read_wav(path: Path) -> Clip:
    """A whole WAV as a clip.

    Raises:
        MediaError: not a WAV of these encodings.
    """
    info = wav_info(path)
    blocks = list(read_blocks(path, max(1, info.num_samples)))
    samples = blocks[0] if blocks else np.zeros((info.num_channels, 0), np.float32)
    return Clip(samples, info.sample_rate)


def read_blocks(path: Path, frames: int = BLOCK) -> Iterator[Samples]:
    """The samples of a WAV, float32 (channels, up to ``frames``), block by block.

    Raises:
        MediaError: not a WAV of these encodings, or shorter than its header says.
    """
    info = wav_info(path)
    width = _FORMATS[info.encoding][1] * info.num_channels
    left = info.num_samples
    with path.open("rb") as file:
        file.seek(info.offset)
        while left:
            data = file.read(min(frames, left) * width)
            if len(data) < min(frames, left) * width:
                raise MediaError(f"{path} is shorter than its header says")
            left -= len(data) // width
            yield decode_pcm(data, info.encoding, info.num_channels)


def read_span(path: Path, start: int, stop: int, info: WavInfo | None = None) -> Samples:
    """The samples ``start <= n < stop`` of a WAV, float32 (channels, stop - start), by seeking to them.

    Args:
        path: the file.
        start: first sample of a channel, from 0.
        stop: sample after the last; what lies outside the file is left out.
        info: its header, where the caller has it (many spans of one file).

    Raises:
        MediaError: not a WAV of these encodings, or shorter than its header says.
    """
    info = info or wav_info(path)
    width = _FORMATS[info.encoding][1] * info.num_channels
    start, stop = max(0, start), min(stop, info.num_samples)
    size = max(0, stop - start) * width
    try:
        with path.open("rb") as file:
            file.seek(info.offset + start * width)
            data = file.read(size)
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error}") from error
    if len(data) < size:
        raise MediaError(f"{path} is shorter than its header says")
    return decode_pcm(data, info.encoding, info.num_channels)


def encode_pcm(samples: Samples, encoding: str) -> bytes:
    """Float samples of shape (channels, n) as interleaved PCM bytes."""
    flat = np.ascontiguousarray(samples.T)
    if encoding == "pcm_f32le":
        return flat.astype("<f4", copy=False).tobytes()
    bits = 16 if encoding == "pcm_s16le" else 24
    scale = np.float32(1 << (bits - 1))
    steps = flat * scale  # a power of two: exact in float32 as in float64
    np.clip(np.rint(steps, out=steps), -scale, scale - 1, out=steps)
    if bits == 16:
        return steps.astype("<i2").tobytes()
    whole = steps.astype("<i4")
    return whole.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()


def decode_pcm(data: bytes, encoding: str, num_channels: int) -> Samples:
    """Interleaved PCM bytes as float32 samples of shape (channels, n)."""
    if encoding == "pcm_f32le":
        flat: NDArray[np.float32] = np.frombuffer(data, "<f4").astype(np.float32)
    elif encoding == "pcm_s16le":
        flat = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768.0)
    else:
        raw = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(raw), 4), np.uint8)
        wide[:, 1:] = raw
        flat = (wide.view("<i4")[:, 0] >> 8).astype(np.float32) / np.float32(1 << 23)
    return np.ascontiguousarray(flat.reshape(-1, num_channels).T)


def _header(rate: int, channels: int, encoding: str, num_bytes: int) -> bytes:
    """The 44 bytes before ``num_bytes`` of samples."""
    tag, width = _FORMATS[encoding]
    frame = channels * width
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, width * 8)
    size = 36 + num_bytes + num_bytes % 2
    return b"".join(
        (
            b"RIFF",
            struct.pack("<I", size),
            b"WAVEfmt ",
            struct.pack("<I", 16),
            fmt,
            b"data",
            struct.pack("<I", num_bytes),
        )
    )


def _parse(file: BinaryIO, path: Path) -> WavInfo:
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise MediaError(f"{path} is not a WAV file")
    shape: tuple[int, int, str] | None = None
    while len(chunk := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", chunk)
        if name == b"fmt ":
            shape = _shape(file.read(size), path)
        elif name == b"data" and shape is not None:
            rate, channels, encoding = shape
            return WavInfo(rate, channels, size // (_FORMATS[encoding][1] * channels), encoding, file.tell())
        else:
            file.seek(size, 1)
        if size % 2:
            file.seek(1, 1)
    raise MediaError(f"{path} is a WAV file without sound")


def _shape(fmt: bytes, path: Path) -> tuple[int, int, str]:
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", fmt[:16])
    if tag == 0xFFFE and len(fmt) >= 26:
        tag = struct.unpack("<H", fmt[24:26])[0]
    encoding = _ENCODINGS.get((tag, bits // 8))
    if encoding is None or not channels or not rate:
        raise MediaError(f"{path}: WAV encoding {tag} with {bits} bits is not read here")
    return rate, channels, encoding
