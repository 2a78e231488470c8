"""What the parts of a batch hand to each other: rows, the units they are spoken in, and what became of them.

A table is read as a stream of ``Row``; a ``Task`` turns a window of rows into ``Unit``; an ``Executor`` has units spoken,
here or on a cluster, and the finishing of each row (encode, write, hash) always runs on the machine that was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from demod_voice.audio.clip import Clip
from demod_voice.speech.reading import SpokenLine

WINDOW = 4096
"""Rows that are planned together, in the order of the file: grouped and batched only among themselves."""
DONE, FAILED, SKIPPED = "done", "failed", "skipped"
"""What ``results.csv`` says of a row. A skipped one was never tried (its engine was given up, the run was stopped): it is
not recorded, so the next run tries it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One job of a table, as a person wrote it; empty = not given."""

    number: int
    """1-based, among the rows with content; comments, blank lines and the header are none."""
    line: int
    """Where it begins in the file, 1-based."""
    cells: Mapping[str, str]
    """Value by column, the known ones by their names; never None."""
    fault: str = ""
    """Why it could not be read (too many cells, a NUL, too long); then ``cells`` holds what could be."""
    remedy: str = ""
    """What to do about the fault."""

    def cell(self, column: str) -> str:
        """The value of a column without the blanks around it; empty where there is none."""
        return self.cells.get(column, "").strip()


@dataclass(frozen=True, slots=True)
class Job:
    """A row that is ready to be worked on."""

    row: Row
    key: str
    """Hash of everything that its output depends on: an equal key is a finished row."""
    output: Path
    """Absolute."""
    shown: str
    """The output as results name it: relative to the output folder, ``/`` between parts."""
    lines: tuple[SpokenLine, ...] = ()
    """What is said, in order; empty for a task that speaks by itself."""
    engine: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the task needs to finish it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Jobs that one worker does one after the other, or together: the same engine, model and voice."""

    jobs: tuple[Job, ...]
    engine: str
    batch: str = ""
    """Hash of all its rows where the engine's bytes depend on what is spoken together; then all are spoken, and only
    those in ``wanted`` are finished."""
    wanted: frozenset[int] = frozenset()
    """Numbers of the rows that are to be finished."""
    gpu: bool = False
    """Its engine computes on a GPU where there is one."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What an executor brings of one job: the sound, and where it comes from."""

    job: Job
    clip: Clip | None
    """At the engine's rate; None for a task that has written its output by itself."""
    encoding: str = "pcm_s16le"
    model: str = ""
    model_revision: str = ""
    degraded: tuple[str, ...] = ()
    """What was asked for and not given."""
    best_of: int = 0
    """Of how many attempts this flawed sound is the best; 0 for a good one."""
    cached: bool = False
    seconds: float = 0.0
    """An observation, as all that follows."""
    attempts: int = 1
    worker: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What a task that wrote its output by itself has to tell."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that could not be done."""

    job: Job
    message: str
    """The same on every machine and in every order: no path of a scratch folder, no number of a process."""
    hint: str = ""
    kind: str = "EngineError"
    """Name of the class in ``errors.py``."""
    recorded: bool = True
    """False: it says nothing about the row (the engine was given up, the node is gone for good): the row is skipped."""
    seconds: float = 0.0
    attempts: int = 1
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A row's record: what ``results.csv`` says of it, and how its output is known again."""

    number: int
    key: str
    status: str
    """``DONE``, ``FAILED`` or ``SKIPPED``."""
    output: str
    """As ``Job.shown``."""
    sha256: str = ""
    num_bytes: int = 0
    mtime_ns: int = 0
    audio_s: float = 0.0
    engine: str = ""
    model: str = ""
    model_revision: str = ""
    error: str = ""
    hint: str = ""
    kind: str = ""
    notes: str = ""
    """Degradations, joined by ``; ``."""
    best_of: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further results of the task, JSON (voice, consent, licence: what the manifest sums up)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """An observation: how one row was made."""

    number: int
    seconds: float
    attempts: int
    worker: str
    cached: bool = False


Speak = Callable[[Unit], Iterator["Spoken | Failure"]]
"""Speaks a unit, and gives each row as soon as it is ready; in any order. Runs in a thread here, or on a node."""
Finish = Callable[["Spoken | Failure"], tuple[Finished, Timing]]
"""Writes the output of a row (or says why there is none); safe for threads; always on the machine that was asked."""


class Task(Protocol):
    """What is done with each row: ``speech`` or ``episode``."""

    name: str
    columns: frozenset[str]
    """Known columns; all others are carried through to the results."""
    required: frozenset[str]

    def faults(self, row: Row) -> list[tuple[str, str]]:
        """(what, remedy) of everything that is wrong with a row, before any model is loaded."""

    def job(self, row: Row) -> Job:
        """The job of a row.

        Raises:
            DemodError: it cannot be done; that is the row's result.
        """

    def plan(self, jobs: Sequence[Job]) -> list[Job]:
        """A window's jobs with their final keys: those of an engine whose bytes depend on what is spoken together have
        the hash of their batch in them. Called before anybody is asked what is finished.

        Args:
            jobs: all that can be done of the window, in the order of the file.
        """

    def units(self, jobs: Sequence[Job], wanted: frozenset[int]) -> list[Unit]:
        """A window's planned jobs as units, by engine, model, voice and length; without units where nothing is wanted.

        Args:
            jobs: of the window, in the order of the file.
            wanted: numbers of the rows that have no finished record.
        """

    def speak(self, unit: Unit) -> Iterator[Spoken | Failure]:
        """As ``Speak``: on this machine."""

    def finish(self, spoken: Spoken | Failure) -> tuple[Finished, Timing]:
        """As ``Finish``."""


class Executor(Protocol):
    """Has units spoken, a bounded number at once."""

    def run(self, units: Iterable[Unit | None], finish: Finish) -> Iterator[tuple[Finished, Timing]]:
        """Pull units while there is room, and give every wanted row once it is finished.

        Args:
            units: pulled in this thread; None = none may begin before something has finished.
            finish: called in threads of this machine.

        Raises:
            OutputError: the disk is full: nothing more can be kept. What is finished was given before.
        """
