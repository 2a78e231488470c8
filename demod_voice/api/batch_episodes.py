"""Batches of episodes: what ``batch run --task episode`` does with each script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from demod_voice.batch.episode_task import EpisodeJob, EpisodeTask, EpisodeWork, Rendered
from demod_voice.batch.options import BatchOptions
from demod_voice.batch.table.paths import Places
from demod_voice.config.settings import Settings
from demod_voice.engines.strikes import BATCH_STRIKES
from demod_voice.episode.dependencies import dependencies
from demod_voice.episode.describing import missed
from demod_voice.episode.mixing import TAKES
from demod_voice.episode.outputs import Outputs, name_outputs
from demod_voice.episode.plan import questions
from demod_voice.episode.production import RenderOptions, options_of, processors, produce
from demod_voice.episode.render import RenderReport, render
from demod_voice.errors import UsageError
from demod_voice.publish.licences import kind_of
from demod_voice.records.progress import SILENT, Progress, Silent
from demod_voice.speech.studio import Studio
from demod_voice.voices.choice import VoiceChoice

__all__ = ["episode_task"]


class _Notes(Silent):
    """Passes on what a person should see of one render, and not how far it is: the batch counts rows."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = name

    def note(self, message: str) -> None:
        """Say which episode it is about."""
        self._progress.note(f"{self._name}: {message}")


@contextmanager
def episode_task(
    options: BatchOptions, places: Places, settings: Settings, progress: Progress = SILENT
) -> Iterator[EpisodeTask]:
    """The task whose rows are scripts, while its engines may stay loaded from one episode to the next.

    Args:
        options: its lexicon holds for every episode.
        places: the folders of the batch.
        settings: what every episode is rendered with, but for its row's seed.
        progress: told what a person should see of each episode.

    Raises:
        UsageError: the options ask for what scripts say themselves.
    """
    _check_options(options)
    settings = _with_lexicon(settings, options)
    jobs = settings.jobs or processors()
    log = places.work / "run.log"
    with Studio(settings, jobs=jobs, log_path=log, progress=progress, most_strikes=BATCH_STRIKES) as studio:
        yield EpisodeTask(_work(settings, studio, progress), places)


def _work(settings: Settings, studio: Studio, progress: Progress) -> EpisodeWork:
    """The functions of the episode package, as a batch needs them."""

    def depends_on(job: EpisodeJob) -> str:
        return dependencies(job.script, job.output, _seeded(settings, job), _options(job), studio).hash

    def verify(job: EpisodeJob) -> None:
        plan = produce(job.script, _seeded(settings, job), _options(job)).plan
        outputs = name_outputs(job.output, job.formats, settings)
        studio.verify(questions(plan), outputs.work / TAKES, str(job.script))

    def make(job: EpisodeJob) -> Rendered:
        notes = _Notes(progress, job.output.name)
        return _rendered(render(job.script, job.output, _seeded(settings, job), _options(job), notes, studio))

    return EpisodeWork(depends_on, verify, make)


def _check_options(options: BatchOptions) -> None:
    """Refuse what would be without effect: a script says itself who speaks, and its mix how loud it is."""
    given = {
        "--loudness": options.loudness is not None,
        "--consent": options.consent != "",
        "--markup": options.markup,
        "the flags of voices (--engine, --voice ...)": options.voice != VoiceChoice(),
    }
    wrong = [flag for flag, is_given in given.items() if is_given]
    if wrong:
        raise UsageError(
            f"{', '.join(wrong)}: not for --task episode", "scripts, casts and mixes say it: docs/scripts.md"
        )


def _with_lexicon(settings: Settings, options: BatchOptions) -> Settings:
    if options.lexicon is None:
        return settings
    lexicons = (*settings.episode.lexicons, str(options.lexicon))
    return replace(settings, episode=replace(settings.episode, lexicons=lexicons))


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
        facts={"voices": _voices(story), "files": _sizes(report.outputs, story["files"])},
    )


def _voices(story: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who was heard, for the manifest of the batch; never a path."""
    engines = {each["engine"]: each for each in story["engines"]}
    return [
        {
            "name": voice["voice"],
            "engine": voice["engine"],
            "model": engines.get(voice["engine"], {}).get("model", ""),
            "model_revision": engines.get(voice["engine"], {}).get("model_revision", ""),
            "consent": voice["consent"],
            "licence": voice["licence"],
            "licence_kind": kind_of(voice["licence"]),
        }
        for voice in story["voices"].values()
    ]


def _sizes(outputs: Outputs, published: Mapping[str, str]) -> dict[str, int]:
    """Name -> bytes of what belongs to the episode beside its main output: without one of them it is not finished."""
    main = next(iter(outputs.audio.values()))
    names = {*published, outputs.manifest.name} - {main.name}
    return {name: main.with_name(name).stat().st_size for name in sorted(names)}
