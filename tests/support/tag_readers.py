"""Small readers of tags, written from the formats' documents, so that nothing that wrote a file also reads it back."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any


def tags_of(path: Path) -> dict[str, Any]:
    """Name -> text, with ``cover`` -> (mime, bytes) and ``chapters`` -> [(start in seconds, title)]."""
    readers = {"mp3": _id3, "m4a": _mp4, "m4b": _mp4, "flac": _flac, "ogg": _ogg, "opus": _ogg, "wav": _wav}
    return readers[path.suffix[1:]](path.read_bytes())


def _id3(data: bytes) -> dict[str, Any]:
    """ID3v2.4, and the Chapter Frame Addendum 1.0."""
    assert data[:4] == b"ID3\4"
    found: dict[str, Any] = {"chapters": [], "CTOC": []}
    titles = {}
    for name, body in _frames(data[10 : 10 + _syncsafe(data[6:10])]):
        if name == "TXXX":
            key, _, text = body[1:].decode("utf-8").partition("\0")
            found[key] = text.rstrip("\0")
        elif name == "CHAP":
            element, _, rest = body.partition(b"\0")
            start = struct.unpack(">I", rest[:4])[0] / 1000
            titles[element.decode()] = (start, dict(_frames(rest[16:]))["TIT2"][1:].decode().rstrip("\0"))
        elif name == "CTOC":
            _, _, rest = body.partition(b"\0")
            found["CTOC"] = [each.decode() for each in rest[2:].split(b"\0")[: rest[1]]]
        elif name == "APIC":
            mime, _, rest = body[1:].partition(b"\0")
            assert rest[0] == 3
            found["cover"] = (mime.decode(), rest[1:].partition(b"\0")[2])
        elif name[0] == "T":
            found[name] = body[1:].decode("utf-8").rstrip("\0")
    assert sorted(found["CTOC"]) == sorted(titles)
    found["chapters"] = [titles[each] for each in found["CTOC"]]
    return found


def _frames(data: bytes) -> list[tuple[str, bytes]]:
    found, at = [], 0
    while at + 10 <= len(data) and data[at]:
        size = _syncsafe(data[at + 4 : at + 8])
        found.append((data[at : at + 4].decode("ascii"), data[at + 10 : at + 10 + size]))
        at += 10 + size
    return found


def _syncsafe(data: bytes) -> int:
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def _mp4(data: bytes) -> dict[str, Any]:
    """The items of moov/udta/meta/ilst, the chapters of moov/udta/chpl, and the brand."""
    top = dict(_boxes(data))
    udta = dict(_boxes(dict(_boxes(top[b"moov"]))[b"udta"]))
    found: dict[str, Any] = {"brand": top[b"ftyp"][:4].decode(), "chapters": _chpl(udta.get(b"chpl", b""))}
    for kind, body in _boxes(dict(_boxes(udta[b"meta"][4:]))[b"ilst"]):
        inner = dict(_boxes(body))
        value = inner[b"data"]
        if kind == b"----":
            assert inner[b"mean"][4:] == b"com.apple.iTunes"
            found[inner[b"name"][4:].decode()] = value[8:].decode()
        elif kind == b"covr":
            found["cover"] = ({13: "image/jpeg", 14: "image/png"}[value[3]], value[8:])
        elif value[3] == 1:
            found[kind.decode("latin-1")] = value[8:].decode()
        else:
            found[kind.decode("latin-1")] = value[8:]
    return found


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    assert at == len(data)
    return found


def _chpl(data: bytes) -> list[tuple[float, str]]:
    """Nero chapters: version and flags, a reserved word, a count, then 100 ns ticks and a title of one length byte."""
    found, at = [], 9
    for _ in range(data[8] if data else 0):
        ticks, size = struct.unpack_from(">QB", data, at)
        found.append((ticks / 1e7, data[at + 9 : at + 9 + size].decode()))
        at += 9 + size
    return found


def _flac(data: bytes) -> dict[str, Any]:
    """RFC 9639, 8.6 and 8.8."""
    assert data[:4] == b"fLaC"
    found: dict[str, Any] = {}
    at, last = 4, False
    while not last:
        last, kind, size = bool(data[at] & 0x80), data[at] & 0x7F, int.from_bytes(data[at + 1 : at + 4], "big")
        body = data[at + 4 : at + 4 + size]
        if kind == 4:
            found |= _comments(body)
        elif kind == 6:
            found["cover"] = _picture(body)
        at += 4 + size
    return found


def _ogg(data: bytes) -> dict[str, Any]:
    """The second packet of an Ogg stream: RFC 7845, 5.2, or Vorbis I, 5."""
    packets, part, at = [], b"", 0
    while len(packets) < 2:
        assert data[at : at + 4] == b"OggS"
        sizes = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(sizes)
        for size in sizes:
            part += data[at : at + size]
            at += size
            if size < 255:
                packets.append(part)
                part = b""
    magic = b"OpusTags" if packets[1].startswith(b"Opus") else b"\3vorbis"
    assert packets[1].startswith(magic)
    return _comments(packets[1][len(magic) :])


def _comments(data: bytes) -> dict[str, Any]:
    (vendor,) = struct.unpack_from("<I", data)
    (count,) = struct.unpack_from("<I", data, 4 + vendor)
    found: dict[str, Any] = {}
    at = 8 + vendor
    for _ in range(count):
        (size,) = struct.unpack_from("<I", data, at)
        name, _, text = data[at + 4 : at + 4 + size].decode().partition("=")
        found[name.upper()] = text
        at += 4 + size
    starts = {key: value for key, value in found.items() if key.startswith("CHAPTER") and key[7:].isdigit()}
    found["chapters"] = [(_clock(starts[key]), found[f"{key}NAME"]) for key in sorted(starts)]
    if "METADATA_BLOCK_PICTURE" in found:
        found["cover"] = _picture(base64.b64decode(found.pop("METADATA_BLOCK_PICTURE")))
    return found


def _clock(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _picture(data: bytes) -> tuple[str, bytes]:
    kind, size = struct.unpack_from(">II", data)
    assert kind == 3
    mime = data[8 : 8 + size].decode()
    at = 8 + size
    (words,) = struct.unpack_from(">I", data, at)
    (length,) = struct.unpack_from(">I", data, at + 4 + words + 16)
    return mime, data[at + 8 + words + 16 :][:length]


def _wav(data: bytes) -> dict[str, Any]:
    """LIST INFO."""
    assert data[:4] == b"RIFF"
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    found: dict[str, Any] = {"chapters": []}
    for name, body in _chunks(data[12:]):
        if name == "LIST" and body[:4] == b"INFO":
            found |= {key: text.rstrip(b"\0").decode() for key, text in _chunks(body[4:])}
    return found


def _chunks(data: bytes) -> list[tuple[str, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found.append((name.decode("ascii"), data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found
