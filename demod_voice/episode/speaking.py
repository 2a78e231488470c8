"""Speak every line of a plan: all engines at once, finished takes first, failures collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from demod_voice.episode.plan import Plan, PlannedLine
from demod_voice.errors import EngineError, EngineRefused
from demod_voice.records.progress import Progress
from demod_voice.speech.studio import Studio, Take

SHOWN_FAILURES = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """A line that could not be spoken."""

    line: PlannedLine
    error: EngineError


def speak_all(
    plan: Plan, studio: Studio, folder: Path, jobs: int, progress: Progress, chosen: Mapping[int, Take]
) -> list[Take]:
    """The takes of all lines, in the order of the script.

    A line that fails does not stop the others: what was spoken is kept, and the next run speaks only what is missing.

    Args:
        plan: the lines.
        studio: speaks them.
        folder: where takes lie.
        jobs: lines spoken at once.
        progress: told about each line.
        chosen: number of a line -> the take that was decided for it.

    Raises:
        EngineError: at least one line failed; of the class of the first failure, naming each with its place.
    """
    takes: dict[int, Take] = dict(chosen)
    failures: dict[int, Failure] = {}
    waiting = [number for number in range(len(plan.lines)) if number not in takes]
    progress.start("speak", len(plan.lines), "lines")
    progress.advance("speak", len(takes))
    executor = ThreadPoolExecutor(jobs, thread_name_prefix="speak")
    try:
        futures: dict[Future[Take], int] = {
            executor.submit(studio.speak, plan.lines[number].job, folder): number for number in waiting
        }
        for future in as_completed(futures):
            number = futures[future]
            try:
                takes[number] = future.result()
            except EngineError as error:
                failures[number] = Failure(plan.lines[number], error)
            progress.advance("speak")
    except BaseException as error:  # nobody may still write when an error is told; an interrupt does not wait
        executor.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    executor.shutdown()
    progress.finish("speak")
    if failures:
        raise _report([failures[number] for number in sorted(failures)], len(plan.lines), plan.script.source)
    return [takes[number] for number in range(len(plan.lines))]


def _report(failures: Sequence[Failure], total: int, source: str) -> EngineError:
    """One error of the first failure's class that names every failed line."""
    first = failures[0].error
    rows = [f"  {source}:{each.line.source.line} ({each.line.speaker}): {each.error.message}" for each in failures]
    if len(rows) > SHOWN_FAILURES:
        rows = [*rows[:SHOWN_FAILURES], f"  ... and {len(rows) - SHOWN_FAILURES} more"]
    message = f"{len(failures)} of {total} lines could not be spoken\n" + "\n".join(rows)
    kept = "the other lines are kept: run the same command again and only these are spoken"
    hints = [first.hint, None if len(failures) == total or isinstance(first, EngineRefused) else kept]
    return type(first)(message, "\n  ".join(hint for hint in hints if hint) or None)
