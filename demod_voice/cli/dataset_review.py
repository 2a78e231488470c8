"""``demod-voice dataset``: review."""

from __future__ import annotations

from typing import Any


def add_review_command(commands: Any) -> None:
    """Declare the commands."""
