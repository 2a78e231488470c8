"""Measure engines one after the other, each as often as is asked; one that fails is told and the others go on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from demod_worker.messages import LoadResult

from demod_voice.bench.figures import Measured, with_runs
from demod_voice.bench.hearing import Recording, measure_hearing, recording
from demod_voice.bench.speaking import SpeakingRun, measure_speaking
from demod_voice.bench.texts import LINES, measured_texts, sentences
from demod_voice.config.settings import Settings
from demod_voice.engines.environments import needs_python, python_for
from demod_voice.engines.pool import Pool
from demod_voice.engines.stamps import installed_packages
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import DemodError, UsageError
from demod_voice.records.progress import Progress
from demod_voice.voices.resolve import ResolvedVoice

HEARING_RATE = 16000
RECORDER = "espeak"
"""Speaks what the others hear."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How engines are measured."""

    lines: tuple[str, ...]
    rows: tuple[str, ...]
    language: str
    """BCP 47, of both."""
    repeat: int
    least_s: float
    """Work that takes less is repeated."""
    jobs: int
    settings: Settings
    progress: Progress


def speaking(voice: ResolvedVoice, plan: Plan) -> Measured:
    """Measure the engine of a voice; what it fails of is in the result."""
    told = Measured(voice.engine.name, "speak", voice.engine.version, voice=voice.name)
    return _told(told, plan, lambda: _speaking(told, voice, plan))


def hearing(asked: Sequence[tuple[EngineInfo, str]], plan: Plan) -> list[Measured]:
    """Measure engines that hear, with what they are asked, on a recording that espeak makes."""
    told = [Measured(info.name, operation, info.version) for info, operation in asked]
    if not asked:
        return []
    try:
        with _recordings({_rate(info) for info, _ in asked}, plan) as made:
            return [
                _told(each, plan, partial(_hearing, each, info, made[_rate(info)], plan))
                for each, (info, _) in zip(told, asked, strict=True)
            ]
    except DemodError as error:
        what = f"there is nothing to hear: {error.message.splitlines()[0]}"
        return [replace(each, error=what, hint=error.hint or "") for each in told]


def _told(told: Measured, plan: Plan, work: Callable[[], Measured]) -> Measured:
    """What the work gives, or why it failed."""
    step = f"{told.engine} {told.operation}"
    plan.progress.start(step, plan.repeat, "runs")
    try:
        return work()
    except DemodError as error:
        return replace(told, error=error.message.splitlines()[0], hint=error.hint or "")
    finally:
        plan.progress.finish(step)


def _speaking(told: Measured, voice: ResolvedVoice, plan: Plan) -> Measured:
    name = told.engine
    with Pool(plan.settings, jobs=1, progress=plan.progress) as pool:
        told, loaded = _looked_at(told, voice.engine, voice.voice.model, pool, plan)
        for fault in voice.verify(pool, voice.language or plan.language):
            raise UsageError(fault.message, fault.hint)
    if voice.engine.clones and loaded.voices and not (voice.voice.preset or voice.voice.references):
        voice = replace(voice, name=loaded.voices[0], voice=replace(voice.voice, preset=loaded.voices[0]))
    texts = measured_texts(voice, plan.lines, plan.rows, plan.language, plan.settings)
    if not texts.rows:
        raise UsageError("nothing in the texts can be said", "write words: there is no letter or digit in them")

    def once() -> SpeakingRun:
        return measure_speaking(name, voice.voice.model, texts, plan.settings, plan.jobs, plan.least_s)

    return with_runs(replace(told, voice=voice.name), _runs(told, plan, once))


def _hearing(told: Measured, info: EngineInfo, heard: Recording, plan: Plan) -> Measured:
    with Pool(plan.settings, jobs=1, progress=plan.progress) as pool:
        told, _ = _looked_at(told, info, None, pool, plan)
    runs = _runs(told, plan, lambda: measure_hearing(told.engine, told.operation, heard, plan.settings, plan.least_s))
    return with_runs(told, runs)


def _runs(told: Measured, plan: Plan, once: Callable[[], Any]) -> list[Any]:
    found = []
    for _ in range(plan.repeat):
        found.append(once())
        plan.progress.advance(f"{told.engine} {told.operation}")
    return found


def _looked_at(
    told: Measured, info: EngineInfo, model: str | None, pool: Pool, plan: Plan
) -> tuple[Measured, LoadResult]:
    """Load it once, which brings its files into memory, and tell its versions."""
    loaded = pool.load(info.name, model)
    python = str(pool.probe(info.name).get("python", ""))
    torch = ""
    if needs_python(info):
        torch = installed_packages(python_for(info, plan.settings).parent.parent).get("torch", "")
    told = replace(told, model=loaded.model, model_revision=loaded.model_revision)
    return replace(told, python=python, torch=torch), loaded


@contextmanager
def _recordings(rates: set[int], plan: Plan) -> Iterator[dict[int, Recording]]:
    """By rate: the fixed lines in espeak's voice.

    Raises:
        EngineError: espeak cannot be used here.
    """
    lines = LINES[: len(plan.lines)]
    with tempfile.TemporaryDirectory(prefix="demod-voice-bench-") as folder:
        with Pool(plan.settings, jobs=1, progress=plan.progress) as pool:
            spoken = [(each.text, pool.speak(RECORDER, each).clip) for each in sentences(lines)]
        yield {rate: recording(Path(folder), rate, spoken) for rate in rates}


def _rate(info: EngineInfo) -> int:
    return info.input_rate or HEARING_RATE
