"""A dataset's versions: list them, say what changed between two, bring one back.

A version is a snapshot of the manifest; clips are kept once by content, so a version costs a few kilobytes, and bringing
one back links its clips anew and copies no sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demod_voice.dataset.review.replay import count_decisions
from demod_voice.dataset.store import Dataset, Version
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import Manifest, Segment

LATEST = "latest"
LEAST_PREFIX = 6
"""Digits of a snapshot's hash that name a version."""
_COMPARED = ("text", "speaker", "reasons", "review", "sha256", "start_s", "end_s", "label", "speaker_score", "qc")
_FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Change:
    """A segment that is in both versions, and not the same."""

    segment: str
    what: str
    """``folder`` (moved), ``text``, ``reasons``, ``review``, ``sha256`` (other audio), ``start_s``, ``qc`` ..."""
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class DatasetDiff:
    """What changed from one version to another."""

    before: Version
    after: Version
    added: tuple[str, ...]
    """Segments that are only in ``after``."""
    removed: tuple[str, ...]
    """Segments that are only in ``before``."""
    changed: tuple[Change, ...]
    recordings_added: tuple[str, ...]
    recordings_removed: tuple[str, ...]
    settings: Mapping[str, tuple[Any, Any]]
    """Dotted key -> (before, after)."""
    notes: tuple[str, ...]
    """Said of ``after`` and not of ``before``."""

    @property
    def is_empty(self) -> bool:
        """True when nothing changed."""
        rows = (self.added, self.removed, self.changed, self.recordings_added, self.recordings_removed)
        return not any((*rows, self.settings, self.notes))


def find_version(dataset: Dataset, name: str) -> Version:
    """The version that a person named: its number, the first digits of its hash, or ``latest``.

    Raises:
        UsageError: there is no such version, or several begin so.
    """
    versions = dataset.versions()
    if not versions:
        raise UsageError(f"{dataset.path} has no versions: it was copied without its hidden folder .demod")
    if name == LATEST:
        return versions[-1]
    if name.isascii() and name.isdigit() and 1 <= int(name) <= len(versions):
        return versions[int(name) - 1]
    found = [each for each in versions if len(name) >= LEAST_PREFIX and each.manifest.startswith(name.lower())]
    if len({each.manifest for each in found}) > 1:
        raise UsageError(f"several versions begin with {name!r}", "give more digits, or the version's number")
    if not found:
        raise UsageError(
            f"{dataset.path} has no version {name!r}; it has 1 to {len(versions)}",
            f"list them: demod-voice dataset versions '{dataset.path}'",
        )
    return found[-1]


def _read(dataset: Dataset, version: Version) -> Manifest:
    """A version's manifest.

    Raises:
        UsageError: it was cleaned away, or is damaged.
    """
    if not dataset.has_snapshot(version.manifest):
        raise UsageError(
            f"version {version.version} of {dataset.path} is no longer kept",
            "dataset clean --keep removed it; the rows of the latest ones are there",
        )
    return dataset.snapshot(version.manifest)


def diff_versions(path: Path, before: str, after: str = LATEST) -> DatasetDiff:
    """What changed between two versions.

    Raises:
        UsageError: there is no such dataset or version, or its snapshot is damaged.
    """
    dataset = Dataset.reading(path)
    versions = find_version(dataset, before), find_version(dataset, after)
    one, other = (_read(dataset, each) for each in versions)
    first, second = ({each.id: each for each in manifest.segments} for manifest in (one, other))
    had, has = ({each.id for each in manifest.recordings} for manifest in (one, other))
    return DatasetDiff(
        before=versions[0],
        after=versions[1],
        added=tuple(each for each in second if each not in first),
        removed=tuple(each for each in first if each not in second),
        changed=tuple(change for each in second if each in first for change in _changes(first[each], second[each])),
        recordings_added=tuple(sorted(has - had)),
        recordings_removed=tuple(sorted(had - has)),
        settings=_settings(one, other),
        notes=tuple(each for each in other.notes if each not in one.notes),
    )


def restore_version(path: Path, name: str, on_wait: Callable[[], None] | None = None) -> Version:
    """Make a dataset what it was in an earlier version; that is a new version.

    Decisions of reviews up to now are over with it: only what is decided from now on is brought into the rows.

    Raises:
        UsageError: there is no such dataset or version, or its snapshot is damaged.
        MediaError: a clip of it is gone (``dataset clean`` removes those that no kept version names).
    """
    with Dataset.writing(path, on_wait=on_wait) as dataset:
        version = find_version(dataset, name)
        manifest = replace(_read(dataset, version), reviews=count_decisions(path))
        return dataset.commit(manifest, f"dataset restore {version.version}")


def _changes(one: Segment, other: Segment) -> Iterator[Change]:
    if one.folder != other.folder:
        yield Change(one.id, _FOLDER, one.folder, other.folder)
    for what in _COMPARED:
        before, after = getattr(one, what), getattr(other, what)
        if before != after:
            yield Change(one.id, what, before, after)


def _settings(one: Manifest, other: Manifest) -> dict[str, tuple[Any, Any]]:
    before, after = dict(_flat(one.settings)), dict(_flat(other.settings))
    names = [*before, *(name for name in after if name not in before)]
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
