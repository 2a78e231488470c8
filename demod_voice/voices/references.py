"""Reference clips: brought to 24 kHz mono WAV, and looked at before anything is cloned from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Limits
from demod_voice.media.foreign import decode, probe
from demod_voice.media.wav import read_wav, wav_info
from demod_voice.units import db_from_gain

SAMPLE_RATE = 24000
"""Hz; speech is 24 kHz mono throughout (architecture, settled questions)."""
SHORTEST_S = 1.0
"""Below this a clip holds no voice to take."""
LONGEST_S = 600.0
"""Above this the file is a recording, not a reference clip."""
RECOMMENDED_S = (6.0, 12.0)
"""Length of reference clips that cloning engines ask for (XTTS: at least 6)."""
SILENT_DBFS = -60.0
CLIPPED_AT = 0.999
CLIPPED_FRACTION = 0.001
"""More than one sample in a thousand at full scale is heard as distortion."""
FRAME_S = 0.03
PAUSES = 0.1
"""The quietest tenth of a clip is taken for its pauses: speech that is read has more."""
NOISY_DB = 15.0
"""Below this speech-to-noise ratio a cloned voice takes the noise along."""
PIECE_S = 2.5
"""Length of the pieces whose voices are compared: embedding models want 2 s and more."""
FEWEST_PIECES = 2
"""Of each of two voices, so that a single odd piece is not a speaker."""


@dataclass(frozen=True, slots=True)
class ReferenceReport:
    """What was found in one clip."""

    duration_s: float
    warnings: tuple[str, ...]
    """What a person should look at, a phrase each."""
    fault: str = ""
    """Why it cannot be used, or empty."""


def prepare_reference(source: Path, out_wav: Path, limits: Limits) -> ReferenceReport:
    """Decode ``source`` to ``out_wav`` (24 kHz mono, 32-bit float) and measure it.

    A recording of hours is told by its header, before anything is decoded.

    Raises:
        UsageError: it does not exist.
        MediaError: it is no sound file, or costs more than ``limits``.
    """
    told_s = probe(source, limits).duration_s
    if told_s > LONGEST_S:
        return _too_long(told_s)
    decode(source, out_wav, SAMPLE_RATE, limits, channels=1)
    length_s = wav_info(out_wav).duration_s
    if length_s > LONGEST_S:
        return _too_long(length_s)
    clip = read_wav(out_wav)
    if clip.duration_s < SHORTEST_S:
        return ReferenceReport(clip.duration_s, (), f"{clip.duration_s:.2f} s is too short (6 to 12 s are best)")
    peak_dbfs = db_from_gain(float(np.abs(clip.samples).max()))
    if peak_dbfs < SILENT_DBFS:
        return ReferenceReport(clip.duration_s, (), f"silent: its peak is {peak_dbfs:.0f} dBFS")
    return ReferenceReport(clip.duration_s, tuple(_warnings(clip)))


def snr_db(clip: Clip) -> float:
    """Speech-to-noise ratio of a clip with pauses, dB: the power of its frames over that of the quietest tenth.

    Without a pause it reads low, and so it does where all is noise (white noise: 1 dB or less).
    """
    length = round(FRAME_S * clip.sample_rate)
    wave = clip.samples.astype(np.float64).mean(axis=0)
    frames = np.square(wave[: len(wave) // length * length]).reshape(-1, length).mean(axis=1)
    ordered = np.sort(frames)
    count = max(1, round(len(ordered) * PAUSES))
    noise = float(ordered[:count].mean())
    above = frames[frames > 2.0 * noise]
    speech = float(above.mean()) - noise if above.size else 0.0
    if speech <= 0.0:
        return 0.0
    return min(10.0 * math.log10(speech / max(noise, 1e-12)), 120.0)


def pieces(clip: Clip) -> list[Clip]:
    """A clip in pieces of ``PIECE_S`` seconds; what is left over belongs to the last one."""
    length = round(PIECE_S * clip.sample_rate)
    count = max(1, clip.num_samples // length)
    ends = [*(length * number for number in range(1, count)), clip.num_samples]
    return [Clip(clip.samples[:, begin:end], clip.sample_rate) for begin, end in zip([0, *ends], ends, strict=False)]


def two_voices(vectors: Sequence[Any], threshold: float | None) -> float | None:
    """The cosine between two groups of pieces that are not one speaker's; None when they are, or nobody can tell.

    Args:
        vectors: of the pieces, each of length 1; one with NaN has no voice and is left out.
        threshold: cosine from which two clips are one speaker's, of the model that made them; None: not known.
    """
    found = np.asarray(vectors, dtype=np.float64)
    found = found[np.isfinite(found).all(axis=1)] if found.size else found
    if threshold is None or len(found) < 2 * FEWEST_PIECES:
        return None
    likeness = found @ found.T
    first, second = np.unravel_index(int(likeness.argmin()), likeness.shape)
    nearer = likeness[first] >= likeness[second]
    groups = found[nearer], found[~nearer]
    if min(map(len, groups)) < FEWEST_PIECES:
        return None
    means = [group.mean(axis=0) for group in groups]
    cosine = float(means[0] @ means[1] / (np.linalg.norm(means[0]) * np.linalg.norm(means[1])))
    return cosine if cosine < threshold else None


def _too_long(length_s: float) -> ReferenceReport:
    return ReferenceReport(
        length_s, (), f"{length_s:.0f} s is a whole recording; cut out 6 to 12 s of clear speech of one person"
    )


def _warnings(clip: Clip) -> list[str]:
    found = []
    low, high = RECOMMENDED_S
    if not low <= clip.duration_s <= high:
        found.append(f"{clip.duration_s:.1f} s long; {low:.0f} to {high:.0f} s are best for cloning")
    clipped = float(np.mean(np.abs(clip.samples) >= CLIPPED_AT))
    if clipped > CLIPPED_FRACTION:
        found.append(f"clipped: {clipped:.1%} of its samples are at full scale")
    ratio = snr_db(clip)
    if ratio < NOISY_DB:
        found.append(f"noisy: its speech is {ratio:.0f} dB above its noise, and the voice takes the noise along")
    return found
