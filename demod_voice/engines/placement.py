"""Which device a worker computes on: by what its engine needs, what is free, what is promised, and how busy it is.

The worker is shown that one device alone, by its UUID, so for its framework it is always ``cuda:0``: NVML, CUDA and
torch count in different orders, and a UUID is the same for all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from demod_voice.config.settings import Settings
from demod_voice.engines.devices import Choice, Distances, asks_for_gpus, choose_devices, distance
from demod_voice.engines.inventory import Device, Inventory, read_distances, read_inventory
from demod_voice.engines.ledger import Ledger, Reservation, promised_mb
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineOutOfMemory, EngineStartFailed, UsageError

BUSY = 50
"""Percent of load from which a device counts as busy with somebody else's work."""
UNKNOWN_MB = 1 << 30
"""Room of a device that does not say how much memory it has."""
IN_WORKER = ("torch", "onnxruntime")
"""Values of ``gpu_memory_limit`` of engines that hold to a limit themselves."""


class NoRoom(EngineOutOfMemory):
    """No device that may be used has as much memory left as the engine needs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker computes."""

    device: str = "cpu"
    """What the worker is told: ``cpu`` or ``cuda:0``."""
    on: Device | None = None
    """The device, as it was when the worker was placed; None = the CPU."""
    reason: str = ""
    """Why it is the CPU, where nobody asked for that."""
    alone: bool = False
    """The worker sees no other device than its own."""
    memory_mb: int | None = None
    """Most memory of the device that the worker may take, MiB; None = as much as there is."""
    promise: str = ""
    """Id in the ledger."""

    @property
    def shown(self) -> str:
        """What the settings call it: ``cpu``, ``cuda:2``."""
        return "cpu" if self.on is None else f"cuda:{self.on.number}"

    @property
    def name(self) -> str:
        """For people: ``CPU``, ``GPU 2 (NVIDIA A100)``."""
        return "CPU" if self.on is None else self.on.shown

    @property
    def memory_fraction(self) -> float | None:
        """``memory_mb`` as a ratio of the device's memory, rounded down."""
        if self.memory_mb is None or self.on is None or not self.on.total_mb:
            return None
        return int(10000 * self.memory_mb / self.on.total_mb) / 10000

    @property
    def environ(self) -> Mapping[str, str | None]:
        """Variables that show the worker this device alone; None = without that variable."""
        if not self.alone:
            return {}
        if self.on is None:
            return {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
        if self.on.kind == "rocm":
            return {
                "ROCR_VISIBLE_DEVICES": str(self.on.index),
                "HIP_VISIBLE_DEVICES": "0",
                "CUDA_VISIBLE_DEVICES": None,
            }
        return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": self.on.uuid}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that may be used, and what is left of it."""

    device: Device
    room_mb: int
    """Below the limit, neither in use nor promised, MiB."""
    workers: int
    """Workers of this program there, of every run."""


class Placement:
    """Places the workers of one run. Safe for threads.

    Args:
        settings: ``device`` and ``gpu.*``.
        note: told when a device is lost.
    """

    def __init__(self, settings: Settings, note: Callable[[str], None]) -> None:
        self._settings = settings
        self._note = note
        self._ledger = Ledger()
        self._lock = threading.Lock()
        self._choice: Choice | None = None
        self._far: Distances | None = None
        self._lost: set[str] = set()

    @property
    def cpu_allowed(self) -> bool:
        """Whether an engine that finds no room on a GPU may compute on the CPU."""
        return self._settings.device == "auto" and self._settings.gpu.cpu_fallback

    def place(self, info: EngineInfo, full: Collection[str] = ()) -> Place:
        """A place for one more worker, and the memory that its engine says it needs is promised to it.

        Args:
            info: its engine.
            full: UUIDs of devices that have as many of its workers as they may have.

        Raises:
            NoRoom: there is too little left everywhere.
            UsageError: a setting names a device that is not there, or there is none and the CPU is not allowed.
        """
        if not info.gpu:
            return Place()
        choice = self._chosen()
        if not choice.devices:
            return self.cpu(info, choice.reason)
        with self._ledger.opened() as entries:
            left = self._left(choice)
            if not left:
                return self._all_lost(info, choice)
            candidates = [self._candidate(each, entries) for each in left]
            far = self._distances(left)
            best = best_of(candidates, info.gpu_memory_mb, self._settings.gpu.strategy, far, full)
            if best is None:
                raise _no_room(info, candidates, self._settings.gpu.memory_limit)
            promise = self._ledger.promise(entries, best.device.uuid, info.gpu_memory_mb, info.name)
        limited = self._settings.gpu.memory_limit < 100 and info.gpu_memory_limit in IN_WORKER
        most = best.room_mb if limited and best.device.total_mb else None
        return Place("cuda:0", best.device, alone=True, memory_mb=most, promise=promise)

    def check(self) -> None:
        """Find out before any work whether the GPUs that are asked for by name are there.

        Raises:
            UsageError: one is not, also where no engine would have used it.
        """
        if asks_for_gpus(self._settings):
            self._chosen()

    def cpu(self, info: EngineInfo, reason: str = "") -> Place:
        """The CPU, for an engine that could use a GPU; ``reason`` where nobody asked for that.

        Raises:
            UsageError: the settings do not allow it.
        """
        if reason and not self._settings.gpu.cpu_fallback:
            raise UsageError(
                f"engine {info.name} finds no GPU: {reason}",
                "gpu.cpu_fallback is off: switch it on, or ask for the CPU with --gpu none",
            )
        return Place(reason=reason, alone=info.gpu)

    def loaded(self, place: Place) -> None:
        """The worker has loaded its model: what it took of its promise shows in NVML from now on."""
        now = None if place.on is None else read_inventory({}).find(place.on.uuid)
        if now is not None and place.on is not None:
            self._ledger.shrink(place.promise, max(0, now.used_mb - place.on.used_mb))

    def release(self, place: Place) -> None:
        """The worker has ended, or does not use its device."""
        if place.promise:
            self._ledger.release(place.promise)

    def lost(self, places: Iterable[Place]) -> set[str]:
        """UUIDs of those devices that are not there any more; told once, and never used again in this run."""
        devices = {each.on.uuid: each.on for each in places if each.on is not None}
        found = read_inventory({}) if devices else Inventory()
        if not found.answered:
            return set()
        gone = [each for uuid, each in devices.items() if found.find(uuid) is None]
        for each in gone:
            self._tell_lost(each)
        return {each.uuid for each in gone}

    def _chosen(self) -> Choice:
        """What may be used, decided once: a number may mean another device when one of them vanishes."""
        with self._lock:
            if self._choice is None:
                self._choice = choose_devices(self._settings, read_inventory)
            return self._choice

    def _left(self, choice: Choice) -> list[Device]:
        """Those of the chosen devices that are still there, as they are now."""
        found = read_inventory({})
        if not found.answered:
            return [each for each in choice.devices if each.uuid not in self._lost]
        left = []
        for each in choice.devices:
            now = found.find(each.uuid)
            if now is None:
                self._tell_lost(each)
            elif each.uuid not in self._lost:
                left.append(replace(now, number=each.number))
        return left

    def _all_lost(self, info: EngineInfo, choice: Choice) -> Place:
        names = ", ".join(each.shown for each in choice.devices)
        if choice.named:
            raise EngineStartFailed(f"engine {info.name} cannot compute on {names}: it is lost", "restart the machine")
        return self.cpu(info, f"{names} cannot be used any more")

    def _tell_lost(self, device: Device) -> None:
        with self._lock:
            known = device.uuid in self._lost
            self._lost.add(device.uuid)
        if not known:
            self._note(f"{device.shown} is lost: its workers are ended, and their work goes elsewhere")

    def _candidate(self, device: Device, entries: Sequence[Reservation]) -> Candidate:
        workers = sum(each.uuid == device.uuid for each in entries)
        if not device.total_mb:
            return Candidate(device, UNKNOWN_MB, workers)
        most_mb = device.total_mb * self._settings.gpu.memory_limit // 100
        room_mb = most_mb - device.used_mb - promised_mb(entries, device.uuid)
        taken = device.exclusive and (workers > 0 or device.processes > 0)
        return Candidate(device, 0 if taken else max(0, room_mb), workers)

    def _distances(self, devices: Sequence[Device]) -> Distances:
        if self._settings.gpu.strategy != "pack":
            return {}
        with self._lock:
            if self._far is None:
                self._far = read_distances(devices)
            return self._far


def best_of(
    candidates: Sequence[Candidate], need_mb: int, strategy: str, far: Distances, full: Collection[str] = ()
) -> Candidate | None:
    """The device for one more worker, or None when none has room for it.

    - ``balanced``: the fewest workers, then one that is not busy, then the largest share of memory left.
    - ``pack``: one that is in use, then the one nearest to those, then the least memory left.
    - ``fastest``: the highest compute capability, then the most cores, then as ``balanced``.

    Args:
        candidates: what may be used.
        need_mb: what the engine says it needs, MiB; 0 = it does not say.
        strategy: one of the three.
        far: distances of the cards.
        full: UUIDs of devices that get no more.
    """
    fitting = [each for each in candidates if each.room_mb >= max(1, need_mb) and each.device.uuid not in full]
    used = [each.device for each in candidates if each.workers]

    def balanced(each: Candidate) -> tuple[float, ...]:
        share = each.room_mb / (each.device.total_mb or each.room_mb)
        return (each.workers, (each.device.load or 0) >= BUSY, -share, each.device.number)

    def pack(each: Candidate) -> tuple[float, ...]:
        return (not each.workers, distance(each.device, used, far), each.room_mb, each.device.number)

    def fastest(each: Candidate) -> tuple[float, ...]:
        major, minor = each.device.capability
        return (-major, -minor, -each.device.cores, *balanced(each))

    order = {"balanced": balanced, "pack": pack, "fastest": fastest}[strategy]
    return min(fitting, key=order, default=None)


def _no_room(info: EngineInfo, candidates: Sequence[Candidate], limit: int) -> NoRoom:
    left = ", ".join(f"{each.device.shown} has {each.room_mb} MB left" for each in candidates)
    within = f" of the {limit} % that may be in use" if limit < 100 else ""
    return NoRoom(
        f"engine {info.name} needs {info.gpu_memory_mb} MB of GPU memory: {left}{within}",
        "free some of it (demod-voice devices list), or compute on the CPU: --gpu none",
    )
