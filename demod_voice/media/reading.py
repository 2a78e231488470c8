"""Foreign media as it is read: opened, and decoded frame by frame. Only the child process imports this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

MOST_DAMAGED = 8
"""Packets that may fail: players skip a few without a word, and more is a damaged file."""
_TAGS = (b"ID3", b"TAG", b"APETAGEX")
"""How tags begin: joined MP3s hold them in the middle, where libav takes them for sound. Source: id3.org, APEv2."""
_LOOK = 1 << 20
"""Bytes at each end of a file that are searched for signs of encryption."""


class Unreadable(Exception):
    """The file cannot be used; the message says why."""


def opened(path: str) -> Any:
    """The container, known to hold sound.

    Raises:
        Unreadable: it is empty, or holds no sound. av.FFmpegError: it is no media file.
    """
    if not Path(path).stat().st_size:
        raise Unreadable("it is empty")
    if _encrypted(path):
        raise Unreadable("it is encrypted (DRM): export it without protection")
    container = av.open(path)
    if not container.streams.audio:
        reason = "it holds no sound (video only)" if container.streams.video else "it holds no sound"
        container.close()
        raise Unreadable(reason)
    return container


@dataclass(slots=True)
class Position:
    """How far in the file packets were found."""

    path: str
    """Of the file: what is between packets may be a tag."""
    end: int = 0
    """Byte after the last one."""
    holes: int = 0
    """Bytes between packets, but for tags."""

    def add(self, start: int, size: int) -> None:
        """The next packet."""
        if self.end and start > self.end:
            self.holes += max(0, start - self.end - self._tag())
        self.end = max(self.end, start + size)

    def _tag(self) -> int:
        """Bytes of the tag that is where the last packet ended."""
        with Path(self.path).open("rb") as file:
            file.seek(self.end)
            return tag_size(file.read(10))


def tag_size(head: bytes) -> int:
    """Bytes of the ID3 tag that begins with these ten; 0 when none does. Source: ID3v2.4.0, 3.1."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def frames(
    container: Any, stream: Any, damaged: list[str], position: Position | None = None
) -> Iterator[tuple[NDArray[np.float32], int]]:
    """The decoded samples, float32 of shape (n, channels), with their rate in Hz.

    Args:
        container: open.
        stream: its audio.
        damaged: is told of each packet that could not be decoded.
        position: is told how far the packets reach.

    Raises:
        Unreadable: over ``MOST_DAMAGED`` packets could not be decoded.
    """
    convert = av.AudioResampler(format="fltp")
    for packet in container.demux(stream):
        try:
            made = packet.decode()
        except av.FFmpegError as error:
            if bytes(packet)[:8].startswith(_TAGS):
                continue
            damaged.append(said(error))
            if len(damaged) > MOST_DAMAGED:
                raise Unreadable(f"it is damaged: {said(error)}") from error
            continue
        if position is not None and packet.pos is not None:
            position.add(packet.pos, packet.size)
        for frame in made:
            for each in convert.resample(frame):
                yield np.asarray(each.to_ndarray().T, np.float32), each.sample_rate


def reason(error: BaseException) -> str:
    """What a person should read of an error while decoding."""
    if isinstance(error, MemoryError):
        return "it needs more memory than the limit (limits.media_memory)"
    if isinstance(error, av.InvalidDataError):
        return "it is no sound file, or it is damaged"
    if isinstance(error, av.EOFError):
        return "it is truncated, or damaged: it ends before its first sound"
    return said(error)


def said(error: BaseException) -> str:
    """An error's own words, without numbers and paths."""
    return str(getattr(error, "strerror", "") or error or type(error).__name__)


def _encrypted(path: str) -> bool:
    """True when an MP4 describes its samples as protected. Source: ISO/IEC 14496-12, 8.5.2 and 8.12."""
    with Path(path).open("rb") as file:
        head = file.read(_LOOK)
        if b"ftyp" not in head[:16]:
            return False
        file.seek(max(0, Path(path).stat().st_size - _LOOK))
        both = head + file.read(_LOOK)
    at = both.find(b"stsd")
    while at >= 0:
        if both[at + 16 : at + 20] in (b"enca", b"drms"):
            return True
        at = both.find(b"stsd", at + 4)
    return False
