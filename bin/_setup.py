"""Make an environment of this checkout: the slow road of bin/demod-voice and bin/test. Standard library, Python 3.11.

The environment is made in place (virtual environments cannot be moved: their scripts hold their path) and counts only
from the moment its stamp is written. So a set-up that was killed is made anew by the next run, and two set-ups at once
wait for each other under one file lock. Everything is said on stderr; stdout belongs to the command that follows.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

from _environment import ROOT, SDK, STAMP, is_fresh, python_of, quick_stamp

WHOLE_LIST = ("--no-deps", "--require-hashes", "--only-binary", ":all:")
"""How a lock file is installed: it is the whole list, every file is hashed, and nothing is built."""
WITHOUT_UV = "DEMOD_VOICE_SETUP_WITHOUT_UV"
DETOURS = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "VIRTUAL_ENV")
"""Variables that would send the packages to another place, or hide them."""
AGAIN = "then run the same command again"
OFFLINE = f"the package index cannot be reached: check the network or pip's configuration, {AGAIN}"
HINTS = (
    ("No space left on device", f"free some disk space (about 400 MB are needed), {AGAIN}"),
    ("DO NOT MATCH THE HASHES", f"a package is not the one that was checked: look at pip's configured index, {AGAIN}"),
    *((words, OFFLINE) for words in ("name resolution", "NewConnectionError", "ConnectTimeoutError", "ProxyError")),
    ("", f"mend that, {AGAIN}"),
)
"""What pip says -> what helps; the first that is found."""
PYTHON = getattr(sys, "_base_executable", "") or sys.executable
"""What environments are made from; never an environment's own interpreter, which may be the one that is made anew."""


class SetupError(Exception):
    """Set-up cannot go on; ``hint`` is what the user can do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def ensure(name: str, lock: str, what: str) -> None:
    """Make the environment unless it is ready. Ends the process with a clear error when that is impossible."""
    try:
        with _locked(name):
            if not is_fresh(name, lock) and not _same_content(name, lock):
                _make(name, lock, what)
    except SetupError as error:
        _stop(1, f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""))
    except OSError as error:
        _stop(1, f"error: cannot set up {name} in {ROOT}: {error}", "  " + _hint(error))
    except KeyboardInterrupt:
        _stop(130, "\ninterrupted; run the same command again and the set-up is finished")


def say(message: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"demod-voice: {message}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold the lock of one environment. The file stays: removing it would let two runs hold two locks.

    The installers that are started inherit it (``close_fds=False``): one that outlives a killed set-up still writes into
    the environment, and the next set-up waits for its end.
    """
    folder = os.path.join(ROOT, ".demod-voice")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{name.lstrip('.')}.lock"), "w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is at work; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        os.set_inheritable(file.fileno(), True)
        yield


def _same_content(name: str, lock: str) -> bool:
    """True when only times differ (a fresh checkout of the same lock file): then the stamp is written anew."""
    try:
        with open(os.path.join(ROOT, name, STAMP), encoding="ascii") as file:
            found = file.read().splitlines()
        wanted = _slow_stamp(name, lock)
        if found[0] != f"checkout {ROOT!a}" or found[3:] not in (wanted, wanted[:-1]):
            return False
    except (OSError, ValueError, IndexError):
        return False
    _write_stamp(name, lock)
    return True


def _make(name: str, lock: str, what: str) -> None:
    packages = _packages(lock)
    folder = os.path.join(ROOT, name)
    tool = _uv()
    say(f"setting up {what} (once): {len(packages)} packages into {folder} with {'uv' if tool else 'pip'}")
    _remove(folder)
    if not (tool and _install_with_uv(tool, folder, lock)):
        _install_with_pip(folder, lock, len(packages))
    _add_checkout(folder)
    _write_stamp(name, lock)
    say("set-up is done")


def _remove(folder: str) -> None:
    """Take an unfinished or stale environment away, its stamp first, so that a kill in between is seen."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, STAMP))
    if os.path.islink(folder):
        os.unlink(folder)
    elif os.path.exists(folder):
        shutil.rmtree(folder)


def _uv() -> str | None:
    return None if os.environ.get(WITHOUT_UV) else shutil.which("uv")


def _install_with_uv(uv: str, folder: str, lock: str) -> bool:
    """True when uv did it. It does not read pip's configuration, so where it fails pip may still succeed."""
    environ = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", **_environ()}  # as pip: the certificates of this machine
    made = [uv, "venv", "--quiet", "--no-project", "--python", PYTHON, folder]
    install = [uv, "pip", "install", "--no-deps", "--require-hashes", "--no-build", "--python", folder]
    for command in (made, [*install, "-r", os.path.join(ROOT, lock)]):
        if subprocess.run(command, env=environ, stdout=sys.stderr, close_fds=False).returncode:
            say("uv could not do it; trying pip")
            _remove(folder)
            return False
    return True


