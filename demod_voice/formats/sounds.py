"""``[sfx door.wav -6dB wait]`` and ``[audio interview.wav 01:12-02:40 clean]``: sound files that stand in a script."""

from __future__ import annotations

import re

from demod_voice.formats.script import Effect, Recording
from demod_voice.formats.tags import TagError
from demod_voice.units import parse_duration

LEAST_GAIN_DB, MOST_GAIN_DB = -60.0, 20.0
SFX_EXAMPLE = "as in [sfx door.wav -6dB wait]"
AUDIO_EXAMPLE = "as in [audio interview.wav 01:12-02:40 clean]"
_GAIN = re.compile(r"[+-]?\d{1,3}(?:\.\d{1,3})?db", re.IGNORECASE)
_RANGE = re.compile(r"(?P<start>[\d.:]+[a-z]{0,3})?[-–](?P<end>[\d.:]+[a-z]{0,3})?", re.IGNORECASE)


def read_effect(value: str, line: int) -> Effect:
    """The effect of ``[sfx value]``: a file, then a gain, then ``wait``.

    Raises:
        TagError: no file, or a gain that cannot be.
    """
    words = value.split()
    wait = bool(words) and words[-1].lower() == "wait"
    words = words[:-1] if wait else words
    gain_db = 0.0
    if words and _GAIN.fullmatch(words[-1]):
        gain_db = float(words.pop()[:-2])
        if not LEAST_GAIN_DB <= gain_db <= MOST_GAIN_DB:
            raise TagError(f"[sfx]: {gain_db:g} dB is not between {LEAST_GAIN_DB:g} and {MOST_GAIN_DB:g}", SFX_EXAMPLE)
    return Effect(_path(value, words, "sfx", SFX_EXAMPLE), line, gain_db, wait)


def read_recording(value: str) -> Recording:
    """The recording of ``[audio value]``: a file, then a stretch of it, then ``clean``.

    Raises:
        TagError: no file, or a stretch that cannot be.
    """
    words = value.split()
    clean = bool(words) and words[-1].lower() == "clean"
    words = words[:-1] if clean else words
    start_s, end_s = 0.0, None
    match = _RANGE.fullmatch(words[-1]) if words else None
    if match and (match["start"] or match["end"]):
        words.pop()
        start_s = _time(match["start"]) if match["start"] else 0.0
        end_s = _time(match["end"]) if match["end"] else None
    recording = Recording(_path(value, words, "audio", AUDIO_EXAMPLE), start_s, end_s, clean)
    problem = stretch_problem(recording)
    if problem:
        raise TagError(f"[audio]: {problem}", AUDIO_EXAMPLE)
    return recording


def stretch_problem(recording: Recording) -> str:
    """What is wrong with the times of a recording, or nothing."""
    if recording.end_s is not None and recording.end_s <= recording.start_s:
        return f"it ends at {recording.end_s:g} s, and begins at {recording.start_s:g} s"
    return ""


def _time(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise TagError(f"[audio]: {error}", AUDIO_EXAMPLE) from None


def _path(value: str, words: list[str], name: str, example: str) -> str:
    """The words before the options, which may be in quotes; spaces inside stay as they are written."""
    end = 0
    for word in words:
        end = value.index(word, end) + len(word)
    path = value[:end].strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'":
        path = path[1:-1].strip()
    if not path:
        raise TagError(f"[{name}] without a file", example)
    return path
