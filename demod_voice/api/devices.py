"""Devices: which GPUs this machine has, what they do at the moment, and which of them the settings leave."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.engines.devices import choose_devices
from demod_voice.engines.inventory import NVLINK, Device, Inventory, read_distances, read_inventory
from demod_voice.engines.ledger import Ledger, Reservation, promised_mb
from demod_voice.errors import UsageError

__all__ = ["DeviceList", "DeviceRow", "list_devices", "watch_devices"]

WAYS = {NVLINK: "NVLink", 0: "same card", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS"}
"""How two cards are connected, in the words of ``nvidia-smi topo``."""


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device at one moment."""

    device: Device
    allowed: bool
    """The settings let engines compute on it."""
    promised_mb: int
    """Memory that workers of this program were promised and have not taken yet, MiB."""
    workers: int
    """Workers of this program on it, of every run of this user."""


@dataclass(frozen=True, slots=True)
class DeviceList:
    """What there is at one moment."""

    at: float
    """Seconds since 1970."""
    rows: tuple[DeviceRow, ...]
    reason: str
    """Why engines compute on the CPU; empty when they need not."""
    notes: tuple[str, ...]
    links: tuple[tuple[int, int, str], ...] = ()
    """(number, number, how they are connected) of each pair that NVML tells of."""


def list_devices(*, settings: Settings = DEFAULTS) -> DeviceList:
    """Every GPU that this process may see, its links, and whether the settings leave it.

    Raises:
        UsageError: the settings ask for a GPU that is not there.
    """
    found = read_inventory()
    return _listed(found, settings, _links(found))


def watch_devices(*, settings: Settings = DEFAULTS, interval_s: float = 2.0, count: int = 0) -> Iterator[DeviceList]:
    """The same again and again, without links.

    Args:
        settings: which devices may be used.
        interval_s: seconds between two looks.
        count: how many looks; 0 = until the iterator is closed.

    Raises:
        UsageError: the interval is not above zero; or at the first look, the settings ask for a GPU that is not there.
    """
    if not 0.05 <= interval_s <= 86400.0:
        raise UsageError(f"an interval of {interval_s:g} s is none", "at least 0.05 s, at most a day")
    if count < 0:
        raise UsageError(f"{count} looks are none", "give 1 or more, or 0 for no end")
    looks = 0
    while True:
        yield _listed(read_inventory(), settings, (), strict=looks == 0)
        looks += 1
        if looks == count:
            return
        time.sleep(interval_s)


def _listed(
    found: Inventory, settings: Settings, links: tuple[tuple[int, int, str], ...], strict: bool = True
) -> DeviceList:
    entries = Ledger().read() if found.devices else []
    allowed, reason = _allowed(found, settings, strict)
    rows = tuple(_row(each, each.uuid in allowed, entries) for each in found.devices)
    return DeviceList(time.time(), rows, reason, found.notes, links)


def _allowed(found: Inventory, settings: Settings, strict: bool) -> tuple[set[str], str]:
    """(UUIDs of what the settings leave, why that is nothing); a device that vanishes while one looks is no fault."""
    try:
        choice = choose_devices(settings, lambda: found)
    except UsageError as error:
        if strict:
            raise
        return set(), error.message
    asked = "" if choice.devices or choice.reason else "the settings ask for the CPU"
    return {each.uuid for each in choice.devices}, choice.reason or asked


def _row(device: Device, allowed: bool, entries: list[Reservation]) -> DeviceRow:
    workers = sum(each.uuid == device.uuid for each in entries)
    return DeviceRow(device, allowed, promised_mb(entries, device.uuid), workers)


def _links(found: Inventory) -> tuple[tuple[int, int, str], ...]:
    far = read_distances(found.devices)
    pairs = [(one, other) for place, other in enumerate(found.devices) for one in found.devices[:place]]
    told = [(one, other, far.get(frozenset((one.card, other.card)))) for one, other in pairs]
    return tuple((one.number, other.number, WAYS.get(way, str(way))) for one, other, way in told if way is not None)
