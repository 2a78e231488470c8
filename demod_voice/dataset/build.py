"""``dataset build`` and ``dataset add``: recordings become a dataset.

Recordings are worked on side by side, each by ``recording.Maker``, which keeps finished ones; then all rows become one
manifest (``assemble``), and the folder is laid out anew (``store``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.dataset.assemble import Asked, Rows, assemble, settings_of
from demod_voice.dataset.hearing import Workshop
from demod_voice.dataset.recording import Maker, Result, Task
from demod_voice.dataset.review.replay import apply_pending
from demod_voice.dataset.sources import Found, Source, find_recordings
from demod_voice.dataset.store import Dataset, Version
from demod_voice.dataset.tasks import Material, tasks_of
from demod_voice.dataset.texting import Texter
from demod_voice.engines.pool import Pool
from demod_voice.errors import DemodError, MediaError, UsageError
from demod_voice.formats.dataset_manifest import MANIFEST, Manifest
from demod_voice.records.progress import SILENT, Progress
from demod_voice.records.steps import RunFolder

STEP = "recordings"
_NEW = Manifest("", "", 24000, "pcm_s16le", {}, (), ())


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a build is asked for beside its recordings."""

    asked: Asked = field(default_factory=Asked)
    material: Material = field(default_factory=Material)
    """Where texts, turns and reference clips of speakers are."""
    name: str = ""
    """Of the dataset; empty = the folder's."""
    report: bool = True
    """Write ``report/index.html``."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build made."""

    path: Path
    manifest: Manifest
    version: Version
    made: int
    """Recordings that were worked on."""
    reused: int
    """Recordings that were found finished."""
    failed: tuple[tuple[str, str], ...]
    """Name and reason of each file that could not be used."""
    repeated: tuple[tuple[str, str], ...] = ()
    """Name and reason of each file that is there already."""


def build(
    given: Sequence[str | Path],
    out: Path,
    settings: Settings,
    options: BuildOptions = BuildOptions(),
    progress: Progress = SILENT,
) -> BuildReport:
    """Make a dataset of recordings, or make it anew: what is finished is not done again.

    Args:
        given: files, folders, patterns, lists.
        out: the dataset's folder.
        settings: ``dataset.*``, jobs, limits, engines.
        options: texts, speakers, name.
        progress: told how far the work is.

    Raises:
        UsageError: an input or the output is wrong; nothing was started.
        MediaError: none of the files can be used; nothing was changed.
        EngineError: an engine that was asked for cannot work.
        OutputError: something cannot be written; what is finished is kept.
    """
    check_inside([out, *(Path(each) for each in given)], settings.paths.allowed_roots)
    _refuse_foreign(out)
    found = find_recordings(given, outside=out, jobs=_jobs(settings))
    tasks, unusable = tasks_of(found.sources, options.material, options.asked, settings)
    with _opened(out, new=True, progress=progress) as dataset:
        before = apply_pending(dataset).manifest if (out / MANIFEST).is_file() else _NEW
        run = RunFolder(dataset.hidden)
        results, failed = _make(dataset, tasks, settings, options.asked, progress, unusable)
        base = replace(
            before, name=options.name or before.name or out.resolve().name, created=before.created or run.created
        )
        rows = _rows(results)
        manifest = assemble(replace(base, skipped=_skipped(found, failed)), rows, settings, options.asked)
        version = dataset.commit(manifest, "build")
    return _report(out, manifest, version, results, [*found.unreadable, *failed], found.repeated)


