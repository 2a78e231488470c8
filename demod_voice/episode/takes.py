"""The takes of a rendered episode: list them, speak another with another seed, choose, lock and unlock.

A take belongs to a line when the line's own words, voice and settings give its key with the take's seed: nothing is kept
about it but the take itself, so a take that any earlier run made is found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.chosen import Choice, applies, match, read_choices, write_choices
from demod_voice.episode.context import Sound, has_turns, jobs_after
from demod_voice.episode.naming import SHORTEST_PREFIX, find_line
from demod_voice.episode.plan import Plan, read_plan
from demod_voice.episode.request import recall, request_of
from demod_voice.errors import UsageError
from demod_voice.records.hashing import hash_bytes, seed_from
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.line import Line
from demod_voice.speech.studio import LineJob, Studio
from demod_voice.speech.takes import TakeRecord, parse_record, take_files, told_take

LOCKED, CHOSEN, USED, SPARE = "locked", "chosen", "used", ""
"""What a take is to its line: what a render uses, and why; ``SPARE`` is not used."""
QUALITY = "quality: "
"""How a take's record says what is wrong with its sound."""


@dataclass(frozen=True, slots=True)
class TakeRow:
    """One take of a line."""

    number: int
    """1 is the first that was made."""
    key: str
    path: Path
    use: str
    """``locked``, ``chosen``, ``used`` or empty."""
    seed: int
    """0 when the engine has no use for one."""
    attempt: int
    length_s: float
    engine: str
    model: str
    quality: str
    """What is wrong with its sound; empty = nothing was found."""


