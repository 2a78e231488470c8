"""``demod-voice bench``: how fast the engines of this machine are."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from demod_voice.cli.app import App, Parser, add_setting_flag, leaf
from demod_voice.cli.called import as_called

if TYPE_CHECKING:
    from demod_voice.api.bench import BenchReport, Measured

SPEAKING = (
    ("load s", "load_s"),
    ("first s", "first_audio_s"),
    ("rtf", "real_time_factor"),
    ("rows/min", "rows_per_minute"),
    ("with jobs", "rows_per_minute_jobs"),
    ("peak MB", "peak_mb"),
    ("audio s", "audio_s"),
)
HEARING = (("load s", "load_s"), ("rtf", "real_time_factor"), ("peak MB", "peak_mb"), ("audio s", "audio_s"))
MEANING = (
    "load: start and model; first: to the first sound; rtf: seconds of work for a second of sound, below 1 is faster than "
    "it plays;\nrows/min: short lines, one warm worker; with jobs: {jobs} of them.{spread}"
)


def register(parser: Parser) -> None:
    """Declare the command."""
    leaf(
        parser,
        run_bench,
        examples=[
            "demod-voice bench --quick",
            "demod-voice bench --engine espeak --engine piper -o mine.json",
            "demod-voice bench --voice narrator --text lines.txt --repeat 5",
            "demod-voice bench --compare yours.json",
        ],
        description="Measure the engines of this machine, each with fresh workers and without the speech cache: time to "
        "load, to the first sound, speed, rows per minute, memory. Engines that hear are given a recording that espeak "
        "makes. The same sentences for everyone, so that figures can be compared. See docs/bench.md.",
    )
    parser.add_argument(
        "--engine", metavar="NAME", action="append", default=[], help="engine to measure; may be given again"
    )
    parser.add_argument("--voice", metavar="NAME", default="", help="who speaks, when one engine is measured")
    parser.add_argument("--model", metavar="PATH", default="", help="model, when one engine is measured")
    parser.add_argument("--repeat", metavar="N", type=int, default=3, help="measure each engine so often (default: 3)")
    parser.add_argument("--quick", action="store_true", help="once, with few lines: to see that it works")
    parser.add_argument("--text", metavar="FILE", help="lines of your own, one a row, in place of the fixed ones")
    parser.add_argument("-o", "--output", metavar="FILE", help="keep the figures as JSON")
    parser.add_argument("--compare", metavar="FILE", help="ratios to an earlier run's JSON")
    add_setting_flag(parser, "--jobs", key="jobs", metavar="N", help="workers at once (default: one per processor)")
    add_setting_flag(parser, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")


def run_bench(args: argparse.Namespace, app: App) -> int:
    """Print the tables; 4 when an engine failed."""
    from demod_voice.api.bench import BenchOptions, bench_engines

    options = BenchOptions(
        tuple(args.engine), args.voice, args.model, args.repeat, args.quick, args.text, args.output, args.compare
    )
    report = bench_engines(options, settings=app.settings, progress=app.progress)
    app.close()
    for each in report.failed:
        app.note(f"{each.engine} {each.operation} failed: {each.error}" + (f" ({each.hint})" if each.hint else ""))
    if report.meanwhile.busy:
        app.note("the machine was busy with other work: measure again when it is quiet")
    app.emit(report, text=as_called("\n".join(_text(report))))
    return 4 if report.failed else 0


def _text(report: BenchReport) -> Iterator[str]:
    yield from _machine(report)
    good = [each for each in report.measured if not each.error]
    yield from _table("speaks", [each for each in good if each.operation == "speak"], SPEAKING)
    yield from _table("hears", [each for each in good if each.operation != "speak"], HEARING)
    if good:
        spread = f" Medians of {report.repeat} (lowest-highest)." if report.repeat > 1 else ""
        yield f"\n{MEANING.format(jobs=report.jobs, spread=spread)}"
    yield from _compared(report)
    if report.left_out:
        yield "\nnot measured:"
        yield from (
            f"  {each.engine}: {each.reason}" + (f"; {each.hint}" if each.hint else "") for each in report.left_out
        )


def _machine(report: BenchReport) -> Iterator[str]:
    machine, meanwhile = report.machine, report.meanwhile
    yield f"{machine.cpu}, {machine.cores} cores, {machine.memory_mb} MB; GPU: {'; '.join(machine.gpus) or 'none'}"
    yield f"{machine.system}; Python {machine.python}; demod-voice {report.demod_voice}"
    others = "" if meanwhile.others is None else f"; other programs took {meanwhile.others:.0%} of the processors"
    yield f"{report.at}: load {meanwhile.load_before} before, {meanwhile.load_after} after{others}"


def _table(what: str, rows: Sequence[Measured], columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    from demod_voice.cli.output import table

    if rows:
        heads = [what, *(head for head, _ in columns), "device", "voice or task", "model"]
        yield "\n" + table([[each.engine, *_cells(each, columns), *_what(each)] for each in rows], heads)


def _cells(each: Measured, columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    for _, name in columns:
        figure = each.figures.get(name)
        if figure is None:
            yield "-"
        elif figure.min == figure.max:
            yield _number(figure.median)
        else:
            yield f"{_number(figure.median)} ({_number(figure.min)}-{_number(figure.max)})"


def _what(each: Measured) -> tuple[str, str, str]:
    model = f"{each.model} {each.model_revision[:8]}".strip() or "-"
    return each.device or "-", each.voice or each.operation, f"{model}, version {each.version}"


def _number(value: float) -> str:
    """Three significant digits, no exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{float(f'{value:.2g}')}"


def _compared(report: BenchReport) -> Iterator[str]:
    from demod_voice.cli.output import table

    if report.compared:
        rows = [
            (each.engine, each.operation, each.figure, _number(each.before), _number(each.now), f"{each.ratio:g}x")
            for each in report.compared
        ]
        yield "\n" + table(rows, ("engine", "task", "figure", "then", "now", "now / then"))
    if report.differences:
        yield "\nnot the same as then:"
        yield from (f"  {each}" for each in report.differences)
