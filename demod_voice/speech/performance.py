"""One line performed: its pieces spoken, looked at, trimmed and joined; and tried again when that may help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from demod_worker.messages import Word

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Settings
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import EngineBrokenProtocol, EngineError, EngineFailed, EngineOutOfMemory, EngineTimedOut
from demod_voice.records.hashing import hash_bytes
from demod_voice.records.progress import Progress
from demod_voice.speech.guards import FLAW, RETRY, Finding, examine, guards_of, tries
from demod_voice.speech.joining import join
from demod_voice.speech.line import Line, requests
from demod_voice.speech.manner import Manner
from demod_voice.speech.pieces import Piece
from demod_voice.speech.trim import LEAD_S, RUN_ON_S, TAIL_S, Trimmed, shift, trim
from demod_voice.speech.turns import TurnClips

RESEEDED = (EngineFailed, EngineBrokenProtocol)
"""Failures that another seed may avoid (sound without end breaks the protocol). A crash was repeated by the pool."""
REPEATED = (EngineOutOfMemory, EngineTimedOut)
"""Failures of the machine at this moment: tried again with the same seed, so that its load never changes a byte."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Performance:
    """What one attempt gave."""

    line: Line
    """With its batch, where the attempt was made in one."""
    attempt: int
    clip: Clip
    encoding: str
    words: tuple[Word, ...] = ()
    trimmed_s: tuple[tuple[float, float], ...] = ()
    model: str = ""
    model_revision: str = ""
    degraded: tuple[str, ...] = ()
    finding: Finding | None = None

    @property
    def badness(self) -> float:
        """To compare flawed attempts: smaller is better."""
        return self.finding.badness if self.finding is not None else 0.0

    @property
    def flaw(self) -> tuple[str, ...]:
        """Its finding as a degradation; empty for a good one."""
        return () if self.finding is None else (f"{FLAW}{self.finding.what}",)

    def best_of(self, settings: Settings) -> int:
        """Of how many attempts it is the best, as a record tells it; 0 where another attempt changes nothing."""
        return tries(settings, self.line.info.name) if self.finding is not None and self.line.info.seeded else 0

    def facts(self, settings: Settings) -> dict[str, Any]:
        """The fields of its take's record that do not depend on how it is written down."""
        line, info = self.line, self.line.info
        return {
            "key": line.key(self.attempt),
            "engine": info.name,
            "output_version": info.output_version,
            "model": self.model,
            "model_revision": self.model_revision,
            "seed": line.seed(self.attempt),
            "attempt": self.attempt if info.seeded else 0,
            "best_of": self.best_of(settings),
            "chunks": tuple(hash_bytes(chunk.encode()) for chunk in line.chunks),
            "trimmed_s": self.trimmed_s,
            "words": self.words,
            "degraded": (*self.degraded, *self.flaw),
        }


class Performer:
    """Has lines spoken by a pool. Safe for threads.

    Args:
        settings: attempts and guards.
        pool: the workers.
        turns: where earlier turns lie for the engines.
        progress: told about what is tried again.
    """

    def __init__(self, settings: Settings, pool: Pool, turns: TurnClips, progress: Progress) -> None:
        self._settings = settings
        self._pool = pool
        self._turns = turns
        self._progress = progress

    def best(
        self, line: Line, ready: Callable[[int], _T | None], first: Performance | EngineError | None = None
    ) -> Performance | _T:
        """Attempt by attempt, what is ready or spoken now: the first good one, else the best that is usable.

        Args:
            line: what is said.
            ready: gives the attempt of that number where it was made before.
            first: what the first attempt has given already, where it was made together with other lines.

        Raises:
            EngineError: no attempt gave anything usable.
        """
        best: Performance | None = None
        failure: EngineError | None = None
        for attempt in range(self._settings.attempts):
            kept = ready(attempt)
            if kept is not None:
                return kept
            try:
                made = self._attempt(line, attempt, first)
            except RESEEDED as error:
                failure = error
                self._again(line, attempt, type(error).__name__)
                continue
            if made.finding is None:
                return made
            if made.finding.fatal:
                failure = _bad_take(line, made.finding)
            elif best is None or made.badness < best.badness:
                best = made
            if not line.info.seeded or self._kept_as_it_is(made):
                break
            self._again(line, attempt, made.finding.what)
        if best is not None:
            return best
        raise failure or EngineFailed(f"engine {line.info.name} gave nothing")

    def perform(self, line: Line, attempt: int) -> Performance:
        """Speak every piece of the line with the seed of ``attempt``, trim each, and join them.

        Raises:
            EngineError: the engine failed.
        """
        asked = list(requests(line, attempt, self._turns.of(line.job)))
        return _assembled(line, attempt, asked, (self._pool.speak(line.info.name, each) for each in asked))

    def together(self, lines: Sequence[Line]) -> list[Performance | EngineError]:
        """The first attempts of lines of one engine, all pieces as one order to it; an outcome for each line.

        What memory or time stopped is done again as it was, as often as there are attempts.

        Raises:
            EngineError: the engine as a whole failed.
        """
        for repeat in range(1, self._settings.attempts):
            try:
                return self._ordered(lines)
            except REPEATED as error:
                self._same_again(error, repeat)
        return self._ordered(lines)

    def _ordered(self, lines: Sequence[Line]) -> list[Performance | EngineError]:
        asked = [list(requests(line, 0, self._turns.of(line.job))) for line in lines]
        spoken = iter(self._pool.speak_many(lines[0].info.name, [each for many in asked for each in many]))
        return [_outcome(line, many, [next(spoken) for _ in many]) for line, many in zip(lines, asked, strict=True)]

    def _attempt(self, line: Line, attempt: int, first: Performance | EngineError | None) -> Performance:
        """The attempt; the first one as it was made with others, unless the machine was to blame."""
        if attempt or first is None or isinstance(first, REPEATED):
            return self._in_time(line, attempt)
        if isinstance(first, EngineError):
            raise first
        return first

    def _in_time(self, line: Line, attempt: int) -> Performance:
        """One attempt; what memory or time stopped is done again as it was, as often as there are attempts."""
        for repeat in range(1, self._settings.attempts):
            try:
                return self.perform(line, attempt)
            except REPEATED as error:
                self._same_again(error, repeat)
        return self.perform(line, attempt)

    def _same_again(self, error: EngineError, repeat: int) -> None:
        count = f"{repeat + 1} of {self._settings.attempts}"
        self._progress.note(f"{error.message.splitlines()[0]}; trying the same again ({count})")

    def _kept_as_it_is(self, made: Performance) -> bool:
        """True when a flaw of this engine's takes is no reason for another attempt."""
        fatal = made.finding is not None and made.finding.fatal
        return not fatal and guards_of(self._settings, made.line.info.name) != RETRY

    def _again(self, line: Line, attempt: int, why: str) -> None:
        if attempt + 1 < self._settings.attempts:
            count = f"attempt {attempt + 2} of {self._settings.attempts}"
            self._progress.note(f"{line.info.name}: line {line.job.id}: {why}; trying again ({count})")


