"""What a person decided in reviews, carried over to the clips of a build that makes them anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from demod_voice.dataset.review.replay import STALE, Cut, changed
from demod_voice.dataset.review.window import Window
from demod_voice.formats.dataset_manifest import Segment

REVIEWED = "review"
"""``text_source`` of a text that a person wrote."""
SHIFT_S = 0.3
"""Edges of a clip may move by so much, into silence, and it is the same clip."""
MOST_NEAR = 16
"""Clips that are looked at for one: so many never begin within twice that time."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Clips with the decisions on them."""

    segments: tuple[Segment, ...]
    lost: int
    """Decided clips that are no more: the recording is there, and is cut otherwise now."""


def carry(before: Sequence[Segment], now: Sequence[Segment], sample_rate: int, cut: Cut) -> Carried:
    """Today's clips with word, text and trim of the same clips before.

    A clip is the same when its edges are, but for ``SHIFT_S``; a trimmed one, when it holds what the trim left, which is
    cut out of today's sound.

    Args:
        before: with decisions; may be trimmed.
        now: as they were made, in whole.
        sample_rate: Hz of today's clips.
        cut: keeps a stretch of a clip.
    """
    decided = [each for each in before if each.review or each.text_source == REVIEWED or each.qc.get(STALE)]
    places: dict[str, list[tuple[float, int]]] = {}
    for place, each in enumerate(now):
        places.setdefault(each.source, []).append((each.start_s, place))
    for own in places.values():
        own.sort()
    made, lost = list(now), 0
    for each in decided:
        found = _found(each, places.get(each.source, []), now)
        if found is None:
            lost += each.source in places
        else:
            made[found] = changed(now[found], _change(each, now[found], sample_rate), cut)
    return Carried(tuple(made), lost)


def _found(before: Segment, starts: Sequence[tuple[float, int]], now: Sequence[Segment]) -> int | None:
    """The place of the same clip; ``starts`` are those of its recording, in order, with their places."""
    first_s = _first_s(before)
    begin = bisect_left(starts, (first_s - SHIFT_S, 0))
    near = list(takewhile(lambda pair: pair[0] <= first_s + SHIFT_S, starts[begin : begin + MOST_NEAR]))
    same = [place for _, place in near if _same(before, now[place])]
    return min(same, key=lambda place: (now[place].id != before.id, abs(now[place].start_s - first_s)), default=None)


def _same(before: Segment, now: Segment) -> bool:
    """True for clips that begin together, when they end together too; or now's holds what a trim left of before's."""
    if not before.qc.get(STALE):
        return abs(now.end_s - before.end_s) <= SHIFT_S
    held_s = min(before.end_s, now.end_s) - max(before.start_s, now.start_s)
    return held_s > max(0.0, before.duration_s - SHIFT_S)


def _first_s(segment: Segment) -> float:
    """Where a clip began when it was made: its id says so, however it was trimmed since."""
    if not segment.qc.get(STALE):
        return segment.start_s
    number = segment.id.rpartition("_")[2]
    return int(number) / 1000 if number.isascii() and number.isdigit() else segment.start_s


def _change(before: Segment, now: Segment, sample_rate: int) -> Mapping[str, Any]:
    change: dict[str, Any] = {"review": before.review}
    if before.text_source == REVIEWED:
        change |= {"text": before.text, "text_source": REVIEWED}
    if before.qc.get(STALE):
        whole = Window(now.sha256, 0, round(now.duration_s * sample_rate), now.start_s, now.end_s)
        first = max(0, round((before.start_s - now.start_s) * sample_rate))
        last = min(whole.num_samples, round((before.end_s - now.start_s) * sample_rate))
        change["window"] = whole.part(first, last - first, sample_rate).row()
    return change
