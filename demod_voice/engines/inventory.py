"""Which devices there are to compute on, what they have and what they do: asked of NVML, or of Linux for AMD's.

No framework is asked, so nothing here makes a CUDA context. NVML counts every card of the machine in the order of the
bus; what this process may see of them, and in which order, ``visible`` decides as CUDA does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

QUERY_TIMEOUT_S = 10.0
"""A driver in trouble may never answer."""
MB = 1 << 20
NVLINK = 5
"""Distance of two cards with NVLink between them: nearer than any way over the bus, farther than one card from itself."""
FARTHEST = 50
"""NVML_TOPOLOGY_SYSTEM: two cards whose way leads through the link between two processors."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU, or an instance of one in MIG mode, as it was when it was asked."""

    uuid: str
    """``GPU-...`` or ``MIG-...``: the only name that is the same for NVML, CUDA and another process."""
    name: str
    index: int
    """Number of its card in NVML and ``nvidia-smi``."""
    total_mb: int
    """Memory, MiB; 0 = it does not say (memory shared with the processor)."""
    free_mb: int
    number: int = 0
    """What ``--gpu`` and ``cuda:N`` call it: its place among what this process may see."""
    load: int | None = None
    """Percent of the last moment in which it computed; None = it does not say (MIG)."""
    temperature_c: int | None = None
    capability: tuple[int, int] = (0, 0)
    """CUDA compute capability; (0, 0) = unknown."""
    cores: int = 0
    """CUDA cores of its card, or streaming multiprocessors of an instance; 0 = unknown."""
    card: str = ""
    """UUID of its card: its own, but for an instance."""
    instance: tuple[int, int] | None = None
    """(GPU instance, compute instance) in MIG mode."""
    processes: int = 0
    """Processes that compute on it, as far as this user may see them."""
    exclusive: bool = False
    """One process at a time may compute on it."""
    kind: str = "cuda"
    """``cuda`` or ``rocm``."""

    @property
    def used_mb(self) -> int:
        """Memory in use, by whomever, MiB."""
        return self.total_mb - self.free_mb

    @property
    def shown(self) -> str:
        """For people: ``GPU 0 (NVIDIA H200)``."""
        return f"GPU {self.number} ({self.name})"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What this process may see."""

    devices: tuple[Device, ...] = ()
    """In the order of their numbers."""
    reason: str = ""
    """Why there is none."""
    notes: tuple[str, ...] = ()
    """What a person should know: a card that is lost, an entry of CUDA_VISIBLE_DEVICES that is none."""
    answered: bool = True
    """False: the driver did not answer in time, which says nothing about its cards."""

    def find(self, uuid: str) -> Device | None:
        """The device of that name, or None when it is not there (any more)."""
        return next((each for each in self.devices if each.uuid == uuid), None)


@dataclass(frozen=True, slots=True)
class Card:
    """One card of the machine, and what can be computed on: itself, or its instances."""

    uuid: str
    index: int
    name: str
    speed: tuple[int, int, int]
    """(cores, major, minor): what CUDA's order, the fastest first, is guessed by."""
    devices: tuple[Device, ...]


@dataclass(slots=True)
class _Found:
    cards: list[Card] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class NvmlFailed(Exception):
    """NVML says nothing; its text is why."""

    answered = True


class NvmlSilent(NvmlFailed):
    """NVML does not answer in time."""

    answered = False


def read_inventory(environ: Mapping[str, str] | None = None) -> Inventory:
    """Every device that this process may see, as it is now.

    Args:
        environ: where CUDA_VISIBLE_DEVICES and its like are read; by default the process's variables.
    """
    from demod_voice.engines.rocm import read_rocm
    from demod_voice.engines.visible import visible

    environ = os.environ if environ is None else environ
    try:
        found = ask_nvml(_cards)
    except NvmlFailed as error:
        other = read_rocm(environ)
        return other if other.devices or other.reason else Inventory(reason=str(error), answered=error.answered)
    if not found.cards:
        return Inventory(reason="; ".join(found.notes) or "the NVIDIA driver lists no GPU", notes=tuple(found.notes))
    seen = visible(found.cards, environ)
    numbered = tuple(replace(each, number=number) for number, each in enumerate(seen.devices))
    return Inventory(numbered, seen.reason, (*found.notes, *seen.notes))


