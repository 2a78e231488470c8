"""The samples of a clip. Called by worker.py."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

from demod_worker.worker import BadRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16000


def read(path: str) -> NDArray[np.float32]:
    """The samples of a clip, -1..1, shape (n,).

    Raises:
        BadRequest: there is none, or it is no mono 16 kHz PCM_16 WAV.
    """
    import numpy as np

    try:
        with wave.open(path, "rb") as file:
            form = (file.getnchannels(), file.getframerate(), file.getsampwidth())
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise BadRequest(f"{path} cannot be read: {error}") from error
    if form != (1, RATE, 2):
        raise BadRequest(
            f"{path} must be mono, {RATE} Hz, 16 bit; it has {form[0]} channels, {form[1]} Hz, {form[2]} bytes"
        )
    found: NDArray[np.float32] = np.frombuffer(data, "<i2", len(data) // 2).astype(np.float32) / np.float32(32768.0)
    return found
