"""``Studio``: one line in, one checked take out. The only caller of an engine's ``speak`` in this program.

A line is cleaned, read out, cut into chunks, spoken with a seed of its own, trimmed, joined, looked at, tried again
when it is bad, written down, and never spoken twice: the file's name is the hash of all that it depends on.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Settings
from demod_voice.engines.devices import asks_for_gpus, choose_devices
from demod_voice.engines.inventory import read_inventory
from demod_voice.engines.pool import Pool
from demod_voice.engines.strikes import MOST_STRIKES
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import DemodError, EngineError, EngineFailed, Fault, FaultsError, UsageError
from demod_voice.records.hashing import hash_json
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.cache import SpeechCache
from demod_voice.speech.guards import FLAW, OFF, guards_of, tries
from demod_voice.speech.identity import ContentHashes
from demod_voice.speech.job import LineJob, Question, Turn
from demod_voice.speech.joining import amplify, silence
from demod_voice.speech.line import Line, identity, requests, unhonoured
from demod_voice.speech.making import Made, Maker
from demod_voice.speech.performance import Performance, Performer
from demod_voice.speech.pieces import Pieces, as_written, pieces_of
from demod_voice.speech.takes import Take, TakeRecord, read_take, take_files, told_take, write_take
from demod_voice.speech.turns import TurnClips

__all__ = ["LineJob", "Made", "Question", "Studio", "Take", "Turn"]

STREAM_CHARS = 240
"""Longest piece when the first sound is wanted early from an engine that does not stream by itself."""


class Studio:
    """Speaks lines, several at once, and keeps them in a folder. Safe for threads.

    Args:
        settings: attempts, threads, cache, engines.
        jobs: workers of one engine that may run at once.
        log_path: where engines' own logs go.
        progress: told about retries.
        most_strikes: different lines in a row that an engine may die of before it is given up.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        jobs: int = 1,
        log_path: Path | None = None,
        progress: Progress = SILENT,
        most_strikes: int = MOST_STRIKES,
    ) -> None:
        self._settings = settings
        self._progress = progress
        self._cache = SpeechCache(settings)
        self._hashes = ContentHashes()
        self._pool = Pool(settings, jobs=jobs, log_path=log_path, progress=progress, most_strikes=most_strikes)
        self._stack = ExitStack()
        self._turns = TurnClips(self._stack)
        self._performer = Performer(settings, self._pool, self._turns, progress)
        self._maker = Maker(settings, self._performer, self._cache, self._line_for, progress)
        self._guard = threading.Lock()
        self._busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @property
    def pool(self) -> Pool:
        """The workers, for questions that are not about speaking."""
        return self._pool

    def __enter__(self) -> Studio:
        self._stack.enter_context(self._pool)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def speak(self, job: LineJob, folder: Path) -> Take:
        """The take of ``job`` in ``folder``: found finished, copied from the cache, or spoken now.

        Raises:
            UsageError: nothing in the text can be said.
            EngineError: every attempt failed; nothing was written.
            OutputError: the folder cannot be written.
        """
        line = self._line(job)
        with self._alone(line.key(0)):
            return self._finished(line, folder) or self._make(line, folder)

    def make_many(
        self, jobs: Sequence[LineJob], batch: str = "", wanted: Iterable[int] | None = None
    ) -> Iterator[tuple[int, Made | DemodError]]:
        """(place in ``jobs``, sound or failure) of each line, as soon as it is ready, in any order; nothing is written.

        Args:
            jobs: lines of one engine.
            batch: hash of all that is spoken together, for an engine whose bytes depend on it; empty: line by line.
            wanted: places of the lines that are needed; None = all. The others are spoken only where the batch asks
                for it.
        """
        return self._maker.many(jobs, batch, wanted)

    def key(self, job: LineJob, attempt: int = 0) -> str:
        """Hash of everything that the take of one attempt depends on.

        Raises:
            UsageError: nothing in the text can be said.
            ModelMissing: a file of the voice is gone.
        """
        return self._line(job).key(attempt)

    def line(self, job: LineJob) -> Line:
        """``job`` with everything that is made of it before an engine is asked.

        Raises:
            UsageError: nothing in the text can be said.
            ModelMissing: a file of the voice is gone.
        """
        return self._line(job)

    def told(self, job: LineJob, folder: Path) -> TakeRecord | None:
        """The record of the take that ``speak`` would find finished; its sound is verified when it is used."""
        return self._told(self._line(job), folder)

    def kept(self, job: LineJob, key: str, folder: Path) -> Take | None:
        """The take called ``key``, whatever ``job`` itself would be spoken with; None when it is gone or damaged.

        Args:
            job: the line that it is used for.
            key: of the take.
            folder: where it lies; one that is gone there is looked for in the cache.
        """
        record = read_take(folder, key)
        cached = record is None and self._cache.get(key, folder)
        record = read_take(folder, key) if cached else record
        return None if record is None else replace(self._take(self._line(job), folder, record), cached=cached)

    def verify(
        self,
        questions: Sequence[Question],
        folder: Path | None = None,
        source: str = "the voices",
        faults: Sequence[Fault] = (),
    ) -> None:
        """Start every engine that is needed and check that it has the voices, and that each line can be said.

        Args:
            questions: the lines.
            folder: where finished takes lie; an engine whose lines are all there is not started.
            source: the file that the lines come from, for messages.
            faults: what is known to be wrong with it; told together with what is found.

        Raises:
            FaultsError: everything that is wrong, at once.
            EngineError: an engine is not installed or does not start, and nothing else is wrong.
        """
        found: dict[Fault, EngineError | None] = dict.fromkeys(faults)
        answers: dict[str, dict[Fault, EngineError | None]] = {}
        self._check_device({each.job.voice.engine.name: each.job.voice.engine for each in questions}.values())
        for each in questions:
            job = each.job
            if not pieces_of(job).pieces:
                what = f"{each.who}: nothing can be said in {job.text[:40]!r}"
                found[Fault(each.line, what, "write words: there is no letter or digit in it")] = None
            elif folder is None or self._told(self._line(job), folder) is None:
                for fault, failure in self._answer(job, answers).items():
                    what = f"{each.who}: {fault.message}"
                    found[Fault(each.voice_line, what, fault.hint, each.voice_source)] = failure
        failures = [failure for failure in found.values() if failure is not None]
        if failures and len(failures) == len(found):
            raise failures[0]
        if found:
            raise FaultsError(source, list(found))

    def stream(self, job: LineJob) -> Iterator[Clip]:
        """The sound of ``job`` as it is made: one attempt, no trimming, no cache; the volume is applied.

        Raises:
            UsageError: nothing in the text can be said.
            EngineError: the engine failed, or made no sound at all.
        """
        line = self._line(job, 0 if job.voice.engine.streams else STREAM_CHARS)
        if not line.plain:
            yield self._performer.perform(line, 0).clip
            return
        peak = 0.0
        rate = 0
        for number, request in enumerate(requests(line, 0, self._turns.of(line.job))):
            if number and rate:
                yield silence(rate)
            for clip in self._pool.stream(line.info.name, request):
                peak = max(peak, float(abs(clip.samples).max(initial=0.0)))
                rate = clip.sample_rate
                yield amplify(clip, job.voice.volume_db)
        if peak <= 0.0:
            raise EngineFailed(f"engine {line.info.name} made no sound", "try another voice: demod-voice voices list")

    def degradations(self, job: LineJob) -> tuple[str, ...]:
        """What ``job`` asks for that its engine does not do and the core does not do for it."""
        return unhonoured(job, pieces_of(job).wanting)

    def _check_device(self, engines: Iterable[EngineInfo]) -> None:
        """Refuse a device that does not exist, and tell which engines have no use for the one that was asked for."""
        asked = asks_for_gpus(self._settings)
        for info in engines if asked else ():
            if info.gpu:
                choose_devices(self._settings, read_inventory)
            else:
                self._progress.note(f"engine {info.name} computes on the CPU only: {asked} is not for it")

    def _answer(
        self, job: LineJob, answers: dict[str, dict[Fault, EngineError | None]]
    ) -> dict[Fault, EngineError | None]:
        """What the engine lacks for this voice and language, and why it could not say; each pair is asked for once."""
        voice = job.voice
        name = hash_json([voice.engine.name, self._hashes.of_voice(voice.voice), job.language])
        if name not in answers:
            try:
                answers[name] = dict.fromkeys(voice.verify(self._pool, job.language))
            except EngineError as error:
                answers[name] = {Fault(None, error.message.splitlines()[0], error.hint): error}
        return answers[name]

    def _told(self, line: Line, folder: Path) -> TakeRecord | None:
        """The record of the first attempt that was written down (its sound is verified when it is used)."""
        enough = tries(self._settings, line.info.name)
        found = (told_take(folder, line.key(attempt)) for attempt in range(self._settings.attempts))
        return next((record for record in found if record is not None and record.stands(enough)), None)

    def _line_for(self, job: LineJob, keyed: bool) -> Line:
        """A line whose key nobody asks for is spared its identity."""
        return self._line(job) if keyed else Line(job, _pieces(job), {})

    def _line(self, job: LineJob, most_chars: int = 0) -> Line:
        info = job.voice.engine
        if most_chars:
            own = {name: min(chars, most_chars) for name, chars in info.language_chars.items()}
            info = replace(info, max_chars=min(info.max_chars or most_chars, most_chars), language_chars=own)
            job = replace(job, voice=replace(job.voice, engine=info))
        made = _pieces(job)
        return Line(job, made, identity(job, made.pieces, self._settings, self._hashes))

    def _finished(self, line: Line, folder: Path) -> Take | None:
        """The take of any attempt that an earlier run kept."""
        for attempt in range(self._settings.attempts):
            record = read_take(folder, line.key(attempt))
            if record is not None and record.stands(tries(self._settings, line.info.name)):
                return self._take(line, folder, record)
            if not line.info.seeded:
                break
        return None

    def _make(self, line: Line, folder: Path) -> Take:
        """Attempt by attempt, from the cache or spoken."""

        def ready(attempt: int) -> Take | None:
            key = line.key(attempt)
            record = read_take(folder, key) if self._cache.get(key, folder) else None
            return None if record is None else replace(self._take(line, folder, record), cached=True)

        made = self._performer.best(line, ready)
        return made if isinstance(made, Take) else self._keep(line, made, folder)

    def _keep(self, line: Line, made: Performance, folder: Path) -> Take:
        """Write the take down; one that is only the best of bad ones stays out of the cache."""
        record = write_take(folder, made.clip, made.encoding, made.facts(self._settings))
        if made.finding is None:
            self._cache.put(record.key, folder)
        return replace(self._take(line, folder, record), spoken=True)

    def _take(self, line: Line, folder: Path, record: TakeRecord) -> Take:
        """The take of a record; what its guards found is left out where nobody wants to know."""
        take = _take(line, folder, record)
        if guards_of(self._settings, line.info.name) != OFF:
            return take
        return replace(take, degraded=tuple(each for each in take.degraded if not each.startswith(FLAW)))

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """One thread at a time for one take: the second finds it finished."""
        with self._guard:
            lock = self._busy[key]
        with lock:
            yield


def _pieces(job: LineJob) -> Pieces:
    """The pieces of a line, at least one."""
    made = pieces_of(job)
    if not made.pieces:
        raise UsageError(f"nothing can be said in {job.text[:40]!r}", "write words: there is no letter or digit in it")
    return made


def _take(line: Line, folder: Path, record: TakeRecord) -> Take:
    return Take(
        path=take_files(folder, record.key)[0],
        key=record.key,
        sha256=record.sha256,
        sample_rate=record.sample_rate,
        num_samples=record.num_samples,
        words=as_written(record.words, line.made.units) if line.made.units else record.words,
        engine=record.engine,
        engine_output_version=record.output_version,
        model=record.model,
        model_revision=record.model_revision,
        seed=record.seed,
        attempt=record.attempt,
        degraded=(*unhonoured(line.job, line.made.wanting), *record.degraded),
        spoken=False,
        cached=False,
        text_spoken=" ".join(line.chunks),
    )
