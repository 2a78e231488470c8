"""Cut a recording into segments: pure functions on numbers; ``dataset.build`` calls ``cut``.

Where speech is found, phrases end at pauses of at least 150 ms (``pauses``), take their text from words
(``words``) or lines (``text``) and their label from turns (``turns``), and are put together to
segments of the asked length (``plan``). What goes into no segment has a row that says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speech_track import SpeechTrack
from demod_voice.config.settings import Segments
from demod_voice.dataset.cutting.pauses import Phrase, find_phrases
from demod_voice.dataset.cutting.plan import LeftOut, Planned, Unit, plan
from demod_voice.dataset.cutting.text import Line, Texted, with_text
from demod_voice.dataset.cutting.turns import changes, with_labels
from demod_voice.dataset.cutting.words import Word, is_known, with_words
from demod_voice.errors import UsageError
from demod_voice.formats.rttm import Turn


@dataclass(frozen=True, slots=True)
class Sound:
    """What is known of a recording's sound."""

    track: SpeechTrack
    envelope_dbfs: NDArray[np.float32]
    """Level of each 10 ms of the finished recording, dBFS, shape (n,); -inf is silence."""
    duration_s: float
    words: Sequence[Word] = ()
    """Its words with their times, where they are known; else empty. The text is theirs then."""
    words_source: str = "transcript"
    """Where they are from: the ``text_source`` of the segments."""


@dataclass(frozen=True, slots=True)
class TimedText:
    """A text, and about when it is said: a cue of subtitles."""

    start_s: float
    end_s: float
    text: str
    speaker: str = ""
    mixed: bool = False
    """More than one person speaks in it."""


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
    """Speech that is in no cut, or a text without speech."""

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
    notes: tuple[str, ...] = ()
    """What a person should know: subtitles that were moved, or that hardly fit."""


def cut(
    sound: Sound,
    settings: Segments,
    lines: Sequence[TimedText] = (),
    turns: Sequence[Turn] = (),
    *,
    keep_untexted: bool = False,
) -> CutResult:
    """Cut a recording.

    Args:
        sound: speech track, level and length of the recording; its words, where they are known.
        settings: lengths, margin, longest pause inside a segment.
        lines: texts with times. Without any, and without words, segments have no text.
        turns: who speaks when; segments get their labels.
        keep_untexted: speech without a text is cut as well, into segments of its own; else it is left out with a row.

    Raises:
        UsageError: no length is allowed by the settings.
    """
    if settings.min_s > settings.max_s:
        raise UsageError(
            f"dataset.segments.min_s is {settings.min_s:g}, and max_s is {settings.max_s:g}: no segment fits",
            "set min_s below max_s",
        )
    words_ms = [(round(each.start_s * 1000), round(each.end_s * 1000)) for each in sound.words if is_known(each)]
    phrases = find_phrases(sound.track, sound.envelope_dbfs, sound.duration_s, settings, words_ms, changes(turns))
    texted = _texted(phrases, sound, settings, lines, keep_untexted)
    units = with_labels(texted.units, turns) if turns else texted.units
    planned, left = plan(units, int(sound.duration_s * 1000), settings)
    dropped = sorted([*left, *texted.lost], key=lambda each: (each.start_ms, each.end_ms, each.reason))
    rows = tuple(_drop(each, sound.duration_s) for each in dropped)
    return CutResult(tuple(map(_cut, planned)), rows, texted.notes)


def _texted(
    phrases: Sequence[Phrase], sound: Sound, settings: Segments, lines: Sequence[TimedText], keep_untexted: bool
) -> Texted:
    timed = [
        Line(round(each.start_s * 1000), round(each.end_s * 1000), each.text, each.speaker, each.mixed)
        for each in lines
        if each.end_s > each.start_s and each.text.strip()
    ]
    if sound.words:
        return Texted(tuple(with_words(phrases, sound.words, sound.words_source, timed, keep_untexted)))
    if lines:
        most_ms = int(settings.max_s * 1000 - 2 * settings.margin_ms)
        return with_text(phrases, timed, most_ms, keep_untexted)
    return Texted(tuple(Unit(each.start_ms, each.end_ms) for each in phrases))


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


def _drop(left: LeftOut, duration_s: float) -> Drop:
    start_s, end_s = (min(max(0, each) / 1000, duration_s) for each in (left.start_ms, left.end_ms))
    return Drop(start_s, end_s, left.reason)
