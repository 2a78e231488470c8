"""Pull a model: into a folder that becomes the model only when every file of it is there and is what it should be.

``models/.partial-NAME/`` holds what has come, and ``pull.json``, which says what is to come. A kill, a cut connection or a
full disk leave it there, and the next pull goes on with it. ``model.json`` is written last, then the folder is renamed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.errors import LicenceRequired, ModelMissing, OutputError
from demod_voice.models.acceptance import check_acceptance, terms_of
from demod_voice.models.entries import PART, PLAN, ModelEntry
from demod_voice.models.forms import faults_of
from demod_voice.models.hub import Hub, HubTrouble, RemoteFile, Trouble, hub_token, hub_url, is_offline
from demod_voice.models.installed import (
    InstalledModel,
    installed,
    model_lock,
    old_folder,
    own_folder,
    partial_folder,
)
from demod_voice.models.record import Acceptance, read_record, write_record
from demod_voice.models.transfer import Wanted, fetch, kept_hash, patiently
from demod_voice.records.atomic import output_error, write_json
from demod_voice.records.hashing import hash_file
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress
from demod_voice.units import format_size

ROOM = 64 << 20
"""Bytes that stay free beside a model."""
NEWEST = "main"


@dataclass(frozen=True, slots=True)
class PullOptions:
    """How a model is pulled."""

    accept: str = ""
    """What ``--accept-licence`` said."""
    again: bool = False
    """Pull it although it is whole; files that are as they should be are kept."""
    revision: str = ""
    """Another commit, tag or branch than the registry's."""


@dataclass(frozen=True, slots=True)
class _Pull:
    """One pull, under its lock."""

    entry: ModelEntry
    hub: Hub
    commit: str
    files: Mapping[str, RemoteFile]
    """Path in the model's folder -> the file on the hub."""
    folder: Path
    progress: Progress

    @property
    def step(self) -> str:
        return f"pull {self.entry.name}"


def pull(
    entry: ModelEntry, options: PullOptions, settings: Settings, progress: Progress = SILENT
) -> tuple[InstalledModel, bool]:
    """Bring a model to this machine: (the model, whether anything was done).

    Raises:
        LicenceRequired: its licence was not accepted, or its hub wants a token or another account.
        ModelMissing: the hub is not there, does not have it, or sends something else.
        OutputError: the disk is full or cannot be written; what has come stays.
    """
    whole = installed(entry.name, settings)
    if whole is not None and _suffices(whole, options):
        return whole, False
    accepted = check_acceptance(entry, options.accept, "pull", whole.record.accepted if whole is not None else None)
    if entry.accept:
        progress.note(terms_of(entry))
    wanted = entry.at(options.revision) if options.revision not in ("", entry.revision) else entry
    folder = partial_folder(entry.name)
    with locked(model_lock(entry.name), lambda: progress.note(f"waiting: another process pulls {entry.name}")):
        try:
            _recover(entry.name)
            whole = installed(entry.name, settings)
            if whole is not None and _suffices(whole, options):
                return whole, False
            folder.mkdir(parents=True, exist_ok=True)
            _pull(wanted, folder, accepted, settings, progress)
        except OSError as error:
            raise output_error(folder, error) from error
        finally:
            with suppress(OSError):
                folder.rmdir()  # where nothing came, nothing is half there
    found = installed(entry.name, settings)
    assert found is not None
    return found, True


def _recover(name: str) -> None:
    """Finish what a process that was killed between its last steps has begun. Only for who holds the model's lock."""
    made, old, target = partial_folder(name), old_folder(name), own_folder(name)
    if read_record(made) is not None:
        put_in_place(made, target)
    elif not target.exists() and read_record(old) is not None:
        old.rename(target)


def _suffices(whole: InstalledModel, options: PullOptions) -> bool:
    """True when what is here is what is asked for, and as large as it was."""
    return not options.again and options.revision in ("", whole.record.revision) and not whole.changed()


