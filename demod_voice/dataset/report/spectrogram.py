"""A clip's spectrogram as a small PNG: the same samples give the same bytes."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 480, 128
"""Most columns, and rows."""
WINDOW_S = 0.025
RANGE_DB = 70.0
"""Shown below the loudest point."""
COLOURS = 64
_ANCHORS = (
    (68, 1, 84),
    (72, 40, 120),
    (62, 74, 137),
    (49, 104, 142),
    (38, 130, 142),
    (31, 158, 137),
    (53, 183, 121),
    (109, 205, 89),
    (180, 222, 44),
    (253, 231, 37),
)
"""From dark to light, evenly in lightness, told apart without colour too. Source: viridis (CC0), nine equal steps."""


def spectrogram_png(wave: NDArray[np.float32], sample_rate: int) -> bytes:
    """Time from left to right, 0 Hz at the bottom to half the sample rate at the top.

    Args:
        wave: shape (samples,).
        sample_rate: Hz.
    """
    level = _levels(wave, sample_rate)
    shades = np.clip((level - level.max() + RANGE_DB) / RANGE_DB, 0.0, 1.0)
    return _png(np.rint(shades * (COLOURS - 1)).astype(np.uint8)[::-1])


def _levels(wave: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """dB, shape (HEIGHT, columns)."""
    size = 1 << round(np.log2(sample_rate * WINDOW_S))
    columns = int(np.clip(len(wave) // (size // 4), 1, WIDTH))
    padded = np.pad(wave, (size // 2, size))
    starts = np.linspace(0, max(0, len(wave) - 1), columns).astype(np.int64)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[starts] * np.hanning(size)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))[:, : size // 2]
    rows = np.add.reduceat(power, np.arange(HEIGHT) * (size // 2) // HEIGHT, axis=1)
    return np.asarray(10 * np.log10(rows.T + 1e-10))


def _palette() -> bytes:
    places = np.linspace(0, len(_ANCHORS) - 1, COLOURS)
    channels = [np.interp(places, np.arange(len(_ANCHORS)), [each[n] for each in _ANCHORS]) for n in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8).tobytes()


def _png(shades: NDArray[np.uint8]) -> bytes:
    """Indices of the palette, shape (rows, columns), as a PNG. Source: PNG specification, third edition, 5 and 11."""
    rows, columns = shades.shape
    head = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), shades], axis=1).tobytes()
    chunks = ((b"IHDR", head), (b"PLTE", _palette()), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
