"""A unit on its way to a node and what comes back: plain values, without the paths and the engines of either machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from demod_worker.messages import Voice

from demod_voice.batch.cluster.inputs import Tree
from demod_voice.batch.types import Failure, Job, Row, Spoken, Unit
from demod_voice.engines.types import EngineInfo
from demod_voice.speech.job import LineJob
from demod_voice.speech.reading import SpokenLine
from demod_voice.voices.resolved import ResolvedVoice

_VOICE = tuple(each.name for each in fields(ResolvedVoice) if each.name not in ("engine", "voice", "style"))
_LINE = tuple(each.name for each in fields(LineJob) if each.name not in ("voice", "hints"))


@dataclass(frozen=True, slots=True)
class SentVoice:
    """Who speaks; its paths are those of the machine that was asked, its engine is found on the node."""

    voice: Voice
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SentLine:
    """One line."""

    key: str
    """Of its take, which the node must find, too; empty for a line that cannot be spoken."""
    voice: int
    """Place of its voice in the unit."""
    gap_s: float
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SentRow:
    """One row."""

    number: int
    line: int
    lines: tuple[SentLine, ...]


@dataclass(frozen=True, slots=True)
class SentUnit:
    """Rows for one actor."""

    engine: str
    output_version: int
    rows: tuple[SentRow, ...]
    voices: tuple[SentVoice, ...]
    batch: str = ""
    wanted: frozenset[int] = frozenset()
    trees: dict[str, Tree] = field(default_factory=dict)
    """Path on the machine that was asked -> what lies there."""
    parts: dict[str, list[Any]] = field(default_factory=dict)
    """SHA-256 -> references of a file's parts in Ray's store."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an actor tells of one row."""

    number: int
    spoken: bool
    """False: it is a failure."""
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unfit:
    """A node that cannot speak a unit; nothing of it was tried."""

    message: str
    hint: str = ""
    kind: str = "EngineError"
    """Name of the class in ``errors.py``."""
    fatal: bool = False
    """The node would give other bytes: the batch must not go on."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line that a person should see."""

    message: str


def packed(unit: Unit, key_of: Callable[[LineJob], str]) -> SentUnit:
    """A unit without its files.

    Args:
        unit: rows of one engine.
        key_of: the key of a line's take; empty where it cannot be spoken.
    """
    voices: dict[int, int] = {}
    sent: list[SentVoice] = []
    rows = []
    for job in unit.jobs:
        lines = []
        for line in job.lines:
            voice = line.job.voice
            if id(voice) not in voices:
                voices[id(voice)] = len(sent)
                sent.append(SentVoice(voice.voice, {**_values(voice, _VOICE), "style": dict(voice.style)}))
            values = {**_values(line.job, _LINE), "hints": dict(line.job.hints)}
            lines.append(SentLine(key_of(line.job), voices[id(voice)], line.gap_s, values))
        rows.append(SentRow(job.row.number, job.row.line, tuple(lines)))
    version = unit.jobs[0].lines[0].job.voice.engine.output_version
    return SentUnit(unit.engine, version, tuple(rows), tuple(sent), unit.batch, unit.wanted)


def paths_of(unit: SentUnit) -> Iterator[str]:
    """The files and folders that its voices and conversations are made of, as paths of the machine that was asked."""
    for each in unit.voices:
        voice = each.voice
        yield from (path for path in (voice.model, voice.adapter, *voice.references) if path)
    for row in unit.rows:
        for line in row.lines:
            yield from (str(turn.path) for turn in line.values["context"])


def unpacked(unit: SentUnit, info: EngineInfo, paths: Mapping[str, Path]) -> Unit:
    """The unit as it is spoken on this node.

    Args:
        unit: as it was sent.
        info: its engine, as this node has it.
        paths: path on the machine that was asked -> path here.
    """
    voices = [ResolvedVoice(engine=info, voice=_moved(each.voice, paths), **each.values) for each in unit.voices]
    jobs = []
    for row in unit.rows:
        lines = tuple(SpokenLine(_line(each, voices[each.voice], paths), each.gap_s) for each in row.lines)
        jobs.append(Job(Row(row.number, row.line, {}), "", Path(), "", lines, unit.engine))
    return Unit(tuple(jobs), unit.engine, unit.batch, unit.wanted, info.gpu)


def answer_of(outcome: Spoken | Failure) -> Answer:
    """What a node made of a row, without the row."""
    names = tuple(each.name for each in fields(outcome) if each.name != "job")
    return Answer(outcome.job.row.number, isinstance(outcome, Spoken), _values(outcome, names))


def outcome_of(answer: Answer, job: Job) -> Spoken | Failure:
    """What a node made of ``job``."""
    return Spoken(job=job, **answer.values) if answer.spoken else Failure(job=job, **answer.values)


def _values(thing: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}


def _line(line: SentLine, voice: ResolvedVoice, paths: Mapping[str, Path]) -> LineJob:
    context = tuple(replace(turn, path=paths[str(turn.path)]) for turn in line.values["context"])
    return LineJob(voice=voice, **{**line.values, "context": context})


def _moved(voice: Voice, paths: Mapping[str, Path]) -> Voice:
    def here(path: str | None) -> str | None:
        return str(paths[path]) if path else path

    references = tuple(str(paths[each]) for each in voice.references)
    return replace(voice, model=here(voice.model), adapter=here(voice.adapter), references=references)
