"""Small covers of a known size."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np


def picture(kind: str, width: int = 64, height: int = 64) -> bytes:
    """A ``jpeg`` or ``png`` of random blocks."""
    codec, pixels = ("png", "rgb24") if kind == "png" else ("mjpeg", "yuvj420p")
    noise = np.random.default_rng(1).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(np.kron(noise, np.ones((8, 8, 1), np.uint8)), "rgb24").reformat(format=pixels)
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = width, height, pixels, Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
