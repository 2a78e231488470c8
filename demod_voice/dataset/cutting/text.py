"""Which text belongs to which phrases: cues of subtitles laid over the speech that was found. Called by ``cutting``.

Subtitles are shown a little before and longer than what is said, and often seconds off as a whole. So the whole is moved
to where it fits the speech best; then a cue takes the phrases that are mostly inside it, that it is mostly inside of, or
that share more with it than times are off.
What shares a phrase or a cue stays together: inside a phrase nobody knows where one text ends, and inside a text where
one phrase does.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from demod_voice.dataset.cutting.pauses import Phrase
from demod_voice.dataset.cutting.plan import LeftOut, Unit

NO_SPEECH = "a text where no speech was found"
NO_TEXT = "speech without a text"
TWO_SPEAKERS = "two speakers in a text, or without a pause between them"
TOO_MUCH_TEXT = "a text too long for its speech, as this recording is spoken"
TOO_LITTLE_TEXT = "a text too short for its speech, as this recording is spoken"
SUBTITLES = "subtitles"
LARGEST_OFFSET_MS = 10_000
"""Subtitles are moved by so much at most."""
MOSTLY = 0.5
"""Share of a phrase, or of a cue, that makes them belong together."""
SURELY_MS = 400
"""What they share that makes them belong together in any case: more than lines are off."""
TOUCH_MS = 100
"""What a line at least shares with the phrases that it lies over."""
NEAR_MS = 500
"""So far from a line a phrase may lie and still be what it says, when the line lies over none."""
AGREES_MS = 500
"""A text is divided where a pause is and a punctuation mark is due within this."""
HIT_MS = 300
"""A line that begins so near to a phrase may begin with it."""
SURE, UNSURE = 5.0, 3.0
"""Deviations over chance from which lines are moved, and under which they may be another recording's: that is told, not
decided. Among 400 moves chance alone reaches 3."""
MANY = 20
"""Lines from which a poor fit says something."""
FEWEST = 5
"""Cues from which an offset is looked for."""
FASTEST, SLOWEST = 1.6, 2.2
"""So many times the usual letters a second, or one part in so many, are no reading of the same speaker. (Phrases vary by a
fifth.) Twice as much where there is little speech."""
LEAST_SPEECH_S = 1.0
FEWEST_RATES = 10
"""Texts from which it is known what is usual."""
_STEP_MS = 50
_FARTHER = 0.01
"""Share of the fit that an offset must bring for each second."""
_GAIN = 1.1
_MARK = re.compile(r"[.,;:!?…—–)\]\"”»。、，！？；：](?:\s+|$)")

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Line:
    """A cue, in whole milliseconds."""

    start_ms: int
    end_ms: int
    text: str
    speaker: str = ""
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Texted:
    """Phrases with their texts."""

    units: tuple[Unit, ...]
    lost: tuple[LeftOut, ...] = ()
    """Cues without speech."""
    notes: tuple[str, ...] = ()


def with_text(phrases: Sequence[Phrase], lines: Sequence[Line], most_ms: int, keep_untexted: bool) -> Texted:
    """Give phrases the text of the lines.

    Args:
        phrases: in order, apart from each other.
        lines: in any order; they may overlap.
        most_ms: what is longer is divided, where pauses and punctuation agree.
        keep_untexted: phrases without a line are kept, without a text; else they are rejected.
    """
    offset, fit = best_offset(phrases, lines)
    notes = []
    if offset:
        notes.append(f"the subtitles were moved by {offset / 1000:+.2f} s, where they fit the speech")
    if fit is not None and fit < UNSURE and len(lines) >= MANY:
        notes.append("the subtitles fit the speech no better than chance: are they of this recording?")
    moved = sorted(
        (replace(each, start_ms=each.start_ms + offset, end_ms=each.end_ms + offset) for each in lines),
        key=lambda each: (each.start_ms, each.end_ms),
    )
    spans = _spans(phrases, moved)
    lost = [LeftOut(each.start_ms, each.end_ms, NO_SPEECH) for each, span in zip(moved, spans, strict=True) if not span]
    units: list[Unit] = []
    for first, after, cues in _together(phrases, moved, spans):
        units += _units(phrases[first:after], cues, most_ms, keep_untexted)
    return Texted(tuple(_plausible(units, phrases)), tuple(lost), tuple(notes))


def best_offset(phrases: Sequence[Phrase], lines: Sequence[Line]) -> tuple[int, float | None]:
    """Milliseconds to move the lines by, and how surely: deviations over chance, or None with too few lines.

    A line begins where a phrase does; its end says little, as lines are shown for as long as there is time. Of every
    move within reach that one is best at which most lines begin within ``HIT_MS`` of a phrase, the nearer the better. It
    must be no chance, and bring a tenth more than where the lines are.
    """
    if len(lines) < FEWEST or not phrases:
        return 0, None
    reach = LARGEST_OFFSET_MS // _STEP_MS
    size = (max(phrases[-1].end_ms, max(each.start_ms for each in lines)) + HIT_MS) // _STEP_MS + 2 * reach + 2
    near = _nearness([each.start_ms // _STEP_MS + reach for each in phrases], size)
    starts = np.array([max(0, each.start_ms) // _STEP_MS + reach for each in lines], np.int64)
    lags = np.arange(-reach, reach + 1)
    hits = np.array([float(near[starts + lag].mean()) for lag in lags])
    chance = float(hits.mean())
    sure = (hits - chance) / max(1e-9, float(np.sqrt(chance * (1 - chance) / len(lines))))
    worth = (hits - chance) * (1 - _FARTHER * np.abs(lags) * _STEP_MS / 1000)
    best = int(np.argmax(worth))
    if sure[best] < SURE or worth[best] < _GAIN * worth[reach]:
        best = reach
    return int(lags[best]) * _STEP_MS, float(sure[best])


def _nearness(starts: Sequence[int], size: int) -> NDArray[np.float64]:
    """1 at each start, falling to 0 within ``HIT_MS`` on both sides."""
    wide = HIT_MS // _STEP_MS
    near = np.zeros(size)
    for away in range(wide):
        for sign in (-1, 1):
            at = np.clip(np.array(starts, np.int64) + sign * away, 0, size - 1)
            near[at] = np.maximum(near[at], 1 - away / wide)
    return near


def _spans(phrases: Sequence[Phrase], lines: Sequence[Line]) -> list[tuple[int, int] | None]:
    """For each line the phrases (first, after the last) that belong to it."""
    starts = np.array([each.start_ms for each in phrases], np.int64)
    ends = np.array([each.end_ms for each in phrases], np.int64)
    found = [_inside(starts, ends, each) for each in lines]
    taken = np.zeros(len(phrases), bool)
    for span in found:
        if span:
            taken[slice(*span)] = True
    return [span or _beside(starts, ends, taken, each) for span, each in zip(found, lines, strict=True)]


def _inside(starts: Times, ends: Times, line: Line) -> tuple[int, int] | None:
    """The phrases that belong to a line by what they share; if none does, those that it lies over at all."""
    first, after = int(np.searchsorted(ends, line.start_ms, "right")), int(np.searchsorted(starts, line.end_ms))
    if first >= after:
        return None
    shared = np.minimum(ends[first:after], line.end_ms) - np.maximum(starts[first:after], line.start_ms)
    length = np.minimum(ends[first:after] - starts[first:after], line.end_ms - line.start_ms)
    members = np.flatnonzero(shared >= np.minimum(MOSTLY * length, SURELY_MS))
    if not len(members):
        members = np.flatnonzero(shared >= TOUCH_MS)
    return (first + int(members[0]), first + int(members[-1]) + 1) if len(members) else None


def _beside(starts: Times, ends: Times, taken: NDArray[np.bool_], line: Line) -> tuple[int, int] | None:
    """The nearest phrase that no other line takes, else the nearest: its text is heard somewhere near."""
    first = int(np.searchsorted(ends, line.start_ms - NEAR_MS, "right"))
    after = int(np.searchsorted(starts, line.end_ms + NEAR_MS))
    if first >= after:
        return None
    middle = (line.start_ms + line.end_ms) / 2
    away = np.maximum(0, np.maximum(starts[first:after] - middle, middle - ends[first:after]))
    nearest = first + int(np.lexsort((away, taken[first:after]))[0])
    return nearest, nearest + 1


def _together(
    phrases: Sequence[Phrase], lines: Sequence[Line], spans: Sequence[tuple[int, int] | None]
) -> Iterator[tuple[int, int, list[tuple[Line, int, int]]]]:
    """Runs of phrases that share lines: (first, after the last, the lines with their own phrases)."""
    linked = np.zeros(len(phrases) + 1, bool)
    members: dict[int, list[tuple[Line, int, int]]] = {}
    for line, span in zip(lines, spans, strict=True):
        if span:
            linked[span[0] + 1 : span[1]] = True
            members.setdefault(span[0], []).append((line, *span))
    first = 0
    for after in range(1, len(phrases) + 1):
        if after == len(phrases) or not linked[after]:
            yield first, after, [each for at in range(first, after) for each in members.get(at, ())]
            first = after


def _units(
    phrases: Sequence[Phrase], cues: Sequence[tuple[Line, int, int]], most_ms: int, keep_untexted: bool
) -> list[Unit]:
    start, end = phrases[0].start_ms, phrases[-1].end_ms
    if not cues:
        return [Unit(start, end, rejected="" if keep_untexted else NO_TEXT)]
    lines = [line for line, _, _ in sorted(cues, key=lambda each: (each[0].start_ms, each[0].end_ms))]
    speakers = {line.speaker for line in lines if line.speaker}
    text = " ".join(line.text for line in lines)
    if len(speakers) > 1 or any(line.mixed for line in lines):
        return [Unit(start, end, text, SUBTITLES, rejected=TWO_SPEAKERS)]
    whole = Unit(start, end, text, SUBTITLES, next(iter(speakers), ""))
    return [whole] if end - start <= most_ms else _divided(whole, phrases, lines)


def _plausible(units: Sequence[Unit], phrases: Sequence[Phrase]) -> Iterator[Unit]:
    """The units, those rejected whose texts are far longer or shorter for their speech than is usual in this recording.

    Half of a line's speech was not found then, or something is said that its line lacks.
    """
    spoken = _Spoken(phrases)
    seconds = [max(1, spoken.until(each.end_ms) - spoken.until(each.start_ms)) / 1000 for each in units]
    rates = [sum(map(str.isalnum, each.text)) / length for each, length in zip(units, seconds, strict=True)]
    usual = [
        rate for each, rate, length in zip(units, rates, seconds, strict=True) if each.text and length >= LEAST_SPEECH_S
    ]
    middle = median(usual) if len(usual) >= FEWEST_RATES else 0.0
    for unit, rate, length in zip(units, rates, seconds, strict=True):
        reach = 1.0 if length >= LEAST_SPEECH_S else 2.0
        if middle and unit.text and not unit.rejected and rate > FASTEST * reach * middle:
            yield replace(unit, rejected=TOO_MUCH_TEXT)
        elif middle and unit.text and not unit.rejected and rate * SLOWEST * reach < middle:
            yield replace(unit, rejected=TOO_LITTLE_TEXT)
        else:
            yield unit


def _divided(whole: Unit, phrases: Sequence[Phrase], lines: Sequence[Line]) -> list[Unit]:
    """A unit that is too long, divided at the pauses where a punctuation mark is due."""
    marks = _Marks(phrases, lines)
    units, begin, at = [], 0, 0
    for number in range(1, len(phrases)):
        place = marks.due((phrases[number - 1].end_ms + phrases[number].start_ms) // 2)
        if at < place < len(whole.text):
            start, end = phrases[begin].start_ms, phrases[number - 1].end_ms
            units.append(replace(whole, start_ms=start, end_ms=end, text=whole.text[at:place].strip()))
            begin, at = number, place
    return [*units, replace(whole, start_ms=phrases[begin].start_ms, text=whole.text[at:].strip())]


class _Marks:
    """When each punctuation mark of some lines is due: what is said before it is to the line as its time of speech is.

    Args:
        phrases: where speech is.
        lines: whose texts stand one after the other, with a space between.
    """

    def __init__(self, phrases: Sequence[Phrase], lines: Sequence[Line]) -> None:
        self._spoken = _Spoken(phrases)
        found = []
        place = 0
        for line in lines:
            begin, end = self._spoken.until(line.start_ms), self._spoken.until(line.end_ms)
            for mark in _MARK.finditer(line.text):
                found.append((begin + (end - begin) * (mark.start() + 1) / len(line.text), place + mark.end()))
            found.append((float(end), place + len(line.text)))
            place += len(line.text) + 1
        self._due, self._places = zip(*sorted(found), strict=True)

    def due(self, pause_ms: int) -> int:
        """Place in the text after the mark that is due nearest to a pause; 0 when none is near enough."""
        said = self._spoken.until(pause_ms)
        after = bisect(self._due, said)
        near = [at for at in (after - 1, after) if 0 <= at < len(self._due)]
        best = min(near, key=lambda at: abs(self._due[at] - said))
        return self._places[best] if abs(self._due[best] - said) <= AGREES_MS else 0


class _Spoken:
    """How much of some phrases is said before a moment."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self._starts = np.array([each.start_ms for each in phrases], np.int64)
        self._ends = np.array([each.end_ms for each in phrases], np.int64)
        self._before = np.concatenate(([0], np.cumsum(self._ends - self._starts)))

    def until(self, moment_ms: int) -> int:
        """Milliseconds of speech before a moment."""
        at = int(np.searchsorted(self._starts, moment_ms, "right"))
        if at == 0:
            return 0
        return int(self._before[at] - max(0, self._ends[at - 1] - moment_ms))
