"""``Studio``: one line in, one checked take out. The only caller of an engine's ``speak`` in this program.

A line is cleaned, read out, cut into chunks, spoken with a seed of its own, trimmed, joined, looked at, tried again
when it is bad, written down, and never spoken twice: the file's name is the hash of all that it depends on.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from demod_worker.messages import Word

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Settings
from demod_voice.engines.devices import asks_for_gpus, choose_devices
from demod_voice.engines.inventory import read_inventory
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import EngineInfo, Speech
from demod_voice.errors import (
    EngineBrokenProtocol,
    EngineError,
    EngineFailed,
    EngineOutOfMemory,
    EngineTimedOut,
    Fault,
    FaultsError,
    UsageError,
)
from demod_voice.records.hashing import hash_bytes, hash_json
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.cache import SpeechCache
from demod_voice.speech.guards import FLAW, OFF, RETRY, Finding, examine, guards_of, tries
from demod_voice.speech.identity import ContentHashes
from demod_voice.speech.job import LineJob, Question, Turn
from demod_voice.speech.joining import amplify, join, silence
from demod_voice.speech.line import Line, identity, requests, unhonoured
from demod_voice.speech.manner import Manner
from demod_voice.speech.pieces import Piece, as_written, pieces_of
from demod_voice.speech.takes import Take, TakeRecord, read_take, take_files, told_take, write_take
from demod_voice.speech.trim import LEAD_S, RUN_ON_S, TAIL_S, Trimmed, shift, trim
from demod_voice.speech.turns import TurnClips

__all__ = ["LineJob", "Question", "Studio", "Take", "Turn"]

RESEEDED = (EngineFailed, EngineBrokenProtocol)
"""Failures that another seed may avoid (sound without end breaks the protocol). A crash was repeated by the pool."""
REPEATED = (EngineOutOfMemory, EngineTimedOut)
"""Failures of the machine at this moment: tried again with the same seed, so that its load never changes a byte."""
STREAM_CHARS = 240
"""Longest piece when the first sound is wanted early from an engine that does not stream by itself."""


@dataclass(frozen=True, slots=True)
class _Performance:
    """What one attempt gave."""

    attempt: int
    clip: Clip
    encoding: str
    words: tuple[Word, ...]
    trimmed_s: tuple[tuple[float, float], ...]
    model: str
    model_revision: str
    degraded: tuple[str, ...]
    finding: Finding | None


class Studio:
    """Speaks lines, several at once, and keeps them in a folder. Safe for threads.

    Args:
        settings: attempts, threads, cache, engines.
        jobs: workers of one engine that may run at once.
        log_path: where engines' own logs go.
        progress: told about retries.
    """

    def __init__(
        self, settings: Settings, *, jobs: int = 1, log_path: Path | None = None, progress: Progress = SILENT
    ) -> None:
        self._settings = settings
        self._progress = progress
        self._cache = SpeechCache(settings)
        self._hashes = ContentHashes()
        self._pool = Pool(settings, jobs=jobs, log_path=log_path, progress=progress)
        self._stack = ExitStack()
        self._turns = TurnClips(self._stack)
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
            yield self._perform(line, 0).clip
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

    def _line(self, job: LineJob, most_chars: int = 0) -> Line:
        info = job.voice.engine
        if most_chars:
            own = {name: min(chars, most_chars) for name, chars in info.language_chars.items()}
            info = replace(info, max_chars=min(info.max_chars or most_chars, most_chars), language_chars=own)
            job = replace(job, voice=replace(job.voice, engine=info))
        made = pieces_of(job)
        if not made.pieces:
            raise UsageError(
                f"nothing can be said in {job.text[:40]!r}", "write words: there is no letter or digit in it"
            )
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
        """Attempt by attempt: from the cache or spoken; the first good one is kept, else the best that is usable."""
        best: _Performance | None = None
        failure: EngineError | None = None
        for attempt in range(self._settings.attempts):
            key = line.key(attempt)
            if self._cache.get(key, folder):
                record = read_take(folder, key)
                if record is not None:
                    return replace(self._take(line, folder, record), cached=True)
            try:
                made = self._perform_in_time(line, attempt)
            except RESEEDED as error:
                failure = error
                self._again(line, attempt, type(error).__name__)
                continue
            if made.finding is None:
                return self._keep(line, made, folder)
            if made.finding.fatal:
                failure = _bad_take(line, made.finding)
            elif best is None or made.finding.badness < _badness(best):
                best = made
            if not line.info.seeded or self._kept_as_it_is(line, made):
                break
            self._again(line, attempt, made.finding.what)
        if best is not None:
            return self._keep(line, best, folder)
        raise failure or EngineFailed(f"engine {line.info.name} gave nothing")

    def _kept_as_it_is(self, line: Line, made: _Performance) -> bool:
        """True when a flaw of this engine's takes is no reason for another attempt."""
        fatal = made.finding is not None and made.finding.fatal
        return not fatal and guards_of(self._settings, line.info.name) != RETRY

    def _perform_in_time(self, line: Line, attempt: int) -> _Performance:
        """One attempt; what memory or time stopped is done again as it was, as often as there are attempts."""
        for repeat in range(1, self._settings.attempts):
            try:
                return self._perform(line, attempt)
            except REPEATED as error:
                count = f"{repeat + 1} of {self._settings.attempts}"
                self._progress.note(f"{error.message.splitlines()[0]}; trying the same again ({count})")
        return self._perform(line, attempt)

    def _perform(self, line: Line, attempt: int) -> _Performance:
        """Speak every piece of the line with the seed of ``attempt``, trim each, and join them."""
        spoken: list[Speech] = []
        finding: Finding | None = None
        for request in requests(line, attempt, self._turns.of(line.job)):
            speech = self._pool.speak(line.info.name, request)
            found = examine(speech.clip, request.text, request.speed, request.language)
            if found is not None and found.fatal:
                return _Performance(attempt, speech.clip, speech.encoding, (), (), "", "", (), found)
            finding = max((each for each in (finding, found) if each), key=lambda each: each.badness, default=None)
            spoken.append(speech)
        if len({each.clip.sample_rate for each in spoken}) > 1:
            raise EngineFailed(f"engine {line.info.name} changed its sample rate inside one line")
        trimmed = list(_trimmed(line.pieces, spoken))
        shaped = [_shaped(piece.manner, each) for piece, each in zip(line.pieces, trimmed, strict=True)]
        clip, words = join(shaped, [piece.gap_s for piece in line.pieces])
        encodings = {each.encoding for each in spoken}
        plain = line.plain and line.job.voice.volume_db == 0.0 and len(encodings) == 1
        return _Performance(
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

    def _keep(self, line: Line, made: _Performance, folder: Path) -> Take:
        """Write the take down; one that is only the best of bad ones stays out of the cache."""
        flaw = () if made.finding is None else (f"{FLAW}{made.finding.what}",)
        facts = {
            "key": line.key(made.attempt),
            "engine": line.info.name,
            "output_version": line.info.output_version,
            "model": made.model,
            "model_revision": made.model_revision,
            "seed": line.seed(made.attempt),
            "attempt": made.attempt if line.info.seeded else 0,
            "best_of": tries(self._settings, line.info.name) if made.finding is not None and line.info.seeded else 0,
            "chunks": tuple(hash_bytes(chunk.encode()) for chunk in line.chunks),
            "trimmed_s": made.trimmed_s,
            "words": made.words,
            "degraded": (*made.degraded, *flaw),
        }
        record = write_take(folder, made.clip, made.encoding, facts)
        if made.finding is None:
            self._cache.put(record.key, folder)
        return replace(self._take(line, folder, record), spoken=True)

    def _take(self, line: Line, folder: Path, record: TakeRecord) -> Take:
        """The take of a record; what its guards found is left out where nobody wants to know."""
        take = _take(line, folder, record)
        if guards_of(self._settings, line.info.name) != OFF:
            return take
        return replace(take, degraded=tuple(each for each in take.degraded if not each.startswith(FLAW)))

    def _again(self, line: Line, attempt: int, why: str) -> None:
        if attempt + 1 < self._settings.attempts:
            count = f"attempt {attempt + 2} of {self._settings.attempts}"
            self._progress.note(f"{line.info.name}: line {line.job.id}: {why}; trying again ({count})")

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """One thread at a time for one take: the second finds it finished."""
        with self._guard:
            lock = self._busy[key]
        with lock:
            yield


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


def _bad_take(line: Line, finding: Finding) -> EngineFailed:
    name = line.info.name
    return EngineFailed(
        f"engine {name} gave a take that is {finding.what}",
        f"try another voice (demod-voice voices list --engine {name}), or run: demod-voice engines check {name}",
    )


def _badness(made: _Performance) -> float:
    return made.finding.badness if made.finding is not None else 0.0
