"""Files that travel by content: read once on the machine that was asked, kept once on a node, under other paths there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from demod_voice.errors import EngineError, ModelMissing
from demod_voice.records.hashing import hash_json
from demod_voice.voices.stored import model_files

PART = 64 << 20
"""Bytes of one object in Ray's store: a model of gigabytes is never in memory as a whole."""
PREFIX = "demod-voice-ray-"
"""Of the folders in a node's folder for temporary files."""
ALIVE = "alive"
"""Lock file: every process that uses the folder holds it shared."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A model, an adapter or a clip as content: a file with what belongs to it, or a folder."""

    name: str
    """Its last part, which it has on the node, too."""
    is_folder: bool
    files: tuple[tuple[str, str], ...]
    """(name below the folder that holds it, SHA-256), sorted."""

    @property
    def key(self) -> str:
        """Equal trees have equal keys."""
        return hash_json([self.name, self.is_folder, [list(each) for each in self.files]])[:32]


class Parcels:
    """Brings files into Ray's object store, each content once. Safe for threads.

    Args:
        put: ``ray.put``: keeps a value in the store and gives its reference.
    """

    def __init__(self, put: Callable[[Any], Any]) -> None:
        self._put = put
        self._hashes: dict[tuple[str, int, int], str] = {}
        """Path, size in bytes and time of change in nanoseconds -> SHA-256."""
        self._parts: dict[str, list[Any]] = {}
        self._lock = threading.Lock()

    def tree(self, path: str) -> Tree:
        """What lies at ``path``; afterwards it is in the store.

        Raises:
            ModelMissing: it is gone, or cannot be read.
        """
        source = Path(path)
        base = source if source.is_dir() else source.parent
        try:
            files = [(each.relative_to(base).as_posix(), self._stored(each)) for each in model_files(source)]
        except OSError as error:
            raise ModelMissing(
                f"{path} cannot be read: {error.strerror or error}", "put it back, or choose another voice"
            ) from error
        return Tree(source.name, source.is_dir(), tuple(files))

    def parts(self, trees: Iterable[Tree]) -> dict[str, list[Any]]:
        """References by SHA-256 of all files of some trees."""
        with self._lock:
            return {sha256: self._parts[sha256] for tree in trees for _, sha256 in tree.files}

    def _stored(self, path: Path) -> str:
        status = path.stat()
        stamp = (str(path), status.st_size, status.st_mtime_ns)
        with self._lock:
            if stamp not in self._hashes:
                self._hashes[stamp] = self._read(path)
            return self._hashes[stamp]

    def _read(self, path: Path) -> str:
        import numpy as np

        digest = hashlib.sha256()
        parts = []
        with path.open("rb") as file:
            while block := file.read(PART):
                digest.update(block)
                parts.append(self._put(np.frombuffer(block, np.uint8)))
        self._parts.setdefault(digest.hexdigest(), parts)
        return digest.hexdigest()


class Scratch:
    """What a node keeps of a batch: files by content, shared by its actors, gone with the last of them.

    Args:
        batch: names the batch.
    """

    def __init__(self, batch: str) -> None:
        self.folder = Path(tempfile.gettempdir()) / f"{PREFIX}{batch}"
        sweep()
        self._alive = _held(self.folder)

    def place(self, tree: Tree, parts: Mapping[str, Sequence[Any]], get: Callable[[Any], Any]) -> Path:
        """Where a tree lies on this node, brought here where it is not.

        Args:
            tree: what is wanted.
            parts: references by SHA-256.
            get: ``ray.get``.

        Raises:
            EngineError: it cannot be written, or is not what was sent.
        """
        target = self.folder / tree.key
        base = target / tree.name if tree.is_folder else target
        try:
            for name, sha256 in tree.files:
                if not (base / name).exists():
                    _link(self._file(sha256, parts[sha256], get), base / name)
        except OSError as error:
            raise EngineError(
                f"{target} cannot be written: {error.strerror or error}",
                "a node needs room for temporary files: set TMPDIR before its ray start",
            ) from error
        return target / tree.name

    def close(self) -> None:
        """Use it no more; the last one removes it."""
        self._alive.close()
        _remove(self.folder)

    def _file(self, sha256: str, parts: Sequence[Any], get: Callable[[Any], Any]) -> Path:
        path = self.folder / "files" / sha256
        if path.exists():
            return path
        path.parent.mkdir(exist_ok=True)
        digest = hashlib.sha256()
        unfinished = path.with_name(f"{sha256}.{os.getpid()}")
        with unfinished.open("wb") as file:
            for part in parts:
                block = memoryview(get(part))
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != sha256:
            raise EngineError("a file came to a node as another than was sent", "run the same command again")
        unfinished.replace(path)
        return path


def clean(batch: str, within_s: float) -> None:
    """Remove what a batch has left here as soon as its processes have ended; a task for a node."""
    deadline = time.monotonic() + within_s
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}{batch}"
    while folder.exists() and time.monotonic() < deadline:
        _remove(folder)
        time.sleep(0.05)


def sweep() -> None:
    """Remove what batches have left here whose processes were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid():
                _remove(folder)


def _held(folder: Path) -> BinaryIO:
    """The lock file of a folder, held shared; the folder is made, again when it is removed meanwhile."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            file = (folder / ALIVE).open("a+b")
            fcntl.flock(file, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(file.fileno()), (folder / ALIVE).stat()):
                return file


def _remove(folder: Path) -> None:
    """Remove a folder that nobody uses."""
    with suppress(OSError), (folder / ALIVE).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    """Another name for a file; a copy where the file system has no second names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copyfile(source, unfinished)
        unfinished.replace(target)
