"""Take in a model that was carried here by hand: find out which it is, check it, link or copy it, and record it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.errors import ModelMissing, UsageError
from demod_voice.models.acceptance import check_acceptance, terms_of
from demod_voice.models.catalogue import find_entries
from demod_voice.models.entries import ModelEntry, ModelFile
from demod_voice.models.forms import faults_of
from demod_voice.models.installed import (
    InstalledModel,
    import_folder,
    installed,
    model_lock,
    own_folder,
    partial_folder,
)
from demod_voice.models.pulling import put_in_place
from demod_voice.models.record import Acceptance, write_record
from demod_voice.records.atomic import flush, output_error
from demod_voice.records.hashing import hash_file
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress

HINT = "say which: --name NAME"
Found = Mapping[str, Path]
"""Path in the model's folder -> the file that was carried."""


def import_model(
    folder: Path, name: str, accept: str, settings: Settings, progress: Progress = SILENT
) -> InstalledModel:
    """Take in the model that lies in ``folder``.

    Args:
        folder: holds the model's files, side by side or as in their source.
        name: which model it is; empty = the one that fits.
        accept: what ``--accept-licence`` said.
        settings: where models lie.
        progress: told as files are read.

    Raises:
        UsageError: there is no such folder, or no model that fits, or several.
        LicenceRequired: its licence was not accepted.
        ModelMissing: a file is missing, or is not what the registry says.
        OutputError: it cannot be written.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "give the folder that holds the model's files")
    entry = _entry(folder.resolve(), name, find_entries(settings))
    accepted = check_acceptance(entry, accept, "import")
    if entry.accept:
        progress.note(terms_of(entry))
    found = {each.path: path for each in entry.files if (path := _lies(folder.resolve(), each)) is not None}
    hashes = _checked(entry, found, progress)
    target = own_folder(entry.name)
    try:
        with locked(model_lock(entry.name), lambda: progress.note(f"waiting: another process pulls {entry.name}")):
            _take_in(entry, found, hashes, accepted, target)
    except OSError as error:
        raise output_error(target, error) from error
    made = installed(entry.name, settings)
    assert made is not None
    return made


def _take_in(
    entry: ModelEntry, found: Found, hashes: Mapping[str, str], accepted: Acceptance | None, target: Path
) -> None:
    made = target
    if any(path != target / name for name, path in found.items()):
        made = import_folder(entry.name)
        shutil.rmtree(made, ignore_errors=True)
        try:
            _place(found, made)
        except OSError:
            shutil.rmtree(made, ignore_errors=True)
            raise
    faults = list(faults_of(entry, made))
    if faults:
        if made != target:
            shutil.rmtree(made, ignore_errors=True)
        raise ModelMissing(f"this is not model {entry.name}: {'; '.join(faults)}", "bring its files again")
    revision = entry.revision if entry.pinned and all(each.sha256 for each in entry.files) else ""
    write_record(made, entry, revision, hashes, accepted, "import")
    if made != target:
        put_in_place(made, target)
    shutil.rmtree(partial_folder(entry.name), ignore_errors=True)


def _place(found: Found, made: Path) -> None:
    """Each file into ``made``: a second name of the same bytes where the disk is the same, else a copy."""
    for name, path in found.items():
        target = made / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path.resolve(), target)
        except OSError:
            shutil.copyfile(path, target)
            flush(target)


def _checked(entry: ModelEntry, found: Found, progress: Progress) -> dict[str, str]:
    """Read every file: path -> SHA-256.

    Raises:
        ModelMissing: one of them is not what the registry says.
    """
    step = f"read {entry.name}"
    progress.start(step, sum(path.stat().st_size for path in found.values()), "bytes")
    hashes, wrong = {}, []
    for each in entry.files:
        if each.path not in found:
            continue
        path = found[each.path]
        size = path.stat().st_size
        hashes[each.path] = hash_file(path)
        if each.size and size != each.size:
            wrong.append(f"{path} has {size} bytes, not {each.size}")
        elif each.sha256 and hashes[each.path] != each.sha256:
            wrong.append(
                f"{path} has other bytes than {entry.name} (sha256 {hashes[each.path][:16]}..., not {each.sha256[:16]}...)"
            )
        progress.advance(step, size)
    progress.finish(step)
    if wrong:
        at = f"{entry.source} at {entry.revision}"
        hint = f"bring them again from {at}; a model of your own is named by its path: engines.{entry.engine}.model"
        raise ModelMissing("; ".join(wrong), hint)
    return hashes


def _entry(folder: Path, name: str, known: Mapping[str, ModelEntry]) -> ModelEntry:
    """The model that is meant, or the only one that fits."""
    if name and name not in known:
        raise UsageError(f"there is no model {name!r} in the registry", "see: demod-voice models list")
    if name:
        missing = _missing(known[name], folder)
        if missing:
            raise ModelMissing(f"{folder} has no {', '.join(missing)}, which belongs to {name}", "bring all its files")
        return known[name]
    named = [each for each in known.values() if not _missing(each, folder)]
    fitting = [each for each in named if _could_be(each, folder)]
    # Who has the names of all its files is meant, although some of them are others: a model of fewer files is not.
    meant = [each for each in named if each not in fitting and all(_needs(one) < _needs(each) for one in fitting)]
    if len(meant) == 1 or (len(fitting) == 1 and not meant):
        return (meant or fitting)[0]
    if meant:
        told = "; ".join(f"{each.name}: {', '.join(_other_sizes(each, folder)) or 'another kind'}" for each in meant)
        raise UsageError(f"{folder} has the files of several models by their names, and is none: {told}", HINT)
    if fitting:
        names = ", ".join(each.name for each in fitting)
        raise UsageError(f"{folder} could be any of {names}", HINT)
    raise UsageError(f"{folder} holds no model that is known{_nearest(folder, known.values())}", HINT)


def _needs(entry: ModelEntry) -> frozenset[str]:
    return frozenset(each.path for each in entry.files if not each.optional)


def _other_sizes(entry: ModelEntry, folder: Path) -> list[str]:
    """Which files have how many bytes instead of how many."""
    found = [(each, path) for each in entry.files if each.size and (path := _lies(folder, each)) is not None]
    sizes = [(each, path.stat().st_size) for each, path in found]
    return [f"{each.path} has {size} bytes, not {each.size}" for each, size in sizes if size != each.size]


def _nearest(folder: Path, known: Iterable[ModelEntry]) -> str:
    """What the model that fits best lacks."""
    lacks = {each.name: _missing(each, folder) for each in known}
    near = [name for name, missing in lacks.items() if missing and len(missing) < len(_files_of(known, name))]
    if not near:
        return ""
    best = min(near, key=lambda name: len(lacks[name]))
    return f"; for {best} it lacks {', '.join(lacks[best])}"


def _files_of(known: Iterable[ModelEntry], name: str) -> tuple[ModelFile, ...]:
    return next((each.files for each in known if each.name == name), ())


def _missing(entry: ModelEntry, folder: Path) -> list[str]:
    return [each.path for each in entry.files if not each.optional and _lies(folder, each) is None]


def _could_be(entry: ModelEntry, folder: Path) -> bool:
    """No size that is known says otherwise, and neither does the kind."""
    for each in entry.files:
        path = _lies(folder, each)
        if path is None:
            if each.optional:
                continue
            return False
        if each.size and path.stat().st_size != each.size:
            return False
    return entry.kind is None or not any("another kind" in fault for fault in faults_of(entry, folder))


def _lies(folder: Path, file: ModelFile) -> Path | None:
    """Where a file of the model lies in ``folder``: as it will, or as in its source."""
    places = (folder / file.path, folder / file.remote)
    return next((place for place in places if place.is_file()), None)