def add(
    path: Path, given: Sequence[str | Path], settings: Settings, options: BuildOptions, progress: Progress = SILENT
) -> BuildReport:
    """Add recordings to a dataset, made as its others were; nothing that is there is touched.

    Raises:
        As ``build``; UsageError also when ``path`` is no dataset.
    """
    check_inside([path, *(Path(each) for each in given)], settings.paths.allowed_roots)
    found = find_recordings(given, outside=path, jobs=_jobs(settings))
    with _opened(path, new=False, progress=progress) as dataset:
        before = apply_pending(dataset).manifest
        own, asked = settings_of(before.settings, settings)
        known = {each.sha256: each.name for each in before.recordings}
        fresh = [each for each in found.sources if each.sha256 not in known]
        there = [
            (each.path.name, f"it is there already, as {known[each.sha256]}")
            for each in found.sources
            if each.sha256 in known
        ]
        theirs = replace(asked, speaker=options.asked.speaker or asked.speaker)
        tasks, unusable = tasks_of(fresh, options.material, theirs, own)
        results, failed = _make(dataset, tasks, own, asked, progress, unusable) if fresh else ([], [])
        new = _rows(results)
        rows = Rows(
            (*before.recordings, *new.recordings), (*before.segments, *new.segments), (*before.dropped, *new.dropped)
        )
        kept = {each.id: each.split for each in before.recordings}
        skipped = (*before.skipped, *_skipped(found, failed))
        manifest = assemble(replace(before, skipped=skipped), rows, own, asked, kept) if new.recordings else before
        version = dataset.commit(manifest, "add")
    return _report(path, manifest, version, results, [*found.unreadable, *failed], [*found.repeated, *there])


def _jobs(settings: Settings) -> int:
    return settings.jobs or len(os.sched_getaffinity(0))


@contextmanager
def _opened(path: Path, *, new: bool, progress: Progress) -> Iterator[Dataset]:
    with Dataset.writing(
        path, new=new, on_wait=lambda: progress.note(f"waiting: another command works on {path}")
    ) as it:
        yield it


def _refuse_foreign(out: Path) -> None:
    """A folder that holds something else is not built into."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", "give the folder of the dataset")
    if not out.is_dir() or (out / MANIFEST).exists() or (out / ".demod").exists():
        return
    if any(out.iterdir()):
        raise UsageError(f"{out} is not empty, and no dataset", "give a new folder, or an existing dataset")


def _make(
    dataset: Dataset,
    tasks: Sequence[Task],
    settings: Settings,
    asked: Asked,
    progress: Progress,
    unusable: Sequence[tuple[str, str]] = (),
) -> tuple[list[Result], list[tuple[str, str]]]:
    """Every recording's result, and name and reason of those that cannot be used.

    Raises:
        MediaError: none can be used.
    """
    jobs = _jobs(settings)
    side_by_side = max(1, min(jobs, len(tasks)))
    results: list[Result] = []
    failed = list(unusable)
    log = dataset.hidden / "engines.log"
    progress.start(STEP, len(tasks), "recording")
    with Pool(settings, jobs=jobs, log_path=log, progress=progress) as pool:
        shop = Workshop(settings, pool, progress, max(1, jobs // side_by_side))
        texter = Texter(asked, shop)
        texter.prepare(each.given for each in tasks)
        maker = Maker(dataset, shop, texter)

        def work(task: Task) -> Result | MediaError:
            try:
                return maker.make(task)
            except MediaError as error:
                return error
            finally:
                progress.advance(STEP)

        with ThreadPoolExecutor(side_by_side) as threads:
            for task, made in zip(tasks, threads.map(work, tasks), strict=True):
                if isinstance(made, Result):
                    results.append(made)
                else:
                    failed.append((task.source.path.name, _reason(made, task.source)))
    progress.finish(STEP)
    if not results:
        raise _none(failed)
    return results, failed


def _reason(error: DemodError, source: Source) -> str:
    """The error without the path that every line of the summary begins with."""
    text = error.message
    for lead in (f"{source.path} cannot be used: ", f"{source.path} "):
        text = text.removeprefix(lead)
    return text


def _none(failed: Sequence[tuple[str, str]]) -> MediaError:
    rows = "".join(f"\n  {name}: {reason}" for name, reason in failed)
    return MediaError(f"none of the recordings can be used:{rows}")


def _rows(results: Sequence[Result]) -> Rows:
    return Rows(
        tuple(each.recording for each in results),
        tuple(segment for each in results for segment in each.segments),
        tuple(row for each in results for row in each.dropped),
    )


def _skipped(found: Found, failed: Sequence[tuple[str, str]]) -> tuple[dict[str, str], ...]:
    return tuple({"name": name, "reason": reason} for name, reason in (*found.unreadable, *failed))


def _report(
    path: Path,
    manifest: Manifest,
    version: Version,
    results: Sequence[Result],
    failed: Sequence[tuple[str, str]],
    repeated: Sequence[tuple[str, str]],
) -> BuildReport:
    reused = sum(each.reused for each in results)
    return BuildReport(path, manifest, version, len(results) - reused, reused, tuple(failed), tuple(repeated))
