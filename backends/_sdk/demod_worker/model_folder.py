"""A model as a folder of files: its name, and the content hash that results carry as its revision.

Called by workers in ``load``. Python 3.9, standard library only.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Dict, Iterable, Optional

RECORD = "model.json"
"""Written beside the files of a model that the program brought: their sizes and hashes, taken when they were checked."""
REVISION_DIGITS = 16
_BLOCK = 1 << 20
_HUB_FOLDER = re.compile(r"models--(?:.+--)?(.+)")
"""The folder of a repository in a hub's cache; a model lies in ``snapshots/<commit>`` below it."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def content_revision(folder: Path, files: Iterable[str]) -> str:
    """What a model is made of: 16 hex digits of the SHA-256 over its files' names and hashes.

    Args:
        folder: the model's.
        files: the files that count, relative to it, in any order; each must exist.

    Raises:
        OSError: a file cannot be read.
    """
    known = _recorded(folder)
    whole = hashlib.sha256()
    for name in sorted(files):
        path = folder / name
        recorded = known.get(name, {})
        status = path.stat()
        same = (recorded.get("size"), recorded.get("mtime_ns", status.st_mtime_ns)) == (
            status.st_size,
            status.st_mtime_ns,
        )
        trusted = same and recorded.get("sha256")
        whole.update(f"{name} {trusted or _blob_hash(path) or file_hash(path)}\n".encode())
    return whole.hexdigest()[:REVISION_DIGITS]


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            if not block:
                return found.hexdigest()
            found.update(block)


def _blob_hash(path: Path) -> str:
    """The hash that a hub's cache names a large file by: the snapshot's link leads to ``blobs/<SHA-256>``; or nothing."""
    real = path.resolve()
    return real.name if real.parent.name == "blobs" and _SHA256.fullmatch(real.name) else ""


def model_name(path: Path) -> str:
    """What a person calls a model: its folder's name (or its file's); in a hub's cache that of its repository."""
    for folder in (path, *path.parents):
        found = _HUB_FOLDER.fullmatch(folder.name)
        if found:
            return found.group(1)
    return path.stem if path.is_file() else path.name


def _recorded(folder: Path) -> Dict[str, Dict[str, Any]]:
    """File -> its size and hash, as ``model.json`` says; nothing where there is none, or none that is understood."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    files: Optional[Any] = found.get("files") if isinstance(found, dict) else None
    if isinstance(files, list):
        files = {str(each.get("path") or each.get("name")): each for each in files if isinstance(each, dict)}
    if not isinstance(files, dict):
        return {}
    return {str(name): each for name, each in files.items() if isinstance(each, dict)}