def _pull(entry: ModelEntry, folder: Path, accepted: Acceptance | None, settings: Settings, progress: Progress) -> None:
    hub = Hub(hub_url(settings), hub_token() if entry.gated else "", settings.models.timeout_s)
    try:
        if is_offline():
            raise HubTrouble(Trouble.OFFLINE, "HF_HUB_OFFLINE is set")
        commit, files = _ask(entry, hub, progress)
        work = _Pull(entry, hub, commit, files, folder, progress)
        _prepare(work)
        hashes = _fetch_all(work)
    except HubTrouble as trouble:
        raise _explained(entry, hub, trouble) from trouble
    finally:
        hub.close()
    _check_forms(entry, folder)
    write_record(folder, entry, commit, hashes, accepted, "pull")
    put_in_place(folder, own_folder(entry.name))


def _ask(entry: ModelEntry, hub: Hub, progress: Progress) -> tuple[str, dict[str, RemoteFile]]:
    """The commit, and what its files are: everything that can be wrong is known before the first large byte."""
    commit = patiently(lambda: hub.commit(entry.source, entry.revision or NEWEST), progress.note)
    if entry.pinned and commit != entry.revision:
        raise HubTrouble(Trouble.WRONG, f"{hub.url} names commit {commit}, and {entry.revision} was asked for")
    there = patiently(lambda: hub.files(entry.source, commit, [each.remote for each in entry.files]), progress.note)
    gone = [each.remote for each in entry.files if each.remote not in there]
    if gone:
        raise HubTrouble(Trouble.UNKNOWN, f"{entry.source} at {commit[:12]} has no {', '.join(gone)}")
    for each in entry.files:
        remote = there[each.remote]
        other = each.size and each.size != remote.size
        if other or (each.sha256 and remote.sha256 and each.sha256 != remote.sha256):
            raise HubTrouble(Trouble.WRONG, f"{each.remote} of {entry.source} is not the file that the registry names")
    return commit, {each.path: there[each.remote] for each in entry.files}


def _prepare(work: _Pull) -> None:
    """Keep what is still of use of an earlier pull, and see that the rest has room.

    Raises:
        OutputError: there is too little space.
    """
    plan = {path: [remote.size, remote.content] for path, remote in work.files.items()}
    before = _planned(work.folder)
    for path, facts in plan.items():
        if before.get(path) != facts:
            (work.folder / path).unlink(missing_ok=True)
            (work.folder / f"{path}{PART}").unlink(missing_ok=True)
    for path in work.files:
        _take_over(work, path)
    _check_room(work)
    write_json(work.folder / PLAN, {"source": work.entry.source, "revision": work.commit, "files": plan})


