"""How a person names lines and chapters of a script: by number, by the beginning of an id, by title."""

from __future__ import annotations

import re
from collections.abc import Sequence

from demod_voice.episode.plan import Plan, PlannedLine
from demod_voice.errors import UsageError

SHORTEST_PREFIX = 4
"""Characters of an id or a key by which something may be named."""


def find_line(lines: Sequence[PlannedLine], name: str) -> int:
    """Place in ``lines`` of the one called ``name``: its number in the script, or the beginning of its id.

    Raises:
        UsageError: there is none, or more than one; says which there are.
    """
    by_line = [place for place, each in enumerate(lines) if str(each.source.line) == name]
    by_id = [place for place, each in enumerate(lines) if each.job.id.startswith(name)]
    found = by_line or (by_id if len(name) >= SHORTEST_PREFIX else [])
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        ids = ", ".join(lines[place].job.id for place in found[:5])
        raise UsageError(f"{name!r} names {len(found)} lines", f"give more of the id: {ids}")
    raise UsageError(f"there is no line {name!r}", _nearest(lines, name))


def find_lines(lines: Sequence[PlannedLine], span: str) -> list[int]:
    """Places of the lines that stand between two rows of the script, as in ``12-20``.

    Raises:
        UsageError: not a span, or nothing is said there.
    """
    match = re.fullmatch(r"([0-9]+)\s*-\s*([0-9]+)", span.strip())
    if match is None:
        raise UsageError(f"{span!r} is no span of lines", "give two numbers of the script's lines, as in 12-20")
    first, last = int(match[1]), int(match[2])
    found = [place for place, each in enumerate(lines) if first <= each.source.line <= last]
    if not found:
        raise UsageError(f"nothing is said in lines {span}", _nearest(lines, match[1]))
    return found


def find_chapter(plan: Plan, name: str) -> list[int]:
    """Places of the lines of a chapter: its title, the only one that has ``name`` in it, or its number from 1.

    Raises:
        UsageError: there is none, or more than one; lists the chapters.
    """
    titles = {number: each.title for number, each in enumerate(plan.script.chapters) if each.title}
    wanted = name.strip().casefold()
    exact = [number for number, title in titles.items() if title.casefold() == wanted]
    inside = [number for number, title in titles.items() if wanted and wanted in title.casefold()]
    counted = list(titles)[int(name) - 1 : int(name)] if name.isdigit() and int(name) else []
    found = next((each for each in (exact, counted, inside) if each), [])
    if len(found) != 1:
        known = "; ".join(f"{place} {title}" for place, title in enumerate(titles.values(), 1)) or "it has none"
        many = "no chapter" if not found else f"{len(found)} chapters"
        raise UsageError(f"{many} of {plan.script.source} called {name!r}", f"chapters: {known}")
    return [place for place, each in enumerate(plan.lines) if each.chapter == found[0]]


def _nearest(lines: Sequence[PlannedLine], name: str) -> str:
    """The spoken lines around a number of the script's file."""
    known = sorted({each.source.line for each in lines})
    if name.isdigit():
        known = sorted(sorted(known, key=lambda line: abs(line - int(name)))[:4])
    return "lines that are spoken: " + ", ".join(map(str, known[:12])) + (" ..." if len(known) > 12 else "")
