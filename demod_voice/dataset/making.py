"""The recordings of a build, worked on side by side; what cannot be used is named, and the rest goes on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from demod_voice.analysis.speakers import ENGINE
from demod_voice.config.settings import Settings
from demod_voice.dataset.assemble import Asked
from demod_voice.dataset.hearing import Workshop
from demod_voice.dataset.recording import Maker, Result, Task, Wanted
from demod_voice.dataset.side_by_side import SideBySide
from demod_voice.dataset.speakers import Target, TargetSpeakers, find_targets, hash_targets
from demod_voice.dataset.store import Dataset
from demod_voice.dataset.texting import Texter
from demod_voice.engines.pool import Pool
from demod_voice.errors import DemodError, EngineNotInstalled, MediaError, UsageError
from demod_voice.records.progress import Progress

STEP = "recordings"
Named = tuple[str, str]
"""A file's name, and why it is not used."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of the recordings."""

    results: tuple[Result, ...] = ()
    failed: tuple[Named, ...] = ()
    speaker_threshold: float | None = None
    """Similarity from which a segment is of a speaker who is wanted; None = nobody in particular is."""


def jobs_of(settings: Settings) -> int:
    """Recordings, threads and workers at once."""
    return settings.jobs or len(os.sched_getaffinity(0))


def make_all(
    dataset: Dataset,
    tasks: Sequence[Task],
    settings: Settings,
    asked: Asked,
    speaker_refs: Path | None,
    progress: Progress,
) -> Made:
    """Every recording's result, in the order of the tasks.

    Raises:
        UsageError: the clips of the wanted speakers are wrong; nothing was started.
        EngineError: an engine that is needed cannot work.
        OutputError: something cannot be written; what is finished is kept.
    """
    jobs = jobs_of(settings)
    told = SideBySide(progress)
    side_by_side = max(1, min(jobs, len(tasks)))
    targets = find_targets(speaker_refs, asked.speaker) if speaker_refs else ()
    with Pool(settings, jobs=jobs, log_path=dataset.hidden / "engines.log", progress=progress) as pool:
        shop = Workshop(settings, pool, told, max(1, jobs // side_by_side), told.check)
        texter = Texter(asked, shop)
        texter.prepare(task.given for task in tasks)
        wanted = None
        if targets:
            wanted = _wanted(targets, settings, pool, progress)
        results, failed = _worked(Maker(dataset, shop, texter, wanted), tasks, side_by_side, told)
    return Made(tuple(results), tuple(failed), wanted.speakers.threshold if wanted else None)


def _wanted(targets: Sequence[Target], settings: Settings, pool: Pool, progress: Progress) -> Wanted:
    """The speakers whose segments are kept.

    Raises:
        EngineNotInstalled: there is no engine that tells voices apart; says which option needs it.
    """
    try:
        heard_by = f"{ENGINE}:{pool.info(ENGINE).output_version}"
        with tempfile.TemporaryDirectory(prefix="demod-voice-") as folder:
            jobs = jobs_of(settings)
            speakers = TargetSpeakers.learn(targets, settings, pool, Path(folder), jobs=jobs, progress=progress)
    except EngineNotInstalled as error:
        hint = f"--speaker-refs compares voices: run demod-voice engines install {ENGINE}, or keep every speaker without it"
        raise EngineNotInstalled(error.message, hint) from error
    return Wanted(speakers, (*hash_targets(targets), heard_by))


def _worked(
    maker: Maker, tasks: Sequence[Task], at_once: int, progress: SideBySide
) -> tuple[list[Result], list[Named]]:
    def work(task: Task) -> Result | MediaError:
        progress.check()
        made: Result | MediaError
        try:
            made = maker.make(task)
        except MediaError as error:
            made = error
        except UsageError:
            if task.source.path.is_file():
                raise
            made = MediaError(f"{task.source.path} is gone: it was there when the build began")
        progress.advance(STEP)
        return made

    results: list[Result] = []
    failed: list[Named] = []
    progress.start(STEP, len(tasks), "recording")
    with ThreadPoolExecutor(at_once) as threads:
        try:
            for task, made in zip(tasks, threads.map(work, tasks), strict=True):
                if isinstance(made, Result):
                    results.append(made)
                else:
                    failed.append((task.source.name, _reason(made, task.source.path)))
        except BaseException:
            progress.stop()
            raise
    progress.finish(STEP)
    return results, failed


def _reason(error: DemodError, path: Path) -> str:
    """The error without the path: its line of the summary begins with the name."""
    text = error.message
    for lead in (f"{path} cannot be used: ", f"{path} "):
        text = text.removeprefix(lead)
    return text


def none_of(failed: Sequence[Named]) -> MediaError:
    """The error when no file can be used."""
    rows = "".join(f"\n  {name}: {reason}" for name, reason in failed)
    return MediaError(f"none of the recordings can be used:{rows}")
