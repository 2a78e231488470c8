"""Bench: how fast the engines of this machine are, in figures that can be compared with those of another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demod_voice import __version__
from demod_voice.api.speaking import read_text
from demod_voice.bench.choosing import choose
from demod_voice.bench.comparing import differences, ratios, read_bench
from demod_voice.bench.figures import SCHEMA, BenchReport, Figure, LeftOut, Measured, Ratio
from demod_voice.bench.measuring import Plan, hearing, speaking
from demod_voice.bench.rounds import AT_LEAST_S, QUICK_S
from demod_voice.bench.texts import LANGUAGE, LINES, QUICK_LINES, QUICK_ROWS, ROWS
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.engines.machine import Neighbours, cores, machine
from demod_voice.errors import UsageError
from demod_voice.records.atomic import check_output, write_json
from demod_voice.records.hashing import hash_json
from demod_voice.records.progress import SILENT, Progress

__all__ = ["BenchOptions", "BenchReport", "Figure", "LeftOut", "Measured", "Ratio", "bench_engines"]

MOST_REPEATS = 100
MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What ``bench_engines`` measures."""

    engines: tuple[str, ...] = ()
    """Names; empty = every engine that is usable."""
    voice: str = ""
    """Who speaks, where one engine is measured: a saved voice, a model, or a voice of the engine."""
    model: str = ""
    repeat: int = 3
    """How often each engine is measured, with fresh workers each time."""
    quick: bool = False
    """Once, and with few lines: to see that it works."""
    text: str | Path | None = None
    """A file of own lines in place of the fixed ones."""
    output: str | Path | None = None
    """Where the report is kept as JSON."""
    compare: str | Path | None = None
    """The JSON of an earlier run, or of another machine."""


def bench_engines(
    options: BenchOptions | None = None, *, settings: Settings = DEFAULTS, progress: Progress = SILENT
) -> BenchReport:
    """Measure the engines of this machine, one after the other; one that fails is told and the others go on.

    Args:
        options: which engines, and how often.
        settings: device, threads, jobs.
        progress: told of each repetition.

    Raises:
        UsageError: an option is wrong, or a voice is asked for that does not exist.
        EngineError: an engine that was named is not installed, or lacks its model.
        OutputError: the JSON cannot be written.
    """
    chosen = options or BenchOptions()
    plan = _plan(chosen, settings, progress)
    before = _files(chosen, settings)
    choice = choose(chosen.engines, chosen.voice, chosen.model, settings, progress)
    neighbours, at = Neighbours(), datetime.now(UTC).isoformat(timespec="seconds")
    measured = [speaking(voice, plan) for voice in choice.speaking] + hearing(choice.hearing, plan)
    report = BenchReport(
        schema=SCHEMA,
        demod_voice=__version__,
        at=at,
        repeat=plan.repeat,
        jobs=plan.jobs,
        threads=settings.engines.threads,
        lines=len(plan.lines),
        rows=len(plan.rows),
        texts=hash_json([plan.lines, plan.rows]),
        machine=machine(),
        meanwhile=neighbours.told(),
        measured=tuple(measured),
        left_out=tuple(choice.left_out),
    )
    if before is not None:
        report = replace(report, compared=ratios(report, before), differences=differences(report, before))
    if chosen.output is not None:
        write_json(Path(chosen.output), asdict(report))
    return report


def _files(options: BenchOptions, settings: Settings) -> Mapping[str, Any] | None:
    """What is compared with, read before the work; and the place of the JSON is looked at."""
    named = [Path(each) for each in (options.output, options.compare) if each is not None]
    check_inside(named, settings.paths.allowed_roots)
    if options.output is not None:
        check_output(Path(options.output))
    return read_bench(Path(options.compare)) if options.compare is not None else None


def _plan(options: BenchOptions, settings: Settings, progress: Progress) -> Plan:
    if not 1 <= options.repeat <= MOST_REPEATS:
        raise UsageError(f"{options.repeat} repetitions cannot be", f"give 1 to {MOST_REPEATS}")
    lines, rows, language = LINES, ROWS, LANGUAGE
    if options.text is not None:
        lines = rows = _own_lines(options.text, settings)
        language = settings.language
    if options.quick:
        lines, rows = lines[:QUICK_LINES], rows[:QUICK_ROWS]
    repeat, least_s = (1, QUICK_S) if options.quick else (options.repeat, AT_LEAST_S)
    return Plan(lines, rows, language, repeat, least_s, settings.jobs or cores(), settings, progress)


def _own_lines(path: str | Path, settings: Settings) -> tuple[str, ...]:
    lines = tuple(line.strip() for line in read_text(path, settings=settings).splitlines() if line.strip())
    if not 1 <= len(lines) <= MOST_LINES:
        raise UsageError(f"{path} has {len(lines)} lines to speak", f"write 1 to {MOST_LINES} lines of text")
    return lines
