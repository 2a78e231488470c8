"""Speaks units on this machine: a few threads, each of which speaks a unit and finishes its rows."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator

from demod_voice.batch.outcomes import every_row, finished_row
from demod_voice.batch.types import FAILED, Finish, Finished, Speak, Timing, Unit

STOP_S = 5.0
"""So long a run that is stopped waits for outputs that are being written."""
_Result = tuple[Finished, Timing]


class LocalExecutor:
    """One thread more than there are workers of an engine: one row is finished while others are spoken.

    Args:
        speak: speaks a unit; called in several threads.
        jobs: workers of one engine that may run at once.
        stop_on_error: once a row has failed, rows that were not begun are skipped.
    """

    def __init__(self, speak: Speak, jobs: int, *, stop_on_error: bool = False) -> None:
        self._speak = speak
        self._jobs = jobs
        self._stop_on_error = stop_on_error

    def run(self, units: Iterable[Unit | None], finish: Finish) -> Iterator[_Result]:
        """As ``Executor.run``. What goes wrong ends it at once: threads that still speak are left alone.

        Raises:
            OutputError: the disk is full.
        """
        crew = _Crew(self._speak, finish, self._jobs + 1, self._stop_on_error)
        try:
            yield from crew.work(iter(units))
        finally:
            crew.stop()


class _Crew:
    """The threads of one run.

    Args:
        speak: speaks a unit.
        finish: writes a row's output.
        size: how many threads there are.
        stop_on_error: as for the executor.
    """

    def __init__(self, speak: Speak, finish: Finish, size: int, stop_on_error: bool) -> None:
        self._speak, self._finish, self._size = speak, finish, size
        self._units: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[_Result | BaseException | None] = queue.SimpleQueue()
        """A row; what ended a thread; or None for a unit that is done."""
        self._stopped = threading.Event()
        self._stop_on_error = stop_on_error
        self._failed = threading.Event()
        self._writing = threading.Semaphore(size)
        self._threads: list[threading.Thread] = []

    def work(self, units: Iterator[Unit | None]) -> Iterator[_Result]:
        """Twice as many units as threads are on their way, so that none waits while the next window is planned."""
        given, more = 0, True
        while more or given:
            while more and given < 2 * self._size:
                try:
                    unit = next(units)
                except StopIteration:
                    more = False
                    break
                if unit is None:
                    break
                self._give(unit)
                given += 1
            if given:
                result = self._results.get()
                if isinstance(result, BaseException):
                    yield from self._finished_by_now()
                    raise result
                if result is None:
                    given -= 1
                else:
                    yield result
            elif more:
                raise RuntimeError("rows are waited for that nobody was given")

    def stop(self) -> None:
        """No thread begins anything more; those that write an output may end it."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        for _ in self._threads:
            self._units.put(None)
        deadline = time.monotonic() + STOP_S
        for _ in range(self._size):
            self._writing.acquire(timeout=max(0.0, deadline - time.monotonic()))

    def _finished_by_now(self) -> Iterator[_Result]:
        """Rows whose outputs are written: they are done, whatever went wrong with another one."""
        self.stop()
        while not self._results.empty():
            result = self._results.get()
            if isinstance(result, tuple):
                yield result

    def _give(self, unit: Unit) -> None:
        self._units.put(unit)
        if len(self._threads) < self._size:
            thread = threading.Thread(target=self._run, name=f"batch-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        try:
            while (unit := self._units.get()) is not None and not self._stopped.is_set():
                for outcome in every_row(unit, self._speak, self._failed.is_set):
                    with self._writing:
                        if self._stopped.is_set():
                            return
                        result = finished_row(outcome, self._finish)
                        if self._stop_on_error and result[0].status == FAILED:
                            self._failed.set()
                        self._results.put(result)
                self._results.put(None)
        except BaseException as error:
            self._results.put(error)
