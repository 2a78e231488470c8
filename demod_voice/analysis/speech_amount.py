"""How much speech there is in short clips: by the ``vad`` engine where it is installed, else how much sound there is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from demod_voice.analysis.speech_detection import ENGINE, detect_speech
from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.engines.environments import USABLE, state
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineNotInstalled
from demod_voice.media.wav import read_wav

QUIET_DBFS, BELOW_DB = -50.0, 30.0
"""Without the engine: a frame sounds that is louder than this, and not so far below the loud ones. Clips of some seconds are
too short for a noise floor (``energy_detection``): speech without a pause would be taken for one."""
PAUSE_S = 0.3
"""Shorter pauses are part of the sound."""


def speech_up_to(clips: Iterable[Path], least_s: float, scratch: Path, pool: Pool) -> float:
    """Seconds of speech in clips together, counted until there are ``least_s``.

    Args:
        clips: mono 16 kHz WAVs of some seconds that this program wrote.
        least_s: seconds that are enough.
        scratch: a folder for pieces; left as it was.
        pool: runs the engine, which is not installed for the question.

    Raises:
        MediaError: a clip cannot be read.
        EngineError: the engine started, and failed.
    """
    known = _is_installed(pool)
    found_s = 0.0
    for clip in clips:
        track = detect_speech(clip, scratch, pool, jobs=1) if known else None
        if track is None or track.detector != ENGINE:
            known, track = False, _sound(clip)
        found_s += sum(each.duration_s for each in track.regions(min_silence_s=PAUSE_S))
        if found_s >= least_s:
            break
    return found_s


def _is_installed(pool: Pool) -> bool:
    try:
        return state(pool.info(ENGINE), pool.settings) in USABLE
    except EngineNotInstalled:
        return False


def _sound(clip: Path) -> SpeechTrack:
    heard = read_wav(clip)
    size = round(FRAME_S * heard.sample_rate)
    whole = heard.samples[0][: heard.num_samples // size * size].astype(np.float64).reshape(-1, size)
    levels = 10 * np.log10(np.mean(whole**2, axis=1) + 1e-12)
    loud = float(np.percentile(levels, 95)) if len(levels) else 0.0
    return SpeechTrack((levels > max(QUIET_DBFS, loud - BELOW_DB)).astype(np.float32), "energy")
