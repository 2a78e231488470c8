"""Several datasets as one: every recording once and in one split, clips shared, decisions of reviewers kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demod_voice.config.settings import DEFAULTS
from demod_voice.dataset.assemble import anchors_of, fallbacks, settings_of
from demod_voice.dataset.keeping.made_folder import link_or_copy, making_folder
from demod_voice.dataset.keeping.merge_reviews import joined_reviews, windows
from demod_voice.dataset.review.journal import FILE, Decision, read_decisions
from demod_voice.dataset.splits import divide
from demod_voice.dataset.store import Dataset, Version
from demod_voice.errors import MediaError, UsageError
from demod_voice.formats.dataset_manifest import Dropped, Manifest, Recording, Segment, snapshot_data
from demod_voice.records.hashing import hash_file, hash_json
from demod_voice.records.progress import SILENT, Progress

STEP = "merge"


@dataclass(frozen=True, slots=True)
class MergeReport:
    """A dataset that was made of others."""

    path: Path
    version: Version
    recordings: int
    segments: int
    duration_s: float
    repeated: tuple[str, ...]
    """Names of recordings that were in several; the first one's segments are kept."""
    renamed: Mapping[str, str]
    """Ids of recordings that two different ones had -> the later one's new id."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A dataset that goes in."""

    dataset: Dataset
    manifest: Manifest
    decisions: Sequence[Decision]


@dataclass(slots=True)
class _Taken:
    """A recording that is kept, and where it is from."""

    part: int
    recording: Recording
    """With the id that it has in the whole."""
    own_id: str
    """The id that it has in its part."""


def merge_datasets(
    paths: Sequence[Path], target: Path, *, name: str = "", resplit: bool = False, progress: Progress = SILENT
) -> MergeReport:
    """Make one dataset of several, in a folder that is not there yet; the same ones give the same bytes.

    Args:
        paths: the datasets; of a recording that is in several the first one's segments are kept.
        target: not there yet, or empty.
        name: of the whole; empty = the folder's.
        resplit: divide anew; else every recording keeps its split.
        progress: told about every clip.

    Raises:
        UsageError: they have another form, or another split for the same recording; nothing was written.
        MediaError: a clip is missing or damaged. OutputError: the folder cannot be written.
    """
    parts = [_part(path) for path in paths]
    _check_form(parts)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already", "name a folder that is not there yet")
    taken, repeated = _take(parts, resplit)
    manifest = _merged(parts, taken, name or target.resolve().name, resplit)
    reviews, lines = joined_reviews([(each.decisions, _names(taken, n, each)) for n, each in enumerate(parts)])
    manifest = replace(manifest, reviews=lines)
    with making_folder(target, again=False) as folder:
        with Dataset.writing(folder, new=True) as dataset:
            _bring_clips(dataset, parts, manifest, progress)
            if reviews:
                (folder / FILE).write_text(reviews, encoding="utf-8")
            version = dataset.commit(manifest, "dataset merge")
    renamed = {each.own_id: each.recording.id for each in taken if each.own_id != each.recording.id}
    duration_s = round(sum(each.duration_s for each in manifest.segments), 3)
    counts = len(manifest.recordings), len(manifest.segments)
    return MergeReport(target, version, *counts, duration_s, repeated, renamed, manifest.notes)


def _part(path: Path) -> _Part:
    dataset = Dataset.reading(path)
    return _Part(dataset, dataset.manifest(), read_decisions(path / FILE))


def _check_form(parts: Sequence[_Part]) -> None:
    first = parts[0]
    for other in parts[1:]:
        forms = [f"{each.manifest.sample_rate} Hz {each.manifest.encoding}" for each in (first, other)]
        if forms[0] != forms[1]:
            raise UsageError(
                f"{first.dataset.path} has {forms[0]}, {other.dataset.path} has {forms[1]}",
                "build one of them again with the other's dataset.sample_rate and dataset.encoding",
            )
    places = [each.dataset.path.resolve() for each in parts]
    if len(set(places)) < len(places):
        raise UsageError("a dataset is named twice")


def _take(parts: Sequence[_Part], resplit: bool) -> tuple[list[_Taken], tuple[str, ...]]:
    """Every recording once, with an id of its own; and the names of those that were in several.

    Raises:
        UsageError: the same file is in different splits, and ``resplit`` is False.
    """
    taken: list[_Taken] = []
    places: dict[str, tuple[int, Recording]] = {}
    known: set[tuple[str, str]] = set()
    ids: set[str] = set()
    repeated: list[str] = []
    for number, part in enumerate(parts):
        for recording in part.manifest.recordings:
            before = places.setdefault(recording.sha256, (number, recording))
            if before[1].split != recording.split and not resplit:
                raise UsageError(
                    f"{recording.name} is in {before[1].split} of {parts[before[0]].dataset.path}, "
                    f"and in {recording.split} of {part.dataset.path}",
                    "--resplit divides all recordings anew",
                )
            if (recording.sha256, recording.channel) in known:
                repeated.append(recording.name)
                continue
            known.add((recording.sha256, recording.channel))
            new = _free(recording.id, ids)
            ids.add(new)
            taken.append(_Taken(number, replace(recording, id=new), recording.id))
    return taken, tuple(repeated)


