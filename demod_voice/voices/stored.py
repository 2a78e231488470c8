"""Bring a model or an adapter into a voice's folder, or note where it lies when it is too large to copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from demod_voice.engines.default_model import RECORD
from demod_voice.models.content import content_hash
from demod_voice.models.record import read_record
from demod_voice.records.atomic import flush
from demod_voice.records.hashing import hash_file
from demod_voice.voices.saved import StoredPath

COPY_BELOW = 200 * 1024 * 1024
"""Bytes; a smaller model is copied, so that the voice lives on when the original moves. Piper voices are 5-115 MB."""
SIDECAR = ".json"
"""A model file's settings lie beside it under its own name plus this (``amy.onnx.json``) and belong to it."""


def model_files(source: Path) -> list[Path]:
    """The files that a model at ``source`` is made of: a file with its settings, or everything in a folder, sorted.

    The record of a model that was pulled or imported is no part of it.

    Raises:
        OSError: it cannot be read.
    """
    if source.is_dir():
        own = {source / RECORD} if read_record(source) is not None else set()
        return sorted(path for path in source.rglob("*") if path.is_file() and path not in own)
    beside = source.with_name(source.name + SIDECAR)
    return [source, beside] if beside.is_file() else [source]


def keep(source: Path, folder: Path, name: str, limit: int = COPY_BELOW) -> StoredPath:
    """Copy the model at ``source`` to ``folder/name`` when it is smaller than ``limit`` bytes, else note its path.

    Raises:
        OSError: it cannot be read, or not be written.
    """
    source = source.resolve()
    files = model_files(source)
    num_bytes = sum(path.stat().st_size for path in files)
    if num_bytes >= limit:
        return StoredPath(str(source), {str(path): content_hash(path) for path in files}, num_bytes)
    return copy(source, files, folder, name)


def copy(source: Path, files: list[Path], folder: Path, name: str) -> StoredPath:
    """Copy a model's files into ``folder/name``, each under its own name.

    Raises:
        OSError: a file cannot be read or written.
    """
    base = source if source.is_dir() else source.parent
    hashes: dict[str, str] = {}
    num_bytes = 0
    for path in files:
        relative = Path(name) / path.relative_to(base)
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        flush(target)
        hashes[relative.as_posix()] = hash_file(target)
        num_bytes += target.stat().st_size
    return StoredPath(name if source.is_dir() else f"{name}/{source.name}", hashes, num_bytes)


def changed(stored: StoredPath, folder: Path) -> Iterator[str]:
    """Names of the files that are gone, or no longer the bytes that were added."""
    for name, sha256 in stored.files.items():
        path = folder / name
        if not path.is_file() or hash_file(path) != sha256:
            yield name
