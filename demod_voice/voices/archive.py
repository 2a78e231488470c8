"""``.voice`` files: one zip that holds a voice, its files, their hashes, its licence and its consent.

Written with fixed times, order and no compression, so that the same voice gives the same bytes. Read with suspicion:
the file may come from anybody.
"""

from __future__ import annotations

import errno
import json
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from demod_voice.engines.manifest import NAME
from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.records.atomic import replacing
from demod_voice.records.hashing import BLOCK, hash_bytes, hash_file
from demod_voice.voices.adding import CONSENT_REMEDY, language_fault, number_faults
from demod_voice.voices.saved import (
    CONSENT_FILE,
    CONSENT_WORDS,
    RECORD,
    SavedVoice,
    StoredPath,
    VoiceRecord,
    is_inside,
    read_record,
)
from demod_voice.voices.stored import SIDECAR

FORMAT = "demod-voice voice"
SCHEMA = 1
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 1 << 20
MOST_FILES = 2000
LARGEST_TOTAL = 16 << 30
"""Bytes that an archive may unpack to: the largest open speech models are about 8 GB."""
LARGEST_RATIO = 200
"""Unpacked over packed; sound and weights stay below 10, a zip bomb does not."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
)
"""What ``zipfile`` raises on damaged archives."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """A ``.voice`` file that was written."""

    path: Path
    num_bytes: int
    sha256: str
    files: int


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A voice that was read from a file; its other files lie in the folder that was given."""

    name: str
    record: VoiceRecord


