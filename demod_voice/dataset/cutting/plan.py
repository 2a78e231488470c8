"""Which phrases make a segment: the plan that cuts at the longest pauses and leaves least out.

A shortest path over the pauses, so a decision early in a recording never spoils a later one. Linear in the length of
the recording: a segment holds a bounded number of phrases. Times are whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from demod_voice.config.settings import Segments

TOO_SHORT = "too short, and no speech near enough to join"
TOO_LONG = "longer than a segment, and without a pause to split it at"
LEFT_OUT = 1000.0
"""Cost of a second of speech that is left out: more than any cut."""
_CUT = 0.4
"""Cost of a cut in a pause of one second; it grows as the pause gets shorter."""
_KEPT = 0.5
"""Cost of a second of pause inside a segment."""
_LENGTH = 0.3
"""Cost of a segment that is as short or as long as may be, against one in the middle."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Speech that is kept together: a phrase, or phrases that share a text."""

    start_ms: int
    end_ms: int
    text: str = ""
    text_source: str = "none"
    speaker: str = ""
    label: str = ""
    rejected: str = ""
    """Why it goes into no segment; empty = it may."""

    @property
    def kind(self) -> tuple[str, str, bool]:
        """Who speaks, and whether the text is known: a segment is of one kind."""
        return self.speaker, self.label, bool(self.text)


@dataclass(frozen=True, slots=True)
class Planned:
    """Units that make a segment."""

    start_ms: int
    end_ms: int
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Units that make none."""

    start_ms: int
    end_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Limits:
    least: int
    most: int
    join: int

    def length_cost(self, length: int) -> float:
        middle, reach = (self.least + self.most) / 2, max(1.0, (self.most - self.least) / 2)
        return _LENGTH * ((length - middle) / reach) ** 2


def plan(units: Sequence[Unit], duration_ms: int, settings: Segments) -> tuple[list[Planned], list[LeftOut]]:
    """Segments and what is left out, in the order of time.

    Args:
        units: in order, apart from each other.
        duration_ms: of the recording.
        settings: lengths and margin.
    """
    edges = _edges(units, duration_ms, round(settings.margin_ms))
    limits = _Limits(_ms(settings.min_s), _ms(settings.max_s), _ms(settings.join_s))
    made: list[Planned] = []
    left: list[LeftOut] = []
    for first, after in _chains(units, limits.join):
        if units[first].rejected:
            left.append(LeftOut(units[first].start_ms, units[after - 1].end_ms, units[first].rejected))
            continue
        for begin, end in _path(units, edges, first, after, limits):
            start, until = edges[begin][0], edges[end - 1][1]
            if limits.least <= until - start <= limits.most:
                made.append(Planned(start, until, tuple(units[begin:end])))
            else:
                reason = TOO_SHORT if until - start < limits.least else TOO_LONG
                left.append(LeftOut(units[begin].start_ms, units[end - 1].end_ms, reason))
    return made, left


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _edges(units: Sequence[Unit], duration_ms: int, margin_ms: int) -> list[tuple[int, int]]:
    """For each unit where a segment that begins, or ends, with it does so: never past the middle of a pause."""
    starts = [max(0, units[0].start_ms - margin_ms)] if units else []
    ends = []
    for before, after in pairwise(units):
        middle = (before.end_ms + after.start_ms) // 2
        ends.append(min(before.end_ms + margin_ms, middle))
        starts.append(max(after.start_ms - margin_ms, middle))
    if units:
        ends.append(min(duration_ms, units[-1].end_ms + margin_ms))
    return list(zip(starts, ends, strict=True))


def _chains(units: Sequence[Unit], join_ms: int) -> Iterator[tuple[int, int]]:
    """Runs (first, after the last) of units that may stand in one segment, or that are rejected alike."""
    number = 0

    def chain(at: int) -> int:
        nonlocal number
        before, unit = units[at - 1], units[at]
        apart = unit.start_ms - before.end_ms > join_ms
        if at == 0 or apart or unit.rejected != before.rejected or unit.kind != before.kind:
            number += 1
        return number

    for _, members in groupby(range(len(units)), chain):
        run = list(members)
        yield run[0], run[-1] + 1


def _path(
    units: Sequence[Unit], edges: Sequence[tuple[int, int]], first: int, after: int, limits: _Limits
) -> Iterator[tuple[int, int]]:
    """The cheapest way to cut a chain into (first, after the last) runs."""
    best = [0.0] * (after - first + 1)
    back = [first] * (after - first + 1)
    for end in range(first + 1, after + 1):
        cost, at = min(_steps(units, edges, first, end, limits, best))
        best[end - first], back[end - first] = cost, -at
    runs, end = [], after
    while end > first:
        runs.append((back[end - first], end))
        end = back[end - first]
    return reversed(runs)


def _steps(
    units: Sequence[Unit],
    edges: Sequence[tuple[int, int]],
    first: int,
    end: int,
    limits: _Limits,
    best: Sequence[float],
) -> Iterator[tuple[float, int]]:
    """(cost of all until ``end``, minus where the last run begins) for each run that ends there."""
    cut = _cut_cost(units, end) if end - first < len(best) - 1 else 0.0
    speech, pauses = 0, 0
    for begin in range(end - 1, first - 1, -1):
        speech += units[begin].end_ms - units[begin].start_ms
        pauses += units[begin + 1].start_ms - units[begin].end_ms if begin < end - 1 else 0
        length = edges[end - 1][1] - edges[begin][0]
        if length > limits.most and begin < end - 1:
            return
        inside = limits.least <= length <= limits.most
        cost = limits.length_cost(length) + _KEPT * pauses / 1000 if inside else LEFT_OUT * speech / 1000
        yield best[begin - first] + cost + cut, -begin


def _cut_cost(units: Sequence[Unit], at: int) -> float:
    """Cost of a cut before a unit."""
    return _CUT * 1000 / max(1, units[at].start_ms - units[at - 1].end_ms)
