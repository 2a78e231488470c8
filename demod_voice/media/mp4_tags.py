"""The last step of an MP4: the index to the front, with the tags that libav's muxer does not write.

libav drops every tag that it has no atom for, and PyAV cannot give it a cover for an MP4. The boxes are simple, so they
are written here. Source: ISO/IEC 14496-12 (boxes, stco, co64); iTunes metadata as in the QuickTime file format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from demod_voice.errors import MediaError
from demod_voice.media.pictures import Picture

TEXT, JPEG, PNG = 1, 13, 14
"""Well-known types of a data atom."""
OWNER = b"com.apple.iTunes"
_WITH_OFFSETS = (b"trak", b"mdia", b"minf", b"stbl")
_FULL = bytes(4)
"""Version and flags of a full box."""


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    end: int
    body: int
    """Where its content begins."""


def finish(source: Path, out: Path, extra: Mapping[str, str], cover: Picture | None) -> None:
    """Copy an MP4 whose index stands last to ``out`` with the index first, and add freeform tags and the cover.

    Raises:
        MediaError: it is not such a file. OSError: it cannot be written.
    """
    with source.open("rb") as file:
        boxes = {box.kind: box for box in _boxes_of_file(file)}
        if not {b"ftyp", b"moov", b"mdat"} <= set(boxes) or boxes[b"moov"].start < boxes[b"mdat"].start:
            raise MediaError(f"{out} could not be encoded: the MP4 has no index after its sound")
        moov = boxes[b"moov"]
        file.seek(moov.body)
        inside = _with_items(file.read(moov.end - moov.body), _items(extra, cover))
        moved = _shifted(_box(b"moov", inside), 8 + len(inside))
        with out.open("wb") as result:
            file.seek(0)
            result.write(file.read(boxes[b"ftyp"].end))
            result.write(moved)
            rest = moov.start - boxes[b"ftyp"].end
            _copy(file, result, rest)


def _copy(file: BinaryIO, result: BinaryIO, count: int) -> None:
    """``count`` bytes, in blocks."""
    while count > 0:
        block = file.read(min(count, 1 << 20))
        if not block:
            raise MediaError("an MP4 ended early")
        result.write(block)
        count -= len(block)


def _items(extra: Mapping[str, str], cover: Picture | None) -> bytes:
    """The atoms of ``ilst``."""
    items = b"".join(
        _box(b"----", _box(b"mean", _FULL + OWNER) + _box(b"name", _FULL + name.encode()) + _data(TEXT, text.encode()))
        for name, text in extra.items()
        if text
    )
    if cover is not None:
        items += _box(b"covr", _data(PNG if cover.mime == "image/png" else JPEG, cover.data))
    return items


def _with_items(moov: bytes, items: bytes) -> bytes:
    """The content of ``moov`` with more items at the end of ``udta/meta/ilst``, which is made where there is none."""
    if not items:
        return moov
    udta = _child(moov, b"udta")
    meta = _child(udta, b"meta")
    if not meta:
        meta = _FULL + _box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    ilst = _child(meta[4:], b"ilst") + items
    meta = meta[:4] + _replaced(meta[4:], b"ilst", ilst)
    return _replaced(moov, b"udta", _replaced(udta, b"meta", meta))


def _child(content: bytes, kind: bytes) -> bytes:
    """The content of the first such box, or nothing."""
    return next((content[box.body : box.end] for box in _boxes(content) if box.kind == kind), b"")


def _replaced(content: bytes, kind: bytes, body: bytes) -> bytes:
    """``content`` with another body in the box of that kind, or with such a box at its end."""
    for box in _boxes(content):
        if box.kind == kind:
            return content[: box.start] + _box(kind, body) + content[box.end :]
    return content + _box(kind, body)


def _shifted(moov: bytes, by: int) -> bytes:
    """The index with every chunk of sound ``by`` bytes further back."""
    changed = bytearray(moov)
    for start, count, width in _offset_tables(moov, 8, len(moov)):
        form = f">{count}{'I' if width == 4 else 'Q'}"
        offsets = [offset + by for offset in struct.unpack_from(form, moov, start)]
        if width == 4 and offsets and max(offsets) >= 1 << 32:
            raise MediaError("an MP4 would grow over 4 GB", "choose a smaller bit rate, or opus")
        struct.pack_into(form, changed, start, *offsets)
    return bytes(changed)


def _offset_tables(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(start, count, bytes of one) of every table of chunk offsets."""
    for box in _boxes(data, start, end):
        if box.kind in _WITH_OFFSETS:
            yield from _offset_tables(data, box.body, box.end)
        elif box.kind in (b"stco", b"co64"):
            (count,) = struct.unpack_from(">I", data, box.body + 4)
            yield box.body + 8, count, 4 if box.kind == b"stco" else 8


def _boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[_Box]:
    stop = len(data) if end is None else end
    while start + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, start)
        if not 8 <= size <= stop - start:
            return
        yield _Box(kind, start, start + size, start + 8)
        start += size


def _boxes_of_file(file: BinaryIO) -> Iterator[_Box]:
    """The boxes of the file itself; one over 4 GB has its size in 64 bits."""
    end = file.seek(0, 2)
    start = 0
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        body = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            body += 8
        if size < 8:
            return
        yield _Box(kind, start, start + size, body)
        start += size


def _data(kind: int, value: bytes) -> bytes:
    return _box(b"data", struct.pack(">II", kind, 0) + value)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body
