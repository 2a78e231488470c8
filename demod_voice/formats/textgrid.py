"""Word times as a Praat TextGrid: one interval tier, silence between the words.

Source: Praat manual, "TextGrid file formats" (long text form).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from demod_voice.formats.cues import SpokenWord
from demod_voice.records.atomic import write_text

TIER = "words"


def write_textgrid(path: Path, words: Sequence[SpokenWord], duration_s: float) -> None:
    """Write the words of a recording; a word that begins before the one before it ends begins there.

    Args:
        path: the file.
        words: in order.
        duration_s: of the recording, seconds.
    """
    end_s = max([duration_s, *(word.end_s for word in words)])
    rows = list(_intervals(words, end_s))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        *_span(0.0, end_s, ""),
        "tiers? <exists>",
        "size = 1",
        "item []:",
        "    item [1]:",
        '        class = "IntervalTier"',
        f'        name = "{TIER}"',
        *_span(0.0, end_s, " " * 8),
        f"        intervals: size = {len(rows)}",
    ]
    for number, (start_s, stop_s, text) in enumerate(rows, 1):
        lines += [f"        intervals [{number}]:", *_span(start_s, stop_s, " " * 12)]
        lines.append(" " * 12 + 'text = "{}"'.format(text.replace('"', '""')))
    write_text(path, "\n".join(lines) + "\n")


def _intervals(words: Sequence[SpokenWord], end_s: float) -> Iterator[tuple[float, float, str]]:
    """The words and the silences between them, without a gap; a word without any time is left out."""
    at = 0.0
    for word in words:
        start_s, stop_s = max(at, word.start_s), max(at, word.end_s)
        if stop_s - start_s < 0.001:
            continue
        if start_s - at >= 0.001:
            yield at, start_s, ""
        else:
            start_s = at
        yield start_s, stop_s, word.text
        at = stop_s
    if end_s - at >= 0.001 or not words:
        yield at, end_s, ""


def _span(start_s: float, end_s: float, indent: str) -> list[str]:
    return [f"{indent}xmin = {start_s:.3f}", f"{indent}xmax = {end_s:.3f}"]
