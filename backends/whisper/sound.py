"""The samples of a clip. Called by worker.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demod_worker.recordings import RATE, read_pcm16

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RATE", "read"]


def read(path: str) -> NDArray[np.float32]:
    """The samples of a clip, -1..1, shape (n,).

    Raises:
        BadRequest: there is none, or it is no mono 16 kHz PCM_16 WAV.
    """
    import numpy as np

    found: NDArray[np.float32] = np.frombuffer(read_pcm16(path), "<i2").astype(np.float32) / np.float32(32768.0)
    return found