def _install_with_pip(folder: str, lock: str, count: int) -> None:
    python = os.path.join(folder, "bin", "python")
    command = [*_empty_environment(folder, python), "install", *WHOLE_LIST, "--no-input", "--disable-pip-version-check"]
    process = subprocess.Popen(
        [*command, "-r", os.path.join(ROOT, lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**_environ(), "PIP_USER": "0"},
        close_fds=False,
    )
    lines, number = [], 0
    for line in process.stdout or ():
        lines.append(line.rstrip())
        if line.startswith(("Collecting ", "Processing ")):  # from an index, from a folder
            number += 1
            _show(number, count, re.split("[=-]", os.path.basename(line.split()[1]))[0])
        elif line.startswith("Installing collected"):
            _show(count, count, "unpacking")
    _show(count, count, "")
    if process.wait():
        hint = next(hint for words, hint in HINTS if any(words in line for line in lines or [""]))
        raise SetupError("pip failed:\n    " + "\n    ".join(lines[-12:]), hint)


def _empty_environment(folder: str, python: str) -> list[str]:
    """Make an environment without packages; how its pip is called.

    A Python without ensurepip (Debian's python3 without python3-venv) cannot put pip in; where it has pip itself, that
    one installs from outside (``pip --python``, pip 22.3 and newer).
    """
    has_venv, has_ensurepip, has_pip = (_has(name) for name in ("venv", "ensurepip", "pip"))
    if not has_venv or not (has_ensurepip or has_pip):
        raise SetupError(
            f"this Python ({PYTHON}) lacks {'ensurepip' if has_venv else 'venv'}",
            f"on Debian and Ubuntu: apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv   (or install uv)",
        )
    command = [PYTHON, "-m", "venv", *([] if has_ensurepip else ["--without-pip"]), folder]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=_environ(), close_fds=False)
    if done.returncode:
        raise SetupError(f"the environment could not be made:\n    {(done.stdout + done.stderr).strip()}")
    return [python, "-m", "pip"] if has_ensurepip else [PYTHON, "-m", "pip", "--python", python]


def _has(module: str) -> bool:
    """Asked of a whole interpreter: this one may run without site-packages."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([PYTHON, "-c", code], env=_environ(), stderr=subprocess.DEVNULL).returncode == 0


def _environ() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in DETOURS}


def _show(number: int, count: int, name: str) -> None:
    """Progress: one line that is overwritten in a terminal, every tenth package elsewhere; an empty name ends it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[Kdemod-voice: {number}/{count} {name}" if name else "\r\033[K")
        sys.stderr.flush()
    elif name and (number == count or number % 10 == 0):
        say(f"{number}/{count} {name}")


def _add_checkout(folder: str) -> None:
    """Let the environment import this checkout. The line is code, so that a path in any letters is read alike."""
    (lib,) = [name for name in os.listdir(os.path.join(folder, "lib")) if name.startswith("python")]
    link = os.path.join(folder, "lib", lib, "site-packages", "demod-voice-checkout.pth")
    with open(link, "w", encoding="ascii") as file:
        file.write(f"import sys; sys.path += [{ROOT!a}, {SDK!a}]\n")


def _packages(lock: str) -> list[str]:
    """Names, each once: a package may be pinned twice, for different Pythons."""
    with open(os.path.join(ROOT, lock), encoding="utf-8") as file:
        return sorted({row.split("==")[0] for row in file if "==" in row and not row.startswith((" ", "#"))})


def _slow_stamp(name: str, lock: str) -> list[str]:
    """The lines of the stamp that cost something: the lock's hash, the version of the environment's Python, the lock's name.

    Stamps of earlier versions end before the name.
    """
    with open(os.path.join(ROOT, lock), "rb") as file:
        content = hashlib.sha256(file.read()).hexdigest()
    asked = [python_of(name), "-I", "-c", "import sys; print(sys.version.split()[0])"]
    version = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return [f"sha256 {content}", f"python {version}", f"lock {lock}"]


def _write_stamp(name: str, lock: str) -> None:
    stamp = os.path.join(ROOT, name, STAMP)
    with open(f"{stamp}.tmp", "w", encoding="ascii") as file:
        file.write(quick_stamp(name, lock) + "\n".join(_slow_stamp(name, lock)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{stamp}.tmp", stamp)


def _hint(error: OSError) -> str:
    import errno

    if error.errno == errno.ENOSPC:
        return HINTS[0][1]
    return "copy the checkout to a folder that you may write to, or install it with: pipx install <folder>"


def _stop(code: int, *lines: str) -> None:
    sys.stderr.write("\n".join(lines) + "\n")
    raise SystemExit(code)
