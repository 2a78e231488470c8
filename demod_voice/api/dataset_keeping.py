"""Keep a dataset: check it, count it, list and bring back its versions, give it to other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.dataset.keeping import check as checking
from demod_voice.dataset.keeping import exporting, tidy
from demod_voice.dataset.keeping import merge as merging
from demod_voice.dataset.keeping import stats as counting
from demod_voice.dataset.keeping import versions as versioning
from demod_voice.dataset.keeping.exporting import ExportOptions, ExportReport
from demod_voice.dataset.keeping.findings import CheckReport, Finding, require_sound
from demod_voice.dataset.keeping.merge import MergeReport
from demod_voice.dataset.keeping.stats import DatasetStats, describe_stats
from demod_voice.dataset.keeping.tidy import Cleaned
from demod_voice.dataset.keeping.versions import LATEST, DatasetDiff
from demod_voice.dataset.review.replay import apply_reviews
from demod_voice.dataset.store import Dataset, Version
from demod_voice.records.progress import SILENT, Progress
from demod_voice.units import format_duration

__all__ = [
    "LATEST",
    "Cleaned",
    "DatasetCheck",
    "DatasetDiff",
    "DatasetStats",
    "DatasetVersion",
    "ExportOptions",
    "ExportReport",
    "Finding",
    "MergeReport",
    "check_dataset",
    "clean_dataset",
    "dataset_stats",
    "dataset_versions",
    "describe_check",
    "describe_diff",
    "describe_stats",
    "diff_dataset",
    "export_dataset",
    "merge_datasets",
    "require_sound",
    "restore_dataset",
]

DatasetCheck = CheckReport
DatasetVersion = Version


def check_dataset(dataset: str | Path, *, settings: Settings = DEFAULTS) -> DatasetCheck:
    """Everything that is wrong with a dataset: bytes, headers, rows, splits that know of each other. Changes nothing.

    Raises:
        UsageError: there is none.
    """
    return checking.check_dataset(_allowed(dataset, settings))


def dataset_stats(dataset: str | Path, *, settings: Settings = DEFAULTS, progress: Progress = SILENT) -> DatasetStats:
    """A dataset in numbers; decisions of a review that are not in its rows yet are brought there first.

    Raises:
        UsageError: there is none, or a file of it is damaged.
    """
    path = _allowed(dataset, settings)
    apply_reviews(path, _on_wait(path, progress))
    return counting.dataset_stats(path)


def dataset_versions(dataset: str | Path, *, settings: Settings = DEFAULTS) -> tuple[DatasetVersion, ...]:
    """Every version of a dataset, oldest first.

    Raises:
        UsageError: there is none.
    """
    return Dataset.reading(_allowed(dataset, settings)).versions()


def diff_dataset(
    dataset: str | Path, before: str, after: str = LATEST, *, settings: Settings = DEFAULTS
) -> DatasetDiff:
    """What changed between two versions, each a number, the first digits of a hash, or ``latest``.

    Raises:
        UsageError: there is no such dataset or version.
    """
    return versioning.diff_versions(_allowed(dataset, settings), before, after)


def restore_dataset(
    dataset: str | Path, version: str, *, settings: Settings = DEFAULTS, progress: Progress = SILENT
) -> DatasetVersion:
    """Make a dataset what it was in an earlier version; that is a new version, and copies no sound.

    Raises:
        UsageError: there is no such dataset or version.
        MediaError: a clip of it is gone.
    """
    path = _allowed(dataset, settings)
    return versioning.restore_version(path, version, _on_wait(path, progress))


def export_dataset(
    dataset: str | Path,
    format: str,
    output: str | Path,
    options: ExportOptions | None = None,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> ExportReport:
    """Write a dataset for another program; the same dataset gives the same bytes.

    Args:
        dataset: its folder.
        format: ``ljspeech``, ``piper``, ``audiofolder`` or ``csm``.
        output: a folder that is not there yet, or that an earlier export wrote.
        options: which clips, and their form.
        settings: the allowed folders.
        progress: told about every clip.

    Raises:
        UsageError: no dataset, nothing to export, or something else lies in ``output``; nothing was written.
        MediaError: a clip cannot be read. OutputError: the folder cannot be written.
    """
    path, target = _allowed(dataset, settings), _allowed(output, settings)
    apply_reviews(path, _on_wait(path, progress))
    return exporting.export_dataset(path, format, target, options, progress)


def merge_datasets(
    datasets: Sequence[str | Path],
    output: str | Path,
    *,
    name: str = "",
    resplit: bool = False,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> MergeReport:
    """Make one dataset of several: every recording once and in one split, clips shared by hard links, reviews kept.

    Args:
        datasets: their folders; of a recording that is in several the first one's segments are kept.
        output: a folder that is not there yet.
        name: of the whole; empty = the folder's.
        resplit: divide anew by the first one's settings; else every recording keeps its split.
        settings: the allowed folders.
        progress: told about every clip.

    Raises:
        UsageError: they have another form, or another split for the same recording; nothing was written.
        MediaError: a clip is missing or damaged. OutputError: the folder cannot be written.
    """
    paths, target = [_allowed(each, settings) for each in datasets], _allowed(output, settings)
    for path in paths:
        apply_reviews(path, _on_wait(path, progress))
    return merging.merge_datasets(paths, target, name=name, resplit=resplit, progress=progress)


def clean_dataset(
    dataset: str | Path, keep: int = 0, *, settings: Settings = DEFAULTS, progress: Progress = SILENT
) -> Cleaned:
    """Remove clips that no version names, and work that was not finished; what is visible stays as it is.

    Args:
        dataset: its folder.
        keep: so many versions can still be restored, the latest ones; 0 = all.
        settings: the allowed folders.
        progress: told when another process has the dataset.

    Raises:
        UsageError: there is none, or a version of it cannot be read: nothing was removed.
        OutputError: something cannot be removed.
    """
    path = _allowed(dataset, settings)
    return tidy.clean_dataset(path, keep, _on_wait(path, progress))


def describe_check(report: DatasetCheck) -> list[str]:
    """A report as lines for a person."""
    amount = f"{report.clips} clips of {report.recordings} recordings, {format_duration(report.duration_s)}"
    lines = [f"{each.severity}: {each.file}: {each.message}; {each.hint}" for each in report.findings]
    warnings = len(report.findings) - len(report.faults)
    return [*lines, f"{report.path}: {amount}: {len(report.faults)} faults, {warnings} warnings"]


def describe_diff(diff: DatasetDiff) -> list[str]:
    """A diff as lines for a person: ``+`` added, ``-`` removed, ``~`` changed."""
    lines = [f"version {diff.before.version} -> {diff.after.version}"]
    lines += [f"+ recording {each}" for each in diff.recordings_added]
    lines += [f"- recording {each}" for each in diff.recordings_removed]
    lines += [f"+ {each}" for each in diff.added]
    lines += [f"- {each}" for each in diff.removed]
    lines += [f"~ {each.segment}: {each.what}: {_shown(each.before)} -> {_shown(each.after)}" for each in diff.changed]
    lines += [f"~ setting {name}: {before} -> {after}" for name, (before, after) in diff.settings.items()]
    lines += [f"note: {each}" for each in diff.notes]
    return lines if len(lines) > 1 else [*lines, "nothing changed"]


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "(none)"
    return repr(value) if isinstance(value, str) else str(value)


def _allowed(path: str | Path, settings: Settings) -> Path:
    found = Path(path)
    check_inside([found], settings.paths.allowed_roots)
    return found


def _on_wait(path: Path, progress: Progress) -> Callable[[], None]:
    return lambda: progress.note(f"{path} is being changed by another process; waiting for it")
