"""An engine's Python environment: made by pip from its hashed list, checked by a stamp, repaired when it is not whole.

``$XDG_DATA_HOME/demod-voice/engines/<name>/`` holds the environment and ``stamp.json``, which is written last: an
environment without a stamp is a half-made one, and one whose stamp names another list is stale. The folders of
``engines.shared`` hold environments of the same form that somebody else keeps: they are used, never written.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from demod_voice.config.folders import data_folder
from demod_voice.config.settings import Settings
from demod_voice.engines.aside import discard, old_folder, recover
from demod_voice.engines.bundle import check_bundle, open_bundle
from demod_voice.engines.locked_list import CUDA_LIST, LIST, pins
from demod_voice.engines.making import Wish, check_wish, make
from demod_voice.engines.shared_folders import shared_folders
from demod_voice.engines.stamps import Stamp, difference, folder_size, read_stamp, wanted_stamp
from demod_voice.engines.torch_build import CUDA
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineNotInstalled, EngineStartFailed
from demod_voice.records.atomic import output_error
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress


class EnvironmentState(Enum):
    """What there is of an engine's environment."""

    MISSING = "missing"
    PARTIAL = "half installed"
    STALE = "out of date"
    READY = "ready"
    EXTERNAL = "external"
    """The interpreter comes from ``engines.<name>.python`` (Nix, or the user's own), or the engine is no Python."""
    SHARED = "shared"
    """It is in a folder of ``engines.shared``, and whole."""


USABLE = (EnvironmentState.READY, EnvironmentState.SHARED, EnvironmentState.EXTERNAL)
"""The engine can be started as it is."""


PLAIN = Wish()
"""The user's own, for what pip offers."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of an engine's environment."""

    state: EnvironmentState
    folder: Path
    """Where it is, or would be."""
    fault: str = ""
    """Why it cannot be used as it is, in words; empty when it is whole."""
    stamp: Stamp | None = None
    """What it says of itself."""
    shared: bool = False
    """Somebody else keeps it."""


def environment_folder(info: EngineInfo, into: Path | None = None) -> Path:
    """Where the engine's environment is made: the user's own, or in a folder of shared ones."""
    return (into.absolute() if into else data_folder() / "engines") / info.name


def state(info: EngineInfo, settings: Settings) -> EnvironmentState:
    """What there is. Starts nothing."""
    return find(info, settings).state


def find(info: EngineInfo, settings: Settings) -> Found:
    """The environment that an engine runs in: the user's own, else a shared one, else what is wrong with them.

    Raises:
        UsageError: a folder of ``engines.shared`` may not be read.
    """
    if configured_python(info, settings) or not needs_python(info):
        return Found(EnvironmentState.EXTERNAL, environment_folder(info))
    own = examine(info, environment_folder(info))
    if own.state is EnvironmentState.READY:
        return own
    shared = [
        each
        for folder in shared_folders("engines.shared", settings.engines.shared)
        if (each := examine(info, folder / info.name, shared=True)).state is not EnvironmentState.MISSING
    ]
    whole = [each for each in shared if each.state is EnvironmentState.SHARED]
    faulty = shared if own.state is EnvironmentState.MISSING else []
    return (whole or faulty or [own])[0]


def fault(info: EngineInfo) -> str:
    """Why the engine's own environment cannot be used as it is, in words; empty when it is whole."""
    return examine(info, environment_folder(info)).fault


def needs_python(info: EngineInfo) -> bool:
    """False for an engine whose command names its own program."""
    return any("{python}" in part for part in info.command)


def examine(info: EngineInfo, folder: Path, shared: bool = False) -> Found:
    """One environment, whoever's it is."""
    if not folder.exists():
        return Found(EnvironmentState.MISSING, folder, "there is none", shared=shared)
    stamp = read_stamp(folder)
    if stamp is None:
        return Found(EnvironmentState.PARTIAL, folder, "its installation was not finished", shared=shared)
    python = _python(folder)
    if not os.access(python, os.X_OK):
        gone = python.resolve() if python.is_symlink() else python
        reason = f"its interpreter {gone} {'cannot be run' if gone.exists() else 'is gone'}"
    else:
        reason = difference(stamp, wanted_stamp(info), shared)
    whole = EnvironmentState.SHARED if shared else EnvironmentState.READY
    return Found(EnvironmentState.STALE if reason else whole, folder, reason, stamp, shared)


def python_for(info: EngineInfo, settings: Settings, progress: Progress = SILENT) -> Path:
    """The engine's interpreter; an embedded engine is installed (or repaired) first.

    Raises:
        EngineNotInstalled: there is none, or it is broken; says the command that helps.
        EngineStartFailed: the configured interpreter does not exist, or the installation failed.
    """
    configured = configured_python(info, settings)
    if configured:
        path = Path(configured).expanduser()
        if not path.is_absolute() or not os.access(path, os.X_OK):
            raise EngineStartFailed(
                f"engine {info.name}: engines.{info.name}.python is {configured!r}, which is no program",
                "give the absolute path of a Python interpreter, or remove the setting",
            )
        return path
    if not needs_python(info):
        return Path(sys.executable)
    found = find(info, settings)
    if found.state in USABLE:
        return _python(found.folder)
    if not info.embedded:
        raise _not_installed(info, found)
    install(info, settings, progress)
    return _python(environment_folder(info))


