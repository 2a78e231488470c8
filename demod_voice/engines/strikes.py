"""When an engine is given up: the pool's memory of requests that ended with its death, or with its silence."""

from __future__ import annotations

import threading
from collections import defaultdict

from demod_voice.errors import EngineCrashed, EngineError, EngineGivenUp, EngineStartFailed, EngineTimedOut

MOST_STRIKES = 2
"""Different requests in a row after whose failure an engine is not asked again. One request may be at fault itself."""
BATCH_STRIKES = 8
"""The same for a batch: its rows come from many hands, and two bad ones say little about the other hundred thousand."""
COUNTED = (EngineCrashed, EngineStartFailed, EngineTimedOut)
"""A request that failed in one of these ways says nothing about the next one; two of them say something."""


class Strikes:
    """Counts per engine, for the length of a run. Safe for threads.

    Args:
        most: different requests in a row after which an engine is given up.
    """

    def __init__(self, most: int = MOST_STRIKES) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._failed: defaultdict[str, dict[str, EngineError]] = defaultdict(dict)

    def failed(self, engine: str, request: str, error: EngineError) -> None:
        """``request`` (what was to be said) has failed for good; the same one again is no second strike."""
        if isinstance(error, COUNTED):
            with self._lock:
                if len(self._failed[engine]) < self._most:
                    self._failed[engine].setdefault(request, error)

    def worked(self, engine: str) -> None:
        """The engine has answered a request."""
        with self._lock:
            self._failed[engine].clear()

    def given_up(self, engine: str) -> EngineGivenUp | None:
        """The error of who asks an engine that is not asked any more, or None."""
        with self._lock:
            errors = list(self._failed[engine].values())
        if len(errors) < self._most:
            return None
        hung = all(isinstance(each, EngineTimedOut) for each in errors)
        what = "was silent" if hung else "died"
        return EngineGivenUp(
            f"engine {engine} {what} at {len(errors)} different lines in a row and is not asked again in this run",
            f"check it with: demod-voice engines check {engine}",
        )
