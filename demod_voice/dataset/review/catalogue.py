"""The rows of a dataset in memory: found by id, counted by what they can be filtered by, and chosen by a query."""

from __future__ import annotations

import math
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demod_voice.dataset.review.filters import EDITED, LENGTH, NO_REASON, SCORE, UNDECIDED, Bounds, Query, ordered
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import SPLITS, Segment

Test = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Told:
    """What a person has said of a clip so far."""

    review: str
    text: str
    text_source: str
    edited: bool = False
    """The text or the bounds were changed."""


class Catalogue:
    """Clips by their place in the dataset; 0 is the first.

    Args:
        segments: the rows.
        told: what was said of the clip at a place.
    """

    def __init__(self, segments: Sequence[Segment], told: Callable[[int], Told]) -> None:
        self.segments = segments
        self._told = told
        self._places = {each.id: place for place, each in enumerate(segments)}
        self._columns: dict[str, array[float]] = {}
        self.numbers = _numbers(segments)
        """What clips can be sorted and bounded by: length, the speaker's score, each measure that any clip has."""

    def place_of(self, clip: str) -> int:
        """Where a clip is.

        Raises:
            UsageError: there is none of this id.
        """
        try:
            return self._places[clip]
        except KeyError:
            raise UsageError(f"there is no clip {clip[:100]!r} in this dataset") from None

    def __contains__(self, clip: str) -> bool:
        return clip in self._places

    def facets(self) -> dict[str, Any]:
        """What there is to filter by, with counts; the most frequent first."""
        reasons = Counter(name for each in self.segments for name in each.reasons or (NO_REASON,))
        splits = Counter(each.split for each in self.segments)
        passed = reasons.pop(NO_REASON, 0)
        return {
            "reasons": _by_count(reasons),
            "passed": passed,
            "splits": [(name, splits[name]) for name in SPLITS if splits[name]],
            "speakers": _by_count(Counter(each.speaker for each in self.segments)),
            "numbers": self.numbers,
        }

    def find(self, query: Query) -> list[int]:
        """Places of the clips that a query wants, in its order."""
        places: Sequence[int] = range(len(self.segments))
        for test in self._tests(query):
            places = [place for place in places if test(place)]
        return ordered(places, self.column(query.order), query.falling) if query.order else list(places)

    def column(self, name: str) -> array[float]:
        """A number of every clip; NaN where it has none."""
        if name not in self._columns:
            self._columns[name] = array("d", (_number(each, name) for each in self.segments))
        return self._columns[name]

    def _tests(self, query: Query) -> list[Test]:
        """The cheap ones first."""
        rows, tests = self.segments, list[Test]()
        if query.splits:
            tests.append(lambda place: rows[place].split in query.splits)
        if query.speakers:
            tests.append(lambda place: rows[place].speaker in query.speakers)
        if query.reasons:
            tests.append(lambda place: not query.reasons.isdisjoint(rows[place].reasons or (NO_REASON,)))
        tests += [self._inside(each) for each in query.bounds]
        if query.states:
            tests.append(lambda place: not query.states.isdisjoint(_states(self._told(place))))
        if query.words:
            tests.append(lambda place: query.words in f"{self._told(place).text}\n{rows[place].id}".casefold())
        return tests

    def _inside(self, bounds: Bounds) -> Test:
        column = self.column(bounds.name)
        return lambda place: bounds.lowest <= column[place] <= bounds.highest


def _numbers(segments: Sequence[Segment]) -> list[str]:
    names: dict[str, None] = {}
    for each in segments:
        if not names.keys() >= each.qc.keys():
            names.update(dict.fromkeys(name for name, value in each.qc.items() if is_number(value)))
    score = [SCORE] if any(each.speaker_score is not None for each in segments) else []
    return [LENGTH, *score, *names]


def shared(segments: Sequence[Segment]) -> None:
    """Let equal words of many rows be one object: a third of the memory of 100,000 rows."""
    for each in segments:
        qc: Mapping[str, Any] = {sys.intern(name): value for name, value in each.qc.items()}
        values = {"qc": qc, "reasons": tuple(map(sys.intern, each.reasons))}
        values |= {name: sys.intern(getattr(each, name)) for name in ("source", "speaker", "split", "text_source")}
        for name, value in values.items():
            object.__setattr__(each, name, value)


def is_number(value: Any) -> bool:
    """True for what can be sorted by."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(segment: Segment, name: str) -> float:
    value: Any = {LENGTH: segment.duration_s, SCORE: segment.speaker_score}.get(name, segment.qc.get(name))
    return float(value) if is_number(value) else math.nan


def _states(told: Told) -> tuple[str, ...]:
    return (told.review or UNDECIDED, EDITED) if told.edited else (told.review or UNDECIDED,)


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))
