"""The actors of a batch: hired while there is room, replaced when a node is lost, given units in turn."""

from __future__ import annotations

import logging
import math
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import demod_voice
from demod_voice.batch.cluster.actor import EngineActor, NodeFacts
from demod_voice.batch.cluster.inputs import clean
from demod_voice.batch.cluster.nodes import CPU, GPU, Cluster
from demod_voice.batch.cluster.units import Unfit
from demod_voice.config.settings import Settings
from demod_voice.errors import EngineError, EngineNotInstalled
from demod_voice.records.progress import Progress

IN_FLIGHT = 2
"""Units of one actor: one is spoken, one is there already when that ends."""
LOOK_S = 2.0
"""Time between two looks at the nodes of the cluster."""
START_S = 60.0
"""So long an actor may take to start at least where there is room: a process that imports the program."""
WAITS, OVER = "waits", "over"
TOLD_S = 10.0
"""So long a batch waits for room before it says so."""
GOODBYE_S = 8.0
"""So long actors may take to end their workers and remove their files."""
EVERY = ""
"""Among the engines that an actor is barred from: all of them."""
BESIDE = "beside"
"""Group of an actor's methods that are called while it speaks."""
CLEAN_S = 5.0
"""So long a node waits for killed actors to end before it removes their files."""
MOST_STILLBORN = 8
"""So many actors in a row that die before they begin are the cluster's fault."""

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Seat:
    """An actor, as this side sees it. Changed by the thread that runs the batch alone."""

    actor: Any
    """Ray's handle."""
    kind: str
    late: bool
    """Hired after the batch had begun."""
    facts: NodeFacts | None = None
    """None while it starts."""
    node: str = ""
    """Ray's id of its node, known a little before it has started."""
    busy: int = 0
    """Units that it was given and has not ended."""
    engines: set[str] = field(default_factory=set)
    """Those that it has spoken with: their models are warm."""
    barred: set[str] = field(default_factory=set)
    """Engines that it cannot speak with."""

    @property
    def host(self) -> str:
        """Its node, for people."""
        return self.facts.host if self.facts is not None else "of the cluster"


@dataclass(frozen=True, slots=True)
class Began:
    """An actor is ready, or it is not and why."""

    seat: Seat
    facts: NodeFacts | None = None
    error: BaseException | None = None


class Patience:
    """How long a batch waits while nobody works.

    Args:
        settings: ``batch.ray.wait_s``.
    """

    def __init__(self, settings: Settings) -> None:
        self.wait_s = settings.batch.ray.wait_s
        self._since: float | None = None
        self._told = False
        self._room = True

    def look(self, idle: bool, room: bool, now: float) -> str:
        """What is to be said now: nothing, that it ``WAITS``, or that it is ``OVER``.

        Args:
            idle: there is work, and nobody does it.
            room: nodes live on which an actor fits; it may be starting, or others use them.
            now: a steady clock, seconds.
        """
        if not idle or room != self._room:
            self._since, self._told, self._room = None, False, room
        if not idle:
            return ""
        self._since = now if self._since is None else self._since
        if now - self._since > (max(self.wait_s, START_S) if room else self.wait_s):
            return OVER
        if now - self._since > TOLD_S and not self._told:
            self._told = True
            return WAITS
        return ""


