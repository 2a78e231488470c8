"""``demod-voice dataset``: report, check, stats, export, versions, diff, restore, merge."""

from __future__ import annotations

from typing import Any


def add_keeping_commands(commands: Any) -> None:
    """Declare the commands."""
