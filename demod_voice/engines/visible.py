"""CUDA_VISIBLE_DEVICES as CUDA reads it: which devices a process may see, and in which order.

Source: CUDA C++ Programming Guide, "CUDA Environment Variables": an index or a UUID that is none ends the list; indices
count in the order of CUDA_DEVICE_ORDER, which is FASTEST_FIRST where it is not set. MIG User Guide, "Device names".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from demod_voice.engines.inventory import Card, Device, Inventory

VARIABLE = "CUDA_VISIBLE_DEVICES"
_INDEX = re.compile(r"[+-]?\d{1,9}", re.ASCII)
"""What a number begins with; CUDA ignores what follows it. More digits are no GPU of any machine."""
_OLD_MIG = re.compile(r"MIG-(GPU-[^/]+)/(\d+)/(\d+)", re.ASCII)
_T = TypeVar("_T")


def visible(cards: Sequence[Card], environ: Mapping[str, str]) -> Inventory:
    """The devices that CUDA would show, in its order, and what is odd about the list.

    Without the variable it is every device of every card, in the order of ``nvidia-smi``.
    """
    text = environ.get(VARIABLE)
    every = tuple(device for card in cards for device in card.devices)
    if text is None:
        return Inventory(every, "" if every else "no GPU has an instance that could compute")
    if not text.strip():
        return Inventory((), f"{VARIABLE} is empty")
    found: list[Device] = []
    notes = _order_notes(text, cards, environ)
    for entry in text.split(","):
        device = _device(entry.strip(), cards, environ)
        if device is None:
            notes += [] if entry.strip() == "-1" else [f"{VARIABLE}={text}: {entry!r} is no GPU here and ends the list"]
            break
        if device in found:
            return Inventory((), f"{VARIABLE}={text} names a GPU twice, which CUDA takes for none at all")
        found.append(device)
    return Inventory(tuple(found), "" if found else f"{VARIABLE}={text} names no GPU", tuple(notes))


def _device(entry: str, cards: Sequence[Card], environ: Mapping[str, str]) -> Device | None:
    number = _INDEX.match(entry)
    if number:
        ordered = _counted(cards, environ)
        place = int(number[0])
        return _first(ordered[place]) if 0 <= place < len(ordered) else None
    old = _OLD_MIG.fullmatch(entry)
    if old:
        ids = (int(old[2]), int(old[3]))
        each = [part for card in cards if card.uuid == old[1] for part in card.devices if part.instance == ids]
        return each[0] if each else None
    if entry.startswith("MIG-"):
        return _only([part for card in cards for part in card.devices if part.uuid.startswith(entry)])
    if entry.startswith("GPU-"):
        card = _only([card for card in cards if card.uuid.startswith(entry)])
        return None if card is None else _first(card)
    return None


def _first(card: Card) -> Device | None:
    """What CUDA shows of a card: itself, or in MIG mode one instance, since a process sees one of them at most."""
    return card.devices[0] if card.devices else None


def _only(found: Sequence[_T]) -> _T | None:
    """A shortened UUID is one while it fits a single device."""
    return found[0] if len(found) == 1 else None


def _counted(cards: Sequence[Card], environ: Mapping[str, str]) -> list[Card]:
    """The cards in the order that indices count in."""
    if _by_bus(environ):
        return list(cards)
    return sorted(cards, key=lambda card: tuple(-each for each in card.speed))


def _by_bus(environ: Mapping[str, str]) -> bool:
    return environ.get("CUDA_DEVICE_ORDER", "").strip() == "PCI_BUS_ID"


def _order_notes(text: str, cards: Sequence[Card], environ: Mapping[str, str]) -> list[str]:
    if _by_bus(environ) or not _INDEX.match(text.strip()) or len({card.name for card in cards}) < 2:
        return []
    return [
        f"{VARIABLE}={text} counts in CUDA's order, the fastest card first, which is guessed here: "
        "set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name UUIDs"
    ]
