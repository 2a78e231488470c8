"""Makes an engine's environment: a venv, what its list names, what a CUDA build adds, minus what cannot load."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.engines.aside import put_aside
from demod_voice.engines.bundle import Bundle
from demod_voice.engines.locked_list import LIST, is_linux_only, pins, torch_version
from demod_voice.engines.pip_list import build_for, cuda_request, has_builds, requests
from demod_voice.engines.pip_runner import MISMATCH, Pip, PipFailed, base_python, failed, keep_log, make_venv
from demod_voice.engines.python_range import python_fits
from demod_voice.engines.stamps import Stamp, folder_size, installed_packages, wanted_stamp, write_stamp
from demod_voice.engines.torch_build import CPU_REMEDY, CUDA, ROCM, TorchChoice, installed_torch
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineStartFailed, OutputError, UsageError
from demod_voice.records.progress import Progress
from demod_voice.units import format_size

ROOM = 1.3
"""Free space that is asked for, as a multiple of the installed size: pip unpacks beside its downloads."""
EVERYBODY = 0o022
"""umask of an environment that other users run."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How an environment is wanted."""

    again: bool = False
    """Make it anew even when it is whole."""
    device: str = "auto"
    """One of ``torch_build.DEVICES``."""
    bundle: Path | None = None
    """Folder of ``engines bundle``: everything comes from there, nothing from the network."""
    into: Path | None = None
    """Folder of shared environments to make it in, instead of the user's own."""


def check_wish(info: EngineInfo, device: str) -> None:
    """Find out before the work what cannot be.

    Raises:
        UsageError: a device for an engine that has one build for all, or none for that one.
        EngineStartFailed: this Python, or this platform, is none that the engine is locked for.
    """
    if device != "auto" and not has_builds(info):
        raise UsageError(f"engine {info.name} has one build for every device", "leave --device away")
    if device == ROCM and not torch_version(info.folder / LIST):
        raise UsageError(f"engine {info.name} has no build for ROCm", "use --device cpu")
    own = f"set engines.{info.name}.python to an interpreter that has the packages of its {LIST}"
    version = sys.version_info[:2]
    if not python_fits(info.python_range, version):
        raise EngineStartFailed(
            f"engine {info.name} needs Python {info.python_range}, this is {version[0]}.{version[1]}", own
        )
    here = (sys.platform, platform.machine())
    if is_linux_only(info.folder / LIST) and here != ("linux", "x86_64"):
        raise EngineStartFailed(f"engine {info.name} is for Linux on x86-64 only, this is {' on '.join(here)}", own)


def make(info: EngineInfo, folder: Path, wish: Wish, bundle: Bundle | None, progress: Progress, held: int) -> None:
    """Make the environment anew, the stamp last. Children get the lock (descriptor ``held``): they may outlive a kill.

    Raises:
        EngineStartFailed: pip failed, or does not have the build that was asked for. What was there is there again.
        OutputError: there is too little space.
    """
    if folder.exists() and bundle is None and os.access(folder / "bin" / "python", os.X_OK):
        build_for(info, Pip(folder, held), wish.device)  # what cannot be had must not cost what there is
    folder.parent.mkdir(parents=True, exist_ok=True)
    with put_aside(folder, keep=has_room(folder.parent, info.install_mb)):
        check_room(info, folder.parent, info.install_mb)
        progress.note(f"installing engine {info.name}{_sizes(info)}: {info.summary}")
        _make(info, folder, wish, bundle, progress, held)
    _tell_home(wish, progress)


def _make(info: EngineInfo, folder: Path, wish: Wish, bundle: Bundle | None, progress: Progress, held: int) -> None:
    step = f"install {info.name}"
    progress.start(step, len(pins(info.folder / LIST)) + 2, "packages")
    pip = Pip(folder, held, bundle is not None, EVERYBODY if wish.into else -1, progress, step)
    try:
        make_venv(info, folder, held, pip.umask)
        progress.advance(step)
        stamp = _fill(info, pip, wish, bundle)
    except PipFailed as error:
        raise failed(info, error.lines) from None
    finally:
        keep_log(info, pip.lines)
        progress.finish(step)
    for path in list(dropped(info, folder)):
        _delete(path)
    write_stamp(folder, replace(stamp, packages=installed_packages(folder), num_bytes=folder_size(folder)))


