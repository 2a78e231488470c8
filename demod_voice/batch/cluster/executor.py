"""Has units spoken on a Ray cluster; every row is finished on this machine, which alone writes."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from demod_voice.batch.cluster.crew import Began, Crew, Seat
from demod_voice.batch.cluster.inputs import Parcels
from demod_voice.batch.cluster.nodes import Cluster, RayOptions
from demod_voice.batch.cluster.units import Answer, Note, SentUnit, Unfit, outcome_of, packed, paths_of
from demod_voice.batch.outcomes import failure_of, finished_row
from demod_voice.batch.types import Failure, Finish, Finished, Job, Spoken, Timing, Unit
from demod_voice.config.settings import Settings
from demod_voice.errors import DemodError, EngineError, EngineGivenUp
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.identity import ContentHashes
from demod_voice.speech.job import LineJob
from demod_voice.speech.line import Line, identity
from demod_voice.speech.pieces import pieces_of

MOST_LOST = 8
"""So often a unit may lose its actor; then its rows are skipped."""
WAITING_PER_THREAD = 4
"""Rows that have come for each thread that finishes them; more wait on their nodes."""
_Result = tuple[Finished, Timing]
Prepare = Callable[[Unit], Mapping[int, DemodError]]
"""Makes what the rows of a unit need on this machine (clips of references); rows, by number, that cannot be spoken."""


@dataclass(eq=False, slots=True)
class _Load:
    """A unit on its way. Changed by the thread that runs the batch alone."""

    unit: Unit
    left: dict[int, Job]
    """Rows that have not come yet, by number."""
    lost: int = 0
    """So many actors were lost with it."""


@dataclass(eq=False, slots=True)
class _Flight:
    """A load that an actor has."""

    load: _Load
    seat: Seat
    unit: Unit
    """What of it was left to do when it began."""


@dataclass(frozen=True, slots=True)
class _Told:
    """Something came from a node."""

    flight: _Flight
    what: Answer | Note | Unfit | Failure


@dataclass(frozen=True, slots=True)
class _Landed:
    """A flight has ended, as it should or not."""

    flight: _Flight
    error: BaseException | None = None


class RayExecutor:
    """Speaks on a cluster, for the length of a ``with`` block.

    Args:
        settings: of this machine; what is heard of them holds on every node.
        options: which cluster.
        progress: told about nodes.
        prepare: called in threads, before a unit is sent.

    Raises:
        UsageError: Ray is not installed, or the options are impossible.
    """

    def __init__(
        self,
        settings: Settings,
        options: RayOptions | None = None,
        progress: Progress = SILENT,
        prepare: Prepare = lambda _: {},
    ) -> None:
        self._settings = settings
        self._cluster = Cluster(settings, options or RayOptions())
        self._progress = progress
        self._prepare = prepare
        self._stack = ExitStack()
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._shift: _Shift | None = None

    def __enter__(self) -> RayExecutor:
        self._stack.enter_context(self._cluster)
        self._crew = Crew(self._cluster, self._settings, self._events, self._progress)
        self._sender = _Sender(self._settings, Parcels(self._cluster.ray.put))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if self._shift is not None:
                self._shift.stop()
            self._crew.end()

    def run(self, units: Iterable[Unit | None], finish: Finish) -> Iterator[_Result]:
        """As ``Executor.run``.

        Raises:
            OutputError: the disk is full.
            EngineError: a node does not fit, or there was no room on the cluster for too long; what is finished was given.
        """
        self._shift = _Shift(self._cluster, self._crew, self._sender, self._events, self._progress, self._prepare)
        try:
            yield from self._shift.work(iter(units), finish)
        finally:
            self._shift.stop()


class _Sender:
    """Makes of units what travels. Safe for threads."""

    def __init__(self, settings: Settings, parcels: Parcels) -> None:
        self._settings = settings
        self._parcels = parcels
        self._hashes = ContentHashes()

    def sent(self, unit: Unit) -> SentUnit:
        """A unit with its files in the store.

        Raises:
            ModelMissing: one of them is gone.
        """
        found = packed(unit, self._key)
        trees = {path: self._parcels.tree(path) for path in dict.fromkeys(paths_of(found))}
        return replace(found, trees=trees, parts=self._parcels.parts(trees.values()))

    def _key(self, job: LineJob) -> str:
        made = pieces_of(job)
        if not made.pieces:
            return ""
        return Line(job, made, identity(job, made.pieces, self._settings, self._hashes)).key(0)


class _Shift:
    """One run: units go out, rows come back, each is finished by one of a few threads."""

    def __init__(
        self,
        cluster: Cluster,
        crew: Crew,
        sender: _Sender,
        events: queue.SimpleQueue[Any],
        progress: Progress,
        prepare: Prepare,
    ) -> None:
        self._cluster, self._crew, self._sender = cluster, crew, sender
        self._events, self._progress, self._prepare = events, progress, prepare
        self._waiting: deque[_Load] = deque()
        self._flights: set[_Flight] = set()
        self._notes: set[str] = set()
        self._more, self._held, self._finishing = True, False, 0
        threads = max(2, os.cpu_count() or 2)
        self._threads = ThreadPoolExecutor(threads, "batch-finish")
        self._slots = threading.Semaphore(threads * WAITING_PER_THREAD)
        self._stopped = threading.Event()

    def work(self, units: Iterator[Unit | None], finish: Finish) -> Iterator[_Result]:
        """Every row as soon as it is finished; what goes wrong is raised once those that are finished were given."""
        self._finish = finish
        try:
            yield from self._rows(units)
        except Exception:
            yield from self._finished_by_now()
            raise

    def _rows(self, units: Iterator[Unit | None]) -> Iterator[_Result]:
        while True:
            self._pull(units)
            self._assign()
            if not (self._more or self._waiting or self._flights or self._finishing):
                return
            try:
                event = self._events.get(timeout=1.0)
            except queue.Empty:
                continue
            result = self._handle(event)
            if result is not None:
                self._held = False
                yield result

    def stop(self) -> None:
        """Begin nothing more, and wait for outputs that are being written. Actors that are at work are killed."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._slots.release(1 << 20)
        if self._flights:
            self._crew.end()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _finished_by_now(self) -> Iterator[_Result]:
        """Rows whose outputs are written: they are done, whatever went wrong with another one."""
        self.stop()
        while not self._events.empty():
            event = self._events.get()
            if isinstance(event, Future) and not event.cancelled() and event.exception() is None:
                result: _Result = event.result()
                yield result

    def _pull(self, units: Iterator[Unit | None]) -> None:
        while self._more and not self._held and len(self._waiting) + len(self._flights) < self._crew.capacity:
            try:
                unit = next(units)
            except StopIteration:
                self._more = False
                return
            if unit is None:
                self._held = True
                if not (self._waiting or self._flights or self._finishing):
                    raise RuntimeError("rows are waited for that nobody was given")
                return
            self._crew.kind_of(unit.gpu)
            self._waiting.append(
                _Load(unit, {job.row.number: job for job in unit.jobs if job.row.number in unit.wanted})
            )

    def _assign(self) -> None:
        wanted: dict[str, int] = {}
        for load in [*self._waiting, *(flight.load for flight in self._flights)]:
            kind = self._crew.kind_of(load.unit.gpu)
            wanted[kind] = wanted.get(kind, 0) + 1
        self._crew.tend(wanted)
        for load in list(self._waiting):
            kind = self._crew.kind_of(load.unit.gpu)
            seat = self._crew.free(kind, load.unit.engine)
            if seat is None:
                self._crew.check_able(kind, load.unit.engine)
                continue
            self._waiting.remove(load)
            self._launch(load, seat)

    def _launch(self, load: _Load, seat: Seat) -> None:
        seat.busy += 1
        seat.engines.add(load.unit.engine)
        flight = _Flight(load, seat, _rest(load))
        self._flights.add(flight)
        self._crew.spawn(self._fly, flight)

    def _fly(self, flight: _Flight) -> None:
        """In a thread: send a unit, and hand on what comes back, as fast as rows are finished."""
        try:
            unit = self._without_broken(flight)
            if unit.wanted:
                sent = self._sender.sent(unit)
                for ref in flight.seat.actor.speak.options(num_returns="streaming").remote(sent):
                    self._tell(flight, self._cluster.ray.get(ref))
            self._events.put(_Landed(flight))
        except BaseException as error:
            self._events.put(_Landed(flight, error))

    def _without_broken(self, flight: _Flight) -> Unit:
        """What of a unit can be spoken; the rest is told."""
        unit = flight.unit
        broken = self._prepare(unit)
        for job in unit.jobs:
            if job.row.number in unit.wanted and job.row.number in broken:
                self._tell(flight, _failure(job, broken[job.row.number]))
        jobs = tuple(job for job in unit.jobs if job.row.number not in broken)
        return replace(unit, jobs=jobs, wanted=unit.wanted - set(broken))

    def _tell(self, flight: _Flight, what: Answer | Note | Unfit | Failure) -> None:
        if isinstance(what, (Answer, Failure)):
            self._slots.acquire()
        if not self._stopped.is_set():
            self._events.put(_Told(flight, what))

    def _handle(self, event: Any) -> _Result | None:
        """One event; a row that it has brought to its end."""
        if isinstance(event, Future):
            self._finishing -= 1
            self._slots.release()
            result: _Result = event.result()
            return result
        if isinstance(event, Began):
            self._crew.began(event)
        elif isinstance(event, _Told):
            self._told(event.flight, event.what)
        elif isinstance(event, _Landed) and event.flight in self._flights:
            self._landed(event.flight, event.error)
        return None

    def _told(self, flight: _Flight, what: Answer | Note | Unfit | Failure) -> None:
        if isinstance(what, Note):
            self._note(flight.seat, what.message)
        elif isinstance(what, Unfit):
            self._crew.unfit(flight.seat, what, flight.load.unit.engine)
        elif not self._came(flight, what):
            self._slots.release()

    def _came(self, flight: _Flight, what: Answer | Failure) -> bool:
        """A row has come; False for one that is not wanted, or that another node shall try."""
        self._crew.begun = True
        number = what.job.row.number if isinstance(what, Failure) else what.number
        job = flight.load.left.get(number)
        if job is None:
            return False
        outcome = what if isinstance(what, Failure) else outcome_of(what, job)
        if isinstance(outcome, Failure) and outcome.kind == EngineGivenUp.__name__ and self._elsewhere(flight):
            return False
        del flight.load.left[number]
        self._give(outcome)
        return True

    def _elsewhere(self, flight: _Flight) -> bool:
        """An engine was given up on one node; true where another one can still try."""
        seat, engine = flight.seat, flight.load.unit.engine
        if engine not in seat.barred:
            others = [each for each in self._crew.able(seat.kind, engine) if each is not seat]
            if not others:
                return False
            seat.barred.add(engine)
            self._progress.note(f"engine {engine} is given up on node {seat.host}: its rows are spoken elsewhere")
        return True

    def _landed(self, flight: _Flight, error: BaseException | None) -> None:
        load, seat = flight.load, flight.seat
        self._flights.discard(flight)
        seat.busy -= 1
        if error is not None:
            self._crashed(flight, error)
        elif load.left and load.unit.engine not in seat.barred:
            nothing = EngineError(f"engine {load.unit.engine} gave nothing for it")
            self._give_up(load, [failure_of(job, nothing) for job in load.left.values()])
        if load.left:
            self._waiting.appendleft(load)

    def _crashed(self, flight: _Flight, error: BaseException) -> None:
        """A node was lost, a file is gone, or a defect: the rows that have not come are tried again, or have failed.

        Raises:
            BaseException: a defect, of this program or of Ray.
        """
        load, errors = flight.load, self._cluster.ray.exceptions
        if isinstance(error, DemodError):
            self._give_up(load, [_failure(job, error) for job in load.left.values()])
            return
        if not isinstance(error, errors.RayError) or isinstance(error, errors.RayTaskError):
            raise error
        self._crew.lose(flight.seat, error)
        load.lost += 1
        if load.lost > MOST_LOST:
            why = f"its actor was lost {load.lost} times"
            self._give_up(
                load, [Failure(job, why, "run the same command again", recorded=False) for job in load.left.values()]
            )

    def _give_up(self, load: _Load, failures: list[Failure]) -> None:
        load.left.clear()
        for each in failures:
            self._slots.acquire(blocking=False)
            self._give(each)

    def _give(self, outcome: Spoken | Failure) -> None:
        """To the threads that finish rows."""
        self._finishing += 1
        self._threads.submit(finished_row, outcome, self._finish).add_done_callback(self._events.put)

    def _note(self, seat: Seat, message: str) -> None:
        """A node's note; the same one of many actors is told once."""
        if message not in self._notes:
            self._notes.add(message)
            self._progress.note(f"node {seat.host}: {message}")


def _rest(load: _Load) -> Unit:
    """What of a unit is left to do: of a batch all is spoken, of other units the rows that have not come."""
    unit = load.unit
    wanted = frozenset(load.left)
    jobs = unit.jobs if unit.batch else tuple(job for job in unit.jobs if job.row.number in wanted)
    return replace(unit, jobs=jobs, wanted=wanted)


def _failure(job: Job, error: DemodError) -> Failure:
    from demod_voice.batch.speech.speaking import failure

    return failure(job, error, 0.0)
