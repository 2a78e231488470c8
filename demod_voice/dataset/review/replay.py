"""The journal's decisions become rows of the manifest: ``replay`` says which, ``apply_reviews`` keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demod_voice.dataset.review.journal import FILE, Decision, Journal, read_decisions
from demod_voice.dataset.review.window import Window, cut
from demod_voice.dataset.store import Dataset
from demod_voice.formats.dataset_manifest import REJECTED, Anchor, Manifest, Segment
from demod_voice.media.wav import wav_info

MESSAGE = "review"
STALE = "qc_stale"
"""In ``qc`` of a trimmed clip: the measures are those of the clip before it was trimmed."""
Cut = Callable[[Window], str]
"""Keeps a window as a clip; its SHA-256."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the decisions that were pending."""

    manifest: Manifest
    decisions: int
    """Lines of the journal that were not in the rows before."""
    changed: int
    """Clips whose row is another one now."""
    unknown: int
    """Decisions about clips that are not in the dataset (any more)."""


def replay(manifest: Manifest, decisions: Iterable[Decision], cut: Cut) -> Manifest:
    """The manifest after ``decisions``, in their order: the last word on a clip counts.

    A decision about a clip that is not there changes nothing. ``reviews`` grows by the number of decisions. ``cut`` is
    called once for each clip whose window changed, with the last one. An anchor follows its clip, and is gone when the
    clip is rejected.
    """
    changes: dict[str, dict[str, Any]] = {}
    count = 0
    for each in decisions:
        changes.setdefault(each.clip, {}).update(each.after)
        count += 1
    if not count:
        return manifest
    segments = [changed(each, changes.get(each.id), cut) for each in manifest.segments]
    order = {each.id: place for place, each in enumerate(manifest.recordings)}
    segments.sort(key=lambda each: (order.get(each.source, len(order)), each.start_s, each.id))
    return replace(
        manifest,
        segments=tuple(segments),
        anchors=_anchors(manifest, {each.id: each for each in segments if each.id in changes}),
        reviews=manifest.reviews + count,
    )


def apply_reviews(path: Path, on_wait: Callable[[], None] | None = None) -> Applied:
    """Bring what was decided in reviews of a dataset into its rows; nothing to do is the usual case.

    For commands that read a dataset's rows, before they do. Whoever has the dataset open for writing calls
    ``apply_pending``: the lock is held once.

    Raises:
        UsageError: it is no dataset, or a file of it is damaged. MediaError: a clip that was trimmed is not there.
        OutputError: something cannot be written.
    """
    dataset = Dataset.reading(path)
    manifest = dataset.manifest()
    if count_decisions(path) <= manifest.reviews:
        return Applied(manifest, 0, 0, 0)
    with Dataset.writing(path, on_wait=on_wait) as dataset:
        return apply_pending(dataset)


def apply_pending(dataset: Dataset) -> Applied:
    """As ``apply_reviews``, for who has the dataset open for writing."""
    manifest = dataset.manifest()
    decisions = read_decisions(dataset.path / FILE)[manifest.reviews :]
    if not decisions:
        return Applied(manifest, 0, 0, 0)
    fitting = [_fitting(dataset, manifest.sample_rate, each) for each in decisions]
    after = replay(manifest, fitting, lambda window: cut(dataset, window))
    dataset.commit(after, MESSAGE)
    known = {each.id: each for each in manifest.segments}
    changed = sum(known[each.id] != each for each in after.segments)
    return Applied(after, len(decisions), changed, sum(each.clip not in known for each in decisions))


def _fitting(dataset: Dataset, sample_rate: int, decision: Decision) -> Decision:
    """The decision without a trim of a clip at another rate: its page was left open while a build made other clips."""
    row = decision.after.get("window")
    path = dataset.object_path(row["sha256"]) if row else None
    if path is None or not path.is_file() or wav_info(path).sample_rate == sample_rate:
        return decision
    return replace(decision, after={name: value for name, value in decision.after.items() if name != "window"})


def count_decisions(path: Path) -> int:
    """Lines of a dataset's journal: what ``Manifest.reviews`` is when all of them are in the rows.

    Raises:
        UsageError: a line is damaged; names it.
    """
    journal = Journal(path / FILE)
    journal.read_on()
    return journal.lines


def changed(segment: Segment, change: Mapping[str, Any] | None, cut: Cut) -> Segment:
    """The row after a change of a journal's kind, its clip cut."""
    if not change:
        return segment
    values: dict[str, Any] = {name: change[name] for name in ("review", "text", "text_source") if name in change}
    if "window" in change:
        window = Window.of(change["window"])
        duration_s = round(window.end_s - window.start_s, 6)
        values.update(start_s=window.start_s, end_s=window.end_s, duration_s=duration_s, sha256=cut(window))
    return replace(segment, **values, qc=_measured(segment, values, change.get("window", {}).get("sha256", "")))


def _measured(segment: Segment, values: Mapping[str, Any], whole: str) -> Mapping[str, Any]:
    """The measures of a changed clip: the pace of a new text, and a mark where the sound is no longer what was measured."""
    from demod_voice.dataset.judging.measures import MEASURES, pace

    qc, sha256 = dict(segment.qc), values.get("sha256", segment.sha256)
    if values.get("text", segment.text) != segment.text and qc.get("speech_s"):
        digits = {each.name: each.digits for each in MEASURES}
        found = pace(values["text"], qc["speech_s"])
        qc |= {name: value if value is None else round(value, digits[name]) for name, value in found.items()}
    if sha256 != segment.sha256:
        qc.pop(STALE, None)
        if sha256 != whole:
            qc[STALE] = True
    return qc


def _anchors(manifest: Manifest, changed: dict[str, Segment]) -> tuple[Anchor, ...]:
    kept = [each for each in manifest.anchors if _review_of(each, changed) != REJECTED]
    return tuple(_anchor(each, changed.get(each.segment)) for each in kept)


def _review_of(anchor: Anchor, changed: dict[str, Segment]) -> str:
    return changed[anchor.segment].review if anchor.segment in changed else ""


def _anchor(anchor: Anchor, segment: Segment | None) -> Anchor:
    if segment is None:
        return anchor
    return replace(anchor, text=segment.text, sha256=segment.sha256, duration_s=segment.duration_s)
