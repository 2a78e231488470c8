"""Content hashes: of bytes, of files, and of values (through one canonical JSON)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

BLOCK = 1 << 20


def hash_bytes(data: bytes) -> str:
    """SHA-256 of ``data``, lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hex, read in blocks.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def hash_json(value: Any) -> str:
    """SHA-256 of a JSON value's canonical form (sorted keys, no spaces, UTF-8).

    Raises:
        TypeError, ValueError: the value is not JSON (a NaN, a Path, an object).
    """
    return hash_bytes(canonical_json(value).encode())


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def seed_from(*parts: str | int) -> int:
    """A seed in 0..2**31-1, a function of its parts and nothing else."""
    return int(hash_json(list(parts))[:12], 16) % (1 << 31)
