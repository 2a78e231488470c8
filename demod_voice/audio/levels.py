"""Levels of a clip, in dB relative to full scale."""

from __future__ import annotations

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.units import SILENCE_DB, db_from_gain


def rms_dbfs(clip: Clip) -> float:
    """Root mean square over all channels; a full-scale square wave is 0 dBFS, a sine -3.01. Silence: ``SILENCE_DB``."""
    if clip.samples.size == 0:
        return SILENCE_DB
    return db_from_gain(float(np.sqrt(np.mean(np.square(clip.samples, dtype=np.float64)))))


def peak_dbfs(clip: Clip) -> float:
    """Largest sample of any channel. Silence: ``SILENCE_DB``."""
    return db_from_gain(float(np.abs(clip.samples).max(initial=0.0)))


def is_silent(clip: Clip, threshold_dbfs: float = -60.0) -> bool:
    """True when no sample is louder than the threshold."""
    return peak_dbfs(clip) < threshold_dbfs
