"""When each line starts: explicit sample positions at the episode's rate, so that nothing can drift.

Pauses follow what stands between two lines (same speaker, another speaker, paragraph, chapter), with a seeded
variation that belongs to the line and not to its place: inserting a line moves the others, and changes no pause.
A line may overlap the one before it, cut it off, or be spoken under it; nobody ever speaks over himself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from demod_voice.config.settings import Episode, Pauses
from demod_voice.episode.plan import CHAPTER, FIRST, LINE, PARAGRAPH, SPEAKER, Plan, PlannedLine
from demod_voice.formats.script import Effect
from demod_voice.records.hashing import seed_from
from demod_voice.speech.studio import Take

INTERRUPT_S = 0.35
"""How long before its end a line is cut into."""
CUT_S = 0.15
"""How long the line that was cut off is still heard, fading."""
UNDER = 0.6
"""Where a back-channel begins, as a fraction of the line above it; moved to the nearest end of a word."""
ENDINGS = {",": 0.5, ";": 0.75, ":": 0.75, "-": 0.4, "\u2013": 0.4, "\u2014": 0.4, "\u2026": 1.3, "?": 0.8}
"""How the last sign of a line changes the pause after it: an answer comes quickly, a thought hangs in the air."""
EFFECT_GAP_S = 0.1
"""Between a line and the effect after it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A line on the episode's time line."""

    line: PlannedLine
    take: Take
    start: int
    """First sample, at the episode's rate."""
    end: int
    """One past the last sample that is heard."""
    crossfade_in: int = 0
    """Samples shared with the line before; 0 unless the two abut without a pause."""
    cut: bool = False
    """It was interrupted: it fades out before its take ends."""


@dataclass(frozen=True, slots=True)
class PlacedEffect:
    """A sound effect of the script on the time line."""

    effect: Effect
    start: int


@dataclass(frozen=True, slots=True)
class Timing:
    """The whole time line."""

    placed: tuple[Placed, ...]
    """In the order of the script."""
    sample_rate: int
    num_samples: int
    """Length of the episode, a trailing pause included."""
    effects: tuple[PlacedEffect, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """What the lines stand on."""

    sample_rate: int
    lead_in: int = 0
    """Samples before the first line: an intro."""
    effect_lengths: Mapping[str, int] = field(default_factory=dict)
    """Path of an effect as the script gives it -> samples."""
    starts: Mapping[str, int] = field(default_factory=dict)
    """Line id -> first sample, for lines whose place was decided by hand."""


def arrange(plan: Plan, takes: Sequence[Take], episode: Episode, stage: Stage | None = None) -> Timing:
    """Place each take after, under or into the one before it.

    A pause is measured from the end of one take to the start of the next. Where it is zero the two share
    ``episode.crossfade_ms``, or half of the shorter take if that is less.
    """
    stage = stage or Stage(episode.sample_rate)
    arranger = _Arranger(plan, episode, stage)
    for line, take in zip(plan.lines, takes, strict=True):
        arranger.place(line, take)
    return arranger.finish()


class _Arranger:
    """Puts lines on the time line, one after the other."""

    def __init__(self, plan: Plan, episode: Episode, stage: Stage) -> None:
        self._plan, self._episode, self._stage = plan, episode, stage
        self._rate = stage.sample_rate
        self._placed: list[Placed] = []
        self._effects: list[PlacedEffect] = []
        self._main: int | None = None
        """Index of the line that has the floor."""
        self._cursor = stage.lead_in
        self._free: dict[str, int] = {}
        """Speaker -> where his last line ends."""

    def place(self, line: PlannedLine, take: Take) -> None:
        """The next line of the script."""
        self._play(line.source.effects)
        length = _length(take, self._rate)
        source = line.source
        fixed = self._stage.starts.get(line.job.id)
        shared = 0
        if fixed is not None:
            start = fixed
        elif source.backchannel and self._main is not None:
            start = self._under(self._placed[self._main], length)
        elif source.interrupt and self._main is not None:
            start = self._into(line)
        elif source.overlap_s and self._main is not None:
            before = self._placed[self._main]
            start = max(before.start, before.end - round(source.overlap_s * self._rate))
        else:
            start, shared = self._after(line, length)
        if shared == 0:
            start = max(start, self._free.get(line.speaker, 0))
        self._placed.append(Placed(line, take, start, start + length, shared))
        self._free[line.speaker] = start + length
        if not source.backchannel or self._main is None:
            self._main = len(self._placed) - 1
            self._cursor = max(self._cursor, start + length)

    def finish(self) -> Timing:
        """The whole time line."""
        self._play(self._plan.script.trailing_effects)
        ends = [self._cursor, *(each.end for each in self._placed)]
        ends += [each.start + self._stage.effect_lengths.get(each.effect.path, 0) for each in self._effects]
        total = max(ends) + round(self._plan.script.trailing_pause_s * self._rate)
        return Timing(tuple(self._placed), self._rate, total, tuple(self._effects))

    def _after(self, line: PlannedLine, length: int) -> tuple[int, int]:
        """(start, samples shared with the line before) of a line that waits for its turn."""
        pause = round(pause_before(line, self._episode.pauses, self._plan.seed) * self._rate)
        if pause or self._main is None:
            return self._cursor + pause, 0
        before = self._placed[self._main]
        crossfade = round(self._episode.crossfade_ms / 1000.0 * self._rate)
        abut = before.end == self._cursor and self._free.get(line.speaker, 0) <= before.end
        shared = min(crossfade, length // 2, (before.end - before.start) // 2) if abut else 0
        return self._cursor - shared, shared

    def _into(self, line: PlannedLine) -> int:
        """The start of a line that interrupts; the one before fades out there."""
        assert self._main is not None
        before = self._placed[self._main]
        reach = min(round(INTERRUPT_S * self._rate), (before.end - before.start) // 3)
        start = max(before.end - reach, self._free.get(line.speaker, 0))
        end = min(before.end, start + round(CUT_S * self._rate))
        if end < before.end:
            self._placed[self._main] = replace(before, end=end, cut=True)
            if self._free[before.line.speaker] == before.end:
                self._free[before.line.speaker] = end
            self._cursor = end
        return start

    def _under(self, above: Placed, length: int) -> int:
        """The start of a back-channel: at the end of a word past the middle of the line that it is spoken under."""
        span = above.end - above.start
        wanted = max(0, min(round(UNDER * span), span - length))
        ends = [round(word.end_s * self._rate) for word in above.take.words]
        return above.start + min(
            (each for each in ends if each < span), key=lambda at: abs(at - wanted), default=wanted
        )

    def _play(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            gap = round(EFFECT_GAP_S * self._rate) if self._placed else 0
            start = self._cursor + gap
            self._effects.append(PlacedEffect(effect, start))
            if effect.wait:
                self._cursor = start + self._stage.effect_lengths.get(effect.path, 0)


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
    after = ENDINGS.get(line.after[-1:], 1.0) if line.joint in (LINE, SPEAKER) else 1.0
    return natural_ms / 1000.0 * after * (1.0 + pauses.jitter * (2.0 * unit - 1.0))


def _length(take: Take, rate: int) -> int:
    """Samples of a take at the episode's rate, rounded up as the resampler does."""
    return -(-take.num_samples * rate // take.sample_rate)
