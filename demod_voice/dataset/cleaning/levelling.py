"""The last step of cleaning: a recording brought to its loudness, and the envelope of what was written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speech_track import FRAME_S
from demod_voice.config.settings import Dataset
from demod_voice.dataset.cleaning.report import StepReport
from demod_voice.dataset.cleaning.sound import ENVELOPE_S, Levels, in_db
from demod_voice.media.wav import read_blocks, wav_info
from demod_voice.mix.loudness import NO_LOUDNESS, Heard
from demod_voice.mix.master import MOST_GAIN_DB, Goal, MasterReport, bring_to

CLOSE_ENOUGH_LU = 0.08
"""Of the 0.1 LU that are promised: nobody hears the rest, and a pass over an hour costs seconds."""
DITHER_SEED = 0
"""One for all: the noise is far below everything, and the same recording gives the same bytes."""
_BLOCK = 1 << 20


def level(premix: Path, out: Path, heard: Heard, settings: Dataset) -> StepReport:
    """Write ``premix`` at the dataset's loudness under its ceiling.

    Args:
        premix: float WAV.
        out: WAV in the dataset's encoding.
        heard: what was measured of the premix.
        settings: loudness, ceiling, encoding.

    Raises:
        MediaError, OutputError: a file cannot be read or written.
    """
    goal = Goal(settings.lufs, settings.true_peak_dbtp, settings.encoding, CLOSE_ENOUGH_LU)
    done, limited = bring_to(goal, premix, out, DITHER_SEED, heard)
    found = heard.report
    return StepReport(
        "loudness",
        found.lufs > NO_LOUDNESS,
        _why(done, settings),
        {"lufs": found.lufs, "true_peak_dbtp": found.true_peak_dbtp, "lra_lu": found.lra_lu},
        {"lufs": done.lufs, "true_peak_dbtp": done.true_peak_dbtp, "lra_lu": done.lra_lu},
        {
            "target_lufs": settings.lufs,
            "gain_db": done.gain_db,
            "limited_samples": limited,
            "on_target": done.on_target,
        },
    )


def _why(done: MasterReport, settings: Dataset) -> str:
    if done.on_target:
        return ""
    if done.lufs <= NO_LOUDNESS:
        return "silence has no loudness"
    if done.gain_db >= MOST_GAIN_DB:
        return f"{settings.lufs:g} LUFS would need over {MOST_GAIN_DB:g} dB of gain"
    ceiling = settings.true_peak_dbtp
    return (
        f"{settings.lufs:g} LUFS cannot be reached under a true peak of {ceiling:g} dBTP; it is at {done.lufs:.2f} LUFS"
    )


def envelopes(path: Path, steps_s: Sequence[float] = (ENVELOPE_S, FRAME_S)) -> tuple[NDArray[np.float32], ...]:
    """Level of each step of a mono WAV, dBFS, shape (n,): of 10 ms, and of the frames of a speech track."""
    rate = wav_info(path).sample_rate
    levels = [Levels(step_s, rate) for step_s in steps_s]
    for block in read_blocks(path, _BLOCK):
        for each in levels:
            each.push(block[0])
    return tuple(in_db(each.powers()) for each in levels)
