"""Reference clips: brought to 24 kHz mono WAV, and looked at before anything is cloned from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Limits
from demod_voice.media.foreign import decode
from demod_voice.media.wav import read_wav
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


@dataclass(frozen=True, slots=True)
class ReferenceReport:
    """What was found in one clip."""

    duration_s: float
    warnings: tuple[str, ...]
    """What a person should look at, a phrase each."""
    fault: str = ""
    """Why it cannot be used, or empty."""


def prepare_reference(source: Path, out_wav: Path, limits: Limits) -> ReferenceReport:
    """Decode ``source`` to ``out_wav`` (24 kHz mono PCM_16) and measure it.

    Raises:
        MediaError: it is no sound file, or costs more than ``limits``.
    """
    decode(source, out_wav, SAMPLE_RATE, limits, channels=1)
    length_s = out_wav.stat().st_size / (2 * SAMPLE_RATE)
    if length_s > LONGEST_S:
        return ReferenceReport(
            length_s, (), f"{length_s:.0f} s is a whole recording; cut out 6 to 12 s of clear speech"
        )
    clip = read_wav(out_wav)
    if clip.duration_s < SHORTEST_S:
        return ReferenceReport(clip.duration_s, (), f"{clip.duration_s:.2f} s is too short (6 to 12 s are best)")
    return ReferenceReport(clip.duration_s, tuple(_warnings(clip)))


def _warnings(clip: Clip) -> list[str]:
    found = []
    low, high = RECOMMENDED_S
    if not low <= clip.duration_s <= high:
        found.append(f"{clip.duration_s:.1f} s long; {low:.0f} to {high:.0f} s are best for cloning")
    magnitude = np.abs(clip.samples)
    peak_dbfs = db_from_gain(float(magnitude.max()))
    if peak_dbfs < SILENT_DBFS:
        found.append(f"silent: its peak is {peak_dbfs:.0f} dBFS")
    clipped = float(np.mean(magnitude >= CLIPPED_AT))
    if clipped > CLIPPED_FRACTION:
        found.append(f"clipped: {clipped:.1%} of its samples are at full scale")
    return found
