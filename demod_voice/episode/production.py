"""What every command that makes sound of a script begins with: decide everything, then speak. Nothing is mixed here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.chosen import FILE as CHOICES
from demod_voice.episode.chosen import chosen_takes
from demod_voice.episode.context import Sound, has_turns, jobs_after, with_needed
from demod_voice.episode.mix_settings import layers_of, mix_of
from demod_voice.episode.mixing import TAKES
from demod_voice.episode.plan import Plan, draft_plan, questions
from demod_voice.episode.recordings import recorded_takes
from demod_voice.episode.sources import NO_SOURCES, Sources
from demod_voice.episode.speaking import speak_all
from demod_voice.episode.targets import Target, settings_for, target_of
from demod_voice.episode.timing_file import read_timing
from demod_voice.errors import FaultsError, UsageError
from demod_voice.formats.mix_spec import MixSpec
from demod_voice.records.progress import Progress
from demod_voice.records.steps import RunFolder
from demod_voice.speech.studio import LineJob, Studio, Take
from demod_voice.speech.takes import take_files


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What a render is asked for beside its script."""

    formats: tuple[str, ...] = ()
    """More formats to export beside the output."""
    mix: Path | None = None
    """``mix.yaml``."""
    preset: str = ""
    """Name of a row of targets; beats the mix's."""
    timing: Path | None = None
    """A timing plan: followed when it exists, else written."""
    sources: Sources = NO_SOURCES
    """Cast and show."""


PLAIN = RenderOptions()


def options_of(
    *,
    formats: Sequence[str] = (),
    mix: str | Path | None = None,
    preset: str = "",
    timing: str | Path | None = None,
    cast: str | Path | None = None,
    show: str | Path | None = None,
) -> RenderOptions:
    """The options, from paths as callers write them; nothing and an empty text are no path."""
    path = _path_or_none
    return RenderOptions(tuple(formats), path(mix), preset, path(timing), Sources(path(cast), path(show)))


def _path_or_none(value: str | Path | None) -> Path | None:
    return Path(value) if value else None


@dataclass(frozen=True, slots=True)
class Production:
    """Everything that is decided before the first line is spoken."""

    script: Path
    plan: Plan
    mix: MixSpec
    target: Target
    settings: Settings
    """With the target's figures."""
    starts_s: Mapping[str, float]
    """Line id -> second, for lines whose place was decided by hand."""


def produce(script: Path, settings: Settings, options: RenderOptions) -> Production:
    """Read the script, its mix and its plan of times; nothing is started.

    Raises:
        UsageError, FaultsError: something in them is wrong; everything of one file at once.
    """
    check_inside([script], settings.paths.allowed_roots)
    plan, faults = draft_plan(script, settings, options.sources)
    layers = layers_of(plan.script, faults)
    if faults:
        raise FaultsError(str(script), faults)
    mix = mix_of(layers, options.mix, options.preset, tuple(plan.script.speakers), settings)
    target = target_of(mix, settings, bool(plan.effects))
    starts_s = _starts(options.timing, plan, settings)
    return Production(script, plan, mix, target, settings_for(mix, target, settings), starts_s)


def speak(
    production: Production,
    run: RunFolder,
    progress: Progress,
    only: Sequence[int] | None = None,
    warm: Studio | None = None,
) -> list[Take]:
    """Every line, spoken or cut from its recording; a run that fails before anything is kept leaves no folder.

    Args:
        production: what is spoken.
        run: keeps the takes.
        progress: told about each line.
        only: places of the lines that are wanted; None = all.
        warm: a studio whose engines may have spoken other episodes; None = one of its own, that logs into ``run``.

    Raises:
        EngineError: lines could not be spoken; what was spoken is kept.
        MediaError: recordings cannot be used.
    """
    plan, settings = production.plan, production.settings
    jobs = settings.jobs or processors()
    folder = run.path / TAKES
    try:
        with _studio(warm, settings, jobs, run, progress) as studio:
            chosen = chosen_takes(plan, studio, run.path, progress)
            places = list(range(len(plan.lines))) if only is None else with_needed(plan, only)
            if only is not None:
                plan = replace(plan, lines=tuple(plan.lines[place] for place in places))
                chosen = {number: chosen[place] for number, place in enumerate(places) if place in chosen}
            studio.verify(questions(_with_turns(plan, chosen, studio, folder), chosen), folder, str(production.script))
            recorded = recorded_takes(plan, folder, settings, jobs, progress)
            takes = speak_all(plan, studio, folder, jobs, progress, {**chosen, **recorded})
            run.observed["devices"] = studio.pool.observed()
            return [take for place, take in zip(places, takes, strict=True) if only is None or place in only]
    except BaseException:
        run.remove_if_empty({CHOICES})
        raise


@contextmanager
def _studio(warm: Studio | None, settings: Settings, jobs: int, run: RunFolder, progress: Progress) -> Iterator[Studio]:
    """The warm studio, which stays open, or one for this episode alone."""
    if warm is not None:
        yield warm
        return
    with Studio(settings, jobs=jobs, log_path=run.path / "run.log", progress=progress) as studio:
        yield studio


def _with_turns(plan: Plan, chosen: Mapping[int, Take], studio: Studio, folder: Path) -> Plan:
    """The plan with the turns of every line for which they have takes, so that finished lines are known as such."""

    if not has_turns(plan):
        return plan

    def sound_of(number: int, job: LineJob | None) -> Sound | None:
        if number in chosen:
            return chosen[number].sha256, chosen[number].path
        record = None if job is None else studio.told(job, folder)
        return None if record is None else (record.sha256, take_files(folder, record.key)[0])

    jobs = jobs_after(plan, sound_of)
    lines = (replace(line, job=job or line.job) for line, job in zip(plan.lines, jobs, strict=True))
    return replace(plan, lines=tuple(lines))


def _starts(file: Path | None, plan: Plan, settings: Settings) -> dict[str, float]:
    """The places that a timing plan decides; nothing when there is none yet."""
    if file is None:
        return {}
    check_inside([file], settings.paths.allowed_roots)
    if not file.exists():
        if not file.parent.is_dir():
            raise UsageError(f"the timing plan {file} cannot be written: its folder does not exist")
        return {}
    return read_timing(file, {line.job.id: line.source.text for line in plan.lines})


def processors() -> int:
    """Processors that this process may use: so many lines at once, where the settings say no number."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
