"""What engines that hear are given: mono 16 kHz 16-bit WAVs, whole files or stretches of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.audio.resample import resample
from demod_voice.errors import MediaError
from demod_voice.media.wav import decode_pcm, wav_info, write_wav

RATE = 16000
"""Hz."""
_BYTES = {"pcm_s16le": 2, "pcm_s24le": 3, "pcm_f32le": 4}


def listening_copy(wav: Path, path: Path) -> Path:
    """``wav`` itself where an engine can hear it as it is, else a copy at ``path`` that it can.

    Raises:
        MediaError: it cannot be read.
    """
    info = wav_info(wav)
    if (info.sample_rate, info.num_channels, info.encoding) == (RATE, 1, "pcm_s16le"):
        return wav
    return listening_slice(wav, 0.0, info.duration_s, path)


def listening_slice(wav: Path, start_s: float, end_s: float, path: Path) -> Path:
    """A stretch of a WAV at ``path``; several channels become their mean.

    Args:
        wav: written by this program, any rate.
        start_s: begin, at least 0; beyond the end there is nothing to hear.
        end_s: end; the file's own when it is later.
        path: what is written.

    Raises:
        MediaError: it cannot be read.
    """
    info = wav_info(wav)
    begin, end = (min(info.num_samples, max(0, round(at * info.sample_rate))) for at in (start_s, end_s))
    frame = _BYTES[info.encoding] * info.num_channels
    try:
        with wav.open("rb") as file:
            file.seek(info.offset + begin * frame)
            data = file.read(max(0, end - begin) * frame)
    except OSError as error:
        raise MediaError(f"{wav} cannot be read: {error}") from error
    samples = decode_pcm(data[: len(data) // frame * frame], info.encoding, info.num_channels)
    mixed = np.ascontiguousarray(samples.mean(axis=0, keepdims=True, dtype=np.float32))
    write_wav(path, resample(Clip(mixed, info.sample_rate), RATE))
    return path
