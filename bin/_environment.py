"""Is an environment of this checkout ready? The part of the set-up that every run goes through, so it is kept cheap.

An environment is ready when its stamp matches the checkout's path, the lock file and the interpreter it was made from.
The stamp is written last: it is what turns a folder into a finished environment. Called by bin/demod-voice and bin/test;
what makes an environment is in _setup.py, which is imported only when there is something to make. This file must be
readable by any Python 3: it says that a Python is too old.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
SDK = os.path.join(ROOT, "backends", "_sdk")
OLDEST = (3, 11)
STAMP = "demod-voice.stamp"
CORE = "requirements.txt"
EXTRAS = {"ray": "requirements-ray.txt"}
"""Extra -> the lock file that has it and all of CORE."""
VARIABLE = "DEMOD_VOICE_EXTRAS"
"""Names the extras that bin/demod-voice sets up; one that is there stays when it is not asked for again."""


def python_of(name):
    """The interpreter of the environment ``name``, a folder in the checkout."""
    return os.path.join(ROOT, name, "bin", "python")


def core_lock(name=".venv"):
    """The lock file of the program's environment: with an extra where one is asked for, or is there already.

    An extra that does not exist ends the process.
    """
    asked = os.environ.get(VARIABLE, "").replace(",", " ").split()
    for extra in asked:
        if extra not in EXTRAS:
            sys.stderr.write(f"error: {VARIABLE}: there is no extra {extra!r}\n  extras: {', '.join(EXTRAS)}\n")
            raise SystemExit(2)
    had = _stamp(name).splitlines()
    return next((lock for extra, lock in EXTRAS.items() if extra in asked or f"lock {lock}" in had), CORE)


def is_fresh(name, lock):
    """True when the stamp is exactly what a set-up would write now, told by sizes and times alone.

    The interpreter is the one that the environment was made from, not the one that runs this: two terminals with
    different Pythons share one environment. When it was upgraded in place its size or time differs.
    """
    try:
        return _stamp(name).startswith(quick_stamp(name, lock))
    except OSError:
        return False


def quick_stamp(name, lock):
    """The part of the stamp that needs no reading of files. Raises OSError when one of them is missing."""
    made_of, python = os.stat(os.path.join(ROOT, lock)), os.stat(python_of(name))
    return (
        f"checkout {ROOT!a}\n"
        f"lock {made_of.st_size} {made_of.st_mtime_ns}\n"
        f"interpreter {python.st_size} {python.st_mtime_ns}\n"
    )


def _stamp(name):
    """What the last set-up wrote; empty where none was finished."""
    try:
        with open(os.path.join(ROOT, name, STAMP), encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def ready_python(name, lock, what):
    """The interpreter of the environment, which is made first when it is missing or stale."""
    if not is_fresh(name, lock):
        if sys.version_info < OLDEST:
            start_again_with_newer()
        from _setup import ensure

        ensure(name, lock, what)
    return python_of(name)


def start_again_with_newer():
    """Run the same command with a newer Python from PATH; where there is none, say what to do and stop."""
    import shutil

    for minor in (13, 12, 11):
        newer = shutil.which(f"python3.{minor}")
        if newer and _works(newer, minor):
            os.execv(newer, [newer, *sys.argv])
    version = ".".join(map(str, sys.version_info[:3]))
    sys.stderr.write(
        f"error: demod-voice needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {version} ({sys.executable})\n"
        f"  install a newer one (Debian, Ubuntu: apt install python3.11 python3.11-venv) and run it with: "
        f"python3.11 {sys.argv[0]}\n"
    )
    raise SystemExit(1)


def _works(python, minor):
    """A name on PATH may be a shim for a version that is not there."""
    import subprocess

    code = f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
    return subprocess.call([python, "-c", code], stderr=subprocess.DEVNULL) == 0