def _outcome(line: Line, asked: Sequence[SpeechRequest], spoken: Sequence[Speech | EngineError]) -> Any:
    """What a line's part of a batch comes to: a performance, or the first failure of its pieces."""
    failed = next((each for each in spoken if isinstance(each, EngineError)), None)
    if failed is not None:
        return failed
    try:
        return _assembled(line, 0, asked, [each for each in spoken if isinstance(each, Speech)])
    except EngineError as error:
        return error


def _assembled(line: Line, attempt: int, asked: Sequence[SpeechRequest], speeches: Iterable[Speech]) -> Performance:
    """The pieces of a line, each looked at as it comes, as one sound; a fatal finding ends it there."""
    spoken: list[Speech] = []
    finding: Finding | None = None
    for request, speech in zip(asked, speeches, strict=True):
        found = examine(speech.clip, request.text, request.speed, request.language)
        if found is not None and found.fatal:
            return Performance(line, attempt, speech.clip, speech.encoding, finding=found)
        finding = max((each for each in (finding, found) if each), key=lambda each: each.badness, default=None)
        spoken.append(speech)
    if len({each.clip.sample_rate for each in spoken}) > 1:
        raise EngineFailed(f"engine {line.info.name} changed its sample rate inside one line")
    trimmed = list(_trimmed(line.pieces, spoken))
    shaped = [_shaped(piece.manner, each) for piece, each in zip(line.pieces, trimmed, strict=True)]
    clip, words = join(shaped, [piece.gap_s for piece in line.pieces])
    encodings = {each.encoding for each in spoken}
    plain = line.plain and line.job.voice.volume_db == 0.0 and len(encodings) == 1
    return Performance(
        line=line,
        attempt=attempt,
        clip=clip,
        encoding=encodings.pop() if plain else "pcm_f32le",
        words=words,
        trimmed_s=tuple((each.lead_s, each.tail_s) for each in trimmed),
        model=spoken[0].model,
        model_revision=spoken[0].model_revision,
        degraded=tuple(dict.fromkeys(what for each in spoken for what in each.degraded)),
        finding=finding,
    )


def _trimmed(pieces: Sequence[Piece], spoken: Sequence[Speech]) -> Iterator[Trimmed]:
    """Each piece without its long silences, and without any where it runs on."""
    for number, speech in enumerate(spoken):
        run_on = number > 0 and pieces[number].gap_s is None
        runs_on = number + 1 < len(pieces) and pieces[number + 1].gap_s is None
        lead_s, tail_s = RUN_ON_S if run_on else LEAD_S, RUN_ON_S if runs_on else TAIL_S
        yield trim(speech.clip, speech.words, lead_s, tail_s)


def _shaped(manner: Manner, made: Trimmed) -> tuple[Clip, tuple[Word, ...]]:
    """A piece as its manner has it, and when its words are heard then."""
    clip = manner.applied(made.clip)
    if manner.tempo == 1.0:
        return clip, made.words
    words = [replace(word, start_s=word.start_s / manner.tempo, end_s=word.end_s / manner.tempo) for word in made.words]
    return clip, shift(words, 0.0, clip.duration_s)


def _bad_take(line: Line, finding: Finding) -> EngineFailed:
    name = line.info.name
    return EngineFailed(
        f"engine {name} gave a take that is {finding.what}",
        f"try another voice (demod-voice voices list --engine {name}), or run: demod-voice engines check {name}",
    )
