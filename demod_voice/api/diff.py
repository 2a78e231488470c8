"""What the next render of an episode would do."""

from __future__ import annotations

from pathlib import Path

from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.episode.diff import KEEP, DiffReport, LineChange
from demod_voice.episode.diff import diff as _diff
from demod_voice.units import format_duration

__all__ = ["DIFF_HEADS", "DiffReport", "LineChange", "describe_diff", "diff_episode", "diff_rows"]

DIFF_HEADS = ("what", "old", "new", "speaker", "length", "text", "why")
"""Heads of the columns of ``diff_rows``."""
TEXT_CHARS = 48


def diff_episode(old: str | Path, new: str | Path, *, settings: Settings = DEFAULTS) -> DiffReport:
    """Compare a rendered episode, or a script, with a script; start no engine and speak nothing.

    Args:
        old: an episode's audio file, ``X.manifest.json`` or ``X.demod``; or a script.
        new: a script.
        settings: what it would be rendered with.

    Raises:
        UsageError: a file is missing, or a script is wrong.
    """
    return _diff(Path(old), Path(new), settings)


def diff_rows(report: DiffReport) -> list[list[object]]:
    """Rows for a table under ``DIFF_HEADS``: every line that is not simply kept."""
    rows: list[list[object]] = []
    for each in report.lines:
        places = [word for word, is_so in (("moved", each.moved), ("re-timed", each.retimed)) if is_so]
        words = [] if each.change == KEEP else [each.change]
        if words or places:
            text = each.text if len(each.text) <= TEXT_CHARS else f"{each.text[: TEXT_CHARS - 3]}..."
            row = [", ".join([*words, *places]), each.old_line or "-", each.line or "-", each.speaker]
            rows.append([*row, f"{each.length_s:.1f} s", text, each.why])
    return rows


def describe_diff(report: DiffReport) -> list[str]:
    """The counts, in words, and what should be known about them."""
    counts, seconds = report.counts, report.seconds
    total = counts["speak"] + counts["keep"]
    line = (
        f"{counts['speak']} of {total} lines would be spoken (about {format_duration(seconds['speak'])}), "
        f"{counts['keep']} kept ({format_duration(seconds['keep'])}); {counts['remove']} removed "
        f"({format_duration(seconds['remove'])}), {counts['moved']} moved, {counts['retimed']} re-timed"
    )
    return [line, *report.notes]
