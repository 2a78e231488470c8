"""From recordings' results to a manifest: splits, gates, anchors, and what a person decided before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from demod_voice.config.settings import Dataset as DatasetSettings
from demod_voice.config.settings import Settings
from demod_voice.dataset.anchors import choose_anchors
from demod_voice.dataset.judging.judge import reasons
from demod_voice.dataset.splits import divide
from demod_voice.formats.dataset_manifest import Anchor, Dropped, Manifest, Recording, Segment, plain_row

Decide = Callable[[Sequence[Segment]], Sequence[Segment]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a build was asked for that is no setting; kept in the manifest, so that ``add`` does the same."""

    text: bool = True
    """Segments are to have text."""
    language: str = "en"
    transcriber: str = ""
    """Engine that recognises; empty = the best there is."""
    speaker: str = ""
    speaker_threshold: float | None = None
    """Lowest similarity to the target speaker; None = no target was given."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Recordings and what was made of them."""

    recordings: tuple[Recording, ...]
    segments: tuple[Segment, ...]
    dropped: tuple[Dropped, ...]


def stored_settings(settings: Settings, asked: Asked) -> dict[str, Any]:
    """What the manifest keeps of the settings: every ``dataset.*``, the seed, and what was asked."""
    dataset = settings.dataset
    sections = {name: getattr(dataset, name) for name in ("segments", "clean", "gates", "splits")}
    plain = {name: value for name, value in plain_row(dataset).items() if name not in sections}
    return {
        **plain,
        **{name: plain_row(value) for name, value in sections.items()},
        "seed": settings.seed,
        "asked": plain_row(asked),
    }


def settings_of(stored: Mapping[str, Any], now: Settings) -> tuple[Settings, Asked]:
    """The settings that a dataset was built with, in place of today's."""
    own = now.dataset
    sections = {name: getattr(own, name) for name in ("segments", "clean", "gates", "splits")}
    values: dict[str, Any] = {name: stored[name] for name in plain_row(own) if name in stored and name not in sections}
    for name, section in sections.items():
        known = {key: value for key, value in stored.get(name, {}).items() if key in plain_row(section)}
        values[name] = replace(section, **known)
    asked = {key: value for key, value in stored.get("asked", {}).items() if key in plain_row(Asked())}
    return replace(now, dataset=replace(own, **values), seed=stored.get("seed", now.seed)), Asked(**asked)


def assemble(
    base: Manifest,
    rows: Rows,
    settings: Settings,
    asked: Asked,
    kept: Mapping[str, str] | None = None,
    decide: Decide = tuple,
) -> Manifest:
    """The manifest of these rows.

    Args:
        base: name, creation, parents, skipped files.
        rows: all recordings of the dataset.
        settings: shares, gates, anchors, seed.
        asked: what the dataset is for.
        kept: recording id -> split that it has and keeps.
        decide: gives segments what a person decided of them before; the division does not depend on it.
    """
    order = {
        each.id: number for number, each in enumerate(sorted(rows.recordings, key=lambda each: (each.name, each.id)))
    }
    recordings = sorted(rows.recordings, key=lambda each: order[each.id])
    ordered = sorted(rows.segments, key=lambda each: (order[each.source], each.start_s, each.id))
    judged = [judge_row(each, settings.dataset, asked) for each in ordered]
    divided = divide(recordings, judged, settings.dataset.splits, settings.seed, kept)
    segments = tuple(judge_row(each, settings.dataset, asked) for each in decide(divided.segments))
    dropped = sorted((*rows.dropped, *divided.dropped), key=lambda each: (order[each.source], each.start_s, each.end_s))
    return replace(
        base,
        sample_rate=settings.dataset.sample_rate,
        encoding=settings.dataset.encoding,
        settings=stored_settings(settings, asked),
        recordings=divided.recordings,
        segments=segments,
        dropped=tuple(dropped),
        anchors=anchors_of(segments, settings.dataset.anchors),
        split_method=divided.method,
        notes=(*divided.notes, *fallbacks(recordings)),
    )


def judge_row(segment: Segment, dataset: DatasetSettings, asked: Asked) -> Segment:
    """The segment with the gates that it does not pass."""
    found = reasons(
        segment.qc,
        dataset.gates,
        has_text=asked.text,
        speaker_score=segment.speaker_score,
        speaker_threshold=asked.speaker_threshold,
        language=asked.language,
    )
    return replace(segment, reasons=tuple(found))


def anchors_of(segments: Sequence[Segment], count: int) -> tuple[Anchor, ...]:
    """The reference clips: names, and the segments that they are."""
    chosen = choose_anchors(segments, count)
    return tuple(
        Anchor(f"anchor_{number:02d}", each.id, each.speaker, each.text, each.sha256, each.duration_s)
        for number, each in enumerate(chosen, 1)
    )


def fallbacks(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Each degradation once, with how many recordings it struck."""
    counts: dict[str, int] = {}
    for recording in recordings:
        for each in recording.degraded:
            counts[each] = counts.get(each, 0) + 1
    return tuple(f"{what} ({count} of {len(recordings)} recordings)" for what, count in counts.items())
