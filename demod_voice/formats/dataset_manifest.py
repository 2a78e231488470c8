"""A dataset's manifest: ``dataset.json`` and the ``metadata.jsonl`` of each folder, read and written.

The rows follow Hugging Face's audiofolder (``file_name`` beside the audio, one JSON object a line), so ``load_dataset``
reads a split as it stands. Everything that a later command needs is in these files: a dataset that was copied without
its hidden folder can still be checked, exported and reviewed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from demod_voice.errors import UsageError
from demod_voice.formats.dataset_rows import check_head, check_row
from demod_voice.records.atomic import write_json, write_text

FORMAT = "demod-voice-dataset"
VERSION = 1
MANIFEST = "dataset.json"
ROWS = "metadata.jsonl"
DROPPED = "dropped.jsonl"
SPLITS = ("train", "val", "test")
QUARANTINE = "quarantine"
ANCHORS = "ref"
ACCEPTED, REJECTED = "accepted", "rejected"


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Recording:
    """A source recording, or one channel of it."""

    id: str
    """Unique in the dataset: a slug of the name, and the first six digits of the content's hash."""
    name: str
    """The file's name, without folders."""
    sha256: str
    """Of the file's bytes."""
    duration_s: float
    sample_rate: int
    num_channels: int
    codec: str
    container: str = ""
    bit_rate: int = 0
    tags: Mapping[str, str] = field(default_factory=_empty)
    channel: str = "mix"
    """``mix``, ``left`` or ``right``."""
    speaker: str = ""
    split: str = "train"
    """``train``, ``val``, ``test``; ``blocks`` when it is cut into blocks of all three."""
    speech_s: float = 0.0
    """Seconds of speech that were found."""
    detector: str = ""
    degraded: tuple[str, ...] = ()
    """What was asked and not had, a phrase each."""
    cleaning: Mapping[str, Any] = field(default_factory=_empty)
    """What each step of the cleaning measured before and after, and the loudness."""
    source: Mapping[str, Any] = field(default_factory=_empty)
    """What was found in the file itself: clipped samples, notes."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A clip, and all that is known of it."""

    id: str
    """``<recording>_<start in ms, eight digits>``; also the file's name."""
    source: str
    """Id of the recording."""
    start_s: float
    """Time of the first sample that was written, in the recording."""
    end_s: float
    """Time after the last sample that was written, in the recording."""
    duration_s: float
    """Of the file as written."""
    text: str
    speaker: str
    split: str
    """Where it belongs by its recording: ``train``, ``val`` or ``test``; kept in quarantine."""
    sha256: str
    """Of the WAV file."""
    text_source: str = "none"
    """``none``, ``subtitles``, ``transcript``, ``review``, or the engine that recognised it (``whisper``)."""
    qc: Mapping[str, Any] = field(default_factory=_empty)
    """Measure -> value; None where it cannot be taken."""
    reasons: tuple[str, ...] = ()
    """Gates that it did not pass, by name; empty = none."""
    review: str = ""
    """What a person decided: ``accepted``, ``rejected``, or nothing."""
    label: str = ""
    """Speaker label of a diarization."""
    speaker_score: float | None = None
    """Similarity to the target speaker."""

    @property
    def quarantined(self) -> bool:
        """A person's word wins over the gates."""
        return self.review == REJECTED or (bool(self.reasons) and self.review != ACCEPTED)

    @property
    def folder(self) -> str:
        """The folder that the clip lies in."""
        return QUARANTINE if self.quarantined else self.split

    @property
    def file_name(self) -> str:
        """The clip's file name in its folder."""
        return f"{self.id}.wav"

    @property
    def path(self) -> str:
        """The clip's path from the dataset's folder."""
        return f"{self.folder}/{self.file_name}"


