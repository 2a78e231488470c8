"""Write every lock file: whole lists, exact and hashed, for Python 3.11 to 3.13, and no index address in any of them.

    python tools/lock.py            write requirements.txt, requirements-test.txt, backends/*/requirements.txt
    python tools/lock.py --check    say which are out of date, write nothing

Needs uv (it is in requirements-test.txt) and the package index.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADER = "# Made by tools/lock.py from {source}; do not edit.\n"
UNWANTED = ("docopt", "colorama")
"""Left out of every list: docopt serves only num2words' own command line and has no wheel; colorama is for Windows."""
COMPILE = ["pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header",
           "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]  # fmt: skip


def sources() -> dict[Path, Path]:
    """Lock file -> what it is made from."""
    found = {
        ROOT / "requirements.txt": ROOT / "pyproject.toml",
        ROOT / "requirements-test.txt": ROOT / "requirements-test.in",
    }
    for folder in sorted((ROOT / "backends").iterdir()):
        if (folder / "requirements.in").is_file():
            found[folder / "requirements.txt"] = folder / "requirements.in"
    return found


def lock(source: Path, target: Path, folder: Path) -> str:
    """The text of one lock file; what is locked already stays as it is where it can."""
    out = folder / "out.txt"
    out.write_text(target.read_text() if target.is_file() else "")
    core = folder / "requirements.in"
    core.write_text("\n".join(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]) + "\n")
    given = folder / "given.in"
    words = (
        core.read_text()
        if source.name == "pyproject.toml"
        else source.read_text().replace("-r requirements.in", core.read_text())
    )
    given.write_text(words)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    command = [sys.executable, "-m", "uv", *COMPILE, str(given), "-o", str(out)]
    if source.name == "requirements-test.in":
        command += ["-c", str(ROOT / "requirements.txt")]
    subprocess.run(command, check=True, env=environ, cwd=folder)
    rows = list(_wanted(row for row in out.read_text().splitlines() if not row.startswith("#")))
    return HEADER.format(source=source.name) + "\n".join(rows) + "\n"


def _wanted(rows: Iterable[str]) -> Iterator[str]:
    """Rows without the unwanted packages and their hashes."""
    skipping = False
    for row in rows:
        if not row.startswith(" "):
            skipping = row.split("==")[0].split(" ")[0] in UNWANTED
        if not skipping:
            yield row


def main() -> int:
    """Write or check every lock file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for target, source in sources().items():
        with tempfile.TemporaryDirectory() as folder:
            text = lock(source, target, Path(folder))
        if text != (target.read_text() if target.is_file() else ""):
            stale.append(target)
            if not check:
                target.write_text(text)
        print(f"{target.relative_to(ROOT)}: {'changed' if target in stale else 'as it was'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
