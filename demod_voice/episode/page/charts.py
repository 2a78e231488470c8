"""The time line of a report as SVG: chapters, a lane for each speaker, waveform and loudness over one time axis.

Places along the time are percentages, so the drawing fills any width while its letters keep their size; only curves
are stretched, and their strokes are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

from demod_voice.episode.page.facts import LineFacts, Told, clock
from demod_voice.episode.page.measures import COLUMNS, HOP_S, MOMENTARY, SHORT_TERM, Floats, thin

PALETTE = 8
"""Colours that report.css has for speakers; more speakers begin again."""
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MOST_TICKS = 10
LABEL, LANE, ODD, GAP = 16, 18, 4, 10
"""Heights in pixels: of a row of words, of a lane, of the bar below an odd line, between two bands."""
WAVE, LOUDNESS, CHAPTERS, AXIS = 72, 168, 24, 22
ABOVE_LU, BELOW_LU = 12, 30
"""What the loudness chart shows over and under the target, in LU."""
GRID_LU = 6


@dataclass(slots=True)
class _Sheet:
    """A drawing that grows downwards."""

    duration_s: float
    parts: list[str] = field(default_factory=list)
    height: int = 0

    def percent(self, seconds: float) -> str:
        """A moment as a place from left to right."""
        return f"{min(100.0, max(0.0, 100.0 * seconds / self.duration_s)):.3f}%"

    def width(self, start_s: float, end_s: float) -> str:
        """A stretch as a width."""
        return f"{max(0.0, 100.0 * (end_s - start_s) / self.duration_s):.3f}%"

    def heading(self, words: str) -> None:
        """A row of words over a band."""
        self.parts.append(f'<text class="band" x="0" y="{self.height + LABEL - 4}">{escape(words)}</text>')
        self.height += LABEL


def speaker_class(name: str, speakers: Sequence[str]) -> str:
    """The class that colours a speaker."""
    return f"s{speakers.index(name) % PALETTE}" if name in speakers else "s0"


def timeline(told: Told, lines: Sequence[LineFacts]) -> str:
    """The whole drawing."""
    sheet = _Sheet(max(told.sound.duration_s, 1e-3))
    _chapters(sheet, told)
    speakers = list(told.story["speakers"])
    for name in speakers:
        _lane(sheet, name, speaker_class(name, speakers), [each for each in lines if each.speaker == name])
    _other_lanes(sheet, told)
    _waveform(sheet, told)
    _loudness(sheet, told)
    _axis(sheet)
    summary = f"Time line of {clock(sheet.duration_s)}: {len(lines)} lines of {', '.join(speakers)}"
    return (
        f'<svg id="timeline" width="100%" height="{sheet.height}" role="slider" tabindex="0" aria-valuemin="0" '
        f'aria-valuemax="{sheet.duration_s:.0f}" aria-valuenow="0" aria-valuetext="0:00" '
        f'data-duration="{sheet.duration_s:.3f}" aria-label="{escape(summary)}">'
        + "".join(sheet.parts)
        + f'<line id="playhead" visibility="hidden" x1="0%" x2="0%" y1="0" y2="{sheet.height - AXIS}"/></svg>'
    )


def _chapters(sheet: _Sheet, told: Told) -> None:
    chapters = told.story.get("chapters") or []
    if not chapters:
        return
    sheet.heading("Chapters")
    for number, each in enumerate(chapters):
        x, width = sheet.percent(each["start_sec"]), sheet.width(each["start_sec"], each["end_sec"])
        sheet.parts.append(
            f'<svg x="{x}" y="{sheet.height}" width="{width}" height="{CHAPTERS}" class="chapter">'
            f"<title>{escape(each['title'])}</title>"
            f'<rect width="100%" height="100%" class="{"even" if number % 2 == 0 else "odd"}"/>'
            f'<text x="6" y="16">{escape(each["title"])}</text></svg>'
        )
    sheet.height += CHAPTERS + GAP


def _lane(sheet: _Sheet, name: str, colour: str, lines: Sequence[LineFacts]) -> None:
    spoken = sum(each.end_s - each.start_s for each in lines)
    sheet.heading(f"{name}, {clock(spoken)}")
    sheet.parts.append(f'<rect class="lane" x="0" y="{sheet.height}" width="100%" height="{LANE}"/>')
    bars = [_bar(sheet, each, sheet.height, LANE, "") for each in lines]
    odd = [_bar(sheet, each, sheet.height + LANE + 1, ODD, "odd-line") for each in lines if each.faults]
    sheet.parts.append(f'<g class="{colour} bars">{"".join(bars)}{"".join(odd)}</g>')
    sheet.height += LANE + GAP


def _bar(sheet: _Sheet, line: LineFacts, top: int, height: int, kind: str) -> str:
    x, width = sheet.percent(line.start_s), sheet.width(line.start_s, line.end_s)
    named = f' class="{kind}"' if kind else ""
    title = f"<title>{escape(_hover(line))}</title>"
    return f'<rect{named} x="{x}" y="{top}" width="{width}" height="{height}">{title}</rect>'


def _hover(line: LineFacts) -> str:
    faults = f" [{'; '.join(line.faults)}]" if line.faults else ""
    return f"{clock(line.start_s)} {line.speaker}: {line.text}{faults}"


def _other_lanes(sheet: _Sheet, told: Told) -> None:
    """Music and effects."""
    for lane in told.lanes:
        kind = "music" if lane.name.startswith("music") else "effects"
        sheet.heading(lane.name.capitalize())
        sheet.parts.append(f'<rect class="lane" x="0" y="{sheet.height}" width="100%" height="{LANE}"/>')
        for start_s, end_s, file in lane.cues:
            x, width = sheet.percent(start_s), sheet.width(start_s, end_s)
            sheet.parts.append(
                f'<rect class="{kind}" x="{x}" y="{sheet.height}" width="{width}" height="{LANE}">'
                f"<title>{clock(start_s)} {escape(file)}</title></rect>"
            )
        sheet.height += LANE + GAP


def _waveform(sheet: _Sheet, told: Told) -> None:
    sound = told.sound
    sheet.heading("Waveform: peak and RMS")
    parts = []
    for name, values in (("peak", sound.peaks), ("rms", sound.levels)):
        upper = [f"{number},{1 - value:.3f}" for number, value in enumerate(_stepped(values))]
        lower = [f"{number},{1 + value:.3f}" for number, value in enumerate(_stepped(values))]
        if upper:
            parts.append(f'<path class="{name}" d="M{" ".join(upper)} {" ".join(reversed(lower))}Z"/>')
    columns = sound.duration_s / sound.column_s if sound.column_s else 1.0
    sheet.parts.append(
        f'<rect class="lane" x="0" y="{sheet.height}" width="100%" height="{WAVE}"/>'
        f'<svg x="0" y="{sheet.height}" width="100%" height="{WAVE}" viewBox="0 0 {columns:.2f} 2" '
        f'preserveAspectRatio="none" class="wave">{"".join(parts)}</svg>'
    )
    for words, part in (("0 dBFS", 0.0), ("-6", 0.25)):
        y = sheet.height + part * WAVE
        sheet.parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y:g}" y2="{y:g}"/>')
        sheet.parts.append(f'<text class="tick" x="3" y="{y + 11:g}">{words}</text>')
    sheet.height += WAVE + GAP


def _stepped(values: Sequence[float]) -> list[float]:
    """The last column twice, so that it has a width."""
    return [*values, values[-1]] if values else []


def _loudness(sheet: _Sheet, told: Told) -> None:
    target = told.targets.lufs
    top, bottom = target + ABOVE_LU, target - BELOW_LU
    sheet.heading(f"Loudness, LUFS: 3 s (bold) and 0.4 s, target {target:.3g}")
    first = sheet.height

    def y(lufs: float) -> float:
        return LOUDNESS * (top - min(top, max(bottom, lufs))) / (top - bottom)

    sheet.parts.append(f'<rect class="lane" x="0" y="{first}" width="100%" height="{LOUDNESS}"/>')
    levels = [target + step for step in range(-BELOW_LU + GRID_LU, ABOVE_LU, GRID_LU)]
    for level in levels:
        kind = "target" if level == target else "grid"
        sheet.parts.append(
            f'<line class="{kind}" x1="0" x2="100%" y1="{first + y(level):.1f}" y2="{first + y(level):.1f}"/>'
        )
    curves = "".join(
        f'<path class="{name}" d="{_curve(told.sound.windows(hops), hops, told.sound.duration_s, y)}"/>'
        for name, hops in (("momentary", MOMENTARY), ("short", SHORT_TERM))
    )
    sheet.parts.append(
        f'<svg x="0" y="{first}" width="100%" height="{LOUDNESS}" viewBox="0 0 {COLUMNS} {LOUDNESS}" '
        f'preserveAspectRatio="none" class="curves">{curves}</svg>'
    )
    for level in levels:
        kind = "tick target-label" if level == target else "tick"
        sheet.parts.append(f'<text class="{kind}" x="3" y="{first + y(level) - 3:.1f}">{level:.3g}</text>')
    sheet.height += LOUDNESS


def _curve(values: Floats, hops: int, duration_s: float, y: Callable[[float], float]) -> str:
    """A path; a window's loudness stands at its middle. Where the chart ends below, the line ends."""
    parts = []
    pen = "M"
    for place, value in thin(values, COLUMNS):
        height = y(value)
        if height >= LOUDNESS:
            pen = "M"
            continue
        parts.append(f"{pen}{COLUMNS * min(1.0, (place + hops / 2) * HOP_S / duration_s):.1f} {height:.1f}")
        pen = "L"
    return "".join(parts)


def _axis(sheet: _Sheet) -> None:
    step = next((each for each in STEPS_S if sheet.duration_s / each <= MOST_TICKS), STEPS_S[-1])
    for number in range(int(sheet.duration_s / step) + 1):
        moment = number * step
        anchor = "start" if number == 0 else "end" if moment > sheet.duration_s * 0.97 else "middle"
        kind = "tick minor" if number % 2 else "tick"
        x = sheet.percent(moment)
        sheet.parts.append(
            f'<line class="{kind}" x1="{x}" x2="{x}" y1="{sheet.height}" y2="{sheet.height + 5}"/>'
            f'<text class="{kind}" x="{x}" y="{sheet.height + 18}" text-anchor="{anchor}">{clock(moment)}</text>'
        )
    sheet.height += AXIS
