"""Write every lock file: whole lists, exact and hashed, for Python 3.11 to 3.13, and no index address in any of them.

    python tools/lock.py              write what is out of date
    python tools/lock.py --check      say which are out of date, write nothing
    python tools/lock.py --upgrade    take newer versions where the requirements allow them

For developers: needs the packages of requirements-test.txt (uv is one of them) and a package index. A pin without a
wheel for each platform below is refused, because nothing is ever compiled on a user's machine.

What only a CUDA build needs (nvidia-*, cuda-*, triton) goes to requirements-cuda.txt beside the list. An engine's
requirements.in may say, each at the beginning of a row:

    # no dependencies           this is the whole list itself: metadata that asks for more is not followed
    # Linux x86-64 only         locked for that platform alone
    # left out: a b c           packages that metadata asks for and nothing of ours imports
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE, WITH_RAY, TESTS = (ROOT / f"requirements{which}.txt" for which in ("", "-ray", "-test"))
"""The core's list; with the extra ``ray``; with the tools of the tests. Each keeps the versions of the one before it."""
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")
"""uv's names of Linux x86-64, Linux arm64 and macOS arm64."""
OLDEST_MACOS = "14.0"
"""What the macOS wheels of PyAV, SciPy and onnxruntime need."""
ALONE, LINUX, LEFT_OUT = "# no dependencies", "# Linux x86-64 only", "# left out:"
"""What a requirements.in may say; the module's first lines tell what each means."""
LINUX_ONLY = ("python_full_version < '3.14'", "platform_machine == 'x86_64'", "sys_platform == 'linux'")
"""Markers of ``LINUX`` lists. They hold for every row, so they are in none: the list's second line says it once."""
CUDA = re.compile(r"nvidia-(?!ml-py)|cuda-|triton==")
"""Rows of packages that only a CUDA build loads; nvidia-ml-py asks the driver and belongs to the core."""
UNWANTED = ("docopt", "colorama", "httpx2-jsfetch")
"""Left out of every list: docopt serves only the command lines of num2words and webvtt-py and has no wheel; colorama is
for Windows, httpx2-jsfetch for browsers."""
EXTRA_HASHES = {
    "torch==2.13.0": ("6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",),
}
"""Pin -> sha256 of wheels of the same version that no package index lists, so uv cannot know them: torch's CPU build,
2.13.0+cpu, for CPython 3.11 on Linux x86-64. Its wheels for CPython 3.12 and 3.13 (and for arm64) were not at hand when
this was written; whoever has one adds its sha256sum here. Until then `engines install` takes the CUDA build on those (it runs
on a CPU too), and `--device cpu` says that the hash is not known."""
COMPILE = (
    *("--universal", "--python-version", PYTHONS[0], "--generate-hashes"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
)


def main() -> int:
    """Write or check every lock file; 1 when ``--check`` finds one out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--upgrade", action="store_true", help="forget what is locked")
    wanted = parser.parse_args()
    stale = 0
    for target in targets():
        old = {path: path.read_text() if path.is_file() else "" for path in (target, cuda_list(target))}
        for path, text in lock(target, "" if wanted.upgrade else "".join(old.values())).items():
            stale += text != old[path]
            if not wanted.check:
                write(path, text)
            if text or old[path]:
                print(f"{path.relative_to(ROOT)}: {'as it was' if text == old[path] else 'changed'}")
    return 1 if wanted.check and stale else 0


def write(path: Path, text: str) -> None:
    """Write a lock file; there is none for an empty list."""
    if text:
        path.write_text(text)
    else:
        path.unlink(missing_ok=True)


def cuda_list(target: Path) -> Path:
    """What the CUDA build of a list adds; only engines have one."""
    return target.with_name("requirements-cuda.txt")


def targets() -> list[Path]:
    """Every lock file: the core's, with Ray, the tests', one for each engine that has a requirements.in."""
    engines = [path.with_suffix(".txt") for path in sorted((ROOT / "backends").glob("*/requirements.in"))]
    return [CORE, WITH_RAY, TESTS, *engines]


def requirements(target: Path) -> tuple[str, list[str]]:
    """The file that a lock file is made from, and what is asked for there."""
    if target in (CORE, WITH_RAY):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        return "pyproject.toml", project["dependencies"] + project["optional-dependencies"]["ray"] * (
            target == WITH_RAY
        )
    source = target.with_suffix(".in")
    rows = [row.strip() for row in source.read_text().splitlines()]
    return source.name, [row for row in rows if row and not row.startswith("#")]


def lock(target: Path, before: str) -> dict[Path, str]:
    """The texts of a lock file and of its CUDA list; what ``before`` locks stays as it is where it can."""
    source, asked = requirements(target)
    said = target.with_suffix(".in").read_text() if source.endswith(".in") else ""
    constraints = ["--no-deps"] if ALONE in said else []
    if target in (WITH_RAY, TESTS):
        asked = [*asked, *(each for each in requirements(WITH_RAY)[1] if each not in asked)]
        constraints = ["-c", str(CORE if target == WITH_RAY else WITH_RAY)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given, out = folder / "given.in", folder / "out.txt"
        given.write_text("\n".join(asked) + "\n")
        out.write_text(before)
        if LINUX in said:
            (folder / "pyproject.toml").write_text(f"[tool.uv]\nenvironments = [{' and '.join(LINUX_ONLY)!r}]\n")
        uv(["pip", "compile", *COMPILE, *constraints, str(given), "-o", str(out)], folder)
        locked = locked_rows(out.read_text().splitlines(), said)
        rows = {path: [row for row in locked if bool(CUDA.match(row)) is cuda] for path, cuda in sides(target)}
        texts = {path: text(source, LINUX in said, found) for path, found in rows.items()}
        for path, each in texts.items():
            if each and each not in before:
                check_wheels(each, folder, PLATFORMS[:1] if LINUX in said or path != target else PLATFORMS)
    return texts


def sides(target: Path) -> list[tuple[Path, bool]]:
    """The files of one resolution, and whether each is the CUDA list."""
    return [(target, False), (cuda_list(target), True)]


def text(source: str, linux: bool, rows: Sequence[str]) -> str:
    """A whole lock file; empty when it locks nothing."""
    heading = [f"# Made by tools/lock.py from {source}; do not edit.", *([f"{LINUX}, Python 3.11 to 3.13."] * linux)]
    return "\n".join([*heading, *rows]) + "\n" if rows else ""


def locked_rows(rows: Iterable[str], said: str) -> list[str]:
    """Pins with their hashes, one string each, as ``requirements.in`` (its text in ``said``) wants them."""
    names = " ".join(row.removeprefix(LEFT_OUT) for row in said.splitlines() if row.startswith(LEFT_OUT)).split()
    kept = wanted_rows((row for row in rows if not row.startswith("#")), (*UNWANTED, *names))
    pins: list[tuple[str, list[str]]] = []
    for row in kept:
        if row.startswith(" "):
            pins[-1][1].append(row.strip().removesuffix(" \\"))
        else:
            pin = row.removesuffix(" \\")
            pins.append((short(pin) if LINUX in said else pin, []))
    return [" \\\n    ".join([pin, *sorted({*hashes, *extra(pin)})]) for pin, hashes in pins]


def extra(pin: str) -> list[str]:
    """Hashes of a pin that no index lists."""
    return [f"--hash=sha256:{digest}" for digest in EXTRA_HASHES.get(pin.split(" ;")[0], ())]


def short(pin: str) -> str:
    """A pin without the markers that hold for the whole list."""
    package, _, marker = pin.partition(" ; ")
    if "(" in marker or " or " in marker:
        return pin
    rest = " and ".join(part for part in marker.split(" and ") if part not in LINUX_ONLY)
    return f"{package} ; {rest}" if rest else package


def wanted_rows(rows: Iterable[str], unwanted: Sequence[str] = UNWANTED) -> Iterator[str]:
    """Rows without the unwanted packages and their hashes."""
    skipping = False
    for row in rows:
        if not row.startswith(" "):
            skipping = row.split("==")[0].split(" ")[0] in unwanted
        if not skipping:
            yield row


def check_wheels(locked: str, folder: Path, platforms: Sequence[str]) -> None:
    """Resolve a list with wheels alone for every platform and Python; ends with uv's words when a wheel is missing."""
    (folder / "locked.txt").write_text(locked)
    for platform in platforms:
        for python in PYTHONS:
            where = ["--python-platform", platform, "--python-version", python]
            command = ["pip", "compile", "--no-deps", "--only-binary", ":all:", "--generate-hashes", *where]
            uv([*command, "locked.txt", "-o", os.devnull], folder)


def uv(arguments: Sequence[str], folder: Path) -> None:
    """Run uv without the configuration of this machine, so that every developer gets the same file."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    environ |= {
        "MACOSX_DEPLOYMENT_TARGET": OLDEST_MACOS,
        "XDG_CONFIG_HOME": str(folder),
        "XDG_CONFIG_DIRS": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--no-python-downloads", *arguments],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"uv {' '.join(arguments)}:\n{done.stderr}")


if __name__ == "__main__":
    raise SystemExit(main())
