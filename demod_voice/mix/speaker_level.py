"""How loud each voice is, and the gains that make them sit side by side."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.clip import Samples
from demod_voice.media.wav import read_blocks, wav_info
from demod_voice.mix.loudness import NO_LOUDNESS, Meter, one_after_the_other
from demod_voice.mix.sources import in_channels
from demod_voice.mix.voice_chain import ChainSettings, VoiceChain

REFERENCE_LUFS = -23.0
"""What a voice is brought to before the mix; music and effects are measured against it, the master sets the rest."""
ENOUGH_S = 10.0
"""With less speech than this gated loudness says little, and the RMS of the active parts is matched instead."""
MOST_GAIN_DB = 40.0
FRAME_S = 0.1
FLOOR_DBFS = -60.0
ACTIVE_DB = -15.0
"""Frames this far below the mean of the louder ones are pauses."""
BLOCK = 1 << 15
_Voice = TypeVar("_Voice", bound=Hashable)


@dataclass(frozen=True, slots=True)
class SpeechLevel:
    """What was measured in all that one speaker says."""

    lufs: float
    """Integrated loudness; ``NO_LOUDNESS`` for silence."""
    active_dbfs: float
    """RMS of the parts in which he speaks; ``NO_LOUDNESS`` for silence."""
    seconds: float


def speech_level(clips: Sequence[Path], chain: ChainSettings | None) -> SpeechLevel:
    """Measure clips of one voice, one after the other, behind its chain; they are read in blocks.

    Args:
        clips: WAV of any rates; several channels count as their mean.
        chain: what the voice goes through in the mix.

    Raises:
        MediaError: a clip cannot be read.
    """
    meters: dict[int, Meter] = {}
    powers: list[float] = []
    seconds = 0.0
    for path in clips:
        info = wav_info(path)
        rate = info.sample_rate
        seconds += info.duration_s
        meter = meters.setdefault(rate, Meter(rate, 1, peaks=False))
        voice = VoiceChain(chain, rate) if chain is not None else None
        frames = _Frames(round(FRAME_S * rate))
        for block in read_blocks(path, BLOCK):
            samples = in_channels(block, 1)[0]
            if voice is not None:
                samples = voice.process(samples)
            meter.push(samples.reshape(1, -1))
            frames.push(samples)
        powers += frames.powers
    lufs = one_after_the_other([each.hops() for each in meters.values()]).integrated()
    return SpeechLevel(round(lufs, 3), round(_active_dbfs(np.array(powers)), 3), round(seconds, 3))


def matching_gains(
    levels: Mapping[_Voice, SpeechLevel], wishes_db: Mapping[_Voice, float], match: bool = True
) -> dict[_Voice, float]:
    """The gain in dB of each voice: of a speaker, or of a part of what he says.

    Voices with ``ENOUGH_S`` of speech come to ``REFERENCE_LUFS``; the others to the same active RMS as those.

    Args:
        levels: voice -> what was measured, the wish included.
        wishes_db: voice -> how much louder than the others it is meant to be.
        match: False gives all the same gain, that of the one with most speech.
    """
    heard = {name: each for name, each in levels.items() if each.lufs > NO_LOUDNESS}
    if not heard:
        return dict.fromkeys(levels, 0.0)
    most = max(heard, key=lambda name: (heard[name].seconds, str(name)))
    if not match:
        return dict.fromkeys(levels, _clamped(REFERENCE_LUFS - heard[most].lufs + wishes_db.get(most, 0.0)))
    sure = [name for name, each in heard.items() if each.seconds >= ENOUGH_S] or [most]
    gains = {name: REFERENCE_LUFS - heard[name].lufs for name in sure}
    common = float(np.mean([heard[name].active_dbfs + gains[name] for name in sure]))
    gains |= {name: common - each.active_dbfs for name, each in heard.items() if name not in gains}
    return {name: _clamped(gains.get(name, 0.0) + wishes_db.get(name, 0.0)) for name in levels}


class _Frames:
    """Mean squares of short frames of a stream; a last one that is not whole is left out, unless it is the only one."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._rest = np.zeros(0, np.float32)
        self._powers: list[float] = []

    def push(self, samples: Samples) -> None:
        joined = np.concatenate([self._rest, samples])
        count = len(joined) // self._length
        rows = joined[: count * self._length].reshape(count, self._length)
        self._powers += np.mean(np.square(rows, dtype=np.float64), axis=1).tolist()
        self._rest = joined[count * self._length :]

    @property
    def powers(self) -> list[float]:
        if not self._powers and len(self._rest):
            return [float(np.mean(np.square(self._rest, dtype=np.float64)))]
        return self._powers


def _active_dbfs(powers: NDArray[np.float64]) -> float:
    active = powers[powers > 10 ** (FLOOR_DBFS / 10)]
    if not len(active):
        return NO_LOUDNESS
    active = active[active > active.mean() * 10 ** (ACTIVE_DB / 10)]
    return float(10 * np.log10(active.mean()))


def _clamped(gain_db: float) -> float:
    return round(max(-MOST_GAIN_DB, min(MOST_GAIN_DB, gain_db)), 3)
