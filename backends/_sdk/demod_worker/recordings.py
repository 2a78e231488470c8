"""The recordings that an engine is given to hear: mono 16 kHz PCM_16 WAVs that the program wrote. Called by workers.

Python 3.9, standard library only.
"""

from __future__ import annotations

import wave

from demod_worker.failures import BadRequest

RATE = 16000
"""Hz of every recording that is heard; what is separated has the rate of engine.toml."""


def read_pcm16(path: str) -> bytes:
    """The samples of a recording, little-endian 16-bit.

    Raises:
        BadRequest: there is none, or it is no mono 16 kHz PCM_16 WAV.
    """
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
    return data[: len(data) // 2 * 2]
