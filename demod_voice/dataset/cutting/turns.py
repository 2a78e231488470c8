"""Speaker labels of a diarization on units: one label each, nobody else at the same time. Called by ``cutting``."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace

from demod_voice.dataset.cutting.pauses import HOP_MS, PAUSE_MS
from demod_voice.dataset.cutting.plan import Unit
from demod_voice.formats.rttm import Turn

OVERLAP = "speakers overlap"
CHANGE = "the speaker changes without a pause"
COLLAR_MS = 250
"""Edges of turns are off by so much. Source: the collar of NIST's RT evaluations."""
SHORTEST_OVERLAP_MS = 100
"""Turns that share less only touch."""

Span = tuple[int, int]


def with_labels(units: Sequence[Unit], turns: Sequence[Turn]) -> list[Unit]:
    """Units with their labels; those are rejected in which two speak at once, or one after the other.

    Args:
        units: in order.
        turns: in any order. What no turn covers keeps an empty label.
    """
    spans = _by_label(turns)
    overlaps = _overlaps(sorted(span for own in spans.values() for span in own))
    return [_labelled(unit, spans, overlaps) for unit in units]


def changes(turns: Sequence[Turn]) -> list[Span]:
    """Where somebody's turn ends and somebody else's begins: as much as makes a pause, in the middle between the two.

    There is none where turns overlap by more than ``SHORTEST_OVERLAP_MS``.
    """
    found: list[Span] = []
    last, until = "", 0
    for turn in sorted(turns, key=lambda each: (each.start_s, each.end_s)):
        start, end = round(turn.start_s * 1000), round(turn.end_s * 1000)
        if last and turn.speaker != last and start > until - SHORTEST_OVERLAP_MS:
            middle = (until + start) // 2
            found.append((middle - PAUSE_MS // 2 - HOP_MS, middle + PAUSE_MS // 2 + HOP_MS))
        if end >= until:
            last, until = turn.speaker, end
    return found


def _labelled(unit: Unit, spans: Mapping[str, Sequence[Span]], overlaps: Sequence[Span]) -> Unit:
    shares = {label: shared for label, own in spans.items() if (shared := _shared(unit, own)) > 0}
    if not shares:
        return unit
    best, *others = sorted(shares, key=lambda label: (-shares[label], label))
    reason = unit.rejected
    if _shared(unit, overlaps) >= SHORTEST_OVERLAP_MS:
        reason = reason or OVERLAP
    elif others and shares[others[0]] > COLLAR_MS:
        reason = reason or CHANGE
    return replace(unit, label=best, rejected=reason)


def _shared(unit: Unit, spans: Sequence[Span]) -> int:
    """Milliseconds of a unit that spans cover; they are in order and apart."""
    first = bisect_right(spans, unit.start_ms, key=lambda span: span[1])
    after = bisect_left(spans, unit.end_ms, key=lambda span: span[0])
    return sum(min(end, unit.end_ms) - max(start, unit.start_ms) for start, end in spans[first:after])


def _by_label(turns: Sequence[Turn]) -> dict[str, list[Span]]:
    """Each speaker's time, joined where turns of one touch or overlap."""
    found: dict[str, list[Span]] = {}
    for turn in sorted(turns, key=lambda each: (each.start_s, each.end_s)):
        start, end = round(turn.start_s * 1000), round(turn.end_s * 1000)
        own = found.setdefault(turn.speaker, [])
        if own and start <= own[-1][1]:
            own[-1] = (own[-1][0], max(own[-1][1], end))
        else:
            own.append((start, end))
    return found


def _overlaps(events: Sequence[Span]) -> list[Span]:
    """Where two speak at once, in order and joined."""
    found: list[Span] = []
    latest = -1
    for start, end in events:
        until = min(end, latest)
        if until - start >= SHORTEST_OVERLAP_MS:
            if found and start <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], until))
            else:
                found.append((start, until))
        latest = max(latest, end)
    return found