@dataclass(frozen=True, slots=True)
class Dropped:
    """Speech that was found and is in no segment."""

    source: str
    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A reference clip of a voice: ``ref/anchor_NN.wav``, the same bytes as a segment's."""

    name: str
    """``anchor_01``."""
    segment: str
    speaker: str
    text: str
    sha256: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole dataset, as one value."""

    name: str
    created: str
    """When its folder was first made, ISO 8601 UTC."""
    sample_rate: int
    encoding: str
    settings: Mapping[str, Any]
    """``dataset.*`` as it was built, and the seed."""
    recordings: tuple[Recording, ...]
    segments: tuple[Segment, ...]
    """In the order of (recording's place, start)."""
    dropped: tuple[Dropped, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    split_method: str = "recordings"
    """``recordings`` (none in two splits), or ``blocks`` of the only one."""
    reviews: int = 0
    """Lines of reviews.jsonl that are in the rows."""
    parents: tuple[Mapping[str, Any], ...] = ()
    """What it was made of: manifests that were merged."""
    notes: tuple[str, ...] = ()
    """What a person should know: an empty split, a fallback."""
    skipped: tuple[Mapping[str, Any], ...] = field(default=())
    """Recordings that could not be used: ``{"name", "reason"}``."""


def segment_row(segment: Segment) -> dict[str, Any]:
    """A segment as the object of its line; ``file_name`` first, as audiofolder wants it."""
    row: dict[str, Any] = {"file_name": segment.file_name}
    for each in fields(segment):
        value = getattr(segment, each.name)
        if isinstance(value, Mapping):
            value = sorted_mapping(value)
        elif isinstance(value, tuple):
            value = list(value)
        row[each.name] = value
    return row


def manifest_data(manifest: Manifest) -> dict[str, Any]:
    """What ``dataset.json`` holds: everything but the rows, and what the rows add up to."""
    kept = [each for each in manifest.segments if not each.quarantined]
    counts = {
        split: {
            "segments": sum(each.split == split for each in kept),
            "duration_s": round(sum(each.duration_s for each in kept if each.split == split), 3),
        }
        for split in SPLITS
    }
    counts[QUARANTINE] = {
        "segments": len(manifest.segments) - len(kept),
        "duration_s": round(sum(each.duration_s for each in manifest.segments if each.quarantined), 3),
    }
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": manifest.name,
        "created": manifest.created,
        "sample_rate": manifest.sample_rate,
        "num_channels": 1,
        "encoding": manifest.encoding,
        "split_method": manifest.split_method,
        "counts": counts,
        "notes": list(manifest.notes),
        "skipped": [sorted_mapping(each) for each in manifest.skipped],
        "reviews": manifest.reviews,
        "parents": [sorted_mapping(each) for each in manifest.parents],
        "settings": sorted_mapping(manifest.settings),
        "recordings": [plain_row(each) for each in manifest.recordings],
        "anchors": [plain_row(each) for each in manifest.anchors],
    }


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the rows of every folder, then ``dataset.json``: whoever finds that finds the rows.

    Raises:
        OutputError: something cannot be written.
    """
    for name in (*SPLITS, QUARANTINE):
        (folder / name).mkdir(parents=True, exist_ok=True)
        rows = [segment_row(each) for each in manifest.segments if each.folder == name]
        write_text(folder / name / ROWS, _lines(rows))
    write_text(folder / QUARANTINE / DROPPED, _lines([plain_row(each) for each in manifest.dropped]))
    if manifest.anchors:
        rows = [{"file_name": f"{each.name}.wav", **plain_row(each)} for each in manifest.anchors]
        (folder / ANCHORS).mkdir(parents=True, exist_ok=True)
        write_text(folder / ANCHORS / ROWS, _lines(rows))
    else:
        (folder / ANCHORS / ROWS).unlink(missing_ok=True)
    write_json(folder / MANIFEST, manifest_data(manifest))


def read_manifest(folder: Path) -> Manifest:
    """Read a dataset's manifest from its folder.

    Raises:
        UsageError: it is no dataset, or a file of it is damaged; names the file and the line.
    """
    path = folder / MANIFEST
    data = _read_json(path, folder)
    segments = [
        row_of(Segment, row, f"{rows}:{number}")
        for rows in (folder / name / ROWS for name in (*SPLITS, QUARANTINE))
        for number, row in read_lines(rows)
    ]
    dropped = folder / QUARANTINE / DROPPED
    stretches = [row_of(Dropped, row, f"{dropped}:{number}") for number, row in read_lines(dropped)]
    return _manifest(data, segments, stretches, str(path))


def snapshot_data(manifest: Manifest) -> dict[str, Any]:
    """The whole manifest as one JSON value: equal manifests give equal values."""
    rows = {"segments": [segment_row(each) for each in manifest.segments]}
    return {**manifest_data(manifest), **rows, "dropped": [plain_row(each) for each in manifest.dropped]}


def manifest_of(data: Mapping[str, Any], place: str) -> Manifest:
    """The manifest of a snapshot.

    Raises:
        UsageError: it is damaged; names ``place``.
    """
    segments = [row_of(Segment, row, place) for row in data["segments"]]
    return _manifest(data, segments, [row_of(Dropped, row, place) for row in data["dropped"]], place)


def _manifest(data: Mapping[str, Any], segments: list[Segment], dropped: list[Dropped], place: str) -> Manifest:
    check_head(data, place)
    recordings = tuple(row_of(Recording, each, place) for each in data["recordings"])
    anchors = tuple(row_of(Anchor, each, place) for each in data["anchors"])
    homeless = next((each for each in segments if each.split not in SPLITS), None)
    if homeless is not None:
        raise UsageError(f"{place}: {homeless.id} cannot be in the split {homeless.split!r}")
    order = {each.id: number for number, each in enumerate(recordings)}
    segments.sort(key=lambda each: (order.get(each.source, len(order)), each.start_s, each.id))
    return Manifest(
        name=data["name"],
        created=data["created"],
        sample_rate=data["sample_rate"],
        encoding=data["encoding"],
        settings=data["settings"],
        recordings=recordings,
        segments=tuple(segments),
        dropped=tuple(dropped),
        anchors=anchors,
        split_method=data["split_method"],
        reviews=data["reviews"],
        parents=tuple(data["parents"]),
        notes=tuple(data["notes"]),
        skipped=tuple(data["skipped"]),
    )


def read_lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """The objects of a JSON-lines file with their line numbers; a missing file has none.

    Raises:
        UsageError: a line is no JSON object; names the file and the line.
    """
    if not path.is_file():
        return []
    found = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode())
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{path}:{number}: no JSON: {error}") from None
            if not isinstance(row, dict):
                raise UsageError(f"{path}:{number}: expected an object")
            found.append((number, row))
    return found


def _read_json(path: Path, folder: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UsageError(f"{folder} is no dataset: it holds no {MANIFEST}", "make one: demod-voice dataset build")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no JSON: {error}") from None
    needed = [*manifest_data(_NOTHING)]
    missing = [each for each in needed if not isinstance(data, dict) or each not in data]
    if missing or data["format"] != FORMAT:
        raise UsageError(f"{path} is no manifest of a dataset" + (f": {missing[0]} is missing" if missing else ""))
    if data["version"] != VERSION:
        raise UsageError(f"{path} has version {data['version']}; this program reads {VERSION}")
    return dict(data)


def row_of(cls: Any, row: Mapping[str, Any], place: str) -> Any:
    """One of this module's dataclasses, from what ``plain_row`` made of it; unknown keys are left out.

    Raises:
        UsageError: a field is missing, or is no value of its; names ``place``.
    """
    if not isinstance(row, Mapping):
        raise UsageError(f"{place}: expected an object, not {row!r:.60}")
    names = _names(cls)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items() if key in names}
    try:
        made = cls(**values)
    except TypeError as error:
        raise UsageError(f"{place}: {str(error).replace('__init__() ', '')}") from None
    check_row(made, place)
    return made


@cache
def _names(cls: Any) -> frozenset[str]:
    return frozenset(each.name for each in fields(cls))


def plain_row(value: Any) -> dict[str, Any]:
    """A dataclass of plain values as JSON."""
    row = {}
    for each in fields(value):
        one = getattr(value, each.name)
        row[each.name] = (
            sorted_mapping(one) if isinstance(one, Mapping) else list(one) if isinstance(one, tuple) else one
        )
    return row


def sorted_mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping without an order of its own, so that what went through a snapshot gives the same bytes."""
    return {name: sorted_mapping(each) if isinstance(each, Mapping) else each for name, each in sorted(value.items())}


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


_NOTHING = Manifest("", "", 24000, "pcm_s16le", {}, (), ())
