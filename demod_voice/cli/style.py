"""Whether a stream may be decorated. Imports only ``os``: the fast road of ``--help`` uses it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
"""Stands for ``typing.TYPE_CHECKING``: to import typing takes as long as half of Python's own start."""

if TYPE_CHECKING:
    from typing import TextIO


def use_bold(stream: TextIO) -> bool:
    """True on a terminal that understands escapes, unless ``NO_COLOR`` is set. Source: no-color.org."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def bold(text: str, stream: TextIO) -> str:
    """``text`` in bold where the stream shows it."""
    return f"\033[1m{text}\033[0m" if use_bold(stream) else text
