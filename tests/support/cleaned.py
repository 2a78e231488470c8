"""A recording cleaned in a test, with a speech track that knows the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.signals import wav

from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.config.settings import Cleaning, Dataset
from demod_voice.dataset.cleaning.chain import clean_recording
from demod_voice.dataset.cleaning.report import CleaningReport

RATE = 24000
PLAIN = Dataset(clean=Cleaning(hum=False, denoise_db=0.0))


def track_of(samples: np.ndarray, rate: int = RATE, threshold_dbfs: float = -45.0) -> SpeechTrack:
    """A track that knows the truth: speech where a frame of the clean signal is loud."""
    size = round(FRAME_S * rate)
    count = -(-samples.shape[1] // size)
    padded = np.zeros(count * size, np.float32)
    padded[: samples.shape[1]] = samples[0]
    level = 10 * np.log10(np.mean(padded.reshape(count, size) ** 2, axis=1) + 1e-20)
    return SpeechTrack(np.where(level > threshold_dbfs, 0.98, 0.02).astype(np.float32), "oracle")


def cleaned(
    tmp_path: Path, samples: np.ndarray, settings: Dataset = PLAIN, *, track: SpeechTrack | None = None, jobs: int = 2
) -> tuple[CleaningReport, Path]:
    source = wav(tmp_path / "source.wav", samples, settings.sample_rate)
    out = tmp_path / "clean.wav"
    found = clean_recording(
        source, out, track or track_of(samples, settings.sample_rate), settings, scratch=tmp_path, jobs=jobs
    )
    assert sorted(each.name for each in tmp_path.glob("*.premix")) == []
    return found, out
