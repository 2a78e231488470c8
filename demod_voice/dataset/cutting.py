"""Cut a recording into segments: pure functions on numbers; ``dataset.build`` calls ``cut``.

Where speech is found, phrases end at pauses of at least 150 ms (``cutting_pauses``), take their text and speaker from
lines, words and turns, and are put together to segments of the asked length (``cutting_plan``). What goes into no
segment has a row that says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speech_track import SpeechTrack
from demod_voice.config.settings import Segments
from demod_voice.dataset.cutting_pauses import find_phrases
from demod_voice.dataset.cutting_plan import Planned, Unit, plan
from demod_voice.errors import UsageError
from demod_voice.formats.cues import SpokenWord


@dataclass(frozen=True, slots=True)
class Sound:
    """What is known of a recording's sound."""

    track: SpeechTrack
    envelope_dbfs: NDArray[np.float32]
    """Level of each 10 ms of the finished recording, dBFS, shape (n,); -inf is silence."""
    duration_s: float
    words: tuple[SpokenWord, ...] = ()
    """Its words with their times, where they are known; else empty."""


@dataclass(frozen=True, slots=True)
class TimedText:
    """A text, and about when it is said: a cue of subtitles."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """A segment to be: times in seconds, whole milliseconds."""

    start_s: float
    end_s: float
    speech_start_s: float
    """Where the first phrase begins: ``start_s`` is a margin before."""
    speech_end_s: float
    text: str = ""
    text_source: str = "none"
    speaker: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """Speech that is in no cut."""

    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class CutResult:
    """A recording, cut."""

    cuts: tuple[Cut, ...]
    """In the order of time; they do not overlap."""
    dropped: tuple[Drop, ...]
    """In the order of time."""


def cut(sound: Sound, settings: Segments) -> CutResult:
    """Cut a recording.

    Args:
        sound: speech track, level and length of the recording.
        settings: lengths, margin, longest pause inside a segment.

    Raises:
        UsageError: no length is allowed by the settings.
    """
    if settings.min_s > settings.max_s:
        raise UsageError(
            f"dataset.segments.min_s is {settings.min_s:g}, and max_s is {settings.max_s:g}: no segment fits",
            "set min_s below max_s",
        )
    phrases = find_phrases(sound.track, sound.envelope_dbfs, sound.duration_s, settings)
    units = [Unit(each.start_ms, each.end_ms) for each in phrases]
    planned, left = plan(units, int(sound.duration_s * 1000), settings)
    dropped = tuple(Drop(each.start_ms / 1000, each.end_ms / 1000, each.reason) for each in left)
    return CutResult(tuple(_cut(each) for each in planned), dropped)


def _cut(planned: Planned) -> Cut:
    first, last = planned.units[0], planned.units[-1]
    return Cut(
        planned.start_ms / 1000,
        planned.end_ms / 1000,
        first.start_ms / 1000,
        last.end_ms / 1000,
        " ".join(each.text for each in planned.units if each.text),
        first.text_source,
        first.speaker,
        first.label,
    )
