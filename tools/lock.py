"""Write every lock file: whole lists, exact and hashed, for Python 3.11 to 3.13, and no index address in any of them.

    python tools/lock.py              write what is out of date
    python tools/lock.py --check      say which are out of date, write nothing
    python tools/lock.py --upgrade    take newer versions where the requirements allow them

For developers: needs the packages of requirements-test.txt (uv is one of them) and a package index. A pin without a
wheel for each platform below is refused, because nothing is ever compiled on a user's machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")
"""uv's names of Linux x86-64, Linux arm64 and macOS arm64."""
OLDEST_MACOS = "14.0"
"""What the macOS wheels of PyAV, SciPy and onnxruntime need."""
ALONE = "# no dependencies"
"""Beginning of a row of a requirements.in that is the whole list itself: metadata that asks for more is not followed."""
UNWANTED = ("docopt", "colorama")
"""Left out of every list: docopt serves only the command lines of num2words and webvtt-py and has no wheel; colorama is
for Windows."""
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
        before = target.read_text() if target.is_file() else ""
        text = lock(target, "" if wanted.upgrade else before)
        stale += text != before
        if not wanted.check:
            target.write_text(text)
        print(f"{target.relative_to(ROOT)}: {'as it was' if text == before else 'changed'}")
    return 1 if wanted.check and stale else 0


def targets() -> list[Path]:
    """Every lock file: the core's, the tests', one for each engine that has a requirements.in."""
    engines = [path.with_suffix(".txt") for path in sorted((ROOT / "backends").glob("*/requirements.in"))]
    return [ROOT / "requirements.txt", ROOT / "requirements-test.txt", *engines]


def requirements(target: Path) -> tuple[str, list[str]]:
    """The file that a lock file is made from, and what is asked for there."""
    if target == ROOT / "requirements.txt":
        return "pyproject.toml", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    source = target.with_suffix(".in")
    rows = [row.strip() for row in source.read_text().splitlines()]
    return source.name, [row for row in rows if row and not row.startswith("#")]


def lock(target: Path, before: str) -> str:
    """The text of one lock file; what ``before`` locks stays as it is where it can."""
    source, asked = requirements(target)
    constraints: list[str] = []
    if source == "requirements.in" and ALONE in target.with_suffix(".in").read_text():
        constraints = ["--no-deps"]
    if source == "requirements-test.in":
        asked = [*asked, *requirements(ROOT / "requirements.txt")[1]]
        constraints = ["-c", str(ROOT / "requirements.txt")]
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "given.in", Path(folder) / "out.txt"
        given.write_text("\n".join(asked) + "\n")
        out.write_text(before)
        uv(["pip", "compile", *COMPILE, *constraints, str(given), "-o", str(out)], Path(folder))
        rows = list(wanted_rows(row for row in out.read_text().splitlines() if not row.startswith("#")))
        out.write_text("\n".join(rows) + "\n")
        if out.read_text() != before.partition("\n")[2]:
            check_wheels(out, Path(folder))
    return f"# Made by tools/lock.py from {source}; do not edit.\n" + "\n".join(rows) + "\n"


def wanted_rows(rows: Iterable[str]) -> Iterator[str]:
    """Rows without the unwanted packages and their hashes."""
    skipping = False
    for row in rows:
        if not row.startswith(" "):
            skipping = row.split("==")[0].split(" ")[0] in UNWANTED
        if not skipping:
            yield row


def check_wheels(lock_file: Path, folder: Path) -> None:
    """Resolve the list with wheels alone for every platform and Python; ends with uv's words when a wheel is missing."""
    for platform in PLATFORMS:
        for python in PYTHONS:
            where = ["--python-platform", platform, "--python-version", python]
            command = ["pip", "compile", "--no-deps", "--only-binary", ":all:", "--generate-hashes", *where]
            uv([*command, str(lock_file), "-o", os.devnull], folder)


def uv(arguments: Sequence[str], folder: Path) -> None:
    """Run uv without the configuration of this machine, so that every developer gets the same file."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    environ["MACOSX_DEPLOYMENT_TARGET"] = OLDEST_MACOS
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--no-config", "--no-python-downloads", *arguments],
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
