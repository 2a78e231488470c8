"""Which clips a reviewer wants to hear, and in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from demod_voice.errors import UsageError

UNDECIDED, EDITED = "undecided", "edited"
STATES = (UNDECIDED, "accepted", "rejected", EDITED)
NO_REASON = "none"
"""In place of a gate's name: clips that passed every gate."""
LENGTH, SCORE = "duration_s", "speaker_score"
"""Numbers of a clip that are not among its measures, and are filtered and sorted by like them."""
LISTS = ("reason", "split", "speaker", "state")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number has to lie between; a clip without the number does not."""

    name: str
    lowest: float = -math.inf
    highest: float = math.inf


@dataclass(frozen=True, slots=True)
class Query:
    """A choice of clips: every condition holds; inside one, any of its words will do."""

    reasons: frozenset[str] = frozenset()
    splits: frozenset[str] = frozenset()
    speakers: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    words: str = ""
    """In the text or the id, whatever their case."""
    bounds: tuple[Bounds, ...] = ()
    order: str = ""
    """Number to sort by; empty = by recording and time."""
    falling: bool = False


def query_of(given: Sequence[tuple[str, str]], numbers: Sequence[str]) -> Query:
    """The query that pairs such as ``("reason", "snr")`` and ``("snr_db", "..10")`` ask for.

    Args:
        given: ``reason``, ``split``, ``speaker``, ``state``, ``text``, ``order`` (``-`` before it: falling), or a number
            with its bounds ``LOWEST..HIGHEST``, either of which may be left out.
        numbers: names of the dataset's measures.

    Raises:
        UsageError: a key, a state or a bound is none.
    """
    lists: dict[str, set[str]] = {name: set() for name in LISTS}
    words, order, bounds = "", "", []
    for key, value in given:
        if key in lists:
            lists[key].add(value)
        elif key == "text":
            words = value
        elif key == "order":
            order = value
        elif key in numbers:
            bounds.append(_bounds(key, value))
        else:
            raise UsageError(f"unknown filter {key!r}", f"one of: {', '.join([*LISTS, 'text', 'order', *numbers])}")
    if unknown := lists["state"] - set(STATES):
        raise UsageError(f"unknown state {min(unknown)!r}", f"one of: {', '.join(STATES)}")
    if order.removeprefix("-") not in ("", *numbers):
        raise UsageError(f"unknown order {order!r}", f"one of: {', '.join(numbers)}")
    chosen = {name: frozenset(lists[name]) for name in LISTS}
    return Query(
        reasons=chosen["reason"],
        splits=chosen["split"],
        speakers=chosen["speaker"],
        states=chosen["state"],
        words=words.strip().casefold(),
        bounds=tuple(bounds),
        order=order.removeprefix("-"),
        falling=order.startswith("-"),
    )


def pairs_of(only: Sequence[str]) -> list[tuple[str, str]]:
    """What ``--only reason=snr,hum`` says, as pairs; words after a comma belong to the same key.

    Raises:
        UsageError: there is no ``=``.
    """
    found = []
    for each in only:
        key, equals, values = each.partition("=")
        if not equals:
            raise UsageError(f"{each!r} is no filter", "write KEY=VALUE, for example reason=snr or snr_db=..10")
        parts = [values] if key == "text" else values.split(",")
        found += [(key.strip(), part.strip()) for part in parts]
    return found


def ordered(places: Sequence[int], numbers: Sequence[float], falling: bool) -> list[int]:
    """Places by their numbers; those without one (NaN) last, equal ones in the order given."""
    known = [place for place in places if not math.isnan(numbers[place])]
    known.sort(key=lambda place: -numbers[place] if falling else numbers[place])
    return known + [place for place in places if math.isnan(numbers[place])]


def _bounds(name: str, value: str) -> Bounds:
    lowest, dots, highest = value.partition("..")
    try:
        found = Bounds(name, float(lowest or "-inf"), float(highest or "inf"))
    except ValueError:
        found = Bounds(name, math.nan)
    if not dots or math.isnan(found.lowest) or math.isnan(found.highest):
        raise UsageError(
            f"{name}={value} has no bounds", f"write {name}=LOWEST..HIGHEST, {name}=..HIGHEST or {name}=LOWEST.."
        )
    return found
