"""What a dataset's rows say that cannot be true, and splits that know of each other. No sound is read here."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from demod_voice.dataset.keeping.findings import FAULT, WARNING, Finding
from demod_voice.formats.dataset_manifest import (
    MANIFEST,
    ROWS,
    Manifest,
    Recording,
    Segment,
    manifest_data,
)

TOLERANCE_S = 0.002
"""Times are rows' numbers: a millisecond's rounding on either side is none of the data's."""
LEAST_WORDS = 5
"""Shorter texts ("Yes, of course.") are said again by anybody."""
BUILD_AGAIN = "build the dataset again: demod-voice dataset build"
DIVIDE_AGAIN = "divide again, into another folder: demod-voice dataset merge DATASET -o NEW --resplit"
BLOCKS = "blocks"
TRAIN = "train"


def row_findings(manifest: Manifest, stored: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything that the rows alone tell.

    Args:
        manifest: as read.
        stored: ``dataset.json`` as it stands, for its counts.
    """
    yield from _counts(manifest, stored)
    yield from _names(manifest)
    sources = {each.id: each for each in manifest.recordings}
    for segment in manifest.segments:
        source = sources.get(segment.source)
        yield from _times(segment, source) if source else [_unknown_source(segment)]
    yield from _anchors(manifest)
    yield from _overlaps(manifest)
    yield from _leaks(manifest, sources)
    yield from _alike_texts(manifest.segments)


def _counts(manifest: Manifest, stored: Mapping[str, Any]) -> Iterator[Finding]:
    counted = manifest_data(manifest)["counts"]
    for folder, found in counted.items():
        told = stored.get("counts", {}).get(folder, {})
        if told != found:
            message = f"{MANIFEST} tells {_amount(told)} in {folder}, its rows {_amount(found)}"
            yield Finding(
                FAULT, "counts", f"{folder}/{ROWS}", message, "bring an earlier version back: dataset restore"
            )


def _amount(counts: Mapping[str, Any]) -> str:
    return f"{counts.get('segments', 'no')} segments of {counts.get('duration_s', 0)} s"


def _names(manifest: Manifest) -> Iterator[Finding]:
    for what, ids in (
        ("segments", [each.id for each in manifest.segments]),
        ("recordings", [each.id for each in manifest.recordings]),
    ):
        for name, count in Counter(ids).items():
            if count > 1:
                message = f"{count} {what} have the id {name}"
                yield Finding(FAULT, "id", ROWS if what == "segments" else MANIFEST, message, BUILD_AGAIN)


def _unknown_source(segment: Segment) -> Finding:
    return Finding(FAULT, "source", segment.path, f"its recording {segment.source} is not in {MANIFEST}", BUILD_AGAIN)


def _times(segment: Segment, source: Recording) -> Iterator[Finding]:
    span = f"{segment.start_s:.3f}-{segment.end_s:.3f} s"
    if not 0 <= segment.start_s < segment.end_s <= source.duration_s + TOLERANCE_S:
        message = f"{span} is not inside its recording {source.id} ({source.duration_s:.3f} s)"
        yield Finding(FAULT, "times", segment.path, message, BUILD_AGAIN)
    elif abs(segment.end_s - segment.start_s - segment.duration_s) > TOLERANCE_S:
        message = f"{span} is not {segment.duration_s:.3f} s long"
        yield Finding(FAULT, "times", segment.path, message, BUILD_AGAIN)


def _anchors(manifest: Manifest) -> Iterator[Finding]:
    known = {each.id for each in manifest.segments}
    for anchor in manifest.anchors:
        if anchor.segment not in known:
            message = f"its segment {anchor.segment} is not in the dataset"
            yield Finding(WARNING, "anchor", f"ref/{anchor.name}.wav", message, "choose anchors again: dataset rejudge")


def _overlaps(manifest: Manifest) -> Iterator[Finding]:
    for segments in _by(manifest.segments, lambda each: each.source).values():
        ordered = sorted(segments, key=lambda each: (each.start_s, each.id))
        for one, other in pairwise(ordered):
            shared = one.end_s - other.start_s
            if shared > TOLERANCE_S:
                message = f"its first {shared:.3f} s are also in {one.path}"
                yield Finding(FAULT, "overlap", other.path, message, "reject one of them: dataset review")


def _leaks(manifest: Manifest, sources: Mapping[str, Recording]) -> Iterator[Finding]:
    kept = [each for each in manifest.segments if not each.quarantined]
    blocks: dict[str, list[Segment]] = defaultdict(list)
    for source, segments in _by(kept, lambda each: each.source).items():
        recording = sources.get(source)
        if recording is not None and recording.split == BLOCKS:
            blocks[recording.sha256] += segments
        elif recording is not None:
            yield from _astray(segments, recording)
    for segments in blocks.values():
        yield from _narrow_gaps(segments, _gap_s(manifest))
    yield from _same_clips(kept)
    yield from _same_recordings(manifest, kept)


def _astray(segments: Sequence[Segment], recording: Recording) -> Iterator[Finding]:
    away = [each for each in segments if each.split != recording.split]
    if away:
        more = f", and {len(away) - 1} more" if len(away) > 1 else ""
        message = f"its recording {recording.id} belongs to {recording.split}, this clip{more} to {away[0].split}"
        yield Finding(FAULT, "leak", away[0].path, message, DIVIDE_AGAIN)


def _gap_s(manifest: Manifest) -> float:
    splits = manifest.settings.get("splits", {})
    found = splits.get("gap_s", 0.0) if isinstance(splits, Mapping) else 0.0
    return float(found)


def _narrow_gaps(segments: Sequence[Segment], gap_s: float) -> Iterator[Finding]:
    """Clips of one file (of all its channels) that begin too soon after the last one of another split."""
    last: dict[str, Segment] = {}
    for segment in sorted(segments, key=lambda each: (each.start_s, each.id)):
        others = [each for split, each in last.items() if split != segment.split]
        near = max(others, key=lambda each: each.end_s, default=None)
        if near is not None and segment.start_s - near.end_s < gap_s - TOLERANCE_S:
            apart = segment.start_s - near.end_s
            message = f"it begins {apart:.3f} s after {near.path}; dataset.splits.gap_s asks for {gap_s:g} s between"
            yield Finding(FAULT, "leak", segment.path, message, DIVIDE_AGAIN)
        if segment.split not in last or segment.end_s > last[segment.split].end_s:
            last[segment.split] = segment


def _same_clips(kept: Sequence[Segment]) -> Iterator[Finding]:
    for segments in _by(kept, lambda each: each.sha256).values():
        if len(segments) > 1:
            severity = FAULT if len(_splits(segments)) > 1 else WARNING
            message = f"the same clip as {segments[0].path}"
            yield Finding(severity, "same-clip", segments[1].path, message, "reject one of them: dataset review")


def _same_recordings(manifest: Manifest, kept: Sequence[Segment]) -> Iterator[Finding]:
    splits = {source: _splits(segments) for source, segments in _by(kept, lambda each: each.source).items()}
    for recordings in _by(manifest.recordings, lambda each: each.sha256).values():
        if len(recordings) < 2:
            continue
        held = set().union(*(splits.get(each.id, set()) for each in recordings))
        names = " and ".join(f"{each.id} ({each.name}, {each.channel})" for each in recordings)
        channels = len({each.channel for each in recordings}) == len(recordings)
        blocks = {each.split for each in recordings} == {BLOCKS}  # whose times are looked at
        if not channels or (len(held) > 1 and not blocks):
            severity = FAULT if len(held) > 1 else WARNING
            message = f"{names} are the same file, in {', '.join(sorted(held)) or 'no split'}"
            yield Finding(severity, "same-recording", MANIFEST, message, "leave one of them out, and build again")


def _alike_texts(segments: Sequence[Segment]) -> Iterator[Finding]:
    """Texts in two splits that differ by one word at most: found by what is left of each without one word.

    Only what is left of the smaller splits' texts is kept; the texts of train are looked up in it.
    """
    seen: dict[int, Segment] = {}
    told: set[tuple[str, str]] = set()
    for segment in sorted(segments, key=lambda each: each.split == TRAIN):
        for left in () if segment.quarantined else _without_a_word(segment.text):
            other = seen.get(left) if segment.split == TRAIN else seen.setdefault(left, segment)
            if other is not None and other.split != segment.split and (other.id, segment.id) not in told:
                told.add((other.id, segment.id))
                message = f"nearly the same text as {segment.path}"
                yield Finding(WARNING, "same-text", other.path, message, "listen to both: dataset review")


def _without_a_word(text: str) -> Iterator[int]:
    """Hashes of the text's words, and of them without each in turn; none of a short text."""
    words = tuple(re.findall(r"\w+", text.casefold()))
    if len(words) >= LEAST_WORDS:
        yield hash(words)
        yield from (hash(words[:n] + words[n + 1 :]) for n in range(len(words)))


def _splits(segments: Iterable[Segment]) -> set[str]:
    return {each.split for each in segments}


def _by(items: Iterable[Any], key: Callable[[Any], str]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for each in items:
        groups[key(each)].append(each)
    return groups
