"""A dataset in numbers: hours, segments, durations, and the words of its texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.dataset.store import Dataset
from demod_voice.formats.dataset_manifest import QUARANTINE, SPLITS, Manifest, Segment
from demod_voice.units import format_duration

PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
NOBODY = "(none)"


@dataclass(frozen=True, slots=True)
class Amount:
    """So many clips, and how long they are together."""

    segments: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class TextStats:
    """The texts of the segments that are kept."""

    with_text: int
    """Segments that have one."""
    characters: int
    """White space between words counted once."""
    words: int
    """Runs of letters, digits and the apostrophes between them."""
    vocabulary: int
    """Different words, in one case."""
    characters_per_s: float
    """Over the clips that have a text; 0 for none."""


@dataclass(frozen=True, slots=True)
class DatasetStats:
    """A dataset in numbers. What is kept is what is not in quarantine."""

    path: str
    name: str
    sample_rate: int
    encoding: str
    split_method: str
    recordings: int
    recorded_s: float
    """Of the recordings as they came."""
    speech_s: float
    """Found in them."""
    kept: Amount
    by_split: dict[str, Amount]
    """``train``, ``val``, ``test`` and ``quarantine``."""
    by_speaker: dict[str, Amount]
    """Of what is kept."""
    by_recording: dict[str, Amount]
    """Of what is kept."""
    by_reason: dict[str, int]
    """Gate -> segments in quarantine that did not pass it; one may have several."""
    by_text_source: dict[str, int]
    """Of what is kept."""
    dropped_s: dict[str, float]
    """Reason -> seconds of speech that are in no segment."""
    duration_percentiles_s: dict[str, float]
    """``p0`` (the shortest) to ``p100`` of the clips that are kept; empty for none."""
    text: TextStats
    reviewed: int
    """Segments that a person decided on."""
    anchors: int
    versions: int


def dataset_stats(path: Path) -> DatasetStats:
    """Count a dataset.

    Raises:
        UsageError: there is none, or a file of it is damaged.
    """
    dataset = Dataset.reading(path)
    manifest = dataset.manifest()
    kept = [each for each in manifest.segments if not each.quarantined]
    return DatasetStats(
        path=str(path),
        name=manifest.name,
        sample_rate=manifest.sample_rate,
        encoding=manifest.encoding,
        split_method=manifest.split_method,
        recordings=len(manifest.recordings),
        recorded_s=_rounded(each.duration_s for each in manifest.recordings),
        speech_s=_rounded(each.speech_s for each in manifest.recordings),
        kept=_amount(kept),
        by_split={name: _amount(_in(name, manifest.segments)) for name in (*SPLITS, QUARANTINE)},
        by_speaker=_amounts(kept, lambda each: each.speaker or NOBODY),
        by_recording=_amounts(kept, lambda each: each.source),
        by_reason=_counted(reason for each in manifest.segments if each.quarantined for reason in _reasons(each)),
        by_text_source=_counted(each.text_source for each in kept),
        dropped_s=_dropped(manifest),
        duration_percentiles_s=_percentiles([each.duration_s for each in kept]),
        text=_text(kept),
        reviewed=sum(bool(each.review) for each in manifest.segments),
        anchors=len(manifest.anchors),
        versions=len(dataset.versions()),
    )


def describe_stats(stats: DatasetStats) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Lines for a person, and rows of (what, segments, duration)."""
    rows = [(name, *_cells(amount)) for name, amount in stats.by_split.items()]
    rows += [(f"speaker {name}", *_cells(amount)) for name, amount in stats.by_speaker.items()]
    rows += [(f"recording {name}", *_cells(amount)) for name, amount in stats.by_recording.items()]
    rows += [(f"quarantine: {reason}", str(count), "") for reason, count in stats.by_reason.items()]
    rows += [(f"dropped: {reason}", "", format_duration(seconds)) for reason, seconds in stats.dropped_s.items()]
    return [*_head(stats)], rows


def _head(stats: DatasetStats) -> Iterable[str]:
    recorded = f"{format_duration(stats.recorded_s)} recorded, {format_duration(stats.speech_s)} of speech"
    yield f"{stats.name}: {stats.recordings} recordings, {recorded}"
    yield f"kept: {stats.kept.segments} segments, {format_duration(stats.kept.duration_s)}, {stats.sample_rate} Hz"
    spread = stats.duration_percentiles_s
    if spread:
        yield f"durations: {spread['p0']:.1f} to {spread['p100']:.1f} s, half below {spread['p50']:.1f} s"
    text = stats.text
    yield (
        f"texts: {text.with_text}, {text.words} words ({text.vocabulary} different), {text.characters} characters, "
        f"{text.characters_per_s:.1f} a second"
    )


def _cells(amount: Amount) -> tuple[str, str]:
    return str(amount.segments), format_duration(amount.duration_s)


def _in(folder: str, segments: Iterable[Segment]) -> list[Segment]:
    return [each for each in segments if each.folder == folder]


def _amount(segments: Iterable[Segment]) -> Amount:
    listed = list(segments)
    return Amount(len(listed), _rounded(each.duration_s for each in listed))


def _amounts(segments: Iterable[Segment], name_of: Callable[[Segment], str]) -> dict[str, Amount]:
    groups: dict[str, list[Segment]] = {}
    for each in segments:
        groups.setdefault(name_of(each), []).append(each)
    return {name: _amount(group) for name, group in sorted(groups.items())}


def _reasons(segment: Segment) -> tuple[str, ...]:
    return segment.reasons or (segment.review,)


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in names:
        counts[each] = counts.get(each, 0) + 1
    return dict(sorted(counts.items()))


def _dropped(manifest: Manifest) -> dict[str, float]:
    reasons = sorted({each.reason for each in manifest.dropped})
    return {
        reason: _rounded(each.end_s - each.start_s for each in manifest.dropped if each.reason == reason)
        for reason in reasons
    }


def _percentiles(durations: list[float]) -> dict[str, float]:
    if not durations:
        return {}
    found = np.percentile(np.array(durations), PERCENTILES)
    return {f"p{at}": round(float(value), 3) for at, value in zip(PERCENTILES, found, strict=True)}


def _text(kept: list[Segment]) -> TextStats:
    texts = [(" ".join(each.text.split()), each.duration_s) for each in kept if each.text.strip()]
    words = [word.casefold() for text, _ in texts for word in re.findall(r"\w+(?:['’]\w+)*", text)]
    characters, seconds = sum(len(text) for text, _ in texts), sum(duration for _, duration in texts)
    speed = round(characters / seconds, 2) if seconds else 0.0
    return TextStats(len(texts), characters, len(words), len(set(words)), speed)


def _rounded(seconds: Iterable[float]) -> float:
    return round(sum(seconds), 3)