@dataclass(frozen=True, slots=True)
class LineTakes:
    """A line and its takes."""

    line: int
    """In the script, 1-based."""
    id: str
    speaker: str
    text: str
    seeded: bool
    """False when the engine gives the same sound with any seed."""
    takes: tuple[TakeRow, ...]
    recorded: bool = False
    """True when it is cut from a recording, which has no takes."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Every take in a work folder, by the words that were spoken."""

    folder: Path
    by_chunks: dict[tuple[str, ...], list[TakeRecord]]

    @classmethod
    def read(cls, folder: Path) -> _Shelf:
        """Read the records, the oldest first; one that is damaged is no take."""
        found: defaultdict[tuple[str, ...], list[TakeRecord]] = defaultdict(list)
        for path in sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name)):
            try:
                record = parse_record(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if path.with_suffix(".wav").exists():
                found[record.chunks].append(record)
        return cls(folder, dict(found))

    def of(self, line: Line) -> list[TakeRecord]:
        """The takes that ``line`` could have made with some seed."""
        chunks = tuple(hash_bytes(chunk.encode()) for chunk in line.chunks)
        return [each for each in self.by_chunks.get(chunks, []) if line.key_of(each.seed) == each.key]


class Takes:
    """The takes of one episode, for as long as its work folder is held (``open_takes``)."""

    def __init__(self, plan: Plan, studio: Studio, work: Path, settings: Settings) -> None:
        self._plan = plan
        self._studio = studio
        self._work = work
        self._settings = settings
        self._shelf = _Shelf.read(work / "takes")
        self._choices = read_choices(work)

    def rows(self) -> list[LineTakes]:
        """Every line with its takes, in the order of the script."""
        jobs = self._jobs()
        lines = [
            None if each.recorded else self._studio.line(job or each.job)
            for each, job in zip(self._plan.lines, jobs, strict=True)
        ]
        attempts = range(self._settings.attempts)
        own = [[line.key(attempt) for attempt in attempts] if line is not None else [] for line in lines]
        taken = {key for keys in own for key in keys}
        chosen = match(self._choices, self._plan.lines).by_line
        return [
            self._recording(number)
            if line is None
            else self._rows_of(number, line, own[number], taken - set(own[number]), chosen.get(number))
            for number, line in enumerate(lines)
        ]

    def redo(self, name: str, seed: int | None) -> tuple[LineTakes, TakeRow]:
        """Speak another take of a line; it lies beside the others, and is not used before it is chosen.

        Args:
            name: number of the line in the script, or the beginning of its id.
            seed: base seed; None = one that gives a take that is not there yet.

        Raises:
            UsageError: no such line, or its engine gives the same sound with any seed, or the turns before it have no takes.
            EngineError: every attempt failed.
        """
        number = self._number(name)
        job = self._job(number, name)
        if not job.voice.engine.seeded:
            raise UsageError(
                f"line {name}: engine {job.voice.engine.name} gives the same sound with any seed, so another take of it "
                "would be the same",
                "change the words, the voice or its speed in the script; or give the speaker another engine",
            )
        take = self._studio.speak(replace(job, seed=self._new_seed(job) if seed is None else seed), self._shelf.folder)
        self._shelf = _Shelf.read(self._shelf.folder)
        row = self.rows()[number]
        return row, next(each for each in row.takes if each.key == take.key)

    def choose(self, name: str, take: str, *, lock: bool = False) -> tuple[LineTakes, TakeRow]:
        """Make a render use ``take`` (its number, or the beginning of its key) for a line.

        Raises:
            UsageError: no such line or take, or another take of the line is locked.
        """
        number = self._number(name)
        row = self.rows()[number]
        held = next((each for each in row.takes if each.use == LOCKED), None)
        found = _pick(row, take)
        if held is not None and held.key != found.key:
            raise UsageError(f"take {held.number} of line {row.line} is locked", "unlock the line first")
        return self._decide(number, found, lock or held is not None)

    def lock(self, name: str) -> tuple[LineTakes, TakeRow]:
        """Keep the take that a render uses for a line now, whatever becomes of voices, engines and settings.

        Raises:
            UsageError: no such line, or it has no take yet.
        """
        number = self._number(name)
        row = self.rows()[number]
        used = next((each for each in row.takes if each.use), None)
        if used is None:
            raise UsageError(f"line {row.line} has no take to lock yet", "render the episode first, or redo the line")
        return self._decide(number, used, True)

    def unlock(self, name: str) -> None:
        """End the lock of a line; a take that is not the line's own first one stays chosen.

        ``name`` may also be the id of a line that is in the script no more: then its choice is forgotten.

        Raises:
            UsageError: no such line, or nothing is locked there.
        """
        matched = match(self._choices, self._plan.lines)
        lost = [each for each in matched.lost if len(name) >= SHORTEST_PREFIX and each.id.startswith(name)]
        if lost:
            self._keep([each for each in self._choices if each not in lost])
            return
        number = self._number(name)
        choice = matched.by_line.get(number)
        if choice is None or not choice.locked:
            raise UsageError(f"line {name} has no locked take", "see: demod-voice episode takes OUTPUT list")
        others = [each for each in self._choices if each != choice]
        own = choice.take == self._studio.key(self._jobs()[number] or self._plan.lines[number].job)
        self._keep(others if own else [*others, replace(choice, locked=False)])

    def lost(self) -> tuple[Choice, ...]:
        """Choices whose words nobody in the script says any more."""
        return match(self._choices, self._plan.lines).lost

    def _recording(self, number: int) -> LineTakes:
        """A recording has nothing to choose from."""
        line = self._plan.lines[number]
        return LineTakes(line.source.line, line.job.id, line.speaker, line.source.text, False, (), True)

    def _rows_of(
        self, number: int, line: Line, own: Sequence[str], foreign: set[str], choice: Choice | None
    ) -> LineTakes:
        planned = self._plan.lines[number]
        found = [each for each in self._shelf.of(line) if each.key not in foreign]
        decided = choice is not None and applies(choice, self._studio, planned)
        if choice is not None and all(each.key != choice.take for each in found):
            found += [each for rows in self._shelf.by_chunks.values() for each in rows if each.key == choice.take]
        used = choice.take if choice is not None and decided else _first_of(own, found)
        word = USED if choice is None or not decided else LOCKED if choice.locked else CHOSEN
        return LineTakes(
            line=planned.source.line,
            id=planned.job.id,
            speaker=planned.speaker,
            text=planned.source.text,
            seeded=line.info.seeded,
            takes=tuple(self._row(at, each, word if each.key == used else SPARE) for at, each in enumerate(found, 1)),
        )

    def _row(self, number: int, record: TakeRecord, use: str) -> TakeRow:
        flaws = [each.removeprefix(QUALITY) for each in record.degraded if each.startswith(QUALITY)]
        return TakeRow(
            number=number,
            key=record.key,
            path=take_files(self._shelf.folder, record.key)[0],
            use=use,
            seed=record.seed,
            attempt=record.attempt,
            length_s=round(record.num_samples / record.sample_rate, 3),
            engine=record.engine,
            model=record.model,
            quality="; ".join(flaws),
        )

    def _number(self, name: str) -> int:
        """Number of the planned line that a person calls ``name``."""
        number = find_line(self._plan.lines, name)
        if self._plan.lines[number].recorded:
            raise UsageError(
                f"line {name} is a recording", "it has no other takes: change its file or times in the script"
            )
        return number

    def _jobs(self) -> list[LineJob | None]:
        """The job of every line with its turns, None where those have no takes."""
        if not has_turns(self._plan):
            return [line.job for line in self._plan.lines]
        chosen = match(self._choices, self._plan.lines).by_line

        def sound_of(number: int, job: LineJob | None) -> Sound | None:
            choice, folder = chosen.get(number), self._shelf.folder
            if choice is not None and applies(choice, self._studio, self._plan.lines[number]):
                record = told_take(folder, choice.take)
            else:
                record = None if job is None else self._studio.told(job, folder)
            return None if record is None else (record.sha256, take_files(folder, record.key)[0])

        return jobs_after(self._plan, sound_of)

    def _job(self, number: int, name: str) -> LineJob:
        """The job of a line with its turns.

        Raises:
            UsageError: they have no takes.
        """
        job = self._jobs()[number]
        if job is None:
            raise UsageError(f"line {name} goes on from lines that have no takes yet", "render the episode first")
        return job

    def _new_seed(self, job: LineJob) -> int:
        """A base seed whose take is not there yet."""
        seeds = (seed_from(job.seed, job.id, "redo", number) for number in count(1))
        keys = ((seed, self._studio.key(replace(job, seed=seed))) for seed in seeds)
        return next(seed for seed, key in keys if not take_files(self._shelf.folder, key)[1].exists())

    def _decide(self, number: int, row: TakeRow, lock: bool) -> tuple[LineTakes, TakeRow]:
        planned = self._plan.lines[number]
        made_for = self._studio.key(planned.job)
        choice = Choice(planned.job.id, planned.speaker, planned.source.text, row.key, made_for, lock)
        before = match(self._choices, self._plan.lines).by_line.get(number)
        others = [each for each in self._choices if each != before]
        own = self._studio.key(self._jobs()[number] or planned.job)
        self._keep([*others, choice] if lock or row.key != own else others)
        after = self.rows()[number]
        return after, next(each for each in after.takes if each.key == row.key)

    def _keep(self, choices: Sequence[Choice]) -> None:
        write_choices(self._work, choices)
        self._choices = tuple(choices)


@contextmanager
def open_takes(
    output: Path, settings: Settings, script: Path | None = None, progress: Progress = SILENT, *, alone: bool = True
) -> Iterator[Takes]:
    """The takes of the episode ``output``.

    Args:
        output: the episode's audio file, or its ``.demod`` folder.
        settings: of today; seed and language are those of the last render, unless ``script`` is given.
        script: the script; None = the one that the last render read.
        progress: told about waiting, engines and retries.
        alone: hold the work folder until the block ends; False only to look.

    Raises:
        UsageError: no work folder, no script, or a fault in it.
    """
    work = work_folder(output)
    check_inside([work, *([script] if script else [])], settings.paths.allowed_roots)
    request = recall(work) if script is None else request_of(script, settings)
    known = request.settings(settings)
    plan = read_plan(request.script, known, request.sources)
    with (
        locked(work / "lock", _waiting(progress, work)) if alone else nullcontext(),
        Studio(known, log_path=work / "run.log", progress=progress) as studio,
    ):
        yield Takes(plan, studio, work, known)


def work_folder(output: Path) -> Path:
    """``X.demod`` of the episode ``X.mp3`` (or given as the folder itself).

    Raises:
        UsageError: there is none.
    """
    work = output if output.suffix == ".demod" else output.with_suffix(".demod")
    if not (work / "steps").is_dir():
        raise UsageError(f"{output} has no work folder: {work} does not exist", "render it first")
    return work


def _waiting(progress: Progress, work: Path) -> Callable[[], None]:
    return lambda: progress.note(f"waiting: a render works on {work}")


def _first_of(own: Sequence[str], found: Sequence[TakeRecord]) -> str:
    """Key of the take that a render finds first among a line's own attempts."""
    have = {each.key for each in found}
    return next((key for key in own if key in have), "")


def _pick(row: LineTakes, name: str) -> TakeRow:
    """The take that a person calls ``name``."""
    found = [each for each in row.takes if str(each.number) == name] or [
        each for each in row.takes if len(name) >= SHORTEST_PREFIX and each.key.startswith(name)
    ]
    if len(found) != 1:
        known = ", ".join(f"{each.number} ({each.key[:8]})" for each in row.takes) or "none: render the episode first"
        raise UsageError(f"line {row.line} has no take {name!r}", f"its takes: {known}")
    return found[0]
