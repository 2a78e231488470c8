"""The charts of a dataset's page as SVG: places are percentages, so a drawing fills any width while its letters keep theirs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from demod_voice.formats.dataset_manifest import SPLITS
from demod_voice.units import counted, format_duration

BAR, THIN_BAR, LABEL, GAP = 22, 10, 18, 6
"""Heights in pixels: of a split's bar, of a reason's, of a row of words, between two bars."""
PLOT, AXIS = 132, 22
"""Heights of a histogram's plot and of its axis."""
BINS = 40
TICKS = 6
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histogram:
    """What one histogram shows."""

    title: str
    unit: str
    kept: Values
    rejected: Values
    lowest: float | None = None
    """Threshold below which clips are rejected."""
    highest: float | None = None
    """Threshold over which they are."""


def split_bars(hours: Mapping[str, Mapping[str, tuple[int, float]]], speakers: Sequence[str]) -> str:
    """A bar for each split, divided by speaker, on one scale."""
    totals = {split: math.fsum(seconds for _, seconds in hours[split].values()) for split in SPLITS}
    longest = max(totals.values(), default=0.0) or 1.0
    parts, top = [], 0
    for split in SPLITS:
        clips = sum(count for count, _ in hours[split].values())
        words = f"{split}: {format_duration(totals[split])}, {counted(clips, 'clip')}"
        parts.append(f'<text class="band" x="0" y="{top + LABEL - 5}">{escape(words)}</text>')
        top += LABEL
        parts.append(f'<rect class="lane" x="0" y="{top}" width="100%" height="{BAR}"/>')
        place = 0.0
        for number, name in enumerate(speakers):
            count, seconds = hours[split].get(name, (0, 0.0))
            if seconds:
                hover = f"{split}, {name}: {format_duration(seconds)}, {counted(count, 'clip')}"
                parts.append(_bar(place / longest, seconds / longest, top, BAR, f"s{number}", hover))
            place += seconds
        top += BAR + GAP
    return _svg(top, "".join(parts), "Hours by split and speaker")


def reason_bars(reasons: Mapping[str, tuple[int, float]], sentences: Mapping[str, str]) -> str:
    """A bar for each reason; a clip with several is in several bars."""
    most = max((count for count, _ in reasons.values()), default=1)
    parts, top = [], 0
    for name, (count, seconds) in reasons.items():
        words = f"{name}: {counted(count, 'clip')}, {format_duration(seconds)}"
        parts.append(f'<text class="band" x="0" y="{top + LABEL - 5}">{escape(words)}</text>')
        top += LABEL
        parts.append(f'<rect class="lane" x="0" y="{top}" width="100%" height="{THIN_BAR}"/>')
        parts.append(_bar(0.0, count / most, top, THIN_BAR, "rejected", sentences.get(name, name)))
        top += THIN_BAR + GAP
    return _svg(top, "".join(parts), "Rejected by reason")


def histogram(shown: Histogram) -> str:
    """Clips by the value of a measure: what is kept below, what is rejected on top of it; thresholds as lines."""
    everything = np.concatenate([shown.kept, shown.rejected])
    if not len(everything):
        return ""
    low, high = _range(everything)
    edges = np.linspace(low, high, BINS + 1)
    kept, rejected = (np.histogram(np.clip(each, low, high), edges)[0] for each in (shown.kept, shown.rejected))
    most = int((kept + rejected).max()) or 1
    parts = [f'<rect class="lane" x="0" y="0" width="100%" height="{PLOT}"/>']
    for place in range(BINS):
        parts.append(_column(shown, edges, place, int(kept[place]), int(rejected[place]), most))
    parts += _thresholds(shown, low, high)
    parts += _axis(low, high)
    middle = f", median {_short(float(np.median(shown.kept)))}" if len(shown.kept) else ""
    caption = f"{escape(shown.title)}, {escape(shown.unit)}{middle}"
    label = f"{shown.title}: {counted(len(everything), 'clip')} from {_short(low)} to {_short(high)} {shown.unit}"
    return (
        f'<figure class="chart"><figcaption>{caption}</figcaption>{_svg(PLOT + AXIS, "".join(parts), label)}</figure>'
    )


def _column(shown: Histogram, edges: Values, place: int, kept: int, rejected: int, most: int) -> str:
    if not kept + rejected:
        return ""
    left, width = place / BINS, 1 / BINS
    between = f"{_short(edges[place])} to {_short(edges[place + 1])} {shown.unit}"
    hover = f"{between}: {kept} kept, {rejected} rejected"
    low, high = PLOT * kept / most, PLOT * rejected / most
    parts = ""
    if kept:
        parts += _bar(left, width, PLOT - low, low, "kept", hover)
    if rejected:
        parts += _bar(left, width, PLOT - low - high, high, "rejected", hover)
    return parts


def _thresholds(shown: Histogram, low: float, high: float) -> list[str]:
    parts = []
    for limit, words in ((shown.lowest, "at least"), (shown.highest, "at most")):
        if limit is None or not low <= limit <= high:
            continue
        place = (limit - low) / (high - low)
        side = 'text-anchor="end" dx="-4"' if place > 0.5 else 'dx="4"'
        parts.append(f'<line class="limit" x1="{place:.2%}" x2="{place:.2%}" y1="0" y2="{PLOT}"/>')
        parts.append(f'<text class="tick limit" x="{place:.2%}" y="12" {side}>{words} {_short(limit)}</text>')
    return parts


def _axis(low: float, high: float) -> list[str]:
    step = _step((high - low) / TICKS)
    parts = []
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        place = (number * step - low) / (high - low)
        anchor = "start" if place < 0.05 else "end" if place > 0.93 else "middle"
        parts.append(f'<line class="tick" x1="{place:.2%}" x2="{place:.2%}" y1="{PLOT}" y2="{PLOT + 4}"/>')
        parts.append(
            f'<text class="tick" x="{place:.2%}" y="{PLOT + 17}" text-anchor="{anchor}">{_short(number * step)}</text>'
        )
    return parts


def _range(values: Values) -> tuple[float, float]:
    """From the lowest to the highest, without the last hundredth where it lies far off; never empty."""
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(each) for each in np.percentile(values, (1, 99)))
    room = max(inner_high - inner_low, 1e-6)
    low, high = max(low, inner_low - room), min(high, inner_high + room)
    if high - low < 1e-6 * max(1.0, abs(high)):
        middle, half = (low + high) / 2, max(0.5, abs(high) * 0.1)
        return middle - half, middle + half
    return low, high


def _step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least ``rough``."""
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(power * each for each in (1.0, 2.0, 5.0, 10.0) if power * each >= rough * 0.999)


def _short(value: float) -> str:
    """Three digits, and thousands as they are read."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}".replace("-0", "0" if value == 0 else "-0")


def _bar(left: float, width: float, top: float, height: float, kind: str, hover: str) -> str:
    return (
        f'<rect class="{kind}" x="{left:.3%}" y="{top:.1f}" width="{width:.3%}" height="{height:.1f}">'
        f"<title>{escape(hover)}</title></rect>"
    )


def _svg(height: int, inner: str, label: str) -> str:
    return f'<svg width="100%" height="{height}" role="img" aria-label="{escape(label)}">{inner}</svg>'
