"""``demod-voice dataset``: build, add, rejudge."""

from __future__ import annotations

from typing import Any


def add_build_commands(commands: Any) -> None:
    """Declare the commands."""