def read_distances(devices: Sequence[Device]) -> dict[frozenset[str], int]:
    """How far any two cards are from each other: their UUIDs -> ``NVLINK``, or NVML's level of topology (10..50).

    What NVML does not tell is missing.
    """
    cards = list(dict.fromkeys(each.card for each in devices if each.kind == "cuda"))
    if len(cards) < 2:
        return {}
    try:
        return ask_nvml(lambda nvml: _distances(nvml, cards))
    except NvmlFailed:
        return {}


def ask_nvml(work: Callable[[Any], _T]) -> _T:
    """What ``work`` finds out with NVML ready for it. It is given the module ``pynvml``.

    NVML is started and ended each time, so that a card that has gone or come is seen, and no file stays open.

    Raises:
        NvmlFailed: there is no driver, or it does not answer in time.
    """
    outcome: list[_T | BaseException] = []

    def run() -> None:
        try:
            outcome.append(_with_nvml(work))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, name="nvml", daemon=True)
    thread.start()
    thread.join(QUERY_TIMEOUT_S)
    if not outcome:
        raise NvmlSilent(f"the NVIDIA driver does not answer within {QUERY_TIMEOUT_S:g} s")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _with_nvml(work: Callable[[Any], _T]) -> _T:
    try:
        import pynvml
    except ImportError as error:
        raise NvmlFailed(f"the package nvidia-ml-py is missing: {error}") from error
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NvmlFailed(_why(pynvml, error)) from error
    try:
        return work(pynvml)
    except pynvml.NVMLError as error:
        raise NvmlFailed(_why(pynvml, error)) from error
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _why(nvml: Any, error: Any) -> str:
    """What an error of NVML as a whole means for a person."""
    if error.value == nvml.NVML_ERROR_LIBRARY_NOT_FOUND and Path("/proc/driver/nvidia/gpus").is_dir():
        return (
            "the NVIDIA driver is loaded, but libnvidia-ml.so.1 is not found (in a container: its utility capability)"
        )
    known = {
        nvml.NVML_ERROR_LIBRARY_NOT_FOUND: "no NVIDIA driver is loaded",
        nvml.NVML_ERROR_DRIVER_NOT_LOADED: "no NVIDIA driver is loaded",
        nvml.NVML_ERROR_NO_PERMISSION: "this user may not use the NVIDIA driver (see the rights of /dev/nvidia*)",
        nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "the NVIDIA driver was updated and not loaded anew: restart the machine",
    }
    return known.get(error.value, f"the NVIDIA driver fails: {error}")


def _cards(nvml: Any) -> _Found:
    found = _Found()
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            card = _card(nvml, handle, index)
        except nvml.NVMLError as error:
            found.notes.append(_lost(nvml, error, index))
            continue
        found.cards.append(card)
        if not card.devices:
            found.notes.append(f"GPU {index} ({card.name}) is in MIG mode and has no instance that could compute")
    return found


def _lost(nvml: Any, error: Any, index: int) -> str:
    gone = (nvml.NVML_ERROR_GPU_IS_LOST, nvml.NVML_ERROR_NOT_FOUND, nvml.NVML_ERROR_GPU_NOT_FOUND)
    if error.value in gone:
        return f"GPU {index} is lost: it has fallen off the bus, and comes back with a restart"
    if error.value == nvml.NVML_ERROR_NO_PERMISSION:
        return f"GPU {index} may not be used by this user"
    return f"GPU {index} cannot be used: {error}"


