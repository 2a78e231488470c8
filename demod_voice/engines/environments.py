"""An engine's Python environment: made by pip from its hashed list, checked by a stamp, repaired when it is not whole.

``$XDG_DATA_HOME/demod-voice/engines/<name>/`` holds the environment and ``stamp.json``, which is written last: an
environment without a stamp is a half-made one, and one whose stamp names another list is stale.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from demod_voice.config.folders import data_folder, state_folder
from demod_voice.config.settings import Settings
from demod_voice.engines.python_range import python_fits
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineNotInstalled, EngineStartFailed, OutputError
from demod_voice.records.atomic import output_error, write_json
from demod_voice.records.hashing import hash_file
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress
from demod_voice.units import format_size

STAMP = "stamp.json"
LOCK_FILE = "requirements.txt"
ROOM = 1.3
"""Free space that is asked for, as a multiple of the installed size: pip unpacks beside its downloads."""
PIP = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check")
SHOWN_LINES = 8
OFFLINE = ("Temporary failure in name resolution", "NewConnectionError", "Max retries exceeded", "ConnectTimeoutError")
"""What pip says where there is no network."""


class EnvironmentState(Enum):
    """What there is of an engine's environment."""

    MISSING = "missing"
    PARTIAL = "half installed"
    STALE = "out of date"
    READY = "ready"
    EXTERNAL = "external"
    """The interpreter comes from ``engines.<name>.python`` (Nix, or the user's own), or the engine is no Python."""


USABLE = (EnvironmentState.READY, EnvironmentState.EXTERNAL)
"""The engine can be started as it is."""


def environment_folder(info: EngineInfo) -> Path:
    """Where the engine's environment is made."""
    return data_folder() / "engines" / info.name


def state(info: EngineInfo, settings: Settings) -> EnvironmentState:
    """What there is. Starts nothing."""
    if _configured(info, settings) or not needs_python(info):
        return EnvironmentState.EXTERNAL
    return _examined(info)[0]


def fault(info: EngineInfo) -> str:
    """Why the engine's environment cannot be used as it is, in words; empty when it is whole."""
    return _examined(info)[1]


def needs_python(info: EngineInfo) -> bool:
    """False for an engine whose command names its own program."""
    return any("{python}" in part for part in info.command)


def _examined(info: EngineInfo) -> tuple[EnvironmentState, str]:
    folder = environment_folder(info)
    if not folder.exists():
        return EnvironmentState.MISSING, "there is none"
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return EnvironmentState.PARTIAL, "its installation was not finished"
    python = _python(folder)
    if not python.exists():
        gone = python.resolve() if python.is_symlink() else python
        return EnvironmentState.STALE, f"its interpreter {gone} is gone"
    wanted = _stamp(info)
    if not isinstance(stamp, dict) or stamp.get("lock") != wanted["lock"]:
        return EnvironmentState.STALE, f"{LOCK_FILE} has changed since it was made"
    if stamp.get("python") != wanted["python"]:
        return EnvironmentState.STALE, f"it was made for Python {stamp.get('python')}, this is {wanted['python']}"
    if stamp != wanted:
        return EnvironmentState.STALE, "engine.toml asks for another one"
    return EnvironmentState.READY, ""


def python_for(info: EngineInfo, settings: Settings, progress: Progress = SILENT) -> Path:
    """The engine's interpreter; an embedded engine is installed (or repaired) first.

    Raises:
        EngineNotInstalled: there is none, or it is broken; says the command that helps.
        EngineStartFailed: the configured interpreter does not exist, or the installation failed.
    """
    configured = _configured(info, settings)
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
    found, reason = _examined(info)
    if found is not EnvironmentState.READY:
        if not info.embedded:
            what = "is not installed" if found is EnvironmentState.MISSING else f"is {found.value}: {reason}"
            raise EngineNotInstalled(f"engine {info.name} {what}", f"run: demod-voice engines install {info.name}")
        install(info, settings, progress)
    return _python(environment_folder(info))


def install(info: EngineInfo, settings: Settings, progress: Progress = SILENT, again: bool = False) -> None:
    """Make the engine's environment, or repair it. A finished one is left alone, unless ``again``.

    An engine that needs none (``EnvironmentState.EXTERNAL``) gets none.

    Raises:
        EngineStartFailed: pip failed; its last lines are in the message.
        OutputError: the folder cannot be written, or there is too little space.
    """
    if state(info, settings) is EnvironmentState.EXTERNAL:
        progress.note(f"engine {info.name} needs no installation: {_configured(info, settings) or info.command[0]}")
        return
    folder = environment_folder(info)
    lock = folder.parent / f".{info.name}.lock"
    try:
        with locked(lock, lambda: progress.note(f"waiting: another process installs engine {info.name}")) as held:
            if not again and _examined(info)[0] is EnvironmentState.READY:
                return
            _make(info, folder, progress, held)
    except OSError as error:
        raise output_error(folder, error) from error


def remove(info: EngineInfo) -> int:
    """Remove the engine's environment; return the bytes that were freed."""
    folder = environment_folder(info)
    with locked(folder.parent / f".{info.name}.lock"):
        if not folder.exists():
            return 0
        size = sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
        (folder / STAMP).unlink(missing_ok=True)
        shutil.rmtree(folder)
    return size