def dropped(info: EngineInfo, folder: Path) -> Iterator[Path]:
    """Files of an environment that engine.toml says cannot load and are removed."""
    torch = installed_torch(folder)
    patterns = info.drop if torch is None or torch.device == CUDA else (*info.drop, *info.drop_cpu)
    for site in folder.glob("lib/python*/site-packages"):
        for pattern in patterns:
            yield from sorted(site.glob(pattern))


def check_room(info: EngineInfo, folder: Path, size_mb: int) -> None:
    """Is there space for an environment of this size?

    Raises:
        OutputError: there is not.
    """
    if not has_room(folder, size_mb):
        free = shutil.disk_usage(folder).free
        raise OutputError(
            f"engine {info.name} needs {format_size(_needed(size_mb))} in {folder}, and {format_size(free)} are free",
            "free some space, or set XDG_DATA_HOME to a larger disk",
        )


def has_room(folder: Path, size_mb: int) -> bool:
    """Is there space for an environment of this size, with what pip unpacks beside it?"""
    return shutil.disk_usage(folder).free >= _needed(size_mb)


def _needed(size_mb: int) -> int:
    return int(size_mb * ROOM * (1 << 20))


def _fill(info: EngineInfo, pip: Pip, wish: Wish, bundle: Bundle | None) -> Stamp:
    """Install the lists into a new environment."""
    choice = bundle.choice if bundle else build_for(info, pip, wish.device)
    _tell(info, choice, pip)
    where = ["--find-links", str(bundle.wheels)] if bundle else []
    choice = _install(info, pip, choice, where)
    torch = installed_torch(pip.environment)
    device = torch.device if torch else choice.device
    if torch and wish.device not in ("auto", device):
        raise EngineStartFailed(f"engine {info.name}: pip installed torch {torch.version} for {device}", CPU_REMEDY)
    cuda = cuda_request(info) if device == CUDA else []
    if cuda:
        check_room(info, pip.environment.parent, info.cuda_mb)
        pip.progress.note(f"engine {info.name}: installing what its CUDA build needs")
        pip.run("install", *cuda, *where)
    return replace(
        wanted_stamp(info),
        device=device,
        asked=wish.device,
        torch=torch.version if torch else "",
        cuda_lock=wanted_stamp(info).cuda_lock if cuda else "",
        unhashed=() if choice.hashed else ("torch",),
    )


def _install(info: EngineInfo, pip: Pip, choice: TorchChoice, where: list[str]) -> TorchChoice:
    """Install the list; with another torch where this one's hash is not known. Returns what was taken."""
    try:
        for arguments in requests(info, choice, pip.environment):
            pip.run("install", *arguments, *where)
    except PipFailed as error:
        if choice.instead is None or not any(MISMATCH in line for line in error.lines):
            raise
        pip.progress.note(
            f"{choice.requirement} is not the one that was checked for this Python: the CUDA build is taken"
        )
        return _install(info, pip, choice.instead, where)
    return choice


def _tell(info: EngineInfo, choice: TorchChoice, pip: Pip) -> None:
    if choice.requirement:
        total = info.install_mb + info.cuda_mb
        size = f", {total} MB with its libraries" if choice.device == CUDA and info.cuda_mb else ""
        pip.progress.note(f"engine {info.name} gets {choice.requirement}{size}")
    if choice.note:
        pip.progress.note(choice.note)


def _tell_home(wish: Wish, progress: Progress) -> None:
    """A shared environment runs the interpreter that it was made with."""
    if wish.into and Path(base_python()).resolve().is_relative_to(Path.home()):
        progress.note(f"its interpreter, {base_python()}, lies in your home folder: can the others reach it?")


def _sizes(info: EngineInfo) -> str:
    if not info.install_mb:
        return ""
    cuda = f"; for CUDA {info.install_mb + info.cuda_mb} MB" if info.cuda_mb else ""
    return f" ({info.install_mb} MB{cuda})"


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
