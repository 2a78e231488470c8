"""The content hash of a file without reading gigabytes twice: by its model's record, or by what an earlier run read.

A hash is believed only while size and time of change are the ones it was recorded with. The value is the same either way.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

from demod_voice.config.folders import cache_folder
from demod_voice.engines.default_model import RECORD
from demod_voice.errors import OutputError
from demod_voice.models.record import read_record
from demod_voice.records.atomic import write_json
from demod_voice.records.hashing import hash_bytes, hash_file

KEPT_FROM = 16 << 20
"""Bytes from which a file's hash is kept between runs: smaller ones are read in a few hundredths of a second."""
SETTLED_NS = 2_000_000_000
"""A file that changed less than 2 s before it was read could change again within one tick of its clock."""
DEPTH = 4
"""So many folders up a model's record is looked for."""


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hex.

    Raises:
        OSError: it cannot be read.
    """
    status = path.stat()
    size, mtime_ns = status.st_size, status.st_mtime_ns
    if size < KEPT_FROM:
        return hash_file(path)
    known = _recorded(path, size, mtime_ns) or _kept(path, size, mtime_ns)
    if known:
        return known
    began_ns = time.time_ns()
    found = hash_file(path)
    after = path.stat()
    if (after.st_size, after.st_mtime_ns) == (size, mtime_ns) and began_ns - mtime_ns >= SETTLED_NS:
        _keep(path, size, mtime_ns, found)
    return found


def _recorded(path: Path, size: int, mtime_ns: int) -> str:
    """What the record of the model that holds the file says; empty when it says nothing about this file as it is."""
    for folder in list(path.parents)[:DEPTH]:
        if (folder / RECORD).is_file():
            record = read_record(folder)
            name = path.relative_to(folder).as_posix()
            for each in record.files if record is not None else ():
                if (each.path, each.size, each.mtime_ns) == (name, size, mtime_ns):
                    return each.sha256
            return ""
    return ""


def _note(path: Path) -> Path:
    """Where the hash of a file is kept: one small file each, so that no run waits for another."""
    return cache_folder() / "hashes" / f"{hash_bytes(str(path.absolute()).encode())[:32]}.json"


def _kept(path: Path, size: int, mtime_ns: int) -> str:
    try:
        told = json.loads(_note(path).read_text(encoding="utf-8"))
        same = (told["path"], told["size"], told["mtime_ns"]) == (str(path.absolute()), size, mtime_ns)
        return str(told["sha256"]) if same else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _keep(path: Path, size: int, mtime_ns: int, sha256: str) -> None:
    """Keep a hash; a cache that cannot be written is no reason to stop."""
    note = _note(path)
    with suppress(OSError, OutputError):
        note.parent.mkdir(parents=True, exist_ok=True)
        write_json(note, {"path": str(path.absolute()), "size": size, "mtime_ns": mtime_ns, "sha256": sha256})
