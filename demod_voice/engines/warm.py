"""The workers that a pool keeps warm, by (engine, model): placed, started, loaded, handed out, taken back, retired."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from demod_worker.messages import BadMessage, LoadRequest, LoadResult, from_json, to_json

from demod_voice.config.folders import engine_cache
from demod_voice.config.settings import Settings
from demod_voice.engines.client import Worker
from demod_voice.engines.environments import python_for
from demod_voice.engines.interpreter import explained
from demod_voice.engines.options import options_of
from demod_voice.engines.placement import NoRoom, Place, Placement
from demod_voice.engines.shelf import Shelf, Slot
from demod_voice.engines.types import EngineInfo
from demod_voice.engines.worker_log import WorkerLog
from demod_voice.errors import EngineBrokenProtocol, EngineCancelled, EngineError, EngineOutOfMemory
from demod_voice.records.progress import Progress

RETIRE_LOOK_S = 1.0
"""Shortest time between two looks for idle workers."""
LOST_LOOK_S = 5.0
"""Time between two looks whether the GPUs that are computed on are still there."""
ON_CPU_S = 60.0
"""How long an engine that found no room on a GPU stays on the CPU before it looks again."""
LOG_NAME = "devices"


class WarmWorkers:
    """Workers of one run. Safe for threads.

    Args:
        settings: engines, devices, timeouts, idle time.
        jobs: workers of one slot that may run at once.
        log: what the workers say, and where they compute.
        progress: told about installs and fallbacks.
        refuse: raises for an engine that is not asked any more.
    """

    def __init__(
        self, settings: Settings, jobs: int, log: WorkerLog, progress: Progress, refuse: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._jobs = max(1, jobs)
        self._log = log
        self._progress = progress
        self._refuse = refuse
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        """A worker was given back, or has ended."""
        self._pythons: dict[str, Path] = {}
        self._install = threading.Lock()
        self._shelves: dict[tuple[str, str | None, bool], Shelf] = {}
        self._running: set[Worker] = set()
        self._noted: set[str] = set()
        self._seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._remarks: list[str] = []
        self._looking: threading.Thread | None = None
        self.placement = Placement(settings, self.remark)
        self.closed = threading.Event()

    def close(self, at_once: bool = False) -> None:
        """End every worker; ``at_once`` kills also those that are at work."""
        self.closed.set()
        with self._lock:
            idle = [worker for shelf in self._shelves.values() for _, worker in shelf.idle]
            for shelf in self._shelves.values():
                shelf.idle.clear()
            busy = list(self._running)
            self._changed.notify_all()
        for worker in [*busy, *idle] if at_once else []:
            worker.kill()
        self._stop_all(idle)
        for worker in busy if at_once else []:
            self.placement.release(worker.place)

    def observed(self) -> Mapping[str, Any]:
        """Where each engine computed (device -> workers that were loaded there), and every fallback that was told."""
        with self._lock:
            used = {engine: dict(sorted(places.items())) for engine, places in sorted(self._seen.items())}
            return {"used": used, "remarks": list(self._remarks)}

    def processes(self) -> list[int]:
        """Process ids of all workers that live."""
        with self._lock:
            idle = [worker for shelf in self._shelves.values() for _, worker in shelf.idle]
            return [worker.pid for worker in [*idle, *self._running] if worker.pid]

    def shelf(self, slot: Slot) -> Shelf:
        """Where the slot's workers are."""
        name = (slot.engine, slot.model, slot.cpu)
        with self._lock:
            if name not in self._shelves:
                self._shelves[name] = Shelf(threading.Semaphore(self._jobs))
            return self._shelves[name]

    def slot(self, info: EngineInfo, model: str | None) -> Slot:
        """The slot of an engine and a model: on the CPU for a while after a GPU had no room."""
        slot = Slot(info, model)
        return replace(slot, cpu=time.monotonic() < self.shelf(slot).cpu_until)

    def to_cpu(self, slot: Slot) -> Slot:
        """The same work on the CPU, now and for the next while."""
        self.shelf(slot).cpu_until = time.monotonic() + ON_CPU_S
        return replace(slot, cpu=True)

    @contextmanager
    def worker(self, slot: Slot) -> Iterator[Worker]:
        """A worker with the slot's model loaded, for one request."""
        shelf = self.shelf(slot)
        with shelf.room:
            self._admit(slot.engine)
            worker = self._take(slot, shelf)
            try:
                yield worker
            except EngineError as error:
                self._look_after(error, worker)
                raise
            finally:
                self._give_back(worker, shelf)

    def start(self, info: EngineInfo, place: Place | None = None) -> Worker:
        """A worker that is ready, with no model.

        Raises:
            EngineError: it is not installed or does not start.
        """
        with self._install:
            if info.name not in self._pythons:
                self._pythons[info.name] = python_for(info, self._settings, self._progress)
        name = info.name
        worker = Worker(info, self._pythons[name], self._settings, lambda line: self._log.write(name, line), place)
        with self._lock:
            self._running.add(worker)
        try:
            worker.start()
        except BaseException as error:
            self.forget(worker)
            if isinstance(error, EngineError):
                raise explained(error, info, self._settings) from error
            raise
        return worker

    def forget(self, worker: Worker) -> None:
        """It is at work no more."""
        with self._lock:
            self._running.discard(worker)

    def retire(self, idle_s: float, which: Callable[[Worker], bool] = lambda _: True) -> int:
        """End workers that nobody has asked for ``idle_s`` seconds; return how many."""
        oldest = time.monotonic() - idle_s
        retired = []
        with self._lock:
            for shelf in self._shelves.values():
                ripe = [(since, worker) for since, worker in shelf.idle if since <= oldest and which(worker)]
                shelf.idle[:] = [each for each in shelf.idle if each not in ripe]
                retired += [worker for _, worker in ripe]
        self._stop_all(retired)
        return len(retired)

    def note_once(self, message: str) -> None:
        """Tell a person, once in this run."""
        with self._lock:
            known = message in self._noted
            self._noted.add(message)
        if not known:
            self._progress.note(message)

    def remark(self, message: str) -> None:
        """Tell a person once what became of a device, and keep it for the run's record."""
        self.note_once(message)
        with self._lock:
            known = message in self._remarks
            if not known:
                self._remarks.append(message)
        if not known:
            self._log.write(LOG_NAME, message)

    def _admit(self, engine: str) -> None:
        if self.closed.is_set():
            raise EngineCancelled(f"engine {engine}: the work was stopped")
        self._refuse(engine)

    def _take(self, slot: Slot, shelf: Shelf) -> Worker:
        while True:
            with self._lock:
                found = shelf.idle.pop()[1] if shelf.idle else None
                if found is not None:
                    self._running.add(found)
                    shelf.enter(found.place)
            if found is None:
                made = self._new(slot, shelf)
                if made is not None:
                    return made
                self._wait(shelf)
            elif found.alive:
                return found
            else:
                self._end(found, shelf)
            self._admit(slot.engine)

    def _wait(self, shelf: Shelf) -> None:
        """Until a worker of the shelf is free, or none is at work on a GPU."""
        with self._changed:
            while not shelf.idle and shelf.on_gpu and not self.closed.is_set():
                self._changed.wait(1.0)

    def _new(self, slot: Slot, shelf: Shelf) -> Worker | None:
        """One more worker; None where only those that are at work keep it from having room: they take turns then."""
        with shelf.placing:
            if shelf.idle:
                return None
            try:
                place = self._place(slot, shelf)
            except NoRoom:
                if shelf.on_gpu:
                    return None
                raise
            with self._lock:
                shelf.enter(place)
        try:
            return self._loaded(slot, shelf, place)
        except BaseException:
            self._leave(place, shelf)
            raise

    def _place(self, slot: Slot, shelf: Shelf) -> Place:
        if slot.cpu:
            return self.placement.cpu(slot.info)
        with self._lock:
            full = shelf.full(self._settings.gpu.workers)
        return self.placement.place(slot.info, full)

    def _loaded(self, slot: Slot, shelf: Shelf, place: Place) -> Worker:
        worker = self.start(slot.info, place)
        loaded = None
        try:
            if "load" in worker.ready.get("operations", ()):
                answer = worker.request("load", to_json(self._load_request(slot, place)))
                loaded = from_json(LoadResult, dict(answer))
        except BadMessage as error:
            self.forget(worker)
            worker.kill()
            raise EngineBrokenProtocol(f"engine {slot.engine}: {error}") from error
        except BaseException as error:
            self.forget(worker)
            worker.stop(grace_s=0.0)
            if isinstance(error, EngineError):
                self._look_after(error, worker)
                raise explained(error, slot.info, self._settings) from error
            raise
        shelf.loaded = loaded or shelf.loaded
        self._settle(slot, shelf, worker, loaded)
        return worker

    def _load_request(self, slot: Slot, place: Place) -> LoadRequest:
        return LoadRequest(
            slot.model,
            place.device,
            self._settings.engines.threads,
            memory_fraction=place.memory_fraction,
            memory_mb=place.memory_mb,
            cache=str(engine_cache(slot.engine)),
            options=options_of(slot.info, self._settings),
        )

    def _settle(self, slot: Slot, shelf: Shelf, worker: Worker, loaded: LoadResult | None) -> None:
        """The model is loaded: say once what the engine says of it, and where it computes."""
        place = worker.place
        for note in loaded.notes if loaded is not None else ():
            self.note_once(f"{slot.engine}: {note}")
        if loaded is not None and _kind(loaded.device) != _kind(place.device):
            if not any(place.device in note for note in loaded.notes):
                self.note_once(f"{slot.engine}: computes on {loaded.device} in place of {place.shown}")
            self._leave(place, shelf)
            worker.place = Place(alone=True)
        self.placement.loaded(worker.place)
        with self._lock:
            self._seen[slot.engine][worker.place.name] += 1
        if worker.place.on is not None:
            self._log.write(LOG_NAME, f"{slot.engine} computes on {place.name}, {worker.place.on.uuid}")
            self._look()

    def _look_after(self, error: EngineError, worker: Worker) -> None:
        """What a failure means for its device: a worker that ran out of memory is ended, one on a lost GPU too."""
        error.device = worker.place.shown
        if worker.place.on is None or isinstance(error, EngineCancelled):
            return
        error.device_lost = bool(self.placement.lost([worker.place]))
        if error.device_lost:
            self._drop_lost()
        if error.device_lost or isinstance(error, EngineOutOfMemory):
            worker.kill()

    def _give_back(self, worker: Worker, shelf: Shelf) -> None:
        self.forget(worker)
        with self._lock:
            kept = worker.alive and not self.closed.is_set()
            if kept:
                shelf.idle.append((time.monotonic(), worker))
                shelf.leave(worker.place)
                self._changed.notify_all()
        if not kept:
            self._end(worker, shelf)
        self._look()
        self.retire(self._settings.engines.idle_s)

    def _end(self, worker: Worker, shelf: Shelf) -> None:
        self.forget(worker)
        worker.kill()
        self._leave(worker.place, shelf)

    def _leave(self, place: Place, shelf: Shelf) -> None:
        """Nothing of this place is used any more."""
        self.placement.release(place)
        with self._lock:
            shelf.leave(place)
            self._changed.notify_all()

    def _look(self) -> None:
        """Look for idle workers and lost GPUs also while nobody asks for anything."""
        with self._lock:
            if self._looking is None:
                self._looking = threading.Thread(target=self._look_in_time, name="retire", daemon=True)
                self._looking.start()

    def _look_in_time(self) -> None:
        while True:
            pause_s = max(RETIRE_LOOK_S, self._settings.engines.idle_s / 4)
            if self.closed.wait(min(pause_s, LOST_LOOK_S) if self._on_gpus() else pause_s):
                return
            self.retire(self._settings.engines.idle_s)
            self._drop_lost()

    def _on_gpus(self) -> list[Worker]:
        with self._lock:
            idle = [worker for shelf in self._shelves.values() for _, worker in shelf.idle]
            return [worker for worker in [*idle, *self._running] if worker.place.on is not None]

    def _drop_lost(self) -> None:
        """End the workers whose GPU is not there any more; those at work fail, and their work is done elsewhere."""
        lost = self.placement.lost([worker.place for worker in self._on_gpus()])
        if not lost:
            return
        self.retire(0.0, lambda worker: worker.place.on is not None and worker.place.on.uuid in lost)
        for worker in self._on_gpus():
            if worker.place.on is not None and worker.place.on.uuid in lost:
                worker.abandon()

    def _stop_all(self, workers: Sequence[Worker]) -> None:
        """End idle workers: all are told first, so that they end at the same time."""
        for worker in workers:
            worker.close_input()
        for worker in workers:
            worker.stop()
            self.placement.release(worker.place)


def _kind(device: str) -> str:
    """``cuda`` of ``cuda:0``: a worker sees one device, so its number says nothing."""
    return device.partition(":")[0]
