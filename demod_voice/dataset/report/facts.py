"""What a dataset's page tells, counted once: amounts by split and speaker, values of each measure, clips to look at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demod_voice.config.settings import Gates
from demod_voice.dataset.judging.judge import GATES, Gate
from demod_voice.formats.dataset_manifest import SPLITS, Manifest, Segment

NOBODY = "(no name)"
OTHERS = "others"
MOST_SPEAKERS = 7
"""Speakers with a colour of their own; the others share one."""
NEAREST, NEAR, REJECTED_EACH = 10, 0.5, 3
"""Clips that are listed: kept ones that were nearly rejected, how near in steps of ``SCALES``, and of each reason."""
SCALES = {
    "rms_dbfs": 20.0,
    "snr_db": 20.0,
    "clipping_ratio": 0.001,
    "hum_db": 15.0,
    "plosive_ratio": 0.05,
    "bandwidth_hz": 3000.0,
    "silence_ratio": 0.3,
    "dc_offset": 0.01,
    "reverb_s": 0.6,
    "chars_per_s": 8.0,
    "unheard_ratio": 0.1,
}
"""Measure -> how far from a threshold is as far as for the others: so that nearness can be compared."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Told:
    """All that the page is made of, without any sound."""

    manifest: Manifest
    gates: Gates
    kept: tuple[Segment, ...]
    rejected: tuple[Segment, ...]
    speakers: tuple[str, ...]
    """With the most first; at most ``MOST_SPEAKERS``, and then ``OTHERS``."""
    hours: Mapping[str, Mapping[str, tuple[int, float]]]
    """Split -> speaker -> clips and seconds, of what is kept."""
    reasons: Mapping[str, tuple[int, float]]
    """Reason -> clips and seconds, the most frequent first."""
    by_recording: Mapping[str, tuple[int, int]]
    """Recording -> clips kept and rejected."""
    nearest: tuple[tuple[Segment, Gate], ...] = ()
    """Kept clips that were nearly rejected, and by which gate; the nearest first."""
    worst: tuple[tuple[str, Segment], ...] = ()
    """Reason -> rejected clips; the worst of each first."""
    dropped: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    """Reason -> stretches and seconds."""

    @property
    def kept_s(self) -> float:
        """Seconds that are kept."""
        return math.fsum(each.duration_s for each in self.kept)

    @property
    def rejected_s(self) -> float:
        """Seconds in quarantine."""
        return math.fsum(each.duration_s for each in self.rejected)

    def values(self, name: str) -> tuple[Values, Values]:
        """What is known of a measure (or ``duration_s``): of the clips that are kept, and of the rejected ones."""
        return _values(self.kept, name), _values(self.rejected, name)


def told_of(manifest: Manifest) -> Told:
    """Count a dataset."""
    gates = gates_of(manifest.settings)
    kept = tuple(each for each in manifest.segments if not each.quarantined)
    rejected = tuple(each for each in manifest.segments if each.quarantined)
    speakers = _speakers(kept)
    return Told(
        manifest=manifest,
        gates=gates,
        kept=kept,
        rejected=rejected,
        speakers=speakers,
        hours={split: _hours((each for each in kept if each.split == split), speakers) for split in SPLITS},
        reasons=_amounts((reason, each.duration_s) for each in rejected for reason in why(each)),
        by_recording=_by_recording(manifest),
        nearest=_nearest(kept, gates),
        worst=_worst(rejected, gates),
        dropped=_amounts((each.reason, each.end_s - each.start_s) for each in manifest.dropped),
    )


def gates_of(settings: Mapping[str, Any]) -> Gates:
    """The thresholds that a manifest was judged by; what it does not name has its default."""
    stored = settings.get("gates")
    known = stored if isinstance(stored, Mapping) else {}
    names = Gates.__dataclass_fields__
    return Gates(**{name: float(known[name]) for name in names if isinstance(known.get(name), (int, float))})


def why(segment: Segment) -> tuple[str, ...]:
    """The reasons of a clip in quarantine; a person's word is one too."""
    return segment.reasons or ("review",)


def number(segment: Segment, name: str) -> float | None:
    """A measure of a clip, or None."""
    value = segment.duration_s if name == "duration_s" else segment.qc.get(name)
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _values(segments: Sequence[Segment], name: str) -> Values:
    return np.array([value for each in segments if (value := number(each, name)) is not None], np.float64)


def _speakers(kept: Sequence[Segment]) -> tuple[str, ...]:
    totals: dict[str, float] = {}
    for each in kept:
        name = each.speaker or NOBODY
        totals[name] = totals.get(name, 0.0) + each.duration_s
    names = sorted(totals, key=lambda name: (-totals[name], name))
    return tuple(names) if len(names) <= MOST_SPEAKERS else (*names[:MOST_SPEAKERS], OTHERS)


def _hours(segments: Iterable[Segment], speakers: Sequence[str]) -> Mapping[str, tuple[int, float]]:
    found = dict.fromkeys(speakers, (0, 0.0))
    known = set(speakers)
    for each in segments:
        name = each.speaker or NOBODY
        name = name if name in known else OTHERS
        count, seconds = found[name]
        found[name] = (count + 1, seconds + each.duration_s)
    return found


def _amounts(rows: Iterable[tuple[str, float]]) -> Mapping[str, tuple[int, float]]:
    counts: dict[str, tuple[int, float]] = {}
    for name, seconds in rows:
        count, total = counts.get(name, (0, 0.0))
        counts[name] = (count + 1, total + seconds)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1][0], pair[0])))


def _by_recording(manifest: Manifest) -> Mapping[str, tuple[int, int]]:
    kept: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for each in manifest.segments:
        (rejected if each.quarantined else kept)[each.source] += 1
    return {each.id: (kept[each.id], rejected[each.id]) for each in manifest.recordings}


def margin(segment: Segment, gate: Gate, gates: Gates) -> float | None:
    """How far a clip is on the good side of a gate, in comparable steps; None where it was not measured."""
    value = number(segment, gate.measure)
    if value is None:
        return None
    value = abs(value) if gate.name == "dc" else value
    sides = []
    if gate.lowest:
        sides.append(value - getattr(gates, gate.lowest))
    if gate.highest:
        sides.append(getattr(gates, gate.highest) - value)
    return float(min(sides)) / SCALES[gate.measure]


def _nearest(kept: Sequence[Segment], gates: Gates) -> tuple[tuple[Segment, Gate], ...]:
    rows = []
    for each in kept:
        known = [
            (found, place) for place, gate in enumerate(_MEASURED) if (found := margin(each, gate, gates)) is not None
        ]
        if known and min(known)[0] <= NEAR:
            rows.append((*min(known), each.id, each))
    rows.sort(key=lambda row: row[:3])
    return tuple((segment, _MEASURED[place]) for _, place, _, segment in rows[:NEAREST])


def _worst(rejected: Sequence[Segment], gates: Gates) -> tuple[tuple[str, Segment], ...]:
    by_name = {gate.name: gate for gate in GATES}
    groups: dict[str, list[tuple[float, str, Segment]]] = {}
    for each in rejected:
        for reason in why(each):
            gate = by_name.get(reason)
            found = margin(each, gate, gates) if gate is not None and gate.measure else each.speaker_score
            groups.setdefault(reason, []).append((0.0 if found is None else found, each.id, each))
    order = sorted(groups, key=lambda name: (-len(groups[name]), name))
    return tuple(
        (name, row[2]) for name in order for row in sorted(groups[name], key=lambda row: row[:2])[:REJECTED_EACH]
    )


_MEASURED = tuple(gate for gate in GATES if gate.measure)
