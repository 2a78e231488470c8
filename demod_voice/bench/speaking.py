"""Measure an engine that speaks, once. Every sound is made anew: nothing comes from the speech cache."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from demod_voice.bench.rounds import devices_of, repeated, timed
from demod_voice.bench.texts import Texts
from demod_voice.config.settings import Settings
from demod_voice.engines.costs import FamilyMemory
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import EngineError, EngineFailed


@dataclass(frozen=True, slots=True)
class SpeakingRun:
    """One measurement of an engine that speaks."""

    load_s: float
    """From nothing to the loaded model; its files were read before."""
    first_audio_s: float
    """From the first request after that to its first sound."""
    real_time_factor: float
    """Seconds of work for one second of sound: below 1 is faster than it plays."""
    rows_per_minute: float
    """By one worker that is warm."""
    peak_mb: float | None
    """Memory of that worker and what it starts, MiB; None where nobody tells."""
    audio_s: float
    """Sound of all lines."""
    device: str
    """Where it computed; several, divided by commas, where it had to move on."""
    rows_per_minute_jobs: float | None = None
    """By as many workers as the setting ``jobs`` says; None where it says one."""


def measure_speaking(
    engine: str, model: str | None, texts: Texts, settings: Settings, jobs: int, least_s: float
) -> SpeakingRun:
    """Measure once, with workers of its own.

    Args:
        engine: its name.
        model: path of the model; None = the engine's own.
        texts: what is spoken.
        settings: devices, threads, timeouts.
        jobs: workers of the last figure.
        least_s: work that takes less is repeated.

    Raises:
        EngineError: it failed, or gave no sound.
    """
    with Pool(settings, jobs=1) as pool, FamilyMemory(pool.processes) as memory:
        load_s = timed(lambda: pool.load(engine, model))
        first_s = _first_sound(pool, engine, texts.lines[0])
        work_s, audio_s = _spoken(pool, engine, texts.lines, least_s)
        alone = _rows_per_minute(pool, engine, texts.rows, 1, least_s)
        device = devices_of(pool, engine)
    together = _by_many(engine, texts, settings, jobs, least_s) if jobs > 1 else None
    return SpeakingRun(load_s, first_s, work_s / audio_s, alone, memory.peak_mb, audio_s, device, together)


def _by_many(engine: str, texts: Texts, settings: Settings, jobs: int, least_s: float) -> float:
    """Rows a minute of several workers, which are warm before the time counts."""
    with Pool(settings, jobs=jobs) as pool:
        together = threading.Barrier(jobs)

        def warm(number: int) -> None:
            together.wait()
            pool.speak(engine, replace(texts.lines[0], seed=number))

        with ThreadPoolExecutor(jobs) as threads:
            list(threads.map(warm, range(jobs)))
        return _rows_per_minute(pool, engine, texts.rows, jobs, least_s)


def _first_sound(pool: Pool, engine: str, request: SpeechRequest) -> float:
    began = time.perf_counter()
    clips = pool.stream(engine, request)
    if next(clips, None) is None:
        raise EngineFailed(f"engine {engine} made no sound")
    first_s = time.perf_counter() - began
    for _ in clips:
        pass
    return first_s


def _spoken(pool: Pool, engine: str, lines: Sequence[SpeechRequest], least_s: float) -> tuple[float, float]:
    """Seconds of work, and of sound, of all lines once, one by one."""
    audio_s = 0.0

    def once() -> None:
        nonlocal audio_s
        audio_s += sum(pool.speak(engine, line).clip.duration_s for line in lines)

    work_s, rounds = repeated(once, least_s)
    if audio_s <= 0.0:
        raise EngineFailed(f"engine {engine} made no sound")
    return work_s / rounds, audio_s / rounds


def _rows_per_minute(
    pool: Pool, engine: str, rows: Sequence[Sequence[SpeechRequest]], jobs: int, least_s: float
) -> float:
    """In batches as full as the engine takes them; the rows are repeated where a worker would have none."""
    size = max(1, pool.info(engine).max_batch)
    many = list(rows) * math.ceil(jobs * size / len(rows))
    units = [many[at : at + size] for at in range(0, len(many), size)]

    def unit(some: Sequence[Sequence[SpeechRequest]]) -> None:
        _all_good(pool.speak_many(engine, [request for row in some for request in row]))

    with ThreadPoolExecutor(jobs) as threads:
        work_s, rounds = repeated(lambda: list(threads.map(unit, units)), least_s)
    return rounds * len(many) / work_s * 60.0


def _all_good(spoken: Sequence[Speech | EngineError]) -> None:
    for each in spoken:
        if isinstance(each, EngineError):
            raise each