def pack(voice: SavedVoice, out: Path) -> ArchiveReport:
    """Write ``voice`` to ``out``; a model that was not copied when it was added is brought along.

    Raises:
        UsageError: a file of the voice is gone, or changed since it was added.
        OutputError: ``out`` cannot be written.
    """
    record, sources = _self_contained(voice)
    text = (json.dumps(asdict(record), indent=2, ensure_ascii=False) + "\n").encode()
    hashes = {RECORD: hash_bytes(text), **dict(record.stored_files())}
    wrong = [name for name, path in sources.items() if not path.is_file() or hash_file(path) != hashes[name]]
    if wrong:
        raise UsageError(f"voice {voice.name}: gone or changed since it was added: {', '.join(wrong)}", "add it again")
    sizes = {RECORD: len(text), **{name: path.stat().st_size for name, path in sources.items()}}
    manifest = _manifest(voice.name, record, hashes, sizes)
    with replacing(out) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            _write(archive, MANIFEST, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
            _write(archive, RECORD, text)
            for name, path in sorted(sources.items()):
                _copy_in(archive, name, path)
    return ArchiveReport(out, out.stat().st_size, hash_file(out), len(hashes))


def unpack(source: Path, folder: Path) -> Unpacked:
    """Check the ``.voice`` file ``source`` and put its files into the empty ``folder``, each with its hash verified.

    Raises:
        FaultsError: everything that is wrong with it.
        UsageError: it is no ``.voice`` file.
    """
    if not source.is_file():
        raise UsageError(f"{source} {'is not a file' if source.exists() else 'does not exist'}")
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = _read_manifest(archive, source)
            wrong = [*_entry_faults(archive), *_list_faults(archive, manifest)]
            if not wrong:
                wrong = list(_extract(archive, manifest["files"], folder))
    except _UNREADABLE as error:
        raise UsageError(f"{source} is not a .voice file: {error}") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # an offset in a damaged zip points before its beginning
            raise UsageError(f"{source} is not a .voice file: {error}") from error
        raise
    if wrong:
        raise FaultsError(str(source), wrong, "nothing was saved")
    record = read_record((folder / RECORD).read_text(encoding="utf-8"), str(source))
    (folder / RECORD).unlink()
    wrong = list(_record_faults(record, manifest["files"]))
    if wrong:
        raise FaultsError(str(source), wrong, "nothing was saved")
    return Unpacked(str(manifest.get("name", "")), record)


def _self_contained(voice: SavedVoice) -> tuple[VoiceRecord, dict[str, Path]]:
    """The record with every file inside the folder, and where each of them is read from."""
    record = voice.record
    sources: dict[str, Path] = {}
    changes: dict[str, StoredPath] = {}
    for label, stored in (("model", record.model), ("adapter", record.adapter)):
        if stored is not None and not stored.copied:
            changes[label], moved = _moved_in(stored, label)
            sources |= moved
    record = replace(record, **changes)  # type: ignore[arg-type]
    for name, _ in record.stored_files():
        sources.setdefault(name, voice.folder / name)
    return record, sources


def _moved_in(stored: StoredPath, label: str) -> tuple[StoredPath, dict[str, Path]]:
    root = Path(stored.path)
    base = root if root.is_dir() else root.parent
    names = {path: f"{label}/{Path(path).relative_to(base).as_posix()}" for path in stored.files}
    inside = label if root.is_dir() else f"{label}/{root.name}"
    moved = StoredPath(inside, {names[path]: sha256 for path, sha256 in stored.files.items()}, stored.num_bytes)
    return moved, {name: Path(path) for path, name in names.items()}


def _manifest(name: str, record: VoiceRecord, hashes: Mapping[str, str], sizes: Mapping[str, int]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "name": name,
        "engine": record.engine,
        "licence": record.licence,
        "consent": asdict(record.consent),
        "files": {each: {"sha256": hashes[each], "bytes": sizes[each]} for each in sorted(hashes)},
    }


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.compress_type = zipfile.ZIP_STORED
    return entry


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(_entry(name), data)


def _copy_in(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    entry = _entry(name)
    entry.file_size = path.stat().st_size
    with path.open("rb") as file, archive.open(entry, "w") as target:
        while block := file.read(BLOCK):
            target.write(block)


def _read_manifest(archive: zipfile.ZipFile, source: Path) -> dict[str, Any]:
    try:
        entry = archive.getinfo(MANIFEST)
        if entry.file_size > LARGEST_MANIFEST or entry.compress_type not in _METHODS:
            raise UsageError(f"{source}: its {MANIFEST} is larger than 1 MB or oddly packed")
        with archive.open(entry) as file:
            manifest = json.loads(file.read(LARGEST_MANIFEST + 1))
        files = manifest["files"]
        known = all(isinstance(each["sha256"], str) and isinstance(each["bytes"], int) for each in files.values())
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise UsageError(f"{source} is not a .voice file: no readable {MANIFEST}") from error
    if manifest.get("format") != FORMAT or not known or manifest.get("schema") != SCHEMA:
        found = f"{manifest.get('format')!r}, schema {manifest.get('schema')!r}"
        raise UsageError(f"{source} is not a .voice file of this version: {found}", "update demod-voice")
    return dict(manifest)


def _entry_faults(archive: zipfile.ZipFile) -> Iterator[Fault]:
    """What makes an archive unsafe to unpack."""
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        yield Fault(None, f"{len(entries)} files; at most {MOST_FILES} are allowed")
        return
    if sum(entry.file_size for entry in entries) > LARGEST_TOTAL:
        yield Fault(None, f"unpacks to more than {LARGEST_TOTAL >> 30} GB")
    for name, count in Counter(entry.filename for entry in entries).items():
        if count > 1:
            yield Fault(None, f"{name!r} is in it {count} times")
    for entry in entries:
        reason = _entry_fault(entry)
        if reason:
            yield Fault(None, f"{entry.filename!r} {reason}")


def _entry_fault(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if not is_inside(entry.filename):
        return "leads out of the voice's folder"
    if kind not in (0, stat.S_IFREG):
        return "is a link or another special file"
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if entry.compress_type not in _METHODS:
        return "is packed in a way that is not read"
    if entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1):
        return f"unpacks to more than {LARGEST_RATIO} times its size"
    return ""


def _list_faults(archive: zipfile.ZipFile, manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """The files in the archive and the files in its manifest must be the same."""
    present = {entry.filename for entry in archive.infolist()} - {MANIFEST}
    listed = set(manifest["files"])
    for name in sorted(present - listed):
        yield Fault(None, f"{name!r} is not in the manifest")
    for name in sorted(listed - present):
        yield Fault(None, f"{name!r} is in the manifest and not in the file")
    if RECORD not in listed:
        yield Fault(None, f"it holds no {RECORD}")


def _extract(archive: zipfile.ZipFile, files: Mapping[str, Any], folder: Path) -> Iterator[Fault]:
    for name, told in files.items():
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            whole = _copy_out(archive, name, target, told["bytes"])
        except (zipfile.BadZipFile, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            yield Fault(None, f"{name!r} cannot be unpacked: {error}")
            continue
        if not whole or hash_file(target) != told["sha256"]:
            yield Fault(None, f"{name!r} is not the file that was exported: its hash differs")


def _copy_out(archive: zipfile.ZipFile, name: str, target: Path, num_bytes: int) -> bool:
    """Unpack at most ``num_bytes``; False when the entry holds another number of bytes."""
    left = num_bytes
    with archive.open(name) as file, target.open("xb") as out:
        while left >= 0 and (block := file.read(min(BLOCK, left + 1))):
            left -= len(block)
            if left >= 0:
                out.write(block)
    return left == 0


def _record_faults(record: VoiceRecord, files: Mapping[str, Any]) -> Iterator[Fault]:
    for name, sha256 in record.stored_files():
        if name not in files or files[name]["sha256"] != sha256:
            yield Fault(None, f"the voice needs {name!r}, which is not in the file with that hash")
    yield from _part_faults(record)
    if NAME.fullmatch(record.engine) is None:
        yield Fault(None, f"{record.engine!r} is not the name of an engine")
    if record.schema != SCHEMA:
        yield Fault(None, f"its record is of schema {record.schema}, this program reads {SCHEMA}")
    tag = language_fault(record.language)
    if tag is not None:
        yield Fault(None, tag)
    if record.consent.kind not in (*CONSENT_WORDS, CONSENT_FILE) and record.cloned:
        yield Fault(None, "a cloned voice without a word about consent", CONSENT_REMEDY)
    if record.consent.kind == CONSENT_FILE and not record.consent.file:
        yield Fault(None, "its consent statement is missing")
    yield from number_faults(record.speed, record.pitch, record.volume_db)


def _part_faults(record: VoiceRecord) -> Iterator[Fault]:
    """A model or adapter of another machine must be brought along whole: no path may lead anywhere else."""
    for label, stored in (("model", record.model), ("adapter", record.adapter)):
        if stored is None:
            continue
        if not is_inside(stored.path):
            yield Fault(None, f"its {label} {stored.path!r} leads out of the voice's folder")
        own = {stored.path, stored.path + SIDECAR}
        strange = [name for name in stored.files if name not in own and not name.startswith(f"{stored.path}/")]
        if strange or not stored.files:
            yield Fault(None, f"its {label} {stored.path!r} is not what its files are: {', '.join(strange) or 'none'}")
