"""Damaged copies of files: truncated, bit-flipped, with another ending, empty, with huge claims, joined."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

KINDS = ("truncated", "flipped", "ending", "empty", "claims", "head", "tail", "joined", "repeated", "zeros")
WRONG = (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".webm")


def mutations(path: Path, folder: Path, count: int, seed: int) -> Iterator[Path]:
    """``count`` damaged copies of a file, each kind in turn; the same seed gives the same bytes."""
    random = np.random.default_rng(seed)
    data = path.read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        suffix = WRONG[int(random.integers(len(WRONG)))] if kind == "ending" else path.suffix
        made = folder / f"{path.suffix[1:]}-{number:03d}-{kind}{suffix}"
        made.write_bytes(mutated(data, kind, random))
        yield made


def mutated(data: bytes, kind: str, random: np.random.Generator) -> bytes:
    """The bytes, damaged in one way."""
    size = len(data)
    at = int(random.integers(1, size))
    if kind == "truncated":
        return data[:at]
    if kind == "flipped":
        out = bytearray(data)
        for place in random.integers(0, size, int(random.integers(1, 200))):
            out[int(place)] ^= 1 << int(random.integers(8))
        return bytes(out)
    if kind == "empty":
        return b""
    if kind == "claims":
        out = bytearray(data)
        for place in random.integers(0, min(size, 256), 6):
            out[int(place)] = 0xFF
        return bytes(out)
    if kind == "head":
        return data[at:]
    if kind == "tail":
        return data + random.bytes(int(random.integers(1, 4096)))
    if kind == "joined":
        return data + data
    if kind == "repeated":
        return data[:at] + data[: int(random.integers(1, size))] + data[at:]
    if kind == "zeros":
        stop = min(size, at + int(random.integers(1, size)))
        return data[:at] + bytes(stop - at) + data[stop:]
    return data