def _free(name: str, ids: set[str]) -> str:
    """The id, or with the first number from 2 that makes it one of its own."""
    if name not in ids:
        return name
    return next(each for number in range(2, len(ids) + 3) if (each := f"{name}-{number}") not in ids)


def _names(taken: Iterable[_Taken], number: int, part: _Part) -> dict[str, str]:
    """Segment's id in a part -> its id in the whole, for those that are kept."""
    sources = {each.own_id: each.recording.id for each in taken if each.part == number}
    return {
        each.id: _renamed(each.id, each.source, sources[each.source])
        for each in part.manifest.segments
        if each.source in sources
    }


def _renamed(segment: str, source: str, new: str) -> str:
    return f"{new}{segment[len(source) :]}" if segment.startswith(f"{source}_") else segment


def _merged(parts: Sequence[_Part], taken: Sequence[_Taken], name: str, resplit: bool) -> Manifest:
    first = parts[0].manifest
    recordings = tuple(sorted((each.recording for each in taken), key=lambda each: (each.name, each.id)))
    order = {each.id: number for number, each in enumerate(recordings)}
    segments = sorted(_segments(parts, taken), key=lambda each: (order[each.source], each.start_s, each.id))
    dropped = sorted(_dropped(parts, taken), key=lambda each: (order[each.source], each.start_s, each.end_s))
    own, _ = settings_of(first.settings, DEFAULTS)
    method = first.split_method
    if resplit or len({each.sha256 for each in recordings}) > 1:
        kept = {} if resplit else {each.id: each.split for each in recordings}
        divided = divide(recordings, segments, own.dataset.splits, own.seed, kept)
        recordings, segments, method = divided.recordings, list(divided.segments), divided.method
        dropped, notes = [*dropped, *divided.dropped], [*divided.notes, *fallbacks(recordings)]
    else:
        notes = [note for part in parts for note in part.manifest.notes]
    notes += [
        f"settings are those of {first.name}; {part.manifest.name} was built with others"
        for part in parts[1:]
        if hash_json(dict(part.manifest.settings)) != hash_json(dict(first.settings))
    ]
    return replace(
        first,
        name=name,
        created=max(part.manifest.created for part in parts),
        recordings=recordings,
        segments=tuple(segments),
        dropped=tuple(dropped),
        anchors=anchors_of(segments, own.dataset.anchors),
        split_method=method,
        parents=tuple(_parent(part) for part in parts),
        notes=tuple(dict.fromkeys(notes)),
        skipped=tuple(each for part in parts for each in part.manifest.skipped),
    )


def _parent(part: _Part) -> dict[str, Any]:
    """What is remembered of a part; its own parents too."""
    manifest = part.manifest
    return {
        "name": manifest.name,
        "manifest": hash_json(snapshot_data(manifest)),
        "segments": len(manifest.segments),
        "reviews": len(part.decisions),
        "parents": [dict(each) for each in manifest.parents],
    }


def _segments(parts: Sequence[_Part], taken: Iterable[_Taken]) -> Iterable[Segment]:
    new = {(each.part, each.own_id): each.recording for each in taken}
    for number, part in enumerate(parts):
        for each in part.manifest.segments:
            source = new.get((number, each.source))
            if source is not None:
                yield replace(each, id=_renamed(each.id, each.source, source.id), source=source.id)


def _dropped(parts: Sequence[_Part], taken: Iterable[_Taken]) -> Iterable[Dropped]:
    new = {(each.part, each.own_id): each.recording for each in taken}
    for number, part in enumerate(parts):
        for each in part.manifest.dropped:
            source = new.get((number, each.source))
            if source is not None:
                yield replace(each, source=source.id)


def _bring_clips(dataset: Dataset, parts: Sequence[_Part], manifest: Manifest, progress: Progress) -> None:
    """Link every clip in among the objects, its bytes verified; what reviewers trimmed is brought along whole."""
    wanted = {each.sha256 for each in manifest.segments}
    places: dict[str, Path] = {}
    for part in parts:
        for each in part.manifest.segments:
            if each.sha256 in wanted:
                places.setdefault(each.sha256, part.dataset.path / each.path)
        for sha256 in windows(part.decisions):
            if (path := part.dataset.object_path(sha256)).is_file():
                places.setdefault(sha256, path)
    progress.start(STEP, len(places), "clips")
    bring = _bringer(dataset, progress)
    with ThreadPoolExecutor() as threads:
        for _ in threads.map(bring, places.items()):
            pass
    progress.finish(STEP)


def _bringer(dataset: Dataset, progress: Progress) -> Callable[[tuple[str, Path]], None]:
    def bring(wanted: tuple[str, Path]) -> None:
        sha256, source = wanted
        try:
            damaged = hash_file(source) != sha256
        except FileNotFoundError:
            damaged = True
        if damaged:
            raise MediaError(
                f"{source} is missing, or is not the clip that was kept",
                "see what else is wrong: demod-voice dataset check",
            )
        target = dataset.object_path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(source, target, link=True)
        progress.advance(STEP)

    return bring
