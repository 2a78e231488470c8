"""How long work reports how far it is. Features call it; a face (CLI, web) shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Something that is told how far the work is. Every method may be called from any thread."""

    def start(self, step: str, total: float, unit: str = "") -> None:
        """A step begins; ``total`` in ``unit`` (0 when unknown)."""

    def advance(self, step: str, amount: float = 1.0) -> None:
        """``amount`` more of the step is done."""

    def tell(self, step: str, words: str) -> None:
        """A few words beside the step's count, as a pace; they replace the last ones."""

    def finish(self, step: str) -> None:
        """The step has ended."""

    def note(self, message: str) -> None:
        """One line a person should see: a fallback, a repair, a decision."""


class Silent:
    """A progress that shows nothing (the default of the Python API)."""

    def start(self, step: str, total: float, unit: str = "") -> None:
        """Show nothing."""

    def advance(self, step: str, amount: float = 1.0) -> None:
        """Show nothing."""

    def tell(self, step: str, words: str) -> None:
        """Show nothing."""

    def finish(self, step: str) -> None:
        """Show nothing."""

    def note(self, message: str) -> None:
        """Show nothing."""


SILENT = Silent()
