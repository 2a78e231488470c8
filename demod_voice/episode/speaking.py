"""Speak every line of a plan: all engines at once, finished takes first, failures collected.

A line that goes on from earlier turns waits for their takes; all others are spoken in any order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from demod_voice.episode.context import job_after, turns_before
from demod_voice.episode.plan import Plan, PlannedLine
from demod_voice.errors import EngineError, EngineFailed, EngineRefused
from demod_voice.records.progress import Progress
from demod_voice.speech.studio import LineJob, Studio, Take

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
    order = _Order(plan, takes)
    progress.start("speak", len(plan.lines), "lines")
    progress.advance("speak", len(takes))
    executor = ThreadPoolExecutor(jobs, thread_name_prefix="speak")
    try:
        ready, running = order.ready(), 0
        finished: SimpleQueue[tuple[int, Future[Take]]] = SimpleQueue()
        while ready or running:
            for number in ready:
                future = executor.submit(studio.speak, _job(plan, number, takes), folder)
                future.add_done_callback(lambda done, number=number: finished.put((number, done)))  # type: ignore[misc]
            running += len(ready)
            number, future = finished.get()
            running -= 1
            try:
                takes[number] = future.result()
                ready = order.spoken(number)
            except EngineError as error:
                failures[number] = Failure(plan.lines[number], error)
                failures |= {each: _stopped(plan, each, number) for each in order.stopped(number)}
                ready = []
            progress.advance("speak")
    except BaseException as error:  # nobody may still write when an error is told; an interrupt does not wait
        executor.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    executor.shutdown()
    progress.finish("speak")
    if failures:
        raise _report([failures[number] for number in sorted(failures)], len(plan.lines), plan.script.source)
    return [takes[number] for number in range(len(plan.lines))]


class _Order:
    """Which lines may be spoken: those whose turns have takes.

    Args:
        plan: the lines.
        takes: of the lines that are decided.
    """

    def __init__(self, plan: Plan, takes: Mapping[int, Take]) -> None:
        self._missing: dict[int, int] = {}
        """Number of a line -> how many of its turns have no take."""
        self._after: defaultdict[int, list[int]] = defaultdict(list)
        """Number of a line -> those that go on from it."""
        for number in range(len(plan.lines)):
            if number in takes:
                continue
            before = [each for each in turns_before(plan, number) if each not in takes]
            self._missing[number] = len(before)
            for each in before:
                self._after[each].append(number)

    def ready(self) -> list[int]:
        """The lines that wait for nothing."""
        return [number for number, missing in self._missing.items() if not missing]

    def spoken(self, number: int) -> list[int]:
        """The lines that waited for ``number`` last."""
        for each in self._after[number]:
            self._missing[each] -= 1
        return [each for each in self._after[number] if not self._missing[each]]

    def stopped(self, number: int) -> list[int]:
        """The lines that cannot be spoken because ``number`` could not."""
        found: dict[int, None] = {}
        left = [number]
        while left:
            following = [each for each in self._after.pop(left.pop(), []) if each not in found]
            found |= dict.fromkeys(following)
            left += following
        return list(found)


def _job(plan: Plan, number: int, takes: Mapping[int, Take]) -> LineJob:
    sounds = {each: (takes[each].sha256, takes[each].path) for each in turns_before(plan, number)}
    job = job_after(plan, number, sounds)
    return job or plan.lines[number].job


def _stopped(plan: Plan, number: int, cause: int) -> Failure:
    what = f"it goes on from line {plan.lines[cause].source.line}, which could not be spoken"
    return Failure(plan.lines[number], EngineFailed(what))


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