def _card(nvml: Any, handle: Any, index: int) -> Card:
    uuid, name = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
    capability = _told(nvml, lambda: tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle)), (0, 0))
    cores = _told(nvml, lambda: int(nvml.nvmlDeviceGetNumGpuCores(handle)), 0)
    mode = _told(nvml, lambda: nvml.nvmlDeviceGetComputeMode(handle), nvml.NVML_COMPUTEMODE_DEFAULT)
    total_mb, free_mb = _memory(nvml, handle)
    whole = Device(
        uuid=uuid,
        name=name,
        index=index,
        total_mb=total_mb,
        free_mb=free_mb,
        load=_told(nvml, lambda: int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu), None),
        temperature_c=_told(nvml, lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU), None),
        capability=capability,
        cores=cores,
        card=uuid,
        processes=_processes(nvml, handle),
        exclusive=mode == nvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS,
    )
    in_mig = _told(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle)[0], 0) == nvml.NVML_DEVICE_MIG_ENABLE
    devices = _instances(nvml, handle, whole) if in_mig else (whole,)
    if mode == nvml.NVML_COMPUTEMODE_PROHIBITED:
        raise nvml.NVMLError(nvml.NVML_ERROR_NO_PERMISSION)
    return Card(uuid, index, name, (cores, *capability), devices)


def _instances(nvml: Any, handle: Any, whole: Device) -> tuple[Device, ...]:
    """The MIG instances of a card, each as a device of its own."""
    found = []
    for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place)
        except nvml.NVMLError as error:
            if error.value != nvml.NVML_ERROR_NOT_FOUND:
                raise
            continue
        found.append(_instance(nvml, part, whole))
    return tuple(found)


def _instance(nvml: Any, part: Any, whole: Device) -> Device:
    total_mb, free_mb = _memory(nvml, part)
    return replace(
        whole,
        uuid=nvml.nvmlDeviceGetUUID(part),
        name=_told(nvml, lambda: nvml.nvmlDeviceGetName(part), f"{whole.name} MIG"),
        total_mb=total_mb,
        free_mb=free_mb,
        load=None,
        processes=_processes(nvml, part),
        cores=_told(nvml, lambda: nvml.nvmlDeviceGetAttributes(part).multiprocessorCount, 0),
        instance=(nvml.nvmlDeviceGetGpuInstanceId(part), nvml.nvmlDeviceGetComputeInstanceId(part)),
    )


def _memory(nvml: Any, handle: Any) -> tuple[int, int]:
    """(total, free) MiB; zeros where the device has no memory of its own."""
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError as error:
        if error.value != nvml.NVML_ERROR_NOT_SUPPORTED:
            raise
        return 0, 0
    return memory.total // MB, memory.free // MB


def _processes(nvml: Any, handle: Any) -> int:
    try:
        return _told(nvml, lambda: len(nvml.nvmlDeviceGetComputeRunningProcesses(handle)), 0)  # type: ignore[no-any-return]
    except nvml.NVMLLibraryMismatchError:  # an older driver: no NVMLError
        return 0


def _told(nvml: Any, ask: Callable[[], Any], otherwise: Any) -> Any:
    """A reading that not every card has; a card that is gone is an error all the same."""
    try:
        return ask()
    except nvml.NVMLError as error:
        if error.value in (nvml.NVML_ERROR_GPU_IS_LOST, nvml.NVML_ERROR_GPU_NOT_FOUND):
            raise
        return otherwise


def _distances(nvml: Any, cards: Sequence[str]) -> dict[frozenset[str], int]:
    found = {}
    handles = [nvml.nvmlDeviceGetHandleByUUID(uuid) for uuid in cards]
    for one, other in combinations(range(len(cards)), 2):
        far = _told(nvml, partial(_distance, nvml, handles[one], handles[other]), None)
        if far is not None:
            found[frozenset((cards[one], cards[other]))] = far
    return found


def _distance(nvml: Any, one: Any, other: Any) -> int:
    """``NVLINK`` where both can read each other's memory over it (through a switch too), else the level over the bus."""
    linked = _told(nvml, lambda: nvml.nvmlDeviceGetP2PStatus(one, other, nvml.NVML_P2P_CAPS_INDEX_NVLINK), None)
    if linked == nvml.NVML_P2P_STATUS_OK:
        return NVLINK
    return int(nvml.nvmlDeviceGetTopologyCommonAncestor(one, other))