class Crew:
    """Hires actors and gives them work. Used by one thread; what it waits for comes as events.

    Args:
        cluster: where they are.
        settings: of this machine; ``jobs`` bounds their number.
        events: gets ``Began``.
        progress: told about nodes that are lost, and about waiting.
    """

    def __init__(
        self, cluster: Cluster, settings: Settings, events: queue.SimpleQueue[Any], progress: Progress
    ) -> None:
        self._cluster, self._settings, self._events, self._progress = cluster, settings, events, progress
        self._batch = secrets.token_hex(8)
        self._class = cluster.ray.remote(concurrency_groups={BESIDE: 1})(EngineActor)
        self._seats: list[Seat] = []
        self._threads: list[threading.Thread] = []
        self._lossy: set[str] = set()
        """Ray's ids of the nodes where an actor was lost."""
        self._room: dict[str, int] = {}
        self._looked = -math.inf
        self._patience = Patience(settings)
        self._stillborn = 0
        self._why: Unfit | None = None
        """Why the last actor was barred."""
        self.begun = False
        """A row has been spoken: nodes that come from now on and do not fit are left out."""

    @property
    def capacity(self) -> int:
        """How many units may be on their way: enough for all actors that there is room for."""
        self._look()
        return IN_FLIGHT * max(1, sum(self._room.values()))

    def kind_of(self, on_gpu: bool) -> str:
        """The kind of actors for an engine; from now on there may be some of it."""
        kind = self._cluster.kind_of(on_gpu)
        if kind not in self._room:
            self._room[kind] = self._cluster.room(kind)
        return kind

    def tend(self, wanted: Mapping[str, int]) -> None:
        """Hire what is wanted and has room; give up when nobody works for too long.

        Args:
            wanted: units by kind that are on their way.

        Raises:
            EngineError: the cluster has had no room for too long.
        """
        self._look()
        most = self._settings.jobs or sum(self._room.values()) + 1
        for kind in (GPU, CPU):
            have = sum(seat.kind == kind for seat in self._seats)
            target = min(wanted.get(kind, 0), max(1, self._room.get(kind, 0)), max(1, most - len(self._seats) + have))
            for _ in range(have, target):
                self._hire(kind)
        self._watch_idleness(wanted)

    def free(self, kind: str, engine: str) -> Seat | None:
        """The actor that a unit goes to: with the least to do, then with the engine warm; None while all are busy."""
        fit = [seat for seat in self.able(kind, engine) if seat.facts is not None and seat.busy < IN_FLIGHT]
        return min(fit, key=lambda seat: (seat.busy, engine not in seat.engines), default=None)

    def able(self, kind: str, engine: str) -> list[Seat]:
        """The actors that may still speak with an engine."""
        return [seat for seat in self._seats if seat.kind == kind and not seat.barred & {engine, EVERY}]

    def check_able(self, kind: str, engine: str) -> None:
        """Give up where nobody is left for an engine, and nobody more is hired.

        Raises:
            EngineError: with what the last node lacks.
        """
        if self._why is not None and not self.able(kind, engine):
            raise EngineError(self._why.message, self._why.hint or None)

    def began(self, event: Began) -> None:
        """An actor has started, or not.

        Raises:
            EngineError: its node has no demod-voice, or another version.
        """
        seat = event.seat
        if event.error is not None:
            self._failed(seat, event.error)
            return
        self._stillborn = 0
        seat.facts = event.facts

    def lose(self, seat: Seat, why: BaseException) -> None:
        """An actor is gone, or cannot be reached; told once."""
        if seat in self._seats:
            self._seats.remove(seat)
            self._kill(seat)
            self._looked = -math.inf
            if seat.node:
                self._lossy.add(seat.node)
            log.info("lost an actor on %s: %s", seat.host, why)
            self._progress.note(f"node {seat.host} has lost an actor: its rows are spoken again elsewhere")

    def end(self) -> None:
        """End every actor, whatever it does, and remove what is left on the nodes."""
        seats, self._seats = self._seats, []
        goodbyes = {
            seat.actor.close.options(concurrency_group=BESIDE).remote(): seat.node
            for seat in seats
            if seat.facts is not None
        }
        starting = {seat.node for seat in seats if seat.facts is None and seat.node}
        silent = self._unanswered(list(goodbyes))
        for seat in seats:
            self._kill(seat)
        self._join()
        self._clean(self._lossy | starting | {goodbyes[ref] for ref in silent})
        self._lossy.clear()

    def spawn(self, work: Callable[..., None], *given: Any) -> None:
        """Let a thread wait for an actor. Nobody may wait any more when the connection to the cluster is closed."""
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(target=work, args=given, daemon=True, name="ray-wait")
        self._threads.append(thread)
        thread.start()

    def _hire(self, kind: str) -> None:
        share = self._cluster.share(kind)
        actor = self._class.options(
            num_cpus=share.get("CPU", 0), num_gpus=share.get("GPU", 0), max_restarts=0, max_task_retries=0
        ).remote(self._batch)
        seat = Seat(actor, kind, self.begun)
        self._seats.append(seat)
        self.spawn(self._start, seat)

    def _start(self, seat: Seat) -> None:
        """In a thread: an actor waits for room, its process starts and imports the program."""
        get = self._cluster.ray.get
        try:
            facts: NodeFacts = get(seat.actor.hello.remote())
            seat.node = facts.node
            if facts.version != demod_voice.__version__:
                raise _Misfit(Unfit(*_versions(facts)))
            unfit = get(seat.actor.begin.remote(plain(self._settings), seat.kind == GPU))
            if unfit is not None:
                raise _Misfit(unfit)
            self._events.put(Began(seat, facts))
        except BaseException as error:
            self._events.put(Began(seat, error=error))

    def _failed(self, seat: Seat, error: BaseException) -> None:
        """An actor did not begin: a node that does not fit ends the batch, unless it came late; others are hired anew."""
        if isinstance(error, _Misfit):
            self.unfit(seat, error.unfit)
            return
        if seat not in self._seats:
            return
        self._seats.remove(seat)
        self._kill(seat)
        if getattr(error, "actor_init_failed", False) or not isinstance(error, self._cluster.ray.exceptions.RayError):
            raise _no_program(error)
        self._stillborn += 1
        if self._stillborn >= MOST_STILLBORN:
            raise EngineError(
                f"{self._stillborn} actors in a row died before they began: {_first(error)}",
                "see ray status, and Ray's logs on its nodes; finished rows are kept",
            )

    def unfit(self, seat: Seat, why: Unfit, engine: str = EVERY) -> None:
        """A node cannot speak with an engine, or not at all.

        Raises:
            EngineError: that was so from the beginning, or it would give other bytes.
        """
        if why.fatal or not seat.late:
            kind = EngineNotInstalled if why.kind == "EngineNotInstalled" else EngineError
            raise kind(why.message, why.hint or None)
        if engine in seat.barred:
            return
        seat.barred.add(engine)
        self._why = why
        self._progress.note(f"{why.message}; it is left out" + (f" ({why.hint})" if why.hint else ""))

    def _look(self) -> None:
        if time.monotonic() - self._looked >= LOOK_S:
            self._looked = time.monotonic()
            self._room = {kind: self._cluster.room(kind) for kind in self._room}

    def _watch_idleness(self, wanted: Mapping[str, int]) -> None:
        idle = any(wanted.values()) and not any(seat.facts is not None for seat in self._seats)
        room = any(self._room.get(kind) for kind in wanted)
        told = self._patience.look(idle, room, time.monotonic())
        if not told:
            return
        share = ", ".join(f"{part:g} {name}" for kind in wanted for name, part in self._cluster.share(kind).items())
        if told == WAITS:
            self._progress.note(f"waiting for room on the Ray cluster ({share} for an actor)")
            return
        what = "no actor began on the Ray cluster" if room else "the Ray cluster had no room for an actor"
        raise EngineError(
            f"{what} ({share}) for too long; it has {len(self._cluster.nodes())} nodes now",
            "see ray status; finished rows are kept: run the same command again (batch.ray.wait_s says how long to wait)",
        )

    def _kill(self, seat: Seat) -> None:
        try:
            self._cluster.ray.kill(seat.actor)
        except Exception as error:
            log.debug("an actor could not be killed: %s", error)

    def _clean(self, nodes: Iterable[str]) -> None:
        """Actors that were killed leave their files: a task on each of their nodes removes them."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        task = self._cluster.ray.remote(clean)
        living = {node["NodeID"] for node in self._cluster.nodes()}
        there = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes if node in living]
        self._unanswered(
            [task.options(num_cpus=0, scheduling_strategy=each).remote(self._batch, CLEAN_S) for each in there]
        )

    def _join(self) -> None:
        deadline = time.monotonic() + GOODBYE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _unanswered(self, refs: list[Any]) -> list[Any]:
        """Wait for all of them for a while; those that did not come, or failed."""
        ray = self._cluster.ray
        done, silent = ray.wait(refs, num_returns=len(refs), timeout=GOODBYE_S) if refs else ([], [])
        for ref in done:
            try:
                ray.get(ref)
            except ray.exceptions.RayError as error:
                log.debug("an actor did not say goodbye: %s", error)
                silent.append(ref)
        return list(silent)


class _Misfit(Exception):
    """Carries an ``Unfit`` out of the thread that starts an actor."""

    def __init__(self, unfit: Unfit) -> None:
        super().__init__(unfit.message)
        self.unfit = unfit


def plain(settings: Settings) -> Settings:
    """Settings that can be pickled."""
    named = dict(settings.engines.named)
    return replace(settings, engines=replace(settings.engines, named=named))


def _versions(facts: NodeFacts) -> tuple[str, str]:
    return (
        f"node {facts.host} has demod-voice {facts.version}, this machine {demod_voice.__version__}",
        "install the same version everywhere",
    )


def _no_program(error: BaseException) -> EngineError:
    """The class of the actor cannot be imported there, or its first lines fail."""
    return EngineError(
        f"a node of the Ray cluster cannot start demod-voice: {_last(error)}",
        f"install demod-voice {demod_voice.__version__} with its extra ray on every node, in the Python that runs ray start",
    )


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _last(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
