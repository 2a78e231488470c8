"""The faces of progress: bars on a terminal, JSON lines for machines, or silence. Each is a ``Progress``.

``--progress auto`` shows bars where stderr is a terminal, and only notes where it is not. ``--progress json`` writes
one object a line to stderr, ``{"step", "done", "total", "eta_s"}`` (``total`` and ``eta_s`` are null while unknown), at
most about ten a second per step, the first and the last of a step always; a note is ``{"note"}``.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from demod_voice.cli.logs import NOTES

INTERVAL_S = 0.1
"""Shortest time between two JSON events of one step."""
COLUMNS, ROWS = 80, 24
"""Size of a terminal that does not say how big it is."""

notes = logging.getLogger(NOTES)


class Face(Protocol):
    """A progress that can be closed. Every method may be called from any thread."""

    def start(self, step: str, total: float, unit: str = "") -> None:
        """A step begins; ``total`` in ``unit`` (0 when unknown)."""

    def advance(self, step: str, amount: float = 1.0) -> None:
        """``amount`` more of the step is done."""

    def tell(self, step: str, words: str) -> None:
        """A few words beside the step's count; they replace the last ones."""

    def finish(self, step: str) -> None:
        """The step has ended."""

    def note(self, message: str) -> None:
        """One line a person should see."""

    def close(self) -> None:
        """Take the display down; it may be used again."""


def make_face(mode: str, quiet: bool, stream: TextIO) -> Face:
    """The face for ``--progress MODE``: ``json`` even with ``--quiet``, for it was asked for by name."""
    if mode == "json":
        return JsonFace(stream)
    if quiet:
        return QuietFace()
    return BarFace(stream) if mode == "auto" and stream.isatty() else PlainFace(stream)


class QuietFace:
    """Shows nothing; notes reach the log file."""

    def start(self, step: str, total: float, unit: str = "") -> None:
        """Show nothing."""

    def advance(self, step: str, amount: float = 1.0) -> None:
        """Show nothing."""

    def tell(self, step: str, words: str) -> None:
        """Show nothing."""

    def finish(self, step: str) -> None:
        """Show nothing."""

    def note(self, message: str) -> None:
        """Log the note."""
        notes.info("%s", message)

    def close(self) -> None:
        """Nothing is shown, so nothing is taken down."""


class PlainFace(QuietFace):
    """Shows notes, one a line, and no bars: stderr is a file or a pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def note(self, message: str) -> None:
        """Write the note."""
        super().note(message)
        with self._lock:
            _write_line(self._stream, message)


@dataclass(slots=True)
class _Count:
    """How far one step is."""

    began: float
    total: float
    done: float = 0.0
    said: float = 0.0
    """When the last event was written, on the same clock as ``began``."""


class JsonFace(QuietFace):
    """One JSON object a line.

    Args:
        stream: where lines go.
        clock: seconds, monotonic.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()
        self._steps: dict[str, _Count] = {}

    def start(self, step: str, total: float, unit: str = "") -> None:  # noqa: ARG002 (events have no unit)
        """Write the step's first event."""
        with self._lock:
            self._steps[step] = _Count(self._clock(), float(total))
            self._say(step)

    def advance(self, step: str, amount: float = 1.0) -> None:
        """Write an event, unless one was written less than ``INTERVAL_S`` ago."""
        with self._lock:
            count = self._steps.setdefault(step, _Count(self._clock(), 0.0))
            count.done += amount
            if self._clock() - count.said >= INTERVAL_S:
                self._say(step)

    def finish(self, step: str) -> None:
        """Write the step's last event."""
        with self._lock:
            if step in self._steps:
                self._say(step)
                del self._steps[step]

    def note(self, message: str) -> None:
        """Write the note as an event."""
        super().note(message)
        with self._lock:
            self._write({"note": message})

    def _say(self, step: str) -> None:
        count = self._steps[step]
        count.said = self._clock()
        total = _whole(count.total) if count.total > 0 else None
        self._write({"step": step, "done": _whole(count.done), "total": total, "eta_s": _eta_s(count)})

    def _write(self, event: dict[str, Any]) -> None:
        _write_line(self._stream, json.dumps(event, ensure_ascii=False))


def _eta_s(count: _Count) -> float | None:
    """Seconds left at the average pace so far; None before anything is done or without a total."""
    if count.done <= 0 or count.total <= 0:
        return None
    return round(max(0.0, count.total - count.done) * (count.said - count.began) / count.done, 1)


class BarFace(QuietFace):
    """One tqdm bar a step, with the remaining time; notes are written above the bars."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.RLock()
        self._bars: dict[str, Any] = {}

    def start(self, step: str, total: float, unit: str = "") -> None:
        """Show a bar; a count without an end when ``total`` is 0."""
        from tqdm import tqdm

        with self._lock:
            self.finish(step)
            unit_text = "B" if unit == "bytes" else f" {unit}" if unit else ""
            self._bars[step] = tqdm(
                desc=step,
                total=_whole(total) if total > 0 else None,
                unit=unit_text,
                unit_scale=unit == "bytes",
                unit_divisor=1024,
                file=self._stream,
                leave=False,
                **self._shape(),
            )

    def _shape(self) -> dict[str, Any]:
        """tqdm's sizes. On a terminal that says 0 columns (as in some containers) its bars would not be seen."""
        try:
            known = os.get_terminal_size(self._stream.fileno()).columns > 0
        except (OSError, ValueError):
            known = False
        return {"dynamic_ncols": True} if known else {"ncols": COLUMNS, "nrows": ROWS}

    def advance(self, step: str, amount: float = 1.0) -> None:
        """Move the bar."""
        with self._lock:
            if step not in self._bars:
                self.start(step, 0)
            self._bars[step].update(_whole(amount))

    def tell(self, step: str, words: str) -> None:
        """Write the words at the bar's end."""
        with self._lock:
            if step in self._bars:
                self._bars[step].set_postfix_str(words, refresh=False)

    def finish(self, step: str) -> None:
        """Take the bar down."""
        with self._lock:
            bar = self._bars.pop(step, None)
            if bar is not None:
                bar.close()

    def note(self, message: str) -> None:
        """Write the note above the bars."""
        super().note(message)
        with self._lock:
            if not self._bars:
                _write_line(self._stream, message)
                return
            from tqdm import tqdm

            tqdm.write(message, file=self._stream)

    def close(self) -> None:
        """Take every bar down, so that what is written next stands on a line of its own."""
        with self._lock:
            for step in list(self._bars):
                self.finish(step)


def _whole(number: float) -> float:
    """3 for 3.0; 3.5 for 3.5 (at most 3 decimals)."""
    return int(number) if number == int(number) else round(number, 3)


def _write_line(stream: TextIO, text: str) -> None:
    """Write one line; a stderr that is gone or full is no reason to stop the work."""
    try:
        stream.write(text + "\n")
        stream.flush()
    except (OSError, ValueError):
        pass
