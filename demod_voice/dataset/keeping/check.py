"""Look at a whole dataset: every byte of every clip, every row, and whether the splits know of each other.

Nothing is changed. Findings are collected; each names its file and what to do.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demod_voice.dataset.keeping.check_rows import TOLERANCE_S, row_findings
from demod_voice.dataset.keeping.findings import FAULT, WARNING, CheckReport, Finding
from demod_voice.dataset.keeping.fingerprints import ALIKE, fingerprint, likeness, pairs_alike
from demod_voice.dataset.review.journal import FILE as JOURNAL
from demod_voice.dataset.review.replay import count_decisions
from demod_voice.dataset.store import Dataset
from demod_voice.errors import MediaError, UsageError
from demod_voice.formats.dataset_manifest import (
    ANCHORS,
    DROPPED,
    MANIFEST,
    QUARANTINE,
    ROWS,
    SPLITS,
    Manifest,
    Segment,
)
from demod_voice.media.wav import WavInfo, decode_pcm, read_wav, wav_info
from demod_voice.records.hashing import hash_file

DAMAGED = "take it from a copy, or build again: demod-voice dataset build"
RESTORE = "bring an earlier version back: demod-voice dataset restore"


@dataclass(frozen=True, slots=True)
class _Clip:
    """A file that the rows name."""

    path: str
    sha256: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class _Heard:
    findings: tuple[Finding, ...]
    pattern: NDArray[np.float32] | None
    """None where the sound cannot be read."""


def check_dataset(path: Path) -> CheckReport:
    """Everything that is wrong with the dataset in ``path``.

    Raises:
        UsageError: there is no dataset.
    """
    dataset = Dataset.reading(path)
    findings = list(_interrupted(dataset))
    try:
        manifest = dataset.manifest()
        stored = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except UsageError as error:
        return CheckReport(str(path), 0, 0.0, 0, (*findings, Finding(FAULT, "rows", MANIFEST, error.message, RESTORE)))
    clips = _clips(manifest)
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        heard = list(threads.map(lambda each: _hear(path, each, manifest), clips))
    findings += [finding for each in heard for finding in each.findings]
    findings += [*_strays(path, {each.path for each in clips}), *row_findings(manifest, stored)]
    findings += [*_undecided(path, manifest), *_alike_sounds(path, manifest, heard), *_kept(dataset, manifest)]
    duration_s = sum(each.duration_s for each in manifest.segments)
    return CheckReport(str(path), len(manifest.segments), duration_s, len(manifest.recordings), tuple(findings))


def _clips(manifest: Manifest) -> list[_Clip]:
    """The segments in their order, then the anchors."""
    anchors = [_Clip(f"{ANCHORS}/{each.name}.wav", each.sha256, each.duration_s) for each in manifest.anchors]
    return [*(_Clip(each.path, each.sha256, each.duration_s) for each in manifest.segments), *anchors]


def _interrupted(dataset: Dataset) -> Iterator[Finding]:
    if (dataset.hidden / "pending.json").is_file():
        hint = f"the next command that writes finishes it: demod-voice dataset clean '{dataset.path}'"
        yield Finding(FAULT, "interrupted", ".demod/pending.json", "a change was stopped half-way", hint)


def _hear(folder: Path, clip: _Clip, manifest: Manifest) -> _Heard:
    """Read a clip once: its hash, its header, its length, its pattern."""
    path = folder / clip.path
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return _Heard((Finding(FAULT, "missing", clip.path, "the clip is missing", DAMAGED),), None)
    except OSError as error:
        return _Heard((Finding(FAULT, "missing", clip.path, f"it cannot be read: {error.strerror}", DAMAGED),), None)
    findings = []
    if hashlib.sha256(data).hexdigest() != clip.sha256:
        findings.append(Finding(FAULT, "hash", clip.path, "its bytes are not the ones that were kept", DAMAGED))
    try:
        info = wav_info(path)
    except MediaError as error:
        return _Heard((*findings, Finding(FAULT, "header", clip.path, error.message, DAMAGED)), None)
    findings += _header(clip, info, len(data), manifest)
    return _Heard(tuple(findings), _pattern(data, info))


def _header(clip: _Clip, info: WavInfo, size: int, manifest: Manifest) -> Iterator[Finding]:
    told = (info.sample_rate, info.num_channels, info.encoding)
    if told != (manifest.sample_rate, 1, manifest.encoding):
        found = f"{info.sample_rate} Hz, {info.num_channels} channels, {info.encoding}"
        message = f"it has {found}; the dataset has {manifest.sample_rate} Hz, 1 channel, {manifest.encoding}"
        yield Finding(FAULT, "header", clip.path, message, DAMAGED)
    if info.num_samples * _width(info) > size - info.offset:
        yield Finding(FAULT, "header", clip.path, "it is shorter than its header says", DAMAGED)
    elif abs(info.duration_s - clip.duration_s) > TOLERANCE_S:
        message = f"it is {info.duration_s:.3f} s long; its row says {clip.duration_s:.3f} s"
        yield Finding(FAULT, "duration", clip.path, message, DAMAGED)


def _width(info: WavInfo) -> int:
    return {"pcm_s16le": 2, "pcm_s24le": 3, "pcm_f32le": 4}[info.encoding] * info.num_channels


def _pattern(data: bytes, info: WavInfo) -> NDArray[np.float32]:
    width = _width(info)
    there = min(info.num_samples, (len(data) - info.offset) // width)
    sound = memoryview(data)[info.offset : info.offset + there * width]
    samples = decode_pcm(bytes(sound), info.encoding, info.num_channels)
    return fingerprint(samples[:1], info.sample_rate)


def _strays(folder: Path, wanted: set[str]) -> Iterator[Finding]:
    ours = {ROWS, DROPPED}
    for name in (*SPLITS, QUARANTINE, ANCHORS):
        for path in sorted((folder / name).iterdir()) if (folder / name).is_dir() else ():
            if f"{name}/{path.name}" in wanted or path.name in ours:
                continue
            severity = FAULT if path.suffix.lower() == ".wav" else WARNING
            yield Finding(severity, "stray", f"{name}/{path.name}", "no row names it", "move it away")


def _alike_sounds(folder: Path, manifest: Manifest, heard: Sequence[_Heard]) -> Iterator[Finding]:
    """Clips of different bytes that are the same sound, gathered by their recordings."""
    rows = [
        (segment, each.pattern)
        for segment, each in zip(manifest.segments, heard, strict=False)
        if each.pattern is not None and not segment.quarantined and each.pattern.any()
    ]
    if not rows:
        return
    found: dict[tuple[str, str, bool], list[tuple[Segment, Segment]]] = defaultdict(list)
    prints = np.stack([pattern for _, pattern in rows])
    for one, other in pairs_alike(prints, [segment.duration_s for segment, _ in rows]):
        first, second = rows[one][0], rows[other][0]
        if first.sha256 != second.sha256 and _same_sound(folder, first, second, manifest.sample_rate):
            found[first.source, second.source, first.split != second.split].append((first, second))
    for (_, _, leaks), pairs in sorted(found.items()):
        first, second = pairs[0]
        more = f", and {len(pairs) - 1} more clips of these recordings" if len(pairs) > 1 else ""
        message = f"the same sound as {first.path}{more}"
        hint = "leave one of the recordings out, or reject the clips: dataset review"
        yield Finding(FAULT if leaks else WARNING, "same-sound", second.path, message, hint)


def _undecided(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Decisions of reviewers that no command has brought into the rows yet."""
    try:
        waiting = count_decisions(folder) - manifest.reviews
    except UsageError as error:
        yield Finding(FAULT, "reviews", JOURNAL, error.message, error.hint or DAMAGED)
        return
    if waiting > 0:
        message = f"{waiting} decisions are not in the rows yet"
        yield Finding(WARNING, "reviews", JOURNAL, message, f"bring them in: demod-voice dataset stats '{folder}'")


def _same_sound(folder: Path, one: Segment, other: Segment, sample_rate: int) -> bool:
    try:
        clips = [read_wav(folder / each.path).samples for each in (one, other)]
    except (MediaError, OSError):
        return False  # its damage is a finding of its own
    return likeness(clips[0], clips[1], sample_rate) >= ALIKE


def _kept(dataset: Dataset, manifest: Manifest) -> Iterator[Finding]:
    """Objects that are no longer one file with their clip, and versions whose snapshot is damaged."""
    for segment in manifest.segments:
        target = dataset.object_path(segment.sha256)
        clip = dataset.path / segment.path
        if target.is_file() and not (clip.exists() and clip.samefile(target)) and hash_file(target) != segment.sha256:
            name = str(target.relative_to(dataset.path))
            yield Finding(
                FAULT, "hash", name, "its bytes are not the ones that were kept", "remove it: its clip is whole"
            )
    for version in dataset.versions():
        if not dataset.has_snapshot(version.manifest):
            continue  # dataset clean --keep removed it
        try:
            dataset.snapshot(version.manifest)
        except UsageError as error:
            hint = "that version cannot be restored; the others can"
            yield Finding(WARNING, "version", f"version {version.version}", error.message, hint)
