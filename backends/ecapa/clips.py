"""Clips as the model hears them: 16 kHz samples in pieces of some seconds. Called by worker.py."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from demod_worker.recordings import RATE, read_pcm16

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_S = 30.0
"""A longer clip is heard in equal pieces and its vector is their mean: memory stays bounded, and no model was trained on
minutes."""
SHORTEST_S = 0.3
"""Of less there is no voice to be known."""
SILENT_DBFS = -70.0
"""RMS below which a clip is silence."""


def read(path: str) -> NDArray[np.float32]:
    """The samples of a clip, -1..1, shape (n,).

    Raises:
        BadRequest: there is none, or it is no mono 16 kHz PCM_16 WAV.
    """
    import numpy as np

    found: NDArray[np.float32] = np.frombuffer(read_pcm16(path), "<i2").astype(np.float32) / np.float32(32768.0)
    return found


def why_voiceless(samples: NDArray[np.float32]) -> str:
    """Why a clip has no vector, or nothing."""
    import numpy as np

    if len(samples) < SHORTEST_S * RATE:
        return f"shorter than {SHORTEST_S:g} s"
    power = float(np.mean(samples.astype(np.float64) ** 2))
    return "silence" if power < 10 ** (SILENT_DBFS / 10) else ""


def pieces(samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A clip in equal pieces of at most ``LONGEST_S``."""
    count = max(1, -(-len(samples) // int(LONGEST_S * RATE)))
    edges = [round(len(samples) * n / count) for n in range(count + 1)]
    return [samples[begin:end] for begin, end in pairwise(edges)]
