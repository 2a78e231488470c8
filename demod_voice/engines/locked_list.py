"""An engine's locked lists, which are pip's requirement files: their pins, and the one of torch, which has several builds.

``requirements.txt`` is the whole list; ``requirements-cuda.txt`` is what a CUDA build adds (``tools/lock.py`` makes both).
"""

from __future__ import annotations

import re
from pathlib import Path

LIST, CUDA_LIST = "requirements.txt", "requirements-cuda.txt"
LINUX_ONLY = "# Linux x86-64 only"
"""Beginning of a row of a list that is for no other platform."""
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


def pins(path: Path) -> dict[str, tuple[str, ...]]:
    """Name -> versions: several where the version depends on Python's. No list, no pins."""
    found: dict[str, tuple[str, ...]] = {}
    for row in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        match = _PIN.match(row)
        if match:
            found[match[1]] = (*found.get(match[1], ()), match[2])
    return found


def torch_version(path: Path) -> str:
    """The version of torch that a list pins; empty without torch."""
    return pins(path).get("torch", ("",))[0]


def with_torch(text: str, requirement: str) -> str:
    """A list with another requirement for torch, and the same hashes; ``""`` takes it out, hashes and all."""
    rows, skipping = [], False
    for row in text.splitlines():
        if not row.startswith(" "):
            skipping = row.startswith("torch==") and not requirement
        if not skipping:
            rows.append(re.sub(r"^torch==[^\s;\\]+", requirement, row))
    return "\n".join(rows) + "\n"


def is_linux_only(path: Path) -> bool:
    """Was the list made for Linux on x86-64 alone?"""
    rows = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return any(row.startswith(LINUX_ONLY) for row in rows)
