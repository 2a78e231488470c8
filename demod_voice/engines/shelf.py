"""What warm workers are sorted by (``Slot``), and where those of one kind are kept (``Shelf``)."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from demod_worker.messages import LoadResult

from demod_voice.engines.client import Worker
from demod_voice.engines.placement import Place
from demod_voice.engines.types import EngineInfo


@dataclass(frozen=True, slots=True)
class Slot:
    """What a worker is for."""

    info: EngineInfo
    model: str | None
    cpu: bool = False
    """On the CPU, because a GPU had no room for it."""

    @property
    def engine(self) -> str:
        """The engine's name."""
        return self.info.name


@dataclass(slots=True)
class Shelf:
    """The workers of one slot: at most ``jobs`` of them."""

    room: threading.Semaphore
    placing: threading.Lock = field(default_factory=threading.Lock)
    """Held while one more worker is placed, so that they are counted."""
    idle: list[tuple[float, Worker]] = field(default_factory=list)
    loaded: LoadResult | None = None
    on_gpu: dict[str, str] = field(default_factory=dict)
    """Promises of the workers that start or are at work on a GPU now -> its UUID."""
    cpu_until: float = 0.0
    """Monotonic time until which this slot's work goes to the CPU."""

    def enter(self, place: Place) -> None:
        """A worker starts, or is at work, there."""
        if place.on is not None:
            self.on_gpu[place.promise] = place.on.uuid

    def leave(self, place: Place) -> None:
        """It has ended, or nobody asks it for anything now."""
        self.on_gpu.pop(place.promise, None)

    def full(self, most: int) -> set[str]:
        """UUIDs of the devices on which ``most`` workers are at work."""
        return {uuid for uuid, count in Counter(self.on_gpu.values()).items() if count >= most}
