"""Which devices engines may compute on: what there is, met with what the settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from demod_voice.config.gpu_spec import GpuSpec, parse_gpus, parse_numbers
from demod_voice.config.settings import Settings
from demod_voice.engines.inventory import FARTHEST, Device, Inventory, read_distances, read_inventory
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import UsageError

LOOK = "see: demod-voice devices list"
FREE_STEPS = 4
"""Devices whose free memory is in the same quarter of their whole are as good as each other for ``count:N``."""
Distances = Mapping[frozenset[str], int]


@dataclass(frozen=True, slots=True)
class Choice:
    """The devices that may be used."""

    devices: tuple[Device, ...] = ()
    """Empty: the CPU."""
    reason: str = ""
    """Why it is the CPU; empty where it was asked for."""
    named: bool = False
    """The setting ``device`` names this one."""


def describe_gpus() -> tuple[tuple[str, ...], str]:
    """(name and memory of each GPU that this process may see, why there is none)."""
    found = read_inventory()
    return tuple(f"{each.name}, {each.total_mb} MiB" for each in found.devices), found.reason


def device_for(info: EngineInfo, settings: Settings) -> str:
    """``cpu`` or ``cuda:N`` for an engine: the first of those that it may be placed on.

    Raises:
        UsageError: a setting names a device that is not there.
    """
    if not info.gpu:
        return "cpu"
    devices = choose_devices(settings, read_inventory).devices
    return f"cuda:{devices[0].number}" if devices else "cpu"


def asks_for_gpus(settings: Settings) -> str:
    """What the settings ask for by name (``device cuda:1``, ``--gpu 0,2``), or nothing for what is always right."""
    if settings.device not in ("auto", "cpu"):
        return f"device {settings.device}"
    if settings.device == "auto" and not parse_gpus(settings.gpu.use).nothing:
        if settings.gpu.use.strip().lower() != "all":
            return f"--gpu {settings.gpu.use}"
        return f"--gpu-exclude {settings.gpu.exclude}" if settings.gpu.exclude.strip() else ""
    return ""


def choose_devices(
    settings: Settings,
    inventory: Callable[[], Inventory],
    distances: Callable[[Sequence[Device]], Distances] = read_distances,
) -> Choice:
    """The devices that ``device`` and ``gpu.*`` leave.

    Args:
        settings: what is asked for.
        inventory: tells what there is; not asked where only the CPU is wanted.
        distances: tells how far the cards are from each other; asked for ``count:N`` alone.

    Raises:
        UsageError: a device that is not there, more than there are, or all of them excluded.
    """
    named = _named(settings.device)
    spec = parse_gpus(settings.gpu.use)
    if settings.device == "cpu" or (spec.nothing and named is None):
        return Choice()
    if spec.nothing:
        raise UsageError(f"device {settings.device} and --gpu none contradict each other", "leave one of them out")
    found = inventory()
    if not found.devices:
        return _without(settings, spec, named, found)
    left = _left(settings, spec, found)
    if named is not None:
        return Choice((_the_one(settings, named, left, found),), named=True)
    return Choice(_nearest(left, spec.count, distances) if spec.count else left)


def there(found: Inventory) -> str:
    """What is there, for a hint: ``GPUs here: 0 (NVIDIA H200), 1 (NVIDIA T4)``."""
    names = [f"{each.number} ({each.name})" for each in found.devices]
    return f"GPUs here: {', '.join(names)}" if names else f"no GPU here: {found.reason}"


def _named(device: str) -> int | None:
    """N of ``cuda:N``; None for auto and cpu.

    Raises:
        UsageError: it is none of them.
    """
    if device in ("auto", "cpu"):
        return None
    number = device.removeprefix("cuda:").removeprefix("cuda") or "0"
    if not device.startswith("cuda") or not number.isdigit():
        raise UsageError(f"unknown device {device!r}", "devices: auto, cpu, cuda:0, cuda:1, ...")
    return int(number)


def _without(settings: Settings, spec: GpuSpec, named: int | None, found: Inventory) -> Choice:
    """No GPU: the CPU, unless one was asked for by name."""
    if named is not None:
        raise UsageError(f"device {settings.device} does not exist", f"{there(found)}; use auto or cpu")
    if not spec.everything:
        raise UsageError(f"gpu.use {settings.gpu.use}: {there(found)}", "leave it out, or say --gpu none")
    return Choice((), found.reason)


def _left(settings: Settings, spec: GpuSpec, found: Inventory) -> tuple[Device, ...]:
    """What ``gpu.use`` and ``gpu.exclude`` leave."""
    numbers = {each.number for each in found.devices}
    excluded = parse_numbers(settings.gpu.exclude)
    for flag, text, asked in (("use", settings.gpu.use, spec.numbers), ("exclude", settings.gpu.exclude, excluded)):
        missing = [str(each) for each in asked if each not in numbers]
        if missing:
            what = f"there is no GPU {', '.join(missing)} here"
            raise UsageError(f"gpu.{flag} {text}: {what}", f"{there(found)}; {LOOK}")
    wanted = [each for each in found.devices if not spec.numbers or each.number in spec.numbers]
    left = tuple(each for each in wanted if each.number not in excluded)
    if not left:
        raise UsageError(
            f"gpu.exclude {settings.gpu.exclude} leaves no GPU of {settings.gpu.use}",
            f"{there(found)}; to use none, say --gpu none",
        )
    if spec.count > len(left):
        raise UsageError(f"gpu.use {settings.gpu.use}: only {len(left)} may be used here", f"{there(found)}; {LOOK}")
    return left


def _the_one(settings: Settings, named: int, left: Sequence[Device], found: Inventory) -> Device:
    for each in left:
        if each.number == named:
            return each
    if any(each.number == named for each in found.devices):
        asked = f"gpu.use {settings.gpu.use}" + (f", gpu.exclude {settings.gpu.exclude}" * bool(settings.gpu.exclude))
        raise UsageError(f"device {settings.device} is left out by {asked}", "leave one of them out")
    raise UsageError(f"device {settings.device} does not exist", f"{there(found)}; use auto or cpu")


def _nearest(
    devices: Sequence[Device], count: int, distances: Callable[[Sequence[Device]], Distances]
) -> tuple[Device, ...]:
    """So many of them: the emptiest one, then always the emptiest; among equals the one nearest to those taken."""
    far = distances(devices) if 1 < count < len(devices) else {}
    taken = [min(devices, key=lambda each: (-_emptiness(each), each.load or 0, each.number))]
    while len(taken) < count:
        left = [each for each in devices if each not in taken]
        taken.append(min(left, key=lambda each: (-_emptiness(each), distance(each, taken, far), each.number)))
    return tuple(sorted(taken, key=lambda each: each.number))


def distance(one: Device, others: Sequence[Device], far: Distances) -> int:
    """How far a device is from the nearest of ``others``: 0 on the same card; the farthest where nobody tells."""
    each = [0 if one.card == other.card else far.get(frozenset((one.card, other.card)), FARTHEST) for other in others]
    return min(each, default=FARTHEST)


def _emptiness(device: Device) -> int:
    return FREE_STEPS * device.free_mb // device.total_mb if device.total_mb else FREE_STEPS
