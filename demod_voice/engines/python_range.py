"""Ranges of Python versions as engine.toml writes them: ``>=3.11,<3.14``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_PART = re.compile(r"(>=|<=|==|>|<)\s*(\d+)\.(\d+)")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def python_fits(wanted: str, version: tuple[int, int]) -> bool:
    """Does a version lie in a range such as ``>=3.11,<3.14``? An empty range takes all.

    Raises:
        ValueError: not a range.
    """
    fits = True
    for part in wanted.split(",") if wanted else ():
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"{wanted!r} is not a range of versions such as >=3.11,<3.14")
        fits = fits and _COMPARISONS[match[1]](version, (int(match[2]), int(match[3])))
    return fits
