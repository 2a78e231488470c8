"""A dataset's folder: clips kept once by content, and laid out as the manifest says.

Every clip lies in ``.demod/objects/`` under its SHA-256, and ``train/x.wav`` is a hard link to it (a copy where the file
system has none), so the layout is a function of the manifest: reject, accept, restore and merge only link anew. A commit
that was killed half-way is finished by the next command that opens the dataset for writing.
"""

from __future__ import annotations

import errno
import gzip
import json
import os
import secrets
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from demod_voice.errors import MediaError, UsageError
from demod_voice.formats.dataset_manifest import (
    ANCHORS,
    MANIFEST,
    QUARANTINE,
    SPLITS,
    Manifest,
    manifest_of,
    read_lines,
    read_manifest,
    row_of,
    snapshot_data,
    write_manifest,
)
from demod_voice.records.atomic import TEMPORARY_MARK, flush, output_error, replacing, sweep, write_bytes, write_json
from demod_voice.records.hashing import canonical_json, hash_bytes, hash_file
from demod_voice.records.lock import locked

HIDDEN = ".demod"


@dataclass(frozen=True, slots=True)
class Version:
    """A line of ``.demod/versions.jsonl``."""

    version: int
    """From 1."""
    manifest: str
    """SHA-256 of the snapshot's canonical JSON."""
    created: str
    """ISO 8601 UTC."""
    message: str
    """The command that made it."""
    segments: int = 0


