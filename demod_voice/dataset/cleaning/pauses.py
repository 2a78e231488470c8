"""Long pauses taken out of a cleaned recording: ``audio clean --remove-silence``. Datasets keep every second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.analysis.speech_track import SpeechTrack
from demod_voice.audio.silence import Kept, shortened
from demod_voice.dataset.cleaning.sound import Sound
from demod_voice.media.wav import WavWriter, wav_info

JOINT_S = 0.01
"""Over which one side of a joint goes into the other."""
MARGIN_S = 0.1
"""Speech counts as so much longer on both sides: soft endings are no pause."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Shortened:
    """What became of a recording's pauses."""

    removed_s: float
    pauses: int
    """How many were shortened."""
    kept: tuple[Kept, ...]
    """The time map: where each stretch was, and where it is."""


def shorten_pauses(wav: Path, out: Path, track: SpeechTrack, longest_s: float, left_s: float) -> Shortened:
    """Write a mono WAV with its long pauses made shorter, in the same encoding; samples that stay do not change.

    Args:
        wav: the recording.
        out: written in place (use a temporary name).
        track: where speech was found.
        longest_s: pauses up to this length are left alone.
        left_s: what is left of a longer one.

    Raises:
        MediaError, OutputError: a file cannot be read or written. ValueError: as ``audio.silence.shortened``.
    """
    info = wav_info(wav)
    speech = [(max(0.0, each.start_s - MARGIN_S), each.end_s + MARGIN_S) for each in track.regions()]
    kept = shortened(speech, info.duration_s, longest_s, left_s)
    fade = round(JOINT_S * info.sample_rate)
    count = 0
    with Sound(wav) as sound, WavWriter(out, info.sample_rate, 1, info.encoding) as writer:
        for number, piece in enumerate(kept):
            first, last = round(piece.start_s * info.sample_rate), round(piece.end_s * info.sample_rate)
            last = min(last, info.num_samples)
            follows = kept[number + 1] if number + 1 < len(kept) else None
            for start in range(first, last, _BLOCK):
                samples = sound.read(start, min(start + _BLOCK, last))
                if follows is not None and start + _BLOCK >= last:
                    _join(sound, samples, round(follows.start_s * info.sample_rate), fade)
                writer.write(samples.reshape(1, -1))
                count += len(samples)
    removed_s = (info.num_samples - count) / info.sample_rate
    joints = len(kept) - 1 + (kept[0].start_s > 0.0) + (kept[-1].end_s < info.duration_s - 1e-9)
    return Shortened(round(removed_s, 3), joints if removed_s else 0, kept)


def _join(sound: Sound, samples: np.ndarray, next_start: int, fade: int) -> None:
    """Let the end of ``samples`` go over into what comes before the next piece, so that it begins without a step."""
    count = min(fade, len(samples))
    rise = (np.arange(count, dtype=np.float32) + 1) / np.float32(count + 1)
    samples[len(samples) - count :] *= 1 - rise
    samples[len(samples) - count :] += sound.read(next_start - count, next_start) * rise
