"""When each line starts: explicit sample positions at the episode's rate, so that nothing can drift.

Pauses follow what stands between two lines (same speaker, another speaker, paragraph, chapter), with a seeded
variation that belongs to the line and not to its place: inserting a line moves the others, and changes no pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from demod_voice.config.settings import Episode, Pauses
from demod_voice.episode.plan import CHAPTER, FIRST, LINE, PARAGRAPH, SPEAKER, Plan, PlannedLine
from demod_voice.records.hashing import seed_from
from demod_voice.speech.studio import Take


@dataclass(frozen=True, slots=True)
class Placed:
    """A line on the episode's time line."""

    line: PlannedLine
    take: Take
    start: int
    """First sample, at the episode's rate."""
    end: int
    """One past the last sample."""
    crossfade_in: int
    """Samples shared with the line before; 0 unless the two abut without a pause."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The whole time line."""

    placed: tuple[Placed, ...]
    sample_rate: int
    num_samples: int
    """Length of the episode, a trailing pause included."""


def arrange(plan: Plan, takes: Sequence[Take], episode: Episode) -> Timing:
    """Place each take after the one before it.

    A pause is measured from the end of one take to the start of the next. Where it is zero the two share
    ``episode.crossfade_ms``, or half of the shorter take if that is less.
    """
    rate = episode.sample_rate
    placed: list[Placed] = []
    cursor = 0
    for line, take in zip(plan.lines, takes, strict=True):
        length = _length(take, rate)
        pause = round(pause_before(line, episode.pauses, plan.seed) * rate)
        shared = _shared(placed, length, rate, episode) if pause == 0 else 0
        start = cursor + pause - shared
        placed.append(Placed(line, take, start, start + length, shared))
        cursor = start + length
    return Timing(tuple(placed), rate, cursor + round(plan.script.trailing_pause_s * rate))


def pause_before(line: PlannedLine, pauses: Pauses, seed: int) -> float:
    """Seconds of silence before a line: what the script asks for, else the natural pause with its variation."""
    if line.source.pause_before_s is not None:
        return line.source.pause_before_s
    natural_ms = {
        FIRST: 0,
        LINE: pauses.line_ms,
        SPEAKER: pauses.speaker_ms,
        PARAGRAPH: pauses.paragraph_ms,
        CHAPTER: pauses.chapter_ms,
    }[line.joint]
    unit = seed_from(seed, line.job.id, "pause") / float(1 << 31)
    return natural_ms / 1000.0 * (1.0 + pauses.jitter * (2.0 * unit - 1.0))


def _length(take: Take, rate: int) -> int:
    """Samples of a take at the episode's rate, rounded up as the resampler does."""
    return -(-take.num_samples * rate // take.sample_rate)


def _shared(placed: Sequence[Placed], length: int, rate: int, episode: Episode) -> int:
    if not placed:
        return 0
    before = placed[-1]
    return min(round(episode.crossfade_ms / 1000.0 * rate), length // 2, (before.end - before.start) // 2)
