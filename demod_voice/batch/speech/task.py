"""The task ``speech``: each row of a table is a text, and its output is that text, spoken as ``demod-voice speak`` does."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from demod_voice.batch.options import BatchOptions
from demod_voice.batch.speech.finishing import Finisher
from demod_voice.batch.speech.keys import RowKeys, row_id
from demod_voice.batch.speech.references import FOLDER, References
from demod_voice.batch.speech.speaking import speak_unit
from demod_voice.batch.speech.units import planned, units_of
from demod_voice.batch.speech.voices import RowVoice, RowVoices, check_flags
from demod_voice.batch.table.columns import SPEECH_COLUMNS, column_faults, loudness_of, seed_of
from demod_voice.batch.table.paths import Places, row_faults
from demod_voice.batch.types import Failure, Finished, Job, Row, Spoken, Timing, Unit
from demod_voice.config.settings import Settings
from demod_voice.engines.strikes import BATCH_STRIKES
from demod_voice.errors import DemodError, EngineError, FaultsError, OutputError, UsageError
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.reading import Reading, SpokenLine, lexicon_of, lines_with
from demod_voice.speech.studio import Studio
from demod_voice.text.lexicon import Lexicon
from demod_voice.voices.resolved import Loader

MOST_QUESTIONS = 4096
"""Different voices and languages that an engine is asked for before the work."""
VOICE_COLUMNS = ("engine", "voice", "model", "speaker")
"""Cells that name who speaks."""


class SpeechTask:
    """Speaks rows. Safe for threads; a context manager that ends the engines.

    Args:
        settings: everything that can be configured.
        options: what the flags say.
        places: the folders.
        jobs: workers of one engine that may run at once.
        log_path: where engines' own logs go.
        progress: told about retries, installs and recordings.

    Raises:
        UsageError, FaultsError: the lexicon cannot be read, or a flag is wrong whatever the rows say.
    """

    name = "speech"
    columns = SPEECH_COLUMNS.known
    required = SPEECH_COLUMNS.required

    def __init__(
        self,
        settings: Settings,
        options: BatchOptions,
        places: Places,
        *,
        jobs: int = 1,
        log_path: Path | None = None,
        progress: Progress = SILENT,
    ) -> None:
        check_flags(options, settings)
        self._settings = settings
        self._options = options
        self._places = places
        self._jobs, self._log_path, self._progress = jobs, log_path, progress
        self._reading = Reading(options.markup, options.lexicon)
        self._lexicon: Lexicon = lexicon_of(self._reading, settings)
        self._references = References(places.work / FOLDER, settings.limits, progress)
        self._voices = RowVoices(settings, options, places, self._references)
        self._keys = RowKeys(settings, self._reading)
        self._finisher = Finisher(settings)
        self._questions: dict[tuple[str, str | None, str | None, str], tuple[Row, RowVoice]] = {}
        self._stack = ExitStack()
        self._starting = threading.Lock()
        self._studio: Studio | None = None

    def __enter__(self) -> SpeechTask:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def studio(self) -> Studio:
        """What speaks on this machine; made when it is first asked for."""
        with self._starting:
            if self._studio is None:
                studio = Studio(
                    self._settings,
                    jobs=self._jobs,
                    log_path=self._log_path,
                    progress=self._progress,
                    most_strikes=BATCH_STRIKES,
                )
                self._studio = self._stack.enter_context(studio)
            return self._studio

    def faults(self, row: Row) -> list[tuple[str, str]]:
        """(what, remedy) of everything that is wrong with a row, before any model is loaded."""
        found = row_faults(row, self._places, SPEECH_COLUMNS)
        if found:
            told = {what for what, _ in found}
            return found + [each for each in self._name_faults(row) if each[0] not in told]
        try:
            voice = self._voices.seen(row)
            self._lines(row, voice, "")
        except FaultsError as error:
            return [(each.message, each.hint or "") for each in error.faults]
        except DemodError as error:
            return [(error.message, error.hint or "")]
        if voice.reference is not None:
            wrong = self._references.fault(voice.reference)
            found += [wrong] if wrong is not None else []
        self._ask(row, voice)
        return found

    def _name_faults(self, row: Row) -> list[tuple[str, str]]:
        """What is wrong with the voice that a row names, where other cells of it are wrong too."""
        if row.fault or row.cell("reference"):
            return []
        try:
            self._voices.of(replace(row, cells={column: row.cell(column) for column in VOICE_COLUMNS}))
        except DemodError as error:
            return [(error.message, error.hint or "")]
        return []

    @property
    def engines(self) -> tuple[str, ...]:
        """The engines that the rows seen by ``faults`` need, by name."""
        return tuple(sorted({name for name, *_ in self._questions}))

    def verify_voices(
        self, pool: Loader | None = None, engines: Collection[str] | None = None
    ) -> list[tuple[Row, str, str]]:
        """Start every engine that the rows seen by ``faults`` need, and look that it has their voices and languages.

        Args:
            pool: loads models; by default the task's own.
            engines: only these; None = all.

        Returns:
            (first row, what, remedy) of everything that is wrong.

        Raises:
            EngineError: an engine is not installed or does not start, and nothing else is wrong.
        """
        found: list[tuple[Row, str, str]] = []
        failures: dict[str, EngineError] = {}
        wrong = 0
        for row, voice in self._questions.values():
            if engines is not None and voice.info.name not in engines:
                continue
            try:
                faults = voice.voice.verify(pool or self.studio.pool, voice.language)
            except EngineError as error:
                if error.message not in failures:
                    found.append((row, error.message.splitlines()[0], error.hint or ""))
                failures.setdefault(error.message, error)
                continue
            wrong += len(faults)
            found += [(row, each.message, each.hint or "") for each in faults]
        if failures and not wrong:
            raise next(iter(failures.values()))
        return found

    def job(self, row: Row) -> Job:
        """The job of a row.

        Raises:
            DemodError: it cannot be done; that is the row's result.
        """
        if row.fault:
            raise UsageError(row.fault, row.remedy or None)
        for what, remedy in column_faults(row, SPEECH_COLUMNS):
            raise UsageError(what, remedy or None)
        voice = self._voices.of(row)
        output, shown = self._places.output_of(row)
        id = row_id(row.cell("id"), shown)
        seed, loudness = seed_of(row), loudness_of(row)
        seed = self._settings.seed if seed is None else seed
        facts = {
            "seed": seed,
            "format": output.suffix[1:].lower(),
            "loudness": self._options.loudness if loudness is None else loudness,
        }
        key = self._keys.of(voice.identity, row.cells.get("text", ""), id, shown, facts)
        lines = tuple(self._lines(row, voice, id, seed))
        return Job(row, key, output, shown, lines, voice.info.name, {**facts, "voice": voice})

    def plan(self, jobs: Sequence[Job]) -> list[Job]:
        """A window's jobs with their final keys; as ``Task.plan``."""
        return planned(jobs)

    def units(self, jobs: Sequence[Job], wanted: frozenset[int]) -> list[Unit]:
        """A window's planned jobs as units; as ``Task.units``."""
        return units_of(jobs, wanted, self._jobs)

    def bring(self, unit: Unit) -> dict[int, DemodError]:
        """Make the clips that a unit's voices are taken from, here, and tell which rows (by number) cannot have theirs.

        Raises:
            OutputError: a clip cannot be written.
        """
        broken: dict[int, DemodError] = {}
        for job in unit.jobs:
            voice: RowVoice = job.facts["voice"]
            if voice.reference is None:
                continue
            try:
                self._references.bring(voice.reference, voice.reference_sha256)
            except OutputError:
                raise
            except DemodError as error:
                broken[job.row.number] = error
        return broken

    def speak(self, unit: Unit) -> Iterator[Spoken | Failure]:
        """Each wanted row of a unit, as soon as it is ready, spoken on this machine."""
        return speak_unit(self.studio, unit, self.bring(unit))

    def finish(self, outcome: Spoken | Failure) -> tuple[Finished, Timing]:
        """Write the output of a row, or tell why there is none; safe for threads.

        Raises:
            DemodError: it cannot be written, or not in that format.
        """
        return self._finisher.finish(outcome)

    def _lines(self, row: Row, voice: RowVoice, id: str, seed: int | None = None) -> list[SpokenLine]:
        """What a row says.

        Raises:
            UsageError: nothing in it can be said, or it is too long.
            FaultsError: everything that is wrong with the markup.
        """
        text = row.cells.get("text", "")
        most = self._settings.limits.line_chars
        if len(text) > most:
            raise UsageError(f"the text is {len(text):,} characters long", f"at most {most:,} (limits.line_chars)")
        settings = self._settings
        if seed is not None and seed != settings.seed:
            settings = replace(settings, seed=seed)
        return lines_with(self._lexicon, text, voice.voice, self._reading, settings, id)

    def _ask(self, row: Row, voice: RowVoice) -> None:
        """Remember what an engine must have, with the first row that needs it."""
        spoken = voice.voice.voice
        question = (voice.info.name, spoken.model, spoken.preset, voice.language)
        if question not in self._questions and len(self._questions) < MOST_QUESTIONS:
            self._questions[question] = (row, voice)