def _planned(folder: Path) -> dict[str, list[object]]:
    try:
        return dict(json.loads((folder / PLAN).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _take_over(work: _Pull, path: str) -> None:
    """Link a file of the same model that is already in place, when it is as the hub's (``--again`` repairs)."""
    old, target = own_folder(work.entry.name) / path, work.folder / path
    if target.exists() or not old.is_file() or old.stat().st_size != work.files[path].size:
        return
    if hash_file(old) == work.files[path].sha256:
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            os.link(old, target)


def _check_room(work: _Pull) -> None:
    here = sum(_there(work.folder / path) for path in work.files)
    missing = sum(remote.size for remote in work.files.values()) - here
    free = shutil.disk_usage(work.folder).free
    if free < missing + (ROOM if missing > ROOM else 0):
        raise OutputError(
            f"model {work.entry.name} needs {format_size(missing)} more in {work.folder.parent}, and "
            f"{format_size(free)} are free: the disk is full",
            "free some space and run the same command again (what has come is kept), or set XDG_DATA_HOME to a larger disk",
        )


def _there(path: Path) -> int:
    for each in (path, path.with_name(path.name + PART)):
        with suppress(OSError):
            return each.stat().st_size
    return 0


def _fetch_all(work: _Pull) -> dict[str, str]:
    """Every file: path -> SHA-256."""
    total = sum(remote.size for remote in work.files.values())
    registry = {each.path: each.sha256 for each in work.entry.files}
    work.progress.note(f"pulling {work.entry.name} ({format_size(total)}) from {work.hub.url}/{work.entry.source}")
    work.progress.start(work.step, total, "bytes")
    hashes = {}

    def advance(amount: float) -> None:
        work.progress.advance(work.step, amount)

    for path, remote in work.files.items():
        target = work.folder / path
        wanted = Wanted(work.entry.source, work.commit, remote, target, registry[path])
        kept = kept_hash(wanted)
        if kept:
            advance(remote.size)
            hashes[path] = kept
            continue
        hashes[path] = fetch(work.hub, wanted, advance, work.progress.note)
    work.progress.finish(work.step)
    return hashes


def _check_forms(entry: ModelEntry, folder: Path) -> None:
    faults = list(faults_of(entry, folder))
    if faults:
        raise ModelMissing(
            f"what {entry.source} holds is not model {entry.name}: {'; '.join(faults)}",
            f"remove it and pull another revision: demod-voice models pull {entry.name} --revision COMMIT",
        )


def put_in_place(made: Path, target: Path) -> None:
    """Rename a finished folder to its name; one that has the name already goes away after it.

    Raises:
        OSError: it cannot be done.
    """
    (made / PLAN).unlink(missing_ok=True)
    old = old_folder(target.name)
    _discard(old)
    if target.exists():
        target.rename(old)
    made.rename(target)
    _discard(old)


def _discard(folder: Path) -> None:
    """Remove a folder; of a link to one only the link."""
    if folder.is_symlink():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _explained(entry: ModelEntry, hub: Hub, trouble: HubTrouble) -> LicenceRequired | ModelMissing:
    """The error that a person can act on."""
    page = f"{hub.url}/{entry.source}"
    if trouble.kind is Trouble.REFUSED and entry.gated:
        return _gated(entry, hub, trouble, page)
    message = f"model {entry.name} cannot be pulled: {trouble.detail}"
    if trouble.kind is Trouble.REFUSED:
        return ModelMissing(
            message, f"look at {page}: it is gone, or wants a token (then: gated = true in models.toml)"
        )
    if trouble.kind is Trouble.UNKNOWN and entry.revision:
        return ModelMissing(message, f"the newest instead: demod-voice models pull {entry.name} --revision {NEWEST}")
    if trouble.kind is Trouble.UNKNOWN:
        return ModelMissing(message, f"look at {page}: it may have another name now, or be gone")
    if trouble.kind is Trouble.WRONG:
        return ModelMissing(message, f"nothing of it is used; look at {page}, or at models.hub_url")
    return ModelMissing(message, by_hand(entry, hub.url))


def _gated(entry: ModelEntry, hub: Hub, trouble: HubTrouble, page: str) -> LicenceRequired:
    if hub.has_token:
        message = f"model {entry.name}: the account of the token may not have it ({trouble.detail})"
        return LicenceRequired(message, f"ask for access at {page} with that account, then run the same command again")
    message = f"model {entry.name} is given only to accounts that asked for access ({trouble.detail})"
    return LicenceRequired(
        message,
        f"ask at {page}, make a token at {hub.url}/settings/tokens, then: "
        f"HF_TOKEN=... demod-voice models pull {entry.name}",
    )


def by_hand(entry: ModelEntry, url: str) -> str:
    """How to carry a model to a machine that has no network."""
    revision = entry.revision or NEWEST
    where = f"{url}/{entry.source}/resolve/{revision}/"
    rows = [f"    {where}{each.remote}{f'  {format_size(each.size)}' if each.size else ''}" for each in entry.files]
    accept = f" --accept-licence {entry.accept}" if entry.accept else ""
    return "\n".join(
        [
            "run the same command again when it can be reached: what has come is kept. Without a network, fetch on "
            "another machine",
            *rows,
            f"  put them into one folder, then: demod-voice models import FOLDER --name {entry.name}{accept}",
        ]
    )
