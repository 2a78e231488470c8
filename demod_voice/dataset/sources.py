"""Which recordings a build was given: files, folders, patterns and lists, each once, with a name that stays."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from demod_voice.dataset.store import HIDDEN
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import MANIFEST
from demod_voice.records.hashing import hash_file

SUFFIXES = frozenset(
    "3gp aac ac3 aif aifc aiff amr ape au avi caf flac flv m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpg oga ogg ogv opus ts w64 wav "
    "wave webm wma wmv wv".split()
)
"""What is taken from a folder; a file that is named itself may be called anything."""
LIST_SUFFIXES = (".lst", ".list", ".m3u", ".m3u8")
"""Files that name recordings, one a line."""
NAME_LENGTH = 40
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Source:
    """A recording that was given."""

    path: Path
    sha256: str
    """Of its bytes."""

    @property
    def name(self) -> str:
        """The file's name as it is shown and kept."""
        return shown(self.path.name)

    @property
    def id(self) -> str:
        """The recording's id: a slug of its name, and the first six digits of its content's hash."""
        return f"{slug(self.path.stem)}-{self.sha256[:6]}"


@dataclass(frozen=True, slots=True)
class Found:
    """What was given, and what of it is not used."""

    sources: tuple[Source, ...]
    """By name, then content."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Name and reason of each file that cannot be read."""
    repeated: tuple[tuple[str, str], ...] = ()
    """Name and reason of each file whose content was given before."""


def find_recordings(given: Iterable[str | Path], *, outside: Path | None = None, jobs: int = 2) -> Found:
    """The recordings that were given, each content once.

    Args:
        given: files, folders (with everything below them but datasets), patterns (``*.mp3``), and lists (``.lst``, ``.m3u``).
        outside: a folder that is left out (the dataset itself, where it lies among its recordings).
        jobs: files that are read at once.

    Raises:
        UsageError: one of them does not exist, or a folder, a pattern or a list names no recording.
    """
    paths = _unique(path for each in given for path in _paths(each, outside))
    if not paths:
        raise UsageError("no recordings were given", "name files, folders or patterns")
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        hashed = list(pool.map(_hashed, paths))
    sources: dict[str, Source] = {}
    unreadable: list[tuple[str, str]] = []
    repeated: list[tuple[str, str]] = []
    for path, found in sorted(
        zip(paths, hashed, strict=True), key=lambda pair: (pair[0].name, str(pair[1]), str(pair[0]))
    ):
        if isinstance(found, OSError):
            unreadable.append((shown(path.name), f"it cannot be read: {found.strerror or found}"))
        elif found in sources:
            first = sources[found]
            other = first.name if first.path.name != path.name else shown(str(first.path))
            repeated.append((shown(path.name), f"it has the same bytes as {other}"))
        else:
            sources[found] = Source(path, found)
    return Found(tuple(sources.values()), tuple(unreadable), tuple(repeated))


def shown(name: str) -> str:
    """A file's name as text that can be written: a byte that is no UTF-8 becomes U+FFFD."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def slug(name: str) -> str:
    """A name of ASCII letters, digits and hyphens; ``recording`` where nothing is left."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:NAME_LENGTH].strip("-")
    return plain or "recording"


def _hashed(path: Path) -> str | OSError:
    try:
        return hash_file(path)
    except OSError as error:
        return error


def _unique(paths: Iterable[Path]) -> list[Path]:
    """Each file once, by the first of its names: the order in which they were given tells nothing."""
    found: dict[Path, Path] = {}
    for path in sorted(paths, key=lambda each: (each.name, str(each))):
        found.setdefault(path.resolve(), path)
    return list(found.values())


def _paths(given: str | Path, outside: Path | None) -> Iterator[Path]:
    if not str(given):
        raise UsageError("a recording has an empty name", "a variable of the shell may be empty")
    path = Path(given)
    if _is_left_out(path, outside):
        return
    if path.is_dir():
        yield from _in_folder(path, outside)
    elif path.exists():
        yield from _in_list(path) if path.suffix.lower() in LIST_SUFFIXES else (path,)
    elif _PATTERN.search(str(given)):
        found = [Path(each) for each in sorted(glob.glob(str(given), recursive=True))]  # noqa: PTH207
        if not found:
            raise UsageError(f"{given} matches no file")
        for each in found:
            if not _is_left_out(each, outside):
                yield from _in_folder(each, outside) if each.is_dir() else (each,)
    else:
        raise UsageError(f"{given} does not exist")


def _is_left_out(path: Path, outside: Path | None) -> bool:
    return outside is not None and path.resolve().is_relative_to(outside.resolve())


def _in_folder(folder: Path, outside: Path | None) -> list[Path]:
    datasets = {each.parent for each in folder.rglob(MANIFEST) if (each.parent / HIDDEN).is_dir()} - {folder}
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower().lstrip(".") in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not _is_left_out(path, outside)
        and datasets.isdisjoint(path.parents)
    ]
    if not found:
        kinds = "wav, flac, mp3, m4a, ogg, opus, webm, mp4, mkv ..."
        raise UsageError(f"{folder} holds no recording", f"it is searched for {kinds}")
    return found


def _in_list(path: Path) -> Sequence[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        each = path.parent / Path(name).expanduser()
        if not each.is_file():
            raise UsageError(f"{path}:{number}: {name} does not exist")
        found.append(each)
    if not found:
        raise UsageError(f"{path} names no recording")
    return found
