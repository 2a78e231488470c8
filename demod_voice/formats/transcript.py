"""Transcripts with times and speakers: WebVTT (with voice tags), SubRip, and Podcasting 2.0's JSON."""

from __future__ import annotations

import html
import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demod_voice.formats.cues import LINE_CHARS, Cue, split_cues
from demod_voice.records.atomic import write_json, write_text
from demod_voice.text.clean import clean

JSON_VERSION = "1.0.0"


def write_vtt(path: Path, cues: Sequence[Cue]) -> None:
    """Write WebVTT; the speaker, where one is known, is a voice tag."""
    import webvtt

    document = webvtt.WebVTT()
    for cue in split_cues(cues):
        text = _wrapped(html.escape(cue.text, quote=False))
        voice = html.escape(clean(cue.speaker), quote=False)
        spoken = f"<v {voice}>{text}</v>" if voice else text
        document.captions.append(webvtt.Caption(_clock(cue.start_s), _clock(cue.end_s), spoken))
    out = io.StringIO()
    document.write(out)
    write_text(path, out.getvalue().rstrip("\n") + "\n")


def write_srt(path: Path, cues: Sequence[Cue]) -> None:
    """Write SubRip; the speaker, where one is known, stands before the text.

    SubRip has no escapes: an arrow of times becomes →.
    """
    rows = []
    for number, cue in enumerate(split_cues(cues), 1):
        speaker = clean(cue.speaker)
        text = _wrapped((f"{speaker}: {cue.text}" if speaker else cue.text).replace("-->", "→"))
        times = f"{_clock(cue.start_s)} --> {_clock(cue.end_s)}".replace(".", ",")
        rows.append(f"{number}\n{times}\n{text}\n")
    write_text(path, "\n".join(rows))


def write_json_transcript(path: Path, cues: Sequence[Cue]) -> None:
    """Write the JSON transcript of Podcasting 2.0; ``words`` in a segment, which apps may ignore, has each word's time.

    Source: https://github.com/Podcastindex-org/podcast-namespace, transcripts, JSON format 1.0.0.
    """
    write_json(path, {"version": JSON_VERSION, "segments": [_segment(cue) for cue in split_cues(cues)]})


def _segment(cue: Cue) -> dict[str, Any]:
    found: dict[str, Any] = {
        "startTime": cue.start_s,
        "endTime": cue.end_s,
        **({"speaker": speaker} if (speaker := clean(cue.speaker)) else {}),
        "body": cue.text,
    }
    words = [
        {"startTime": round(word.start_s, 3), "endTime": round(word.end_s, 3), "body": word.text} for word in cue.words
    ]
    return {**found, "words": words} if words else found


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LINE_CHARS, break_long_words=False, break_on_hyphens=False)) or text


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
