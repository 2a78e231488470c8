"""What every measurement needs: seconds of work, once or again and again where once is too short, and where it ran."""

from __future__ import annotations

import time
from collections.abc import Callable

from demod_voice.engines.pool import Pool

AT_LEAST_S = 1.0
"""Work of less than this is repeated until it takes so long: a line of a fast engine is over in milliseconds."""
QUICK_S = 0.2
"""The same in a quick run."""
MOST_ROUNDS = 200


def repeated(work: Callable[[], object], least_s: float) -> tuple[float, int]:
    """Do it until it has taken ``least_s``; seconds, and how often it was done."""
    began = time.perf_counter()
    taken, rounds = 0.0, 0
    while taken < least_s and rounds < MOST_ROUNDS:
        work()
        rounds += 1
        taken = time.perf_counter() - began
    return taken, rounds


def timed(work: Callable[[], object]) -> float:
    """Seconds of doing it once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def devices_of(pool: Pool, engine: str) -> str:
    """Where an engine's workers of a pool computed."""
    return ", ".join(pool.observed()["used"].get(engine, {}))
