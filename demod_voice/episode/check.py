"""Say everything that is wrong with a script, and how long it will be, without speaking a word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.mix_settings import layers_of
from demod_voice.episode.plan import Plan, draft_plan, questions
from demod_voice.episode.sources import NO_SOURCES, Sources
from demod_voice.episode.timing import pause_before
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.studio import Studio


@dataclass(frozen=True, slots=True)
class CheckReport:
    """A script without faults, in numbers."""

    title: str
    speakers: dict[str, int]
    """Speaker -> number of lines."""
    voices: dict[str, str]
    """Speaker -> engine/voice, or ``recordings``."""
    chapters: int
    lines: int
    words: int
    estimated_s: float
    show: str | None = None
    """The ``show.yaml`` that it belongs to."""


def check(
    script_path: Path, settings: Settings, progress: Progress = SILENT, sources: Sources = NO_SOURCES
) -> CheckReport:
    """Read and plan a script, and ask each engine whether it has the voices.

    Raises:
        UsageError, FaultsError: everything that is wrong, with lines.
        EngineError: an engine is not installed or does not start.
    """
    check_inside([script_path], settings.paths.allowed_roots)
    plan, faults = draft_plan(script_path, settings, sources)
    layers_of(plan.script, faults)
    with Studio(settings, jobs=1, progress=progress) as studio:
        studio.verify(questions(plan), source=str(script_path), faults=faults)
    speakers = {name: sum(line.speaker == name for line in plan.lines) for name in plan.speakers}
    words = sum(len(line.job.text.split()) for line in plan.lines)
    pauses = sum(pause_before(line, settings.episode.pauses, plan.seed) for line in plan.lines)
    return CheckReport(
        title=plan.script.title,
        speakers=speakers,
        voices={name: _voice(plan, name) for name in plan.speakers},
        chapters=sum(bool(chapter.title) for chapter in plan.script.chapters),
        lines=len(plan.lines),
        words=words,
        show=None if plan.script.show.path is None else str(plan.script.show.path),
        estimated_s=sum(line.estimated_s for line in plan.lines) + pauses,
    )


def _voice(plan: Plan, name: str) -> str:
    voice = plan.voices.get(name)
    return "recordings" if voice is None else f"{voice.engine.name}/{voice.name}"
