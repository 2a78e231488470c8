"""Give a dataset's space back: clips that no version names, versions that nobody wants, work that was not finished."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demod_voice.dataset.keeping.merge_reviews import windows
from demod_voice.dataset.review.journal import FILE, read_decisions
from demod_voice.dataset.store import Dataset
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import Manifest
from demod_voice.records.atomic import TEMPORARY_MARK, output_error


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was removed."""

    clips: int
    """Objects that nothing names any more."""
    versions: int
    """Versions that can no longer be restored."""
    freed_bytes: int
    """Of files whose bytes nothing else holds."""


def clean_dataset(path: Path, keep: int = 0, on_wait: Callable[[], None] | None = None) -> Cleaned:
    """Remove what a dataset does not need; what is visible stays as it is.

    Clips stay that a kept version names, that a reviewer trimmed, or that a build would otherwise make again.

    Args:
        path: the dataset.
        keep: so many versions can still be restored, the latest ones; 0 = all.
        on_wait: called when another process has the dataset.

    Raises:
        UsageError: it is none, or a version that is to be kept cannot be read: nothing was removed.
        OutputError: something cannot be removed.
    """
    with Dataset.writing(path, on_wait=on_wait) as dataset:
        snapshots = _kept_snapshots(dataset, keep)
        manifests = [dataset.manifest(), *(dataset.snapshot(each) for each in snapshots)]
        wanted = {sha256 for manifest in manifests for sha256 in _clips(manifest)}
        wanted |= windows(read_decisions(path / FILE))
        results, stale = _results(dataset, {each.id for manifest in manifests for each in manifest.recordings})
        wanted |= results
        clips = [each for each in dataset.objects.glob("*/*.wav") if each.stem not in wanted]
        gone = [each for each in (dataset.hidden / "manifests").glob("*.json.gz") if each.name[:64] not in snapshots]
        try:
            freed = sum(_remove(each) for each in (*clips, *gone, *stale, *_unfinished(dataset)))
        except OSError as error:
            raise output_error(path, error) from error
    return Cleaned(len(clips), len(gone), freed)


def _kept_snapshots(dataset: Dataset, keep: int) -> set[str]:
    """Hashes of the versions that stay; those that an earlier clean removed are not among them.

    Raises:
        UsageError: ``keep`` is negative.
    """
    if keep < 0:
        raise UsageError(f"--keep {keep} is no number of versions", "0 keeps all")
    versions = dataset.versions()
    return {each.manifest for each in versions[-keep if keep else 0 :] if dataset.has_snapshot(each.manifest)}


def _clips(manifest: Manifest) -> Iterator[str]:
    yield from (each.sha256 for each in manifest.segments)
    yield from (each.sha256 for each in manifest.anchors)


def _results(dataset: Dataset, recordings: set[str]) -> tuple[set[str], list[Path]]:
    """Clips of finished recordings that a kept version has, and the results of all others."""
    wanted: set[str] = set()
    stale = []
    for path in sorted((dataset.hidden / "recordings").glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            needed = data["recording"]["id"] in recordings
            own = {each["sha256"] for each in data["segments"]}
        except (OSError, ValueError, KeyError, TypeError):
            needed, own = False, set()
        if needed:
            wanted |= own
        else:
            stale.append(path)
    return wanted, stale


def _unfinished(dataset: Dataset) -> Iterator[Path]:
    work = dataset.hidden / "work"
    if work.is_dir():
        yield from sorted(work.iterdir())
    yield from sorted(path for path in dataset.hidden.rglob(f"{TEMPORARY_MARK}*") if work not in path.parents)
    yield from sorted(dataset.hidden.glob("cut-*.wav"))


def _remove(path: Path) -> int:
    """Remove a file or a folder; the bytes that are free now."""
    files = [path] if not path.is_dir() else [each for each in path.rglob("*") if each.is_file()]
    freed = sum(each.stat().st_size for each in files if each.stat().st_nlink == 1)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return freed