class Dataset:
    """A dataset's folder. Use ``Dataset.reading`` or ``Dataset.writing``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hidden = (path / HIDDEN).absolute()
        self.objects = self.hidden / "objects"

    @classmethod
    def reading(cls, path: Path) -> Dataset:
        """Open a dataset to look at it.

        Raises:
            UsageError: it is none.
        """
        if not (path / MANIFEST).is_file():
            raise UsageError(f"{path} is no dataset: it holds no {MANIFEST}", "make one: demod-voice dataset build")
        return cls(path)

    @classmethod
    @contextmanager
    def writing(cls, path: Path, *, new: bool = False, on_wait: Callable[[], None] | None = None) -> Iterator[Dataset]:
        """Open a dataset to change it: alone, with a commit that was killed finished first.

        Raises:
            UsageError: it is none, and ``new`` is False.
        """
        dataset = cls(path) if new else cls.reading(path)
        with locked(dataset.hidden / "lock", on_wait):
            dataset.finish()
            yield dataset

    def manifest(self) -> Manifest:
        """What the visible files say.

        Raises:
            UsageError: a file is damaged; names it and the line.
        """
        return read_manifest(self.path)

    def object_path(self, sha256: str) -> Path:
        """Where a clip of this content lies."""
        return self.objects / sha256[:2] / f"{sha256}.wav"

    def holds(self, sha256: str) -> bool:
        """True when a clip of this content is kept, with its very bytes."""
        try:
            return hash_file(self.object_path(sha256)) == sha256
        except OSError:
            return False

    def keep(self, made: Path) -> str:
        """Move a finished file in among the objects; its SHA-256. A file of the same content is kept once."""
        with _told(made):
            flush(made)
            sha256 = hash_file(made)
            target = self.object_path(sha256)
            target.parent.mkdir(parents=True, exist_ok=True)
            made.replace(target)
        return sha256

    def commit(self, manifest: Manifest, message: str) -> Version:
        """Make the folder what ``manifest`` says, and keep the manifest as a version when it is a new one.

        Raises:
            MediaError: a clip of it is not there, or has other bytes. OutputError: something cannot be written.
        """
        text = canonical_json(snapshot_data(manifest))
        digest = hash_bytes(text.encode())
        with _told(self.path):
            self._adopt(manifest)
            snapshot = self._snapshot(digest)
            if not snapshot.is_file():
                snapshot.parent.mkdir(parents=True, exist_ok=True)
                write_bytes(snapshot, gzip.compress(text.encode(), compresslevel=5, mtime=0))
            write_json(self._pending, {"manifest": digest, "message": message})
            return self._finish(manifest, digest, message)

    def finish(self) -> None:
        """Finish a commit that was killed half-way; nothing to do is the usual case."""
        try:
            pending = json.loads(self._pending.read_text())
        except (OSError, ValueError):
            return
        with _told(self.path):
            manifest = self.snapshot(pending["manifest"])
            self._adopt(manifest)
            self._finish(manifest, pending["manifest"], pending["message"])

    def versions(self) -> tuple[Version, ...]:
        """Every version, oldest first.

        Raises:
            UsageError: a line is damaged; names it.
        """
        path = self.hidden / "versions.jsonl"
        return tuple(row_of(Version, row, f"{path}:{number}") for number, row in read_lines(path))

    def has_snapshot(self, digest: str) -> bool:
        """False for a version whose snapshot was cleaned away."""
        return self._snapshot(digest).is_file()

    def snapshot(self, digest: str) -> Manifest:
        """The manifest of a version.

        Raises:
            UsageError: it is not there, or damaged.
        """
        path = self._snapshot(digest)
        try:
            data = gzip.decompress(path.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise UsageError(f"{path} cannot be read: {error}") from None
        if hash_bytes(data) != digest:
            raise UsageError(f"{path} is damaged: its content has another hash")
        return manifest_of(json.loads(data), str(path))

    @property
    def _pending(self) -> Path:
        return self.hidden / "pending.json"

    def _snapshot(self, digest: str) -> Path:
        return self.hidden / "manifests" / f"{digest}.json.gz"

    def _finish(self, manifest: Manifest, digest: str, message: str) -> Version:
        self._lay_out(manifest)
        write_manifest(self.path, manifest)
        version = self._record(manifest, digest, message)
        with suppress(FileNotFoundError):
            self._pending.unlink()
        return version

    def _record(self, manifest: Manifest, digest: str, message: str) -> Version:
        known = self.versions()
        if known and known[-1].manifest == digest:
            return known[-1]
        now = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        version = Version(len(known) + 1, digest, now, message, len(manifest.segments))
        lines = [json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in (*known, version)]
        write_bytes(self.hidden / "versions.jsonl", "".join(lines).encode())
        return version

    def _adopt(self, manifest: Manifest) -> None:
        """Take visible clips in whose objects are missing: the dataset was copied without its hidden folder."""
        for relative, sha256 in _wanted(manifest).items():
            target = self.object_path(sha256)
            if target.exists():
                continue
            found = next((path for path in self._visible(Path(relative).name) if hash_file(path) == sha256), None)
            if found is None:
                raise MediaError(
                    f"{self.path / relative} is missing, or is not the clip that was kept",
                    f"see what else is wrong: demod-voice dataset check '{self.path}'",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(found, target)

    def _visible(self, name: str) -> Iterator[Path]:
        for folder in (*SPLITS, QUARANTINE, ANCHORS):
            if (path := self.path / folder / name).is_file():
                yield path

    def _lay_out(self, manifest: Manifest) -> None:
        wanted = _wanted(manifest)
        before = self._paths_before()
        self._sweep()
        for name in (*SPLITS, QUARANTINE, ANCHORS):
            folder = self.path / name
            for path in folder.glob("*.wav") if folder.is_dir() else ():
                relative = f"{name}/{path.name}"
                if relative not in wanted and (relative in before or path.stat().st_nlink > 1):
                    path.unlink()
        for relative, sha256 in wanted.items():
            source, target = self.object_path(sha256), self.path / relative
            if not _same(source, target):
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(source, target)

    def _sweep(self) -> None:
        """Remove what a killed commit left half-written."""
        sweep([self.path / MANIFEST])
        own = (self.path / name for name in (*SPLITS, QUARANTINE, ANCHORS))
        for folder in (*own, self.hidden, self.hidden / "manifests", *self.objects.glob("*")):
            for left in folder.glob(f"{TEMPORARY_MARK}*"):
                left.unlink(missing_ok=True)

    def _paths_before(self) -> set[str]:
        """Paths of the clips that the visible manifest names: what of other names lies there is not ours to remove."""
        try:
            manifest = read_manifest(self.path)
        except UsageError:
            return set()
        return set(_wanted(manifest))


def _wanted(manifest: Manifest) -> dict[str, str]:
    """Path of every clip that is to be visible, from the dataset's folder -> its SHA-256."""
    wanted = {each.path: each.sha256 for each in manifest.segments}
    return wanted | {f"{ANCHORS}/{each.name}.wav": each.sha256 for each in manifest.anchors}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Every error of the file system as one that a person can act on.

    Raises:
        OutputError: something cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise output_error(path, error) from error


def refuse_inside(target: Path) -> None:
    """See that what is to be made does not lie in a dataset.

    Raises:
        UsageError: it does; names the dataset.
    """
    inside = next((each for each in target.resolve().parents if (each / MANIFEST).is_file()), None)
    if inside is not None:
        raise UsageError(f"{target} lies inside the dataset {inside}", "give a folder beside it")


def _same(source: Path, target: Path) -> bool:
    """True when the target is the source's link, or a copy of it."""
    try:
        there = target.stat()
    except FileNotFoundError:
        return False
    here = source.stat()
    if os.path.samestat(here, there):
        return True
    return here.st_size == there.st_size and there.st_nlink == 1 and hash_file(source) == hash_file(target)


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy where there are none; whole or not at all. The bytes are on the disk already."""
    temporary = target.with_name(f"{TEMPORARY_MARK}{os.getpid()}-{secrets.token_hex(4)}-{target.name}")
    try:
        os.link(source, temporary)
        temporary.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOSPC, errno.EDQUOT):
            raise output_error(target, error) from error
        _copy(source, target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
