"""Is a folder the model that it is said to be? Looked at before it is kept; no file is loaded, so nothing in it runs."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from demod_voice.models.entries import ModelEntry

LONGEST_HEADER = 100 * 1024 * 1024
"""Bytes of a safetensors header that its own library still reads."""


def faults_of(entry: ModelEntry, folder: Path) -> Iterator[str]:
    """What is wrong with the files of ``entry`` in ``folder``: cut short, empty, or of another kind of model."""
    for each in entry.files:
        path = folder / each.path
        if each.optional and not path.exists():
            continue
        fault = _CHECKS.get(path.suffix, _not_empty)(path)
        if fault:
            yield f"{each.path} {fault}"
    if entry.kind is not None:
        told = _json(folder / entry.kind.file)
        value = told.get(entry.kind.key) if told is not None else None
        if told is not None and (value is None or (entry.kind.value and str(value) != entry.kind.value)):
            wanted = f"{entry.kind.key} {entry.kind.value}".strip()
            yield f"{entry.kind.file} is of another kind of model: it says {value!r} where {wanted} should be"


def _not_empty(path: Path) -> str:
    return "" if path.stat().st_size else "is empty"


def _checked_json(path: Path) -> str:
    return "" if _json(path) is not None else "is not JSON, or cut short"


def _json(path: Path) -> Mapping[str, object] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else {}


def _checked_safetensors(path: Path) -> str:
    """A length, a JSON header, and as many bytes as the header names. Source: the safetensors format's own page."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
        if not 2 <= length <= min(LONGEST_HEADER, size):
            return "is not safetensors, or cut short"
        try:
            header = json.loads(file.read(length))
            ends = [each["data_offsets"][1] for name, each in header.items() if name != "__metadata__"]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return "is not safetensors: its header cannot be read"
    return "" if 8 + length + max(ends, default=0) == size else "is cut short, or longer than its header says"


def _checked_torch(path: Path) -> str:
    """torch writes a zip archive, whose list stands at its end; older files are a pickle and begin so."""
    from zipfile import is_zipfile

    with path.open("rb") as file:
        head = file.read(2)
    if head == b"PK":
        return "" if is_zipfile(path) else "is cut short: the end of its archive is missing"
    return "" if head[:1] == b"\x80" else "is no file that torch wrote"


_CHECKS: Mapping[str, Callable[[Path], str]] = {
    ".json": _checked_json,
    ".safetensors": _checked_safetensors,
    ".pth": _checked_torch,
    ".ckpt": _checked_torch,
    ".th": _checked_torch,
}
