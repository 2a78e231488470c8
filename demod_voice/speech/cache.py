"""The speech cache: takes by key, shared by all episodes and processes; a shortcut that may vanish at any moment.

Nothing here ever fails a render: whatever goes wrong is a miss. Files are copied in and out under temporary names and
renamed, the hash is verified on the way out, and the least recently used takes go first when the bound is reached.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demod_voice.audio.clip import Clip
from demod_voice.config.folders import cache_folder
from demod_voice.config.settings import Settings
from demod_voice.errors import MediaError, OutputError
from demod_voice.media.wav import clip_of_wav, wav_bytes
from demod_voice.records.atomic import TEMPORARY_MARK, replacing
from demod_voice.records.hashing import hash_bytes
from demod_voice.speech.takes import TakeRecord, parse_record, read_take, take_files, take_record
from demod_voice.units import parse_size

VERSION = "v1"
"""Raised by hand when the layout changes; older layouts are removed by ``clear``."""
FULL = 0.9
"""Part of the bound that is left after a prune, so that not every new take prunes again."""
RESCAN = 0.05
"""Part of the bound that this process adds before it looks at the real size again: others add too."""
STALE_S = 3600.0
"""Age of a temporary file that no living process is writing any more."""


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What is in the cache."""

    folder: Path
    takes: int
    num_bytes: int
    max_bytes: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class Freed:
    """What a prune or a clear removed."""

    takes: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """One take in the cache."""

    key: str
    """First digits, as in the file names."""
    num_bytes: int
    used: float
    """Seconds since the epoch of its last use."""


