"""Names of voices: which are allowed, and which known name a wrong one was meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

MAX_LENGTH = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def name_fault(name: str) -> str | None:
    """What is wrong with ``name`` as a voice's name, or None.

    A name is also a folder's, so it holds letters, digits, ``-`` and ``_`` only: no separators and no dots.
    """
    if not name:
        return "a voice needs a name"
    if len(name) > MAX_LENGTH:
        return f"the name is {len(name)} characters long; at most {MAX_LENGTH} are allowed"
    if _NAME.fullmatch(name) is None:
        return f"{name!r} is not a voice name: letters, digits, - and _ only, beginning with a letter or a digit"
    return None


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Up to ``count`` known names that look like ``name``, the nearest first; case is ignored in the comparison."""
    by_folded = {each.casefold(): each for each in sorted(known, reverse=True)}
    close = difflib.get_close_matches(name.casefold(), list(by_folded), n=count, cutoff=0.5)
    return [by_folded[each] for each in close]


def meant(name: str, known: Iterable[str]) -> str:
    """``did you mean a, b?`` when something looks like ``name``, else an empty string."""
    close = nearest(name, known)
    return f"did you mean {', '.join(close)}?" if close else ""
