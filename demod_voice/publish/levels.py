"""How much louder or softer each encoder makes a file: known before the first encode, so that it is mostly the last.

LAME scales its input down at constant bit rates (0.95, from 192 kbit/s on 0.97, 0.98 and 1); Opus and AAC lose the
upper part of the spectrum at low rates. Measured by tests/benchmarks/bench_levels.py on 25 s of two espeak voices,
mono at 24, 44.1 and 48 kHz and stereo at 48 kHz. That is synthetic speech: LAME's factors hold for any sound, while
what is lost of a spectrum depends on it. The file is heard after encoding, so a wrong row costs a second encode only.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from demod_voice.config.settings import Encode

Steps = tuple[tuple[int, float], ...]
"""(kbit/s, dB) in rising order; straight lines between, level beyond the ends."""

MP3_CBR: Steps = ((160, -0.44), (192, -0.26), (224, -0.17), (256, 0.0))
AAC_MONO: Steps = ((32, -0.12), (40, -0.08), (64, -0.03), (96, -0.01))
AAC_STEREO: Steps = ((32, -0.6), (40, -0.45), (48, -0.18), (64, -0.12), (96, -0.04), (128, -0.02))
OPUS_MONO: Steps = ((24, -0.39), (32, -0.32), (48, -0.22), (64, -0.02))
OPUS_STEREO: Steps = ((24, -0.62), (32, -0.26), (48, -0.17), (64, 0.0))
MPEG_2_RATE, MPEG_2_KBPS = 24000, 160
"""At this sample rate and below, an MP3 has at most this many kbit/s, whatever is asked for."""
_BY_CHANNELS: Mapping[str, Mapping[int, Steps]] = {
    "m4a": {1: AAC_MONO, 2: AAC_STEREO},
    "m4b": {1: AAC_MONO, 2: AAC_STEREO},
    "opus": {1: OPUS_MONO, 2: OPUS_STEREO},
}


def level_step(format: str, encode: Encode, num_channels: int, sample_rate: int) -> float:
    """The change of loudness in dB that encoding brings, negative where the file comes out softer."""
    if format == "mp3":
        most = MPEG_2_KBPS if sample_rate <= MPEG_2_RATE else encode.mp3_kbps
        return 0.0 if encode.mp3_mode == "vbr" else _at(MP3_CBR, min(encode.mp3_kbps, most))
    if format in _BY_CHANNELS:
        kbps = encode.opus_kbps if format == "opus" else encode.aac_kbps
        return _at(_BY_CHANNELS[format][num_channels], kbps)
    return 0.0


def _at(steps: Steps, kbps: int) -> float:
    """The value at a bit rate."""
    if kbps <= steps[0][0]:
        return steps[0][1]
    for (low, before), (high, after) in pairwise(steps):
        if kbps <= high:
            return before + (after - before) * (kbps - low) / (high - low)
    return steps[-1][1]