def install(info: EngineInfo, settings: Settings, progress: Progress = SILENT, wish: Wish = PLAIN) -> None:
    """Make the engine's environment, or repair it. A finished one is left alone, unless it is wished otherwise.

    An engine that needs none (``EnvironmentState.EXTERNAL``) gets none.

    Raises:
        UsageError: what is wished cannot be: another build, a bundle of something else.
        EngineStartFailed: pip failed; its last lines are in the message.
        OutputError: the folder cannot be written, or there is too little space.
    """
    if not needs_python(info) or (configured_python(info, settings) and not wish.into):
        progress.note(
            f"engine {info.name} needs no installation: {configured_python(info, settings) or info.command[0]}"
        )
        return
    folder = environment_folder(info, wish.into)
    if wish.bundle:
        check_bundle(info, wish.bundle, wish.device)
    try:
        with locked(
            _lock(folder), lambda: progress.note(f"waiting: another process installs engine {info.name}")
        ) as held:
            recover(folder)
            found = examine(info, folder)
            if not wish.again and found.state is EnvironmentState.READY and _is_built(found, wish.device):
                return
            check_wish(info, wish.device)
            bundle = open_bundle(info, wish.bundle, wish.device) if wish.bundle else None
            if found.state is not EnvironmentState.MISSING:
                progress.note(f"engine {info.name}: {found.fault or 'asked for anew'}; the environment is made again")
            make(info, folder, wish, bundle, progress, held)
    except OSError as error:
        raise output_error(folder, error) from error


def upgrade(info: EngineInfo, settings: Settings, progress: Progress = SILENT, into: Path | None = None) -> list[str]:
    """Make an environment again that is out of date, for the device it was made for; what changes, in words.

    One that is whole, or that is not there, is left alone.

    Raises:
        as ``install``.
    """
    found = examine(info, environment_folder(info, into))
    if not needs_python(info) or found.state not in (EnvironmentState.STALE, EnvironmentState.PARTIAL):
        return []
    changes = package_changes(info, found.stamp)
    for each in changes:
        progress.note(f"engine {info.name}: {each}")
    install(info, settings, progress, Wish(device=found.stamp.asked if found.stamp else "auto", into=into))
    return changes or [found.fault]


def package_changes(info: EngineInfo, stamp: Stamp | None) -> list[str]:
    """What the lists of the program change of an environment, package by package."""
    if stamp is None or not stamp.packages:
        return []
    new = pins(info.folder / LIST) | (pins(info.folder / CUDA_LIST) if stamp.device == CUDA else {})
    old = {name: version.partition("+")[0] for name, version in stamp.packages.items()}
    names = sorted(set(old) | set(new))
    rows = [(name, old.get(name), new.get(name, ())) for name in names if old.get(name) not in new.get(name, (None,))]
    return [f"{name} {was or 'new'} -> {' or '.join(versions) or 'removed'}" for name, was, versions in rows]


def remove(info: EngineInfo) -> int:
    """Remove the engine's own environment, and what a killed installation left of it; return the bytes that were freed.

    Raises:
        OutputError: it cannot be removed.
    """
    folder = environment_folder(info)
    with locked(_lock(folder)):
        there = [each for each in (folder, old_folder(folder)) if each.exists()]
        size = sum(map(folder_size, there))
        try:
            for each in there:
                discard(each)
        except OSError as error:
            raise output_error(folder, error) from error
    return size


def _not_installed(info: EngineInfo, found: Found) -> EngineNotInstalled:
    own = f"run: demod-voice engines install {info.name}"
    if found.state is EnvironmentState.MISSING:
        return EngineNotInstalled(f"engine {info.name} is not installed", own)
    if not found.shared:
        return EngineNotInstalled(f"engine {info.name} is {found.state.value}: {found.fault}", own)
    keeper = f"whoever keeps it runs: demod-voice engines upgrade {info.name} --into {found.folder.parent}"
    return EngineNotInstalled(
        f"engine {info.name}: the shared environment {found.folder} is {found.state.value}: {found.fault}",
        f"{keeper}; or make your own: demod-voice engines install {info.name}",
    )


def _is_built(found: Found, device: str) -> bool:
    return device == "auto" or (found.stamp is not None and found.stamp.device == device)


def _lock(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.lock"


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def configured_python(info: EngineInfo, settings: Settings) -> str:
    """``engines.<name>.python``; empty when it is not set."""
    named = settings.engines.named.get(info.name)
    return named.python if named is not None else ""
