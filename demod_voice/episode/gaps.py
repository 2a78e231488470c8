"""The silence before each line, as the next render would place it, from what is known before anything is spoken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_worker.messages import Word

from demod_voice.config.settings import Episode
from demod_voice.episode.plan import Plan, PlannedLine
from demod_voice.episode.timing import Stage, arrange
from demod_voice.speech.studio import Take

STAND_IN_RATE = 24000
"""Sample rate of a take of which only the length is known, Hz."""


@dataclass(frozen=True, slots=True)
class LineSound:
    """What is known of a line's take."""

    length_s: float
    known: bool = True
    """False when the length is an estimate of what is still to be spoken."""
    words: tuple[Word, ...] | None = ()
    """None when they are not known."""


def gaps(
    plan: Plan, sounds: Sequence[LineSound], effect_lengths_s: Mapping[str, float | None], episode: Episode
) -> list[float | None]:
    """Seconds from the end of the line before to the start of each line; negative where two overlap.

    Args:
        plan: the episode.
        sounds: of its lines, in its order.
        effect_lengths_s: path of an effect as the script gives it -> seconds, None = not known; 0 where it is missing.
        episode: pauses and fades.

    Returns:
        A number for each line; None where it depends on a length that is not known.
    """
    rate = episode.sample_rate
    lengths = {name: round((length or 0.0) * rate) for name, length in effect_lengths_s.items()}
    timing = arrange(plan, [_stand_in(each) for each in sounds], episode, Stage(rate, effect_lengths=lengths))
    ends = [0, *(each.end for each in timing.placed)]
    unknown = {name for name, length in effect_lengths_s.items() if length is None}
    return [
        (each.start - ends[number]) / rate if _is_known(each.line, sounds, leans, unknown) else None
        for number, (each, leans) in enumerate(zip(timing.placed, _leans(plan.lines), strict=True))
    ]


def _leans(lines: Sequence[PlannedLine]) -> Iterator[range]:
    """For each line, the lines whose lengths decide its gap: none, but where it or the one before it overlaps another."""
    floors = [0]  # for each line, the one that has the floor when it begins
    for number, line in enumerate(lines):
        reaches_back = number > 0 and _overlaps(lines[number - 1])
        first = floors[number - 1] if reaches_back else floors[number]
        yield range(first, number + 1) if reaches_back or _overlaps(line) else range(0)
        floors.append(floors[number] if line.source.backchannel else number)


def _overlaps(line: PlannedLine) -> bool:
    return bool(line.source.backchannel or line.source.interrupt or line.source.overlap_s)


def _is_known(line: PlannedLine, sounds: Sequence[LineSound], leans: range, unknown: set[str]) -> bool:
    """Everything that the line's gap depends on is known."""
    if any(effect.wait and effect.path in unknown for effect in line.source.effects):
        return False
    return all(sounds[each].known and sounds[each].words is not None for each in leans)


def _stand_in(sound: LineSound) -> Take:
    """A take that is nothing but its length and its words."""
    return Take(
        path=Path(),
        key="",
        sha256="",
        sample_rate=STAND_IN_RATE,
        num_samples=max(1, round(sound.length_s * STAND_IN_RATE)),
        words=sound.words or (),
        engine="",
        engine_output_version=0,
        model="",
        model_revision="",
        seed=0,
        attempt=0,
        degraded=(),
        spoken=False,
        cached=False,
        text_spoken="",
    )
