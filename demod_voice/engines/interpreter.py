"""The interpreter that a user has set for an engine: what it lacks, told when the engine does not start with it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.engines.environments import configured_python
from demod_voice.engines.types import EngineInfo
from demod_voice.engines.worker_environment import worker_environment
from demod_voice.errors import EngineBrokenProtocol, EngineError, EngineFailed, EngineStartFailed

ASKED = "requirements.in"
LOOK_S = 20.0
MARK = "lacks:"
PROGRAM = f"""
import sys
from importlib import metadata
lacking = []
for name in sys.argv[1:]:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        lacking.append(name)
print("{MARK}", *lacking)
"""
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)


def check_interpreter(info: EngineInfo, settings: Settings) -> None:
    """Look whether the interpreter that is set for an engine has the engine's main packages.

    Raises:
        EngineStartFailed: it lacks some, or it is no Python; names the setting.
    """
    fault = _fault(info, settings)
    if fault:
        raise EngineStartFailed(f"engine {info.name}: {fault}", _remedy(info))


def explained(error: EngineError, info: EngineInfo, settings: Settings) -> EngineError:
    """A failed start as what it is when the interpreter that is set is to blame; else the error itself."""
    if not isinstance(error, EngineBrokenProtocol | EngineFailed | EngineStartFailed):
        return error
    fault = _fault(info, settings)
    return EngineStartFailed(f"engine {info.name}: {fault}", _remedy(info)) if fault else error


def _fault(info: EngineInfo, settings: Settings) -> str:
    """What is wrong with the interpreter, in words; empty when none is set, or nothing is."""
    python, names = configured_python(info, settings), _main_packages(info)
    if not python or not names:
        return ""
    said, code = _asked(Path(python).expanduser(), names, settings)
    lines = [line.split()[1:] for line in said.splitlines() if line.startswith(MARK)]
    if not lines:
        return f"engines.{info.name}.python is {python}, which is no Python interpreter" if code else ""
    return f"engines.{info.name}.python is {python}, which has no {', '.join(lines[0])}" if lines[0] else ""


def _asked(python: Path, names: Sequence[str], settings: Settings) -> tuple[str, int]:
    """What the interpreter prints, and its exit code."""
    try:
        done = subprocess.run(
            [str(python), "-s", "-c", PROGRAM, *names],
            env=worker_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LOOK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "", 0
    return done.stdout.decode("utf-8", "replace"), done.returncode


def _main_packages(info: EngineInfo) -> list[str]:
    """The engine's library, which its list names first, and torch where it needs that."""
    path = info.folder / ASKED
    names = _NAME.findall(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [*names[:1], *(name for name in names[1:] if name == "torch")]


def _remedy(info: EngineInfo) -> str:
    own = f"remove the setting, and run: demod-voice engines install {info.name}"
    return f"{own}; or set engines.{info.name}.python to an interpreter that has the engine's packages"
