"""Foreign media as it is read: opened, and decoded frame by frame. Only the child process imports this."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

MOST_DAMAGED = 8
"""Packets that may fail: players skip a few without a word, and more is a damaged file."""


class Unreadable(Exception):
    """The file cannot be used; the message says why."""


def opened(path: str) -> Any:
    """The container, known to hold sound.

    Raises:
        Unreadable: it is empty, or holds no sound. av.FFmpegError: it is no media file.
    """
    if not Path(path).stat().st_size:
        raise Unreadable("it is empty")
    container = av.open(path)
    if not container.streams.audio:
        reason = "it holds no sound (video only)" if container.streams.video else "it holds no sound"
        container.close()
        raise Unreadable(reason)
    return container


def frames(container: Any, stream: Any, damaged: list[str]) -> Iterator[tuple[NDArray[np.float32], int]]:
    """The decoded samples, float32 of shape (n, channels), with their rate in Hz.

    Args:
        container: open.
        stream: its audio.
        damaged: is told of each packet that could not be decoded.

    Raises:
        Unreadable: over ``MOST_DAMAGED`` packets could not be decoded.
    """
    convert = av.AudioResampler(format="fltp")
    for packet in container.demux(stream):
        try:
            made = packet.decode()
        except av.FFmpegError as error:
            damaged.append(str(error))
            if len(damaged) > MOST_DAMAGED:
                raise Unreadable(f"it is damaged: {error}") from error
            continue
        for frame in made:
            for each in convert.resample(frame):
                yield np.asarray(each.to_ndarray().T, np.float32), each.sample_rate


def reason(error: BaseException) -> str:
    """What a person should read of an error while decoding."""
    if isinstance(error, MemoryError):
        return "it needs more memory than the limit (limits.media_memory)"
    if isinstance(error, av.InvalidDataError):
        return "it is no sound file, or it is damaged"
    return str(error) or type(error).__name__
