"""Measure an engine that hears, once, and the recording that it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from demod_worker.messages import AlignRequest, DetectRequest, EmbedRequest, SeparateRequest, TranscribeRequest

from demod_voice.audio.clip import Clip, mono
from demod_voice.audio.resample import resample
from demod_voice.bench.rounds import devices_of, repeated, timed
from demod_voice.config.settings import Settings
from demod_voice.engines.costs import FamilyMemory
from demod_voice.engines.pool import Pool
from demod_voice.media.wav import write_wav


@dataclass(frozen=True, slots=True)
class HearingRun:
    """One measurement of an engine that hears."""

    load_s: float
    real_time_factor: float
    """Seconds of work for one second of the recording."""
    peak_mb: float | None
    audio_s: float
    """Seconds of the recording."""
    device: str
    """Where it computed; several, divided by commas, where it had to move on."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is heard: one recording, and the sentences that it is made of."""

    whole: Path
    """WAV, mono, PCM_16."""
    sentences: tuple[tuple[str, Path], ...]
    """Words and WAV of each."""
    duration_s: float


def measure_hearing(
    engine: str, operation: str, recording: Recording, settings: Settings, least_s: float
) -> HearingRun:
    """Measure once, with a worker of its own.

    Args:
        engine: its name.
        operation: one of ``OPERATIONS``.
        recording: what it hears.
        settings: devices, threads, timeouts.
        least_s: work that takes less is repeated.

    Raises:
        EngineError: it failed.
    """
    with Pool(settings, jobs=1) as pool, FamilyMemory(pool.processes) as memory:
        load_s = timed(lambda: pool.load(engine))
        work_s, rounds = repeated(lambda: OPERATIONS[operation](pool, engine, recording), least_s)
        device = devices_of(pool, engine)
    audio_s = recording.duration_s
    return HearingRun(load_s, work_s / (rounds * audio_s), memory.peak_mb, audio_s, device)


def recording(folder: Path, sample_rate: int, sentences: Sequence[tuple[str, Clip]]) -> Recording:
    """Write sentences (text, sound), and all of them in a row, as WAVs of one rate."""
    clips = [resample(clip, sample_rate) for _, clip in sentences]
    paths = [folder / f"{sample_rate}-{number}.wav" for number in range(len(clips))]
    for path, clip in zip(paths, clips, strict=True):
        write_wav(path, clip)
    whole = mono(np.concatenate([clip.samples[0] for clip in clips]), sample_rate)
    write_wav(folder / f"{sample_rate}.wav", whole)
    said = tuple((text, path) for (text, _), path in zip(sentences, paths, strict=True))
    return Recording(folder / f"{sample_rate}.wav", said, whole.duration_s)


def _detect(pool: Pool, engine: str, recording: Recording) -> object:
    return pool.detect(engine, DetectRequest(str(recording.whole), str(recording.whole.with_suffix(".raw"))))


def _transcribe(pool: Pool, engine: str, recording: Recording) -> object:
    return pool.transcribe(engine, TranscribeRequest(str(recording.whole), language="en"))


def _align(pool: Pool, engine: str, recording: Recording) -> object:
    return [pool.align(engine, AlignRequest(str(wav), text, language="en")) for text, wav in recording.sentences]


def _embed(pool: Pool, engine: str, recording: Recording) -> object:
    clips = tuple(str(wav) for _, wav in recording.sentences)
    return pool.embed(engine, EmbedRequest(clips, str(recording.whole.with_suffix(".raw"))))


def _separate(pool: Pool, engine: str, recording: Recording) -> object:
    folder = recording.whole.with_suffix("")
    folder.mkdir(exist_ok=True)
    return pool.separate(engine, SeparateRequest(str(recording.whole), str(folder)))


OPERATIONS: Mapping[str, Callable[[Pool, str, Recording], object]] = {
    "detect": _detect,
    "transcribe": _transcribe,
    "align": _align,
    "embed": _embed,
    "separate": _separate,
}
"""What an engine that hears is asked, by the operation of the protocol."""
