"""Tags of a WAV: a LIST INFO chunk after the samples, where every reader of sound leaves them alone.

RIFF has no tags of free names, so those stand in the comment as ``NAME=value``.
Source: Multimedia Programming Interface and Data Specifications 1.0, "INFO list chunk".
"""

from __future__ import annotations

import struct
from pathlib import Path

from demod_voice.errors import MediaError
from demod_voice.media.tags import Tags

LARGEST_RIFF = (1 << 32) - 1


def add_info(path: Path, tags: Tags) -> None:
    """Append tags to a WAV in place; nothing is done when there are none.

    Raises:
        MediaError: the file would grow over 4 GB. OSError: it cannot be written.
    """
    chunk = info_chunk(tags)
    if not chunk:
        return
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        padding = end % 2
        size = end + padding + len(chunk) - 8
        if size > LARGEST_RIFF:
            raise MediaError(f"{path} would grow over 4 GB", "write flac, or split the recording")
        file.write(bytes(padding) + chunk)
        file.seek(4)
        file.write(struct.pack("<I", size))


def info_chunk(tags: Tags) -> bytes:
    """The chunk, or nothing."""
    comment = "; ".join([*filter(None, [tags.comment]), *(f"{name}={value}" for name, value in tags.extra.items())])
    values = {
        b"INAM": tags.title,
        b"IART": tags.artist,
        b"IPRD": tags.album,
        b"ICRD": tags.date,
        b"IGNR": tags.genre,
        b"IPRT": tags.track,
        b"ILNG": tags.language,
        b"ICMT": comment,
    }
    body = b"".join(_entry(name, value) for name, value in values.items() if value)
    return b"LIST" + struct.pack("<I", 4 + len(body)) + b"INFO" + body if body else b""


def _entry(name: bytes, text: str) -> bytes:
    value = text.encode() + b"\0"
    return name + struct.pack("<I", len(value)) + value + bytes(len(value) % 2)