class SpeechCache:
    """Takes by key under the cache folder. Safe for threads and processes."""

    def __init__(self, settings: Settings) -> None:
        self.root = cache_folder() / "speech"
        self.folder = self.root / VERSION
        self.enabled = settings.cache.enabled
        self.max_bytes = parse_size(settings.cache.max_size)
        self._lock = threading.Lock()
        self._size: int | None = None
        """Bytes at the last look plus what was added since; None = not looked yet."""
        self._added = 0

    def get(self, key: str, folder: Path) -> bool:
        """Copy the take of ``key`` into ``folder``; False when it is not there, or not whole."""
        if not self.enabled:
            return False
        try:
            self._copy_out(key, folder)
        except (OSError, OutputError):
            return False
        if read_take(folder, key) is None:
            self._drop(key)
            return False
        with suppress(OSError):
            os.utime(take_files(self._shelf(key), key)[1])
        return True

    def put(self, key: str, folder: Path) -> None:
        """Keep a copy of the take of ``key`` that lies in ``folder``; the oldest go when there is no room."""
        if not self.enabled:
            return
        sources = take_files(folder, key)
        shelf = self._shelf(key)
        try:
            num_bytes = sum(path.stat().st_size for path in sources)
            if num_bytes > self.max_bytes * FULL:
                return
            shelf.mkdir(parents=True, exist_ok=True)
            for source, target in zip(sources, take_files(shelf, key), strict=True):
                _copy(source, target)
        except OSError:
            return
        self._grown(num_bytes)

    def read(self, key: str) -> tuple[TakeRecord, Clip] | None:
        """The take of ``key`` in memory; None when it is not there, or not whole."""
        if not self.enabled:
            return None
        wav, record_path = take_files(self._shelf(key), key)
        try:
            record = parse_record(record_path.read_text(encoding="utf-8"))
            data = wav.read_bytes()
            if record.key != key or hash_bytes(data) != record.sha256:
                raise ValueError("damaged")
            clip = clip_of_wav(data)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, MediaError):
            self._drop(key)
            return None
        with suppress(OSError):
            os.utime(record_path)
        return record, clip

    def keep(self, clip: Clip, encoding: str, facts: Mapping[str, Any]) -> None:
        """Keep a take that lies nowhere else; ``facts`` as of ``takes.write_take``."""
        if not self.enabled:
            return
        data = wav_bytes(clip, encoding)
        record = take_record(clip, encoding, hash_bytes(data), facts)
        shelf = self._shelf(record.key)
        text = json.dumps(asdict(record), ensure_ascii=False).encode()
        if len(data) + len(text) > self.max_bytes * FULL:
            return
        try:
            shelf.mkdir(parents=True, exist_ok=True)
            wav, record_path = take_files(shelf, record.key)
            _place(wav, lambda path: path.write_bytes(data))
            _place(record_path, lambda path: path.write_bytes(text))
        except OSError:
            return
        self._grown(len(data) + len(text))

    def info(self) -> CacheInfo:
        """How much is in it."""
        entries = list(self._entries())
        size = sum(each.num_bytes for each in entries)
        return CacheInfo(self.folder, len(entries), size, self.max_bytes, self.enabled)

    def prune(self, max_bytes: int | None = None) -> Freed:
        """Remove the least recently used takes until at most ``max_bytes`` (default: the configured bound) are left."""
        limit = self.max_bytes if max_bytes is None else max_bytes
        entries = sorted(self._entries(), key=lambda entry: (entry.used, entry.key))
        size = sum(each.num_bytes for each in entries)
        takes = freed = 0
        for entry in entries:
            if size - freed <= limit:
                break
            self._drop(entry.key)
            takes, freed = takes + 1, freed + entry.num_bytes
        self._sweep()
        with self._lock:
            self._size, self._added = size - freed, 0
        return Freed(takes, freed)

    def clear(self) -> Freed:
        """Remove everything, older layouts too."""
        before = self.info()
        shutil.rmtree(self.root, ignore_errors=True)
        with self._lock:
            self._size, self._added = 0, 0
        return Freed(before.takes, before.num_bytes)

    def _shelf(self, key: str) -> Path:
        return self.folder / key[:2]

    def _copy_out(self, key: str, folder: Path) -> None:
        sources = take_files(self._shelf(key), key)
        sources[1].stat()
        folder.mkdir(parents=True, exist_ok=True)
        for source, target in zip(sources, take_files(folder, key), strict=True):
            with replacing(target) as temporary:
                shutil.copyfile(source, temporary)

    def _drop(self, key: str) -> None:
        """Remove a take, the record first: without it the WAV is no take."""
        for path in reversed(take_files(self._shelf(key), key)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _entries(self) -> Iterator[_Entry]:
        for shelf in _listed(self.folder):
            if not shelf.is_dir(follow_symlinks=False):
                continue
            found = {each.name: each for each in _listed(Path(shelf.path))}
            for name, item in found.items():
                stem, dot, suffix = name.rpartition(".")
                if not dot or suffix != "json" or name.startswith(TEMPORARY_MARK):
                    continue
                try:
                    status = item.stat()
                    wav = found.get(f"{stem}.wav")
                    yield _Entry(stem, status.st_size + (wav.stat().st_size if wav else 0), status.st_mtime)
                except OSError:
                    continue

    def _sweep(self) -> None:
        """Remove what killed processes left half-written, and WAVs whose record is gone."""
        now = time.time()
        for shelf in _listed(self.folder):
            for item in _listed(Path(shelf.path)):
                path = Path(item.path)
                orphan = path.suffix == ".wav" and not path.with_suffix(".json").exists()
                try:
                    if (orphan or item.name.startswith(TEMPORARY_MARK)) and now - item.stat().st_mtime > STALE_S:
                        path.unlink(missing_ok=True)
                except OSError:
                    continue

    def _grown(self, num_bytes: int) -> None:
        """Count what was added; look at the real size now and then, and prune when the bound is reached."""
        with self._lock:
            self._added += num_bytes
            look = self._size is None or self._added > self.max_bytes * RESCAN
        if look:
            size = self.info().num_bytes
            with self._lock:
                self._size, self._added = size, 0
        with self._lock:
            full = (self._size or 0) + self._added > self.max_bytes
        if full:
            self.prune(int(self.max_bytes * FULL))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder, none when it is gone."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _copy(source: Path, target: Path) -> None:
    _place(target, lambda path: shutil.copyfile(source, path))


def _place(target: Path, write: Callable[[Path], object]) -> None:
    """Write by a temporary name; not flushed to the disk, because a torn file is found by its hash and is a miss."""
    temporary = target.with_name(f"{TEMPORARY_MARK}{os.getpid()}-{secrets.token_hex(4)}-{target.name}")
    try:
        write(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
