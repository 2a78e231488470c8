"""``dataset build`` and ``dataset add``: recordings become a dataset.

Recordings are worked on side by side (``making``), each of which is made once (``recording``); then all rows become one
manifest (``assemble``), the folder is laid out anew (``store``), and the page about it is written (``report``).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.dataset.assemble import Asked, Decide, Rows, assemble, settings_of
from demod_voice.dataset.carrying import carry
from demod_voice.dataset.making import Made, Named, jobs_of, make_all, none_of
from demod_voice.dataset.report import write_report
from demod_voice.dataset.report.page import NAME as PAGE
from demod_voice.dataset.review.replay import apply_pending
from demod_voice.dataset.review.window import cut
from demod_voice.dataset.sources import Found, Source, find_recordings, shown
from demod_voice.dataset.store import HIDDEN, Dataset, Version, refuse_inside
from demod_voice.dataset.tasks import Material, tasks_of
from demod_voice.engines.pool import Pool
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import MANIFEST, Manifest, Segment
from demod_voice.records.atomic import write_json
from demod_voice.records.progress import SILENT, Progress
from demod_voice.records.steps import RunFolder

REPORTED = "reported.json"
"""In the hidden folder: which manifest the page is about."""
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
    failed: tuple[Named, ...]
    """Files that could not be used."""
    repeated: tuple[Named, ...] = ()
    """Files that are there already."""


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
    _refuse_foreign(out)
    found = _found(given, out, settings, options.material)
    with _opened(out, progress, new=True) as dataset:
        before = apply_pending(dataset).manifest if (out / MANIFEST).is_file() else _NEW
        run = RunFolder(dataset.hidden)
        made = _made(dataset, found.sources, settings, options.asked, options.material, progress)
        if not made.results:
            _leave_nothing(dataset)
            raise none_of([*found.unreadable, *made.failed])
        name = options.name or before.name or shown(out.resolve().name)
        skipped = _skipped([*found.unreadable, *made.failed])
        base = replace(before, name=name, created=before.created or run.created, skipped=skipped)
        asked = replace(options.asked, speaker_threshold=made.speaker_threshold)
        manifest = assemble(base, _rows(made), settings, asked, decide=_decide(dataset, before, settings, progress))
        _tell_gone(before, manifest, progress)
        version = _kept(dataset, manifest, "build", settings, options.report, progress)
    return _report(out, manifest, version, made, found.unreadable, found.repeated)


def add(
    path: Path, given: Sequence[str | Path], settings: Settings, options: BuildOptions, progress: Progress = SILENT
) -> BuildReport:
    """Add recordings to a dataset, made as its others were; nothing that is there is touched.

    Raises:
        As ``build``; UsageError also when ``path`` is no dataset.
    """
    found = _found(given, path, settings, options.material)
    with _opened(path, progress, new=False) as dataset:
        before = apply_pending(dataset).manifest
        own, asked = settings_of(before.settings, settings)
        _refuse_everybody(path, asked, options.material)
        fresh, there = _fresh(before, found.sources)
        theirs = replace(asked, speaker=options.asked.speaker or asked.speaker)
        made = _made(dataset, fresh, own, theirs, options.material, progress) if fresh else Made()
        manifest = _joined(before, made, own, asked, _skipped([*found.unreadable, *made.failed]))
        version = _kept(dataset, manifest, "add", settings, options.report, progress)
    return _report(path, manifest, version, made, found.unreadable, [*found.repeated, *there])


def _found(given: Sequence[str | Path], out: Path, settings: Settings, material: Material) -> Found:
    """The recordings; everything that is read lies in the allowed folders, what lists and links name too.

    Raises:
        UsageError: something lies outside, or does not exist.
    """
    roots = settings.paths.allowed_roots
    check_inside([out, *(Path(each) for each in given), *material.folders], roots)
    found = find_recordings(given, outside=out, jobs=jobs_of(settings))
    check_inside((each.path for each in found.sources), roots)
    return found


def _made(
    dataset: Dataset,
    sources: Sequence[Source],
    settings: Settings,
    asked: Asked,
    material: Material,
    progress: Progress,
) -> Made:
    """What becomes of the sources; those whose text or turns are wrong are among the failed."""
    tasks, unusable = tasks_of(sources, material, asked, settings)
    made = make_all(dataset, tasks, settings, asked, material.speaker_refs, progress) if tasks else Made()
    return replace(made, failed=(*unusable, *made.failed))


def _fresh(before: Manifest, sources: Sequence[Source]) -> tuple[list[Source], list[Named]]:
    """The sources that are not in the dataset, and those that are."""
    known = {each.sha256: each.name for each in before.recordings}
    fresh = [each for each in sources if each.sha256 not in known]
    there = [each for each in sources if each.sha256 in known]
    return fresh, [(each.name, f"it is there already, as {known[each.sha256]}") for each in there]


def _joined(
    before: Manifest, made: Made, settings: Settings, asked: Asked, skipped: tuple[dict[str, str], ...]
) -> Manifest:
    """The dataset with what was made."""
    known = [dict(each) for each in before.skipped]
    more = tuple(each for each in skipped if each not in known)
    names = {each.recording.name for each in made.results}
    base = replace(before, skipped=(*(each for each in before.skipped if each["name"] not in names), *more))
    if not made.results:
        return base
    new = _rows(made)
    rows = Rows(
        (*before.recordings, *new.recordings), (*before.segments, *new.segments), (*before.dropped, *new.dropped)
    )
    kept = {each.id: each.split for each in before.recordings}
    return assemble(base, rows, settings, asked, kept)


def _decide(dataset: Dataset, before: Manifest, settings: Settings, progress: Progress) -> Decide:
    """Carries over what a person decided, and says what cannot be."""

    def decide(segments: Sequence[Segment]) -> Sequence[Segment]:
        carried = carry(before.segments, segments, settings.dataset.sample_rate, lambda window: cut(dataset, window))
        if carried.lost:
            progress.note(
                f"decisions of reviews on {carried.lost} clips are not carried over: those clips are cut otherwise now"
            )
        return carried.segments

    return decide


def _tell_gone(before: Manifest, after: Manifest, progress: Progress) -> None:
    """A build holds what it was given; say so when that is less than before."""
    gone = sorted({each.name for each in before.recordings} - {each.name for each in after.recordings})
    if gone:
        names = ", ".join(gone[:3]) + (" ..." if len(gone) > 3 else "")
        progress.note(f"{len(gone)} recordings are no longer in the dataset, which holds what was given now: {names}")


def _kept(
    dataset: Dataset, manifest: Manifest, message: str, settings: Settings, report: bool, progress: Progress
) -> Version:
    """Commit, and write the page unless it is about this very manifest."""
    version = dataset.commit(manifest, message)
    marker = dataset.hidden / REPORTED
    if report and (_read(marker) != version.manifest or not (dataset.path / PAGE).is_file()):
        with Pool(settings, log_path=dataset.hidden / "engines.log", progress=progress) as pool:
            write_report(dataset, manifest, settings, pool)
        write_json(marker, version.manifest)
    return version


def _read(marker: Path) -> str:
    try:
        return str(json.loads(marker.read_text()))
    except (OSError, ValueError):
        return ""


@contextmanager
def _opened(path: Path, progress: Progress, *, new: bool) -> Iterator[Dataset]:
    def on_wait() -> None:
        progress.note(f"waiting: another command works on {path}")

    with Dataset.writing(path, new=new, on_wait=on_wait) as dataset:
        yield dataset


def _refuse_foreign(out: Path) -> None:
    """A folder that holds something else is not built into, and no dataset lies in another."""
    refuse_inside(out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", "give the folder of the dataset")
    if not out.is_dir() or (out / MANIFEST).exists() or (out / HIDDEN).exists():
        return
    if any(out.iterdir()):
        raise UsageError(f"{out} is not empty, and no dataset", "give a new folder, or an existing dataset")


def _leave_nothing(dataset: Dataset) -> None:
    """A dataset that was never made leaves no folder behind."""
    if (dataset.path / MANIFEST).exists() or any((dataset.hidden / "recordings").glob("*.json")):
        return
    shutil.rmtree(dataset.hidden, ignore_errors=True)
    with suppress(OSError):
        dataset.path.rmdir()


def _refuse_everybody(path: Path, asked: Asked, material: Material) -> None:
    """A dataset of chosen speakers does not take in everybody."""
    if asked.speaker_threshold is not None and material.speaker_refs is None:
        raise UsageError(f"{path} keeps only chosen speakers", "give their clips again: --speaker-refs DIR")


def _rows(made: Made) -> Rows:
    return Rows(
        tuple(each.recording for each in made.results),
        tuple(segment for each in made.results for segment in each.segments),
        tuple(row for each in made.results for row in each.dropped),
    )


def _skipped(failed: Sequence[Named]) -> tuple[dict[str, str], ...]:
    return tuple({"name": name, "reason": reason} for name, reason in failed)


def _report(
    path: Path,
    manifest: Manifest,
    version: Version,
    made: Made,
    unreadable: Sequence[Named],
    repeated: Sequence[Named],
) -> BuildReport:
    reused = sum(each.reused for each in made.results)
    failed = (*unreadable, *made.failed)
    return BuildReport(path, manifest, version, len(made.results) - reused, reused, failed, tuple(repeated))
