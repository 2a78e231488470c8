"""Anchors: the few segments that stand for a voice, for cloning and as conversation context. Called by ``assemble``.

Wanted is what is clean, and typical of how the speaker speaks: a low cost is the sum of what is heard beside the voice
and of how far level and pace are from the speaker's own median.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from demod_voice.formats.dataset_manifest import ACCEPTED, Segment

BEST_S = (6.0, 12.0)
"""Length of a reference clip: engines that clone want at least 6 s, and use little beyond 12."""
CLEAN_SNR_DB = 40.0
"""Speech-to-noise ratio from which more is not heard."""
_PER_SECOND = 0.5
"""Cost of a second beside the best length."""
_NO_TEXT = 5.0
_SAME_RECORDING = 1.5
"""Cost of each anchor that is from the same recording already: a voice is more than one day's."""
_REVIEWED = -0.5
_UNIT = {"clipping_ratio": 0.001, "hum_db": 10.0, "plosive_ratio": 0.02, "reverb_s": 0.5, "silence_ratio": 0.3}
"""Of each fault, what costs 1."""
_SPREAD = {"rms_dbfs": 2.0, "syllables_per_s": 0.5, "chars_per_s": 2.0}
"""Of each trait, the least deviation from the median that costs 1."""


def choose_anchors(segments: Sequence[Segment], count: int) -> tuple[Segment, ...]:
    """The anchors: at most ``count`` for each speaker, from train, never from quarantine.

    Speakers follow each other by how much they speak; a speaker's anchors by their worth. The same segments give the
    same anchors in any order.
    """
    speakers: dict[str, list[Segment]] = {}
    for segment in sorted(segments, key=lambda each: each.id):
        if segment.split == "train" and not segment.quarantined:
            speakers.setdefault(segment.speaker or segment.label, []).append(segment)
    order = sorted(speakers, key=lambda name: (-sum(each.duration_s for each in speakers[name]), name))
    return tuple(each for name in order for each in _best(speakers[name], count))


def _best(segments: Sequence[Segment], count: int) -> list[Segment]:
    medians = {name: _median(segments, name) for name in _SPREAD}
    costs = {each.id: _cost(each, medians) for each in segments}
    left, taken = list(segments), Counter[str]()
    chosen: list[Segment] = []
    while left and len(chosen) < count:
        best = min(left, key=lambda each: (costs[each.id] + _SAME_RECORDING * taken[each.source], each.id))
        left.remove(best)
        taken[best.source] += 1
        chosen.append(best)
    return chosen


def _cost(segment: Segment, medians: Mapping[str, tuple[float, float] | None]) -> float:
    low, high = BEST_S
    cost = _PER_SECOND * max(0.0, low - segment.duration_s, segment.duration_s - high)
    cost += 0.0 if segment.text else _NO_TEXT
    cost += _REVIEWED if segment.review == ACCEPTED else 0.0
    cost += max(0.0, CLEAN_SNR_DB - (_value(segment, "snr_db") or 0.0)) / 10
    cost += sum((_value(segment, name) or 0.0) / unit for name, unit in _UNIT.items())
    cost += 0.0 if segment.speaker_score is None else 5 * (1 - segment.speaker_score)
    for name, found in medians.items():
        value = _value(segment, name)
        if found is not None and value is not None:
            cost += min(3.0, abs(value - found[0]) / max(found[1], _SPREAD[name]))
    return cost


def _value(segment: Segment, name: str) -> float | None:
    value = segment.qc.get(name)
    return float(value) if isinstance(value, (int, float)) else None


def _median(segments: Sequence[Segment], name: str) -> tuple[float, float] | None:
    """Median, and median deviation from it."""
    values = [value for each in segments if (value := _value(each, name)) is not None]
    if not values:
        return None
    middle = median(values)
    return middle, median(abs(value - middle) for value in values)
