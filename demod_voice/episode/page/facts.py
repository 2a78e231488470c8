"""What a report says about an episode, before it is written as HTML: lines with their levels, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_voice.episode.page.measures import SILENCE_LUFS, SoundView

FINE, LOOK, BAD = "fine", "look", "bad"
"""Nothing to do; worth a look; outside the targets."""
LOUD_LU, QUIET_LU = 4.0, -6.0
"""A line this far from the episode's loudness is worth a look: sentences of one reader differ by about 2 LU."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What the master was to be."""

    lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Lane:
    """A track that is not a speaker: music, an intro, effects."""

    name: str
    cues: tuple[tuple[float, float, str], ...]
    """(start, end) in seconds and the file's name."""


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that a report is made of."""

    story: Mapping[str, Any]
    """The manifest."""
    numbers: Mapping[str, Any]
    """The metrics of this run."""
    sources: Sequence[str]
    """For each segment: ``spoken``, ``cached`` or ``kept`` (an observation)."""
    audio: Sequence[Path]
    """The published files; the page plays the first that browsers know."""
    sound: SoundView
    lanes: Sequence[Lane] = ()

    @property
    def targets(self) -> Targets:
        """As the manifest has them."""
        ceiling = self.story["generation"]["settings"]["loudness"]["true_peak_dbtp"]
        return Targets(self.story["loudness"]["master"]["target_lufs"], ceiling)


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A line of the table and of the time line."""

    number: int
    """1 is the first that is heard."""
    start_s: float
    end_s: float
    speaker: str
    text: str
    line: int
    """In the script."""
    seed: int
    attempt: int
    engine: str
    source: str
    """``spoken``, ``cached``, ``kept``, ``locked`` or ``recording``."""
    level_lu: float | None
    """Its loudness less the target; None for silence."""
    faults: tuple[str, ...]
    """What it did not get, and what is odd about its level."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole episode in one word and one sentence."""

    mark: str
    """``fine``, ``look`` or ``bad``."""
    sentence: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    """What is no fault, and should be known: a licence that forbids a use."""


def line_facts(told: Told) -> list[LineFacts]:
    """The lines in the order in which they are heard."""
    segments = list(zip(told.story["segments"], told.sources, strict=True))
    segments.sort(key=lambda pair: (pair[0]["start_sec"], pair[0]["end_sec"]))
    return [_line(number, each, source, told) for number, (each, source) in enumerate(segments, 1)]


def _line(number: int, segment: Mapping[str, Any], source: str, told: Told) -> LineFacts:
    start, end = segment["start_sec"], segment["end_sec"]
    loudness = told.sound.loudness(start, end)
    level = None if loudness <= SILENCE_LUFS else round(loudness - told.targets.lufs, 1)
    faults = [_not_given(str(each)) for each in segment.get("degraded", ())]
    if level is not None and level > LOUD_LU:
        faults.append(f"loud: {level:+.1f} LU from the target")
    if level is not None and level < QUIET_LU:
        faults.append(f"quiet: {level:+.1f} LU from the target")
    recording = segment.get("recording") or {}
    return LineFacts(
        number=number,
        start_s=start,
        end_s=end,
        speaker=segment.get("speaker", ""),
        text=segment.get("text") or (f"[{recording['file']}]" if recording else ""),
        line=segment.get("line", 0),
        seed=segment.get("seed") or 0,
        attempt=segment.get("attempt", 0),
        engine=segment.get("engine", ""),
        source="recording" if recording else "locked" if segment.get("locked") else source,
        level_lu=level,
        faults=tuple(faults),
    )


def _not_given(degraded: str) -> str:
    """A degradation in words: a flaw of the sound as it is, a wish as one that was not met."""
    return degraded if degraded.startswith("quality: ") else f"not honoured: {degraded}"


def verdict(told: Told, lines: Sequence[LineFacts]) -> Verdict:
    """Is the episode fine? Warnings are misses of a target; everything else that is odd asks for a look."""
    warnings = tuple(str(each) for each in told.story.get("warnings", ()))
    notes = tuple(str(each) for each in told.story.get("notes", ()))
    odd = sum(bool(each.faults) for each in lines)
    if warnings:
        return Verdict(BAD, f"{_count(len(warnings), 'warning')}: the episode misses a target.", warnings, notes)
    if odd:
        return Verdict(LOOK, f"Within its targets; {_count(odd, 'line')} worth a look.", (), notes)
    if notes:
        return Verdict(LOOK, "Within its targets; mind the notes.", (), notes)
    return Verdict(FINE, "Everything is within its targets.", (), ())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``, whole ones that have passed, as players show them."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
