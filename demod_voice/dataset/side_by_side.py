"""The progress of recordings that are worked on at the same time: one bar for a step of all of them, and an end to all."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from demod_voice.records.progress import Progress


class Stopped(Exception):
    """The build has ended, by Ctrl-C or an error: what one thread still does is not wanted."""


@dataclass(slots=True)
class _Sum:
    """One step of every recording that is at it."""

    running: int = 0
    total: float = 0.0
    done: float = 0.0


class SideBySide:
    """A progress that several recordings share.

    Args:
        inner: is told sums: half of two recordings is half of the step.
    """

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._steps: dict[str, _Sum] = {}
        self._stopped = False

    def stop(self) -> None:
        """Let every call from now on raise ``Stopped``, but those that end something."""
        self._stopped = True

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Stopped: ``stop`` was called.
        """
        if self._stopped:
            raise Stopped

    def start(self, step: str, total: float, unit: str = "") -> None:
        """A recording begins the step."""
        self.check()
        with self._lock:
            known = self._steps.setdefault(step, _Sum())
            known.running += 1
            known.total += total
            self._inner.start(step, known.total, unit)
            if known.done:
                self._inner.advance(step, known.done)

    def advance(self, step: str, amount: float = 1.0) -> None:
        """A recording is further."""
        self.check()
        with self._lock:
            if step in self._steps:
                self._steps[step].done += amount
            self._inner.advance(step, amount)

    def tell(self, step: str, words: str) -> None:
        """The words of whoever spoke last."""
        self._inner.tell(step, words)

    def finish(self, step: str) -> None:
        """A recording has done the step; the last of them ends it."""
        with self._lock:
            known = self._steps.get(step)
            if known is not None:
                known.running -= 1
                if known.running:
                    return
                del self._steps[step]
            self._inner.finish(step)

    def note(self, message: str) -> None:
        """One line a person should see."""
        self._inner.note(message)
