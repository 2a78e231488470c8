"""New thresholds for what was measured before: no sound is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.dataset.assemble import anchors_of, judge_row, settings_of, stored_settings
from demod_voice.dataset.review.replay import apply_pending
from demod_voice.dataset.store import Dataset, Version
from demod_voice.records.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What the new thresholds changed."""

    version: Version
    rejected: tuple[str, ...]
    """Ids that went to quarantine."""
    accepted: tuple[str, ...]
    """Ids that came out of it."""
    kept: int
    quarantined: int


def rejudge(path: Path, settings: Settings, progress: Progress = SILENT) -> Rejudged:
    """Judge every segment of a dataset by today's ``dataset.gates``; what a person decided stands.

    Args:
        path: the dataset.
        settings: with the new thresholds. ``clipping_level`` stays what samples were counted with.
        progress: told when another command holds the dataset.

    Raises:
        UsageError: it is no dataset. OutputError: it cannot be written.
    """
    with Dataset.writing(path, on_wait=lambda: progress.note(f"waiting: another command works on {path}")) as dataset:
        before = apply_pending(dataset).manifest
        own, asked = settings_of(before.settings, settings)
        gates = replace(settings.dataset.gates, clipping_level=own.dataset.gates.clipping_level)
        wanted = replace(own, dataset=replace(own.dataset, gates=gates))
        segments = tuple(judge_row(each, wanted.dataset, asked) for each in before.segments)
        after = replace(
            before,
            segments=segments,
            anchors=anchors_of(segments, wanted.dataset.anchors),
            settings=stored_settings(wanted, asked),
        )
        version = dataset.commit(after, "rejudge")
    was = {each.id: each.quarantined for each in before.segments}
    return Rejudged(
        version,
        tuple(each.id for each in segments if each.quarantined and not was[each.id]),
        tuple(each.id for each in segments if not each.quarantined and was[each.id]),
        sum(not each.quarantined for each in segments),
        sum(each.quarantined for each in segments),
    )
