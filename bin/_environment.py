"""Make and check the environments of this checkout: what bin/demod-voice and bin/test share. Standard library only.

An environment is finished when its stamp says so, and the stamp is written last: set-up that is interrupted is done again
by the next run. One lock per environment: two set-ups at once wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
STAMP = "demod-voice-stamp.json"
OLDEST = (3, 11)
PIP = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]


def python_of(name: str) -> str:
    """The interpreter of an environment in the checkout."""
    return os.path.join(ROOT, name, "bin", "python")


def ready(name: str, lock: str) -> bool:
    """True when the environment is finished and made from the lock file as it is now."""
    try:
        with open(os.path.join(ROOT, name, STAMP), encoding="utf-8") as file:
            stamp = json.load(file)
        found = os.stat(os.path.join(ROOT, lock))
    except (OSError, ValueError):
        return False
    if stamp.get("root") != ROOT or stamp.get("python") != list(sys.version_info[:3]):
        return False
    if [found.st_size, found.st_mtime_ns] == stamp.get("stat"):
        return True
    return stamp.get("lock") == _hash(lock)


def ensure(name: str, lock: str, what: str) -> str:
    """Make the environment unless it is ready; return its interpreter."""
    if not ready(name, lock):
        _check_python()
        folder = os.path.join(ROOT, name)
        try:
            os.makedirs(os.path.join(ROOT, ".demod-voice"), exist_ok=True)
            held = open(os.path.join(ROOT, ".demod-voice", f"{name.strip('.')}.lock"), "w", encoding="utf-8")
        except OSError as error:
            _stop(f"cannot set up in {ROOT}: {error.strerror}", "copy the checkout to a folder that you may write to")
        with held:
            _hold(held)
            if not ready(name, lock):
                _make(folder, lock, what)
    return python_of(name)


def say(message: str) -> None:
    """One line of progress, on stderr."""
    print(f"demod-voice: {message}", file=sys.stderr, flush=True)


def _hold(file: object) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]
    except OSError:
        say("another set-up is at work; waiting for it")
        fcntl.flock(file, fcntl.LOCK_EX)  # type: ignore[arg-type]


def _make(folder: str, lock: str, what: str) -> None:
    packages = _packages(lock)
    say(f"setting up {what} (once): {len(packages)} packages into {os.path.relpath(folder)}")
    stamp = os.path.join(folder, STAMP)
    if os.path.exists(folder):
        if os.path.exists(stamp):
            os.unlink(stamp)
        shutil.rmtree(folder)
    uv = None if os.environ.get("DEMOD_VOICE_SETUP_WITHOUT_UV") else shutil.which("uv")
    if uv:
        _uv(uv, folder, lock)
    else:
        _pip(folder, lock, len(packages))
    _link(folder)
    found = os.stat(os.path.join(ROOT, lock))
    record = {
        "lock": _hash(lock),
        "stat": [found.st_size, found.st_mtime_ns],
        "python": list(sys.version_info[:3]),
        "root": ROOT,
    }
    with open(f"{stamp}.tmp", "w", encoding="utf-8") as file:
        json.dump(record, file)
    os.replace(f"{stamp}.tmp", stamp)
    say("set-up is done")


def _uv(uv: str, folder: str, lock: str) -> None:
    _run([uv, "venv", "--quiet", "--python", sys.executable, folder])
    command = [uv, "pip", "install", "--quiet", *PIP[:2], "--no-build", "-r", os.path.join(ROOT, lock)]
    _run(command, {"VIRTUAL_ENV": folder})


def _pip(folder: str, lock: str, count: int) -> None:
    done = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
    if done.returncode:
        words = done.stdout + done.stderr
        if "ensurepip" in words or "No module named venv" in words:
            version = f"{sys.version_info[0]}.{sys.version_info[1]}"
            _stop(
                "this Python has no ensurepip", f"on Debian and Ubuntu: apt install python{version}-venv, or install uv"
            )
        _stop(f"the environment could not be made: {words.strip()}", "")
    python = os.path.join(folder, "bin", "python")
    command = [
        python,
        "-m",
        "pip",
        "install",
        *PIP,
        "--no-input",
        "--disable-pip-version-check",
        "-r",
        os.path.join(ROOT, lock),
    ]
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ)
    lines, number = [], 0
    for line in process.stdout or ():
        lines.append(line.rstrip())
        if line.startswith("Collecting "):
            number += 1
            _progress(number, count, line.split()[1].split("==")[0])
        elif line.startswith("Installing collected"):
            _progress(count, count, "unpacking")
    _progress(0, 0, "")
    if process.wait():
        _stop("pip failed:\n    " + "\n    ".join(lines[-12:]), "check the network, then run the same command again")


def _progress(number: int, count: int, name: str) -> None:
    if sys.stderr.isatty():
        text = f"demod-voice: {number}/{count} {name}" if count else ""
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif count and (number == count or number % 10 == 0):
        say(f"{number}/{count} {name}")


def _link(folder: str) -> None:
    """Let the environment find this checkout's code."""
    site = os.path.join(folder, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    with open(os.path.join(site, "demod-voice-checkout.pth"), "w", encoding="utf-8") as file:
        file.write(f"{ROOT}\n{os.path.join(ROOT, 'backends', '_sdk')}\n")


def _packages(lock: str) -> list[str]:
    with open(os.path.join(ROOT, lock), encoding="utf-8") as file:
        return [row.split("==")[0] for row in file if "==" in row and not row.startswith((" ", "#"))]


def _hash(lock: str) -> str:
    with open(os.path.join(ROOT, lock), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _run(command: list[str], more: dict[str, str] | None = None) -> None:
    if subprocess.run(command, env={**os.environ, **(more or {})}).returncode:
        _stop(f"{os.path.basename(command[0])} failed", "check the network, then run the same command again")


def _check_python() -> None:
    if sys.version_info < OLDEST:
        _stop(f"Python {sys.version.split()[0]} is too old", "install Python 3.11 or newer and run this with it")


def _stop(message: str, hint: str) -> None:
    print(f"error: {message}" + (f"\n  {hint}" if hint else ""), file=sys.stderr)
    raise SystemExit(1)
