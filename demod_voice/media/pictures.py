"""Cover art: read from its header alone, never decoded, so that a foreign picture cannot do anything here."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from demod_voice.errors import MediaError

LARGEST_BYTES = 10 * 1024 * 1024
"""A cover is copied into every file: a larger one is a mistake."""
SMALLEST_SIDE, LARGEST_SIDE = 1400, 3000
"""Pixels. Source: Apple Podcasts, artwork requirements (1400 to 3000, square, JPEG or PNG)."""
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of the JPEG segments that hold the picture's size (SOF0 to SOF15). Source: ITU-T T.81, table B.1."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG or PNG, as it is in its file."""

    data: bytes
    mime: str
    """``image/jpeg`` or ``image/png``."""
    width: int
    height: int

    @property
    def advice(self) -> tuple[str, ...]:
        """What directories of podcasts would say against this cover."""
        found = []
        if self.width != self.height:
            found.append(f"the cover is {self.width} x {self.height} pixels: directories want a square")
        if min(self.width, self.height) < SMALLEST_SIDE or max(self.width, self.height) > LARGEST_SIDE:
            wanted = f"{SMALLEST_SIDE} to {LARGEST_SIDE} a side"
            found.append(f"the cover is {self.width} x {self.height} pixels: directories want {wanted}")
        return tuple(found)


def read_picture(path: Path) -> Picture:
    """Read a cover.

    Raises:
        MediaError: it cannot be read, is too large, or is no JPEG or PNG, whatever its name says.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            most = LARGEST_BYTES // (1024 * 1024)
            raise MediaError(f"the cover {path} has {size / 1e6:.1f} MB", f"at most {most} MB: save it smaller")
        data = path.read_bytes()
    except OSError as error:
        raise MediaError(f"the cover {path} cannot be read: {error.strerror or error}") from error
    for magic, mime, shape_of in ((_PNG, "image/png", _png_shape), (_JPEG, "image/jpeg", _jpeg_shape)):
        if data.startswith(magic):
            shape = shape_of(data)
            if shape is None or 0 in shape:
                raise MediaError(f"the cover {path} is a damaged {mime.partition('/')[2].upper()}", "save it anew")
            return Picture(data, mime, *shape)
    raise MediaError(f"the cover {path} is neither JPEG nor PNG", "its name does not matter; its content does")


def _png_shape(data: bytes) -> tuple[int, int] | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg_shape(data: bytes) -> tuple[int, int] | None:
    """Size from the first frame header; every segment before it says how long it is."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])
    return None
