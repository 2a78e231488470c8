"""What a person wants to know about a script and a finished render, a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from demod_voice.episode.check import CheckReport
from demod_voice.episode.render import RenderReport
from demod_voice.units import counted, format_duration

MOST_ROWS = 5
"""So many rows of a script are named for one wish; the rest is counted."""
WISHES = {"hint": "the hint", "language": "the language", "style": "the style", "say_as": "say-as"}
"""First part of a degradation's name -> how it is called."""


def describe_render(report: RenderReport) -> list[str]:
    """What came of a render: its length, each file with its loudness, what is beside it, what no engine could do."""
    numbers = report.metrics
    spoken, total = numbers["utterances_generated"], numbers["utterances_total"]
    length = format_duration(numbers["total_duration_sec"])
    took = format_duration(numbers["generation_time_sec"])
    lines = [f"{length} of audio in {took}; {counted(total, 'line')}: {spoken} spoken, {total - spoken} kept"]
    for name, measured in report.manifest["loudness"]["files"].items():
        loudness = f"{measured['lufs']:.1f} LUFS, true peak {measured['true_peak_dbtp']:.1f} dBTP"
        lines.append(f"{report.outputs.audio[name]}  {loudness}")
    lines.append(f"{report.outputs.manifest}  {report.outputs.vtt}  {report.outputs.srt}")
    if report.outputs.report.exists():
        lines.append(f"{report.outputs.report}  (open it in a browser)")
    lines.append(f"{report.outputs.work}  (the work, kept for the next render)")
    lines += [f"{path}  is older: not made by this render, and not in its manifest" for path in report.outputs.stale()]
    return [*lines, *missed(report.manifest["degradations"])]


def describe_check(report: CheckReport) -> list[str]:
    """What is in a script, and who speaks how much of it."""
    counts = [counted(report.lines, "line"), counted(report.words, "word"), counted(report.chapters, "chapter")]
    speakers = [f"  {name}: {counted(count, 'line')}, {report.voices[name]}" for name, count in report.speakers.items()]
    show = [f"  show: {report.show}"] if report.show else []
    return [f"{report.title}: {', '.join(counts)}, about {format_duration(report.estimated_s)}", *speakers, *show]


def missed(degradations: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What was asked for and not given, each with the rows of the script that asked for it."""
    rows: dict[str, list[int]] = {}
    for each in degradations:
        rows.setdefault(_said(each["engine"] or "recordings", each["what"]), []).append(each["line"])
    for text, lines in sorted(rows.items()):
        shown = sorted(set(lines))
        more = f" and {len(shown) - MOST_ROWS} more" if len(shown) > MOST_ROWS else ""
        noun = "line" if len(shown) == 1 else "lines"
        yield f"{text} ({noun} {', '.join(map(str, shown[:MOST_ROWS]))}{more})"


def _said(engine: str, what: str) -> str:
    kind, _, name = what.partition(".")
    if kind in WISHES and name:
        return f"{engine} cannot use {WISHES[kind]} {name}"
    return f"{engine}: {what}" if ":" in what else f"{engine} cannot use {what}"
