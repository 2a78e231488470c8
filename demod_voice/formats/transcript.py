"""Transcripts with times and speakers: WebVTT (with voice tags) and SubRip."""

from __future__ import annotations

import html
import io
import textwrap
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_voice.records.atomic import write_text
from demod_voice.text.clean import clean
from demod_voice.text.sentences import chunk

LINE_CHARS = 42
LINES = 2
"""Two lines of 42 characters: what subtitle guidelines (BBC, Netflix) allow at most."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Something that is said."""

    start_s: float
    end_s: float
    speaker: str
    text: str


def write_vtt(path: Path, cues: Sequence[Cue]) -> None:
    """Write WebVTT; the speaker is a voice tag."""
    import webvtt

    document = webvtt.WebVTT()
    for cue in split_cues(cues):
        text = _wrapped(html.escape(cue.text, quote=False))
        voice = html.escape(clean(cue.speaker), quote=False)
        document.captions.append(webvtt.Caption(_clock(cue.start_s), _clock(cue.end_s), f"<v {voice}>{text}</v>"))
    out = io.StringIO()
    document.write(out)
    write_text(path, out.getvalue().rstrip("\n") + "\n")


def write_srt(path: Path, cues: Sequence[Cue]) -> None:
    """Write SubRip; the speaker stands before the text. SubRip has no escapes: an arrow of times becomes →."""
    rows = []
    for number, cue in enumerate(split_cues(cues), 1):
        text = _wrapped(f"{clean(cue.speaker)}: {cue.text}".replace("-->", "→"))
        times = f"{_clock(cue.start_s)} --> {_clock(cue.end_s)}".replace(".", ",")
        rows.append(f"{number}\n{times}\n{text}\n")
    write_text(path, "\n".join(rows))


def split_cues(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Long cues cut into ones of two lines, their times in proportion to their characters; none overlaps the next.

    Times are whole milliseconds. A cue that begins while another is said waits for its end.
    """
    ordered = sorted((cue for cue in cues if cue.text.strip()), key=lambda cue: (cue.start_s, cue.end_s))
    free = 0
    for number, cue in enumerate(ordered):
        start, end = round(cue.start_s * 1000), round(cue.end_s * 1000)
        following = round(ordered[number + 1].start_s * 1000) if number + 1 < len(ordered) else end
        start = max(start, free)
        end = min(end, following) if following > start else end
        pieces = chunk(clean(cue.text), "en", LINE_CHARS * LINES - 4)
        free = yield from _timed(cue, pieces, start, max(end, start + len(pieces)))


def _timed(cue: Cue, pieces: list[str], start: int, end: int) -> Generator[Cue, None, int]:
    """The pieces one after the other from ``start`` to ``end``, each at least 1 ms; gives the end back."""
    total, said, at = sum(map(len, pieces)), 0, start
    for number, piece in enumerate(pieces, 1):
        said += len(piece)
        until = start + number + (end - start - len(pieces)) * said // total
        yield Cue(at / 1000, until / 1000, cue.speaker, piece)
        at = until
    return at


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LINE_CHARS, break_long_words=False, break_on_hyphens=False)) or text


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
