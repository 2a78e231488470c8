"""Seconds that something takes: done once, or again and again where once is too short to be measured."""

from __future__ import annotations

import time
from collections.abc import Callable

AT_LEAST_S = 1.0
"""Work of less than this is repeated until it takes so long: a line of a fast engine is over in milliseconds."""
MOST_ROUNDS = 200


def repeated(work: Callable[[], object]) -> tuple[float, int]:
    """Do it until it has taken ``AT_LEAST_S``; seconds, and how often it was done."""
    began = time.perf_counter()
    taken, rounds = 0.0, 0
    while taken < AT_LEAST_S and rounds < MOST_ROUNDS:
        work()
        rounds += 1
        taken = time.perf_counter() - began
    return taken, rounds


def timed(work: Callable[[], object]) -> float:
    """Seconds of doing it once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
