"""The parts of a WAV file. Standard library only: the ``wave`` module reads no float samples."""

from __future__ import annotations

import struct
from typing import NamedTuple

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
"""Kinds of samples. Source: Microsoft, Multiple channel audio data and WAVE files."""


class Form(NamedTuple):
    """What the samples of a WAV are."""

    kind: int
    """``PCM`` or ``FLOAT``; other numbers are other encodings."""
    channels: int
    rate: int
    """Hz."""
    bits: int
    """Of a sample."""


def wav_chunks(data: bytes) -> tuple[Form, bytes]:
    """The form of a WAV's samples, and the samples.

    Raises:
        ValueError: it is no WAV, or a part of it is missing.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("it is no WAV file")
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found.setdefault(name, data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    form = found.get(b"fmt ", b"")
    if len(form) < 16 or b"data" not in found:
        raise ValueError("it has no samples")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if kind == EXTENSIBLE and len(form) >= 26:
        kind = struct.unpack_from("<H", form, 24)[0]
    return Form(kind, channels, rate, bits), found[b"data"]