def install_log(info: EngineInfo) -> Path:
    """Everything that pip said in the last installation."""
    return state_folder() / f"install-{info.name}.log"


def _make(info: EngineInfo, folder: Path, progress: Progress, held: int) -> None:
    """Make it anew. Its children get the lock (descriptor ``held``): they may outlive a kill of this process."""
    _check_python(info)
    if folder.exists():
        reason = fault(info)
        progress.note(f"engine {info.name}: {reason or 'asked for anew'}; the environment is made again")
        (folder / STAMP).unlink(missing_ok=True)
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _check_room(info, folder)
    size = f" ({info.install_mb} MB)" if info.install_mb else ""
    progress.note(f"installing engine {info.name}{size}: {info.summary}")
    step = f"install {info.name}"
    packages = _packages(info)
    progress.start(step, len(packages) + 2, "packages")
    _run(info, [_base_python(), "-m", "venv", str(folder)], "its environment could not be made", held)
    progress.advance(step)
    _pip(info, folder, progress, step, held)
    _drop(info, folder)
    write_json(folder / STAMP, _stamp(info))
    progress.finish(step)


def _pip(info: EngineInfo, folder: Path, progress: Progress, step: str, held: int) -> None:
    """Install the whole list; pip says a line per package."""
    if not (info.folder / LOCK_FILE).is_file():
        return
    command = [str(_python(folder)), "-m", "pip", "install", *PIP, "-r", str(info.folder / LOCK_FILE)]
    # A pip that is configured for --user refuses to install into an environment.
    environ = {**os.environ, "PYTHONNOUSERSITE": "1", "PIP_USER": "0", "PIP_PROGRESS_BAR": "off"}
    for variable in ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX"):
        environ.pop(variable, None)
    lines: list[str] = []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ, pass_fds=[held]
    )
    try:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if line.startswith("Collecting "):
                progress.advance(step)
        code = process.wait()
    finally:
        process.kill()
        process.wait()
        _keep(info, lines)
    if code != 0:
        raise _failed(info, lines)


def _keep(info: EngineInfo, lines: list[str]) -> None:
    path = install_log(info)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _failed(info: EngineInfo, lines: list[str]) -> EngineStartFailed:
    text = "\n".join(f"    {line}" for line in lines[-SHOWN_LINES:])
    said = "\n".join(lines)
    again = f"run again: demod-voice engines install {info.name} (all that pip said: {install_log(info)})"
    if any(words in said for words in OFFLINE):
        again = f"the package index cannot be reached: check the network or pip's configuration, then {again}"
    elif "from versions: none" in said:
        again = f"pip found no package at all: is the network, or the proxy of pip's configuration, there? Then {again}"
    elif "THESE PACKAGES DO NOT MATCH THE HASHES" in said:
        again = f"a package is not the one that was checked for this engine: look at pip's index, then {again}"
    return EngineStartFailed(f"engine {info.name} could not be installed\n{text}", again)


def _run(info: EngineInfo, command: list[str], what: str, held: int) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=[held])
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()
        if "ensurepip" in done.stdout + done.stderr:
            raise EngineStartFailed(
                f"engine {info.name}: {what}: this Python has no ensurepip",
                "on Debian and Ubuntu: apt install python3-venv",
            )
        raise _failed(info, [what, *lines])


def _check_python(info: EngineInfo) -> None:
    version = sys.version_info[:2]
    if not python_fits(info.python_range, version):
        raise EngineStartFailed(
            f"engine {info.name} needs Python {info.python_range}, this is {version[0]}.{version[1]}",
            f"set engines.{info.name}.python to an interpreter that has the packages of its {LOCK_FILE}",
        )


def _check_room(info: EngineInfo, folder: Path) -> None:
    free = shutil.disk_usage(folder.parent).free
    needed = int(info.install_mb * ROOM * (1 << 20))
    if free < needed:
        raise OutputError(
            f"engine {info.name} needs {format_size(needed)} in {folder.parent}, and {format_size(free)} are free",
            "free some space, or set XDG_DATA_HOME to a larger disk",
        )


def _drop(info: EngineInfo, folder: Path) -> None:
    """Remove the files that engine.toml names as unable to load here."""
    for path in list(dropped(info, folder)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def dropped(info: EngineInfo, folder: Path) -> Iterator[Path]:
    """Files of an environment that engine.toml says cannot load and are removed."""
    for site in (folder / "lib").glob("python*/site-packages"):
        for pattern in info.drop:
            yield from sorted(site.glob(pattern))


def _packages(info: EngineInfo) -> list[str]:
    lock = info.folder / LOCK_FILE
    rows = lock.read_text(encoding="utf-8").splitlines() if lock.is_file() else []
    return [row.split("==")[0] for row in rows if "==" in row and not row.startswith((" ", "#"))]


def _stamp(info: EngineInfo) -> dict[str, str]:
    lock = info.folder / LOCK_FILE
    return {
        "lock": hash_file(lock) if lock.is_file() else "",
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "drop": " ".join(info.drop),
    }


def _base_python() -> str:
    """The interpreter behind this program's own environment: an environment made from it outlives a rebuild of .venv."""
    return getattr(sys, "_base_executable", "") or sys.executable


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _configured(info: EngineInfo, settings: Settings) -> str:
    named = settings.engines.named.get(info.name)
    return named.python if named is not None else ""
