"""Work on the pieces of a stream by several threads at once, with the results in order and few of them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = 2
AHEAD = 3
"""Pieces that may be under way: what bounds the memory."""
Piece = TypeVar("Piece")
Made = TypeVar("Made")


def in_order(work: Callable[[Piece], Made], pieces: Iterable[Piece], threads: int = THREADS) -> Iterator[Made]:
    """``map``, but ``work`` runs on other threads while the caller uses what came before.

    Args:
        work: a function of its piece alone. numpy leaves the interpreter free while it works.
        pieces: read on the caller's thread, at most ``AHEAD`` (and one more than ``threads``) before they are needed.
        threads: how many work at once.
    """
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="ahead") as executor:
        try:
            for piece in pieces:
                waiting.append(executor.submit(work, piece))
                if len(waiting) >= max(AHEAD, threads + 1):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
