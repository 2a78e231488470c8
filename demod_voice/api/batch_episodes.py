"""Batches of episodes: what ``batch run --task episode`` does with each script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from demod_voice.batch.episode_task import EpisodeJob, EpisodeTask, EpisodeWork, Rendered
from demod_voice.batch.paths import Places
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.dependencies import dependencies
from demod_voice.episode.describing import missed
from demod_voice.episode.production import RenderOptions, options_of
from demod_voice.episode.render import RenderReport, render
from demod_voice.records.progress import SILENT, Progress, Silent
from demod_voice.speech.studio import Studio

__all__ = ["episode_task", "episode_work"]


class _Notes(Silent):
    """Passes on what a person should see of one render, and not how far it is: the batch counts rows."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = name

    def note(self, message: str) -> None:
        """Say which episode it is about."""
        self._progress.note(f"{self._name}: {message}")


def episode_work(settings: Settings, progress: Progress = SILENT) -> EpisodeWork:
    """The functions of the episode package, as a batch needs them.

    Args:
        settings: what every episode is rendered with, but for its row's seed.
        progress: told what a person should see.
    """
    studio = Studio(settings)

    def depends_on(job: EpisodeJob) -> str:
        check_inside(_named(job), settings.paths.allowed_roots)
        return dependencies(job.script, job.output, _seeded(settings, job), _options(job), studio).hash

    def make(job: EpisodeJob) -> Rendered:
        notes = _Notes(progress, job.output.name)
        return _rendered(render(job.script, job.output, _seeded(settings, job), _options(job), notes))

    return EpisodeWork(depends_on, make)


def episode_task(places: Places, settings: Settings, progress: Progress = SILENT) -> EpisodeTask:
    """The task whose rows are scripts; as ``episode_work``."""
    return EpisodeTask(episode_work(settings, progress), places)


def _named(job: EpisodeJob) -> list[Path]:
    """Every file that a row names."""
    return [each for each in (job.script, job.mix, job.cast, job.show) if each is not None]


def _seeded(settings: Settings, job: EpisodeJob) -> Settings:
    return settings if job.seed is None else replace(settings, seed=job.seed)


def _options(job: EpisodeJob) -> RenderOptions:
    return options_of(formats=job.formats, mix=job.mix, preset=job.preset, cast=job.cast, show=job.show)


def _rendered(report: RenderReport) -> Rendered:
    story = report.manifest
    output = next(iter(report.outputs.audio.values()))
    engines: Sequence[Any] = story["engines"]
    return Rendered(
        output=output,
        sha256=story["files"][output.name],
        audio_s=story["duration_sec"],
        engine="+".join(dict.fromkeys(each["engine"] for each in engines)),
        model="+".join(dict.fromkeys(each["model"] for each in engines if each["model"])),
        model_revision="+".join(dict.fromkeys(each["model_revision"] for each in engines if each["model_revision"])),
        notes=tuple(missed(story["degradations"])),
        misses="; ".join(report.warnings),
        facts={"voices": list(story["voices"].values())},
    )
