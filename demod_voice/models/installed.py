"""The models that are on this machine: in this program's own folder, and in those of ``models.search_path``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.engines.default_model import RECORD, model_roots, models_folder
from demod_voice.errors import ModelMissing, UsageError
from demod_voice.models.entries import PART, PLAN
from demod_voice.models.record import ModelRecord, read_record
from demod_voice.records.atomic import output_error
from demod_voice.records.hashing import hash_file
from demod_voice.records.lock import locked

PARTIAL = ".partial-"


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A whole model."""

    folder: Path
    record: ModelRecord
    own: bool
    """It lies in this program's own folder; the others are only read."""

    @property
    def path(self) -> Path:
        """What an engine is given: the folder, or the file of it that is loaded."""
        return self.folder / self.record.load if self.record.load else self.folder

    def changed(self) -> list[str]:
        """Files that are gone or have another size, as far as can be seen without reading them."""
        return [each.path for each in self.record.files if _size(self.folder / each.path) != each.size]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file of a model, read and compared with its record."""

    path: str
    status: str
    """``ok``, ``damaged`` or ``missing``."""


def own_folder(name: str) -> Path:
    """Where this program keeps the model of that name."""
    return models_folder() / name


def partial_folder(name: str) -> Path:
    """Where the model of that name is made."""
    return models_folder() / f"{PARTIAL}{name}"


def import_folder(name: str) -> Path:
    """Where files that were carried become the model of that name."""
    return models_folder() / f".import-{name}"


def old_folder(name: str) -> Path:
    """Where the model of that name goes when another takes its place."""
    return models_folder() / f".old-{name}"


def model_lock(name: str) -> Path:
    """Held while the model of that name is pulled, imported or removed."""
    return models_folder() / f".{name}.lock"


def find_installed(settings: Settings) -> dict[str, InstalledModel]:
    """Every whole model by name; of two with one name, the one that engines load."""
    found: dict[str, InstalledModel] = {}
    for root in model_roots(settings):
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            record = read_record(folder) if not folder.name.startswith(".") else None
            if record is not None:
                found.setdefault(folder.name, InstalledModel(folder, record, root == models_folder()))
    return dict(sorted(found.items()))


def installed(name: str, settings: Settings) -> InstalledModel | None:
    """The whole model of that name, or None."""
    if not name or "/" in name or "\0" in name or name.startswith("."):
        return None
    for root in model_roots(settings):
        record = read_record(root / name)
        if record is not None:
            return InstalledModel(root / name, record, root == models_folder())
    return None


def needed(name: str, settings: Settings) -> InstalledModel:
    """The whole model of that name.

    Raises:
        ModelMissing: it is not on this machine.
    """
    found = installed(name, settings)
    if found is None:
        raise ModelMissing(f"model {name} is not on this machine", f"run: demod-voice models pull {name}")
    return found


def partial_share(name: str) -> float | None:
    """How much of a half pulled model is there, 0 to 1; None when there is nothing."""
    folder = partial_folder(name)
    try:
        sizes = {path: int(size) for path, (size, _) in json.loads((folder / PLAN).read_text())["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0.0 if folder.is_dir() else None
    here = sum(min(size, max(_size(folder / path), _size(folder / f"{path}{PART}"))) for path, size in sizes.items())
    return max(0, here) / max(1, sum(sizes.values()))


def verify(model: InstalledModel, advance: Callable[[float], None]) -> Iterator[FileCheck]:
    """Read every file of a model and compare it with its record; ``advance`` is told the bytes."""
    for each in model.record.files:
        path = model.folder / each.path
        if not path.is_file():
            yield FileCheck(each.path, "missing")
        else:
            try:
                good = path.stat().st_size == each.size and hash_file(path) == each.sha256
            except OSError:
                good = False
            yield FileCheck(each.path, "ok" if good else "damaged")
        advance(each.size)


def remove(name: str, settings: Settings, on_wait: Callable[[], None] | None = None) -> int:
    """Remove a model and all that was begun of it; return the bytes that were freed.

    ``on_wait`` is called when another process pulls it, which is waited for.

    Raises:
        UsageError: there is nothing of it, or it lies in a folder that is only read.
        OutputError: it cannot be removed.
    """
    places = [make(name) for make in (own_folder, partial_folder, import_folder, old_folder)]
    if not any(place.is_dir() for place in places):
        found = installed(name, settings)
        if found is not None:
            raise UsageError(f"model {name} lies in {found.folder}, which this program only reads", "ask who keeps it")
        raise UsageError(
            f"there is nothing to remove: model {name} is not on this machine", "see: demod-voice models list"
        )
    with locked(model_lock(name), on_wait):
        freed = 0
        for place in places:
            freed += _remove_folder(place)
    return freed


def _remove_folder(folder: Path) -> int:
    if folder.is_symlink():
        folder.unlink()  # what it leads to is not ours
        return 0
    if not folder.is_dir():
        return 0
    files = [path.lstat() for path in folder.rglob("*") if not path.is_dir()]
    freed = sum(each.st_size for each in files if each.st_nlink == 1)
    try:
        # Without its record it is no model any more, should this be killed in the middle.
        (folder / RECORD).unlink(missing_ok=True)
        shutil.rmtree(folder)
    except OSError as error:
        raise output_error(folder, error) from error
    return freed


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
