"""What a folder holds, for comparing two of them."""

from __future__ import annotations

from pathlib import Path

from demod_voice.records.hashing import hash_file


def digests(folder: Path, hidden: str = ".demod") -> dict[str, str]:
    """Path -> SHA-256 of every file, without the hidden folder."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and hidden not in path.parts)
    return {str(path.relative_to(folder)): hash_file(path) for path in found}
