"""Subtitles that others made, read with patience: SubRip and WebVTT, in whatever state they are.

A cue that cannot be used is left out with a note that names its line, and the rest is read; only a file that holds no
cue at all is refused. The library that writes our own (webvtt-py) leaves bad cues out without a word and knows no lines;
a test holds this reader against it. What a cue's text may hold is in ``subtitle_text``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from demod_voice.errors import Fault, FaultsError
from demod_voice.formats.foreign_text import read_foreign_text
from demod_voice.formats.subtitle_text import Spoken, names_before_text, read_text, unrolled

SUFFIXES = (".srt", ".vtt")
LATEST_S = 360_000.0
"""A cue after one hundred hours is a damaged number."""
MOST_NOTES = 20
_CLOCK = r"(-?)\s*(?:(\d{1,9})\s*:\s*)?(\d{1,9})\s*:\s*(\d{1,9})(?:\s*[.,]\s*(\d{1,9}))?"
_TIMES = re.compile(rf"{_CLOCK}\s*-{{1,3}}\s?>\s*{_CLOCK}(?!\d)")
_NO_CUE = re.compile(r"NOTE(?:\s|$)|(?:STYLE|REGION)\s*$")
_WIDEST = 300
"""Characters of a line that times can be in."""


@dataclass(frozen=True, slots=True)
class SubtitleCue:
    """A text, and when it is shown."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""
    """From a voice tag (``<v Anna>``) or a name before the text (``ANNA:``); else empty."""
    number: int = 0
    """1-based line of its times in the file."""
    mixed: bool = False
    """More than one person speaks in it: dialogue dashes, or two voice tags."""


@dataclass(frozen=True, slots=True)
class Subtitles:
    """A file's cues, and what a person should know of it."""

    cues: tuple[SubtitleCue, ...]
    """In the order of their starts; they may overlap."""
    notes: tuple[str, ...] = ()
    """What was left out or guessed, ``file:line`` first."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A cue as it stands in the file."""

    line: int
    times: str
    lines: tuple[str, ...]


def read_subtitles(path: Path) -> Subtitles:
    """Read SubRip or WebVTT; which of them it is the content says.

    Raises:
        UsageError: the file does not exist, cannot be read or is too large.
        FaultsError: it holds no cue that can be used; every one that cannot, with its line.
    """
    notes: list[Fault] = []
    text = read_foreign_text(path, "subtitles", "give an .srt or .vtt file", notes)
    lines = text.split("\n")
    blocks = list(_vtt_blocks(lines) if text.lstrip().startswith("WEBVTT") else _srt_blocks(lines))
    timed = [cue for block in blocks if (cue := _timed(block, notes))]
    cues = _spoken(timed, notes)
    if not cues:
        hint = "a cue is a line such as  00:00:01,000 --> 00:00:03,500  and its text below"
        raise FaultsError(str(path), [*notes, *([] if blocks else [Fault(None, "there is no cue in it", hint)])])
    return Subtitles(tuple(cues), tuple(_rows(path, notes)))


def _vtt_blocks(lines: Sequence[str]) -> Iterator[_Block]:
    """Blocks end at an empty line; comments, styles and regions are none, unless times are in them."""
    start = 0
    for end in range(len(lines) + 1):
        if end < len(lines) and lines[end].strip("\t\f\v "):
            continue
        begin, start = start, end + 1
        if begin < end and not _NO_CUE.match(lines[begin]):
            yield from _inside(lines, begin, end)


def _srt_blocks(lines: Sequence[str]) -> Iterator[_Block]:
    """A cue goes on over empty lines until the next one's times, or its number before them."""
    yield from _inside(lines, 0, len(lines))


def _inside(lines: Sequence[str], begin: int, end: int) -> Iterator[_Block]:
    """Cues of some lines: each begins where times are."""
    starts = [at for at in range(begin, end) if _is_timed(lines[at])]
    for at, following in pairwise([*starts, end]):
        last = following
        if following < end:
            while last > at + 1 and not lines[last - 1].strip():
                last -= 1
            if last > at + 1 and lines[last - 1].strip().isdecimal():
                last -= 1
        payload = tuple(line.strip() for line in lines[at + 1 : last] if line.strip())
        yield _Block(at + 1, lines[at].strip()[:_WIDEST], payload)


def _is_timed(line: str) -> bool:
    """True for times, and for what was meant as such: an arrow and a digit."""
    head = line.strip()[:_WIDEST]
    return ">" in head and (_TIMES.match(head) is not None or ("-->" in head and any(map(str.isdecimal, head))))


def _timed(block: _Block, notes: list[Fault]) -> tuple[SubtitleCue, tuple[str, ...]] | None:
    """A block with its times read, or nothing and a note."""
    match = _TIMES.match(block.times)
    if match is None:
        notes.append(Fault(block.line, f"{block.times[:60]!r} are no times; the cue is left out"))
        return None
    start_s, end_s = _seconds(match.groups()[:5]), _seconds(match.groups()[5:])
    if end_s <= max(0.0, start_s):
        notes.append(Fault(block.line, "the cue ends before it begins; it is left out"))
    elif end_s > LATEST_S:
        notes.append(Fault(block.line, f"{end_s / 3600:.0f} hours are no time of a recording; the cue is left out"))
    else:
        return SubtitleCue(max(0.0, start_s), end_s, "", number=block.line), block.lines
    return None


def _seconds(parts: Sequence[str | None]) -> float:
    """Fields over their range carry over, and ``,5`` is half a second, as players read them."""
    sign, hours, minutes, seconds, fraction = parts
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    value = whole + (float(f"0.{fraction}") if fraction else 0.0)
    return round(-value if sign else value, 3)


def _spoken(timed: Sequence[tuple[SubtitleCue, tuple[str, ...]]], notes: list[Fault]) -> list[SubtitleCue]:
    """Cues with what is said in them, in order."""
    ordered = sorted(timed, key=lambda each: (each[0].start_s, each[0].end_s))
    if [cue.number for cue, _ in ordered] != sorted(cue.number for cue, _ in ordered):
        notes.append(Fault(None, "its cues are not in the order of time; they were sorted"))
    shown = [(cue.start_s, cue.end_s, lines) for cue, lines in ordered]
    kept = unrolled(shown)
    if kept is not None:
        notes.append(Fault(None, "its captions roll: lines that are shown again were taken once"))
    texts = [read_text(lines) for _, _, lines in (shown if kept is None else kept)]
    texts = names_before_text(texts)
    found = []
    for (cue, _), text, (start_s, end_s, _) in zip(ordered, texts, shown if kept is None else kept, strict=True):
        if text.text:
            found.append(_with_text(replace(cue, start_s=start_s, end_s=end_s), text))
    silent = len(texts) - len(found)
    if silent and kept is None:
        notes.append(Fault(None, f"{silent} of {len(texts)} cues say nothing: empty, sounds in brackets, or songs"))
    return found


def _with_text(cue: SubtitleCue, spoken: Spoken) -> SubtitleCue:
    return replace(cue, text=spoken.text, speaker=spoken.speaker, mixed=spoken.mixed)


def _rows(path: Path, notes: Sequence[Fault]) -> Iterator[str]:
    for note in sorted(notes, key=lambda each: each.line or 0)[:MOST_NOTES]:
        yield f"{path.name}:{note.line}: {note.message}" if note.line else f"{path.name}: {note.message}"
    if len(notes) > MOST_NOTES:
        yield f"{path.name}: and {len(notes) - MOST_NOTES} notes more"
