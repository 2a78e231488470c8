"""Many lines without a folder of takes: what a batch asks for. Each comes as sound, as soon as it is ready.

An engine whose bytes depend on what is spoken together gets the first attempts of all lines as one order, and the batch
is part of their keys; what is tried again is spoken alone, with seeds that depend on the line only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from demod_worker.messages import Word

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Settings
from demod_voice.errors import DemodError, EngineCancelled, EngineError, EngineGivenUp
from demod_voice.records.progress import Progress
from demod_voice.speech.cache import SpeechCache
from demod_voice.speech.guards import FLAW, OFF, guards_of
from demod_voice.speech.job import LineJob
from demod_voice.speech.line import Line, unhonoured
from demod_voice.speech.performance import Performance, Performer
from demod_voice.speech.pieces import as_written

SAME_BATCH = "same-batch"
"""``determinism`` of an engine whose bytes depend on what is spoken together."""


@dataclass(frozen=True, slots=True)
class Made:
    """One spoken line, checked, in memory."""

    clip: Clip
    encoding: str
    """What the sound can be written as without loss."""
    words: tuple[Word, ...]
    """Word times from its start, or empty."""
    model: str
    model_revision: str
    degraded: tuple[str, ...]
    """What was asked for and not given."""
    best_of: int = 0
    """Of how many attempts this flawed sound is the best; 0 for a good one."""
    attempt: int = 0
    """From 0; 0 where the engine draws nothing."""
    cached: bool = False
    """It came from the speech cache (an observation)."""


class Maker:
    """Makes lines. Safe for threads.

    Args:
        settings: attempts, guards.
        performer: has lines spoken.
        cache: takes of engines that draw; the others speak faster than it reads.
        line_of: a job with all that is made of it; its identity only where the second argument is true.
        progress: told about batches that are spoken line by line.
    """

    def __init__(
        self,
        settings: Settings,
        performer: Performer,
        cache: SpeechCache,
        line_of: Callable[[LineJob, bool], Line],
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._performer = performer
        self._cache = cache
        self._line_of = line_of
        self._progress = progress

    def many(
        self, jobs: Sequence[LineJob], batch: str = "", wanted: Iterable[int] | None = None
    ) -> Iterator[tuple[int, Made | DemodError]]:
        """(place in ``jobs``, outcome) of each line that is wanted, as soon as it is ready; in any order.

        Args:
            jobs: of one engine, and in a batch of one model.
            batch: hash of all that is spoken together; empty: line by line.
            wanted: places of the lines that are needed; None = all.
        """
        places = list(range(len(jobs)) if wanted is None else sorted(wanted))
        if batch and jobs and jobs[0].voice.engine.determinism == SAME_BATCH:
            yield from self._together(jobs, batch, places)
            return
        for place in places:
            yield place, self._alone(jobs[place])

    def _alone(self, job: LineJob) -> Made | DemodError:
        try:
            line = self._line_of(job, job.voice.engine.seeded)
            return self._made(line, None)
        except DemodError as error:
            return error

    def _together(
        self, jobs: Sequence[LineJob], batch: str, places: Sequence[int]
    ) -> Iterator[tuple[int, Made | DemodError]]:
        """All lines as one order, unless what is wanted was spoken in this batch before."""
        lines: dict[int, Line] = {}
        for place, job in enumerate(jobs):
            try:
                lines[place] = replace(self._line_of(job, True), batch=batch)
            except DemodError as error:
                if place in places:
                    yield place, error
        wanted = [place for place in places if place in lines]
        cached = {place: self._cached(lines[place], 0) for place in wanted}
        missing = [place for place in wanted if cached[place] is None]
        firsts = self._firsts(lines) if missing else {}
        for place in wanted:
            yield place, cached[place] or self._after(lines[place], firsts.get(place))

    def _firsts(self, lines: dict[int, Line]) -> dict[int, Performance | EngineError]:
        """What the batch gives for each line; nothing when the engine died of it: then each is spoken alone."""
        try:
            return dict(zip(lines, self._performer.together(list(lines.values())), strict=True))
        except (EngineGivenUp, EngineCancelled) as error:
            return dict.fromkeys(lines, error)
        except EngineError as error:
            what = error.message.splitlines()[0]
            self._progress.note(f"{what}: the {len(lines)} lines of its batch are spoken one by one")
            return {}

    def _after(self, line: Line, first: Performance | EngineError | None) -> Made | DemodError:
        """A line whose first attempt was made in a batch; all others are its own."""
        try:
            return self._made(replace(line, batch=""), first)
        except DemodError as error:
            return error

    def _made(self, line: Line, first: Performance | EngineError | None) -> Made:
        """The best attempt; a good one of an engine that draws is kept in the cache."""

        def ready(attempt: int) -> Made | None:
            return None if first is not None and attempt == 0 else self._cached(line, attempt)

        found = self._performer.best(line, ready, first)
        if isinstance(found, Made):
            return found
        facts = found.facts(self._settings) if line.info.seeded else {}
        if facts and found.finding is None:
            self._cache.keep(found.clip, found.encoding, facts)
        return self._told(
            line,
            Made(
                found.clip,
                found.encoding,
                found.words,
                found.model,
                found.model_revision,
                (*found.degraded, *found.flaw),
                found.best_of(self._settings),
                found.attempt if line.info.seeded else 0,
            ),
        )

    def _cached(self, line: Line, attempt: int) -> Made | None:
        found = self._cache.read(line.key(attempt)) if line.info.seeded else None
        if found is None:
            return None
        record, clip = found
        return self._told(
            line,
            Made(
                clip,
                record.encoding,
                record.words,
                record.model,
                record.model_revision,
                record.degraded,
                record.best_of,
                record.attempt,
                cached=True,
            ),
        )

    def _told(self, line: Line, made: Made) -> Made:
        """With what the job asked for in vain, and without what nobody wants to know."""
        degraded = made.degraded
        if guards_of(self._settings, line.info.name) == OFF:
            degraded = tuple(each for each in degraded if not each.startswith(FLAW))
        words = as_written(made.words, line.made.units) if line.made.units else made.words
        return replace(made, words=words, degraded=(*unhonoured(line.job, line.made.wanting), *degraded))
