"""Transcripts with times and speakers: WebVTT (with voice tags) and SubRip."""

from __future__ import annotations

import html
import io
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_voice.records.atomic import write_text

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
        voice = html.escape(cue.speaker, quote=False).replace("\n", " ")
        document.captions.append(webvtt.Caption(_clock(cue.start_s), _clock(cue.end_s), f"<v {voice}>{text}</v>"))
    out = io.StringIO()
    document.write(out)
    write_text(path, out.getvalue().rstrip("\n") + "\n")


def write_srt(path: Path, cues: Sequence[Cue]) -> None:
    """Write SubRip; the speaker stands before the text."""
    import webvtt

    document = webvtt.WebVTT()
    for cue in split_cues(cues):
        text = _wrapped(f"{cue.speaker}: {cue.text}")
        document.captions.append(webvtt.Caption(_clock(cue.start_s), _clock(cue.end_s), text))
    out = io.StringIO()
    document.write(out, format="srt")
    write_text(path, out.getvalue().rstrip("\n") + "\n")


def split_cues(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Long cues cut into ones of two lines, their times in proportion to their characters; none overlaps the next."""
    ordered = sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))
    for number, cue in enumerate(ordered):
        following = ordered[number + 1].start_s if number + 1 < len(ordered) else cue.end_s
        end = max(cue.start_s + 0.001, min(cue.end_s, following) if following > cue.start_s else cue.end_s)
        pieces = textwrap.wrap(" ".join(cue.text.split()), LINE_CHARS * LINES - 4, break_long_words=True) or [cue.text]
        total = sum(map(len, pieces)) or 1
        at = 0
        for piece in pieces:
            start = cue.start_s + (end - cue.start_s) * at / total
            at += len(piece)
            yield Cue(start, cue.start_s + (end - cue.start_s) * at / total, cue.speaker, piece)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LINE_CHARS, break_long_words=False)) or text


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
