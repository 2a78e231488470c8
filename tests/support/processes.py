"""What the tests ask of processes (Linux, /proc), and environments below a long path."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path


def children(pid: int) -> list[int]:
    """Process ids of the children."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int, within_s: float = 3.0) -> bool:
    """True when the process ends in time (a zombie has ended)."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def peak_mb(pid: int) -> float:
    """Largest resident size that the process or one of its children ever had, in MB."""
    rows = [Path(f"/proc/{each}/status").read_text() for each in (pid, *children(pid))]
    return max(int(text.split("VmHWM:")[1].split()[0]) for text in rows) / 1024


def long_environment(python: Path, folder: Path, package: str) -> Path:
    """An environment below a path of over 300 characters that has what ``python`` has; its interpreter."""
    deep = folder.joinpath(*("a" * 60 for _ in range(5)))
    deep.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(deep / "venv")], check=True)
    where = f"import os, {package}; print(os.path.dirname({package}.__path__[0]))"
    theirs = subprocess.run([str(python), "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    (site,) = (deep / "venv" / "lib").glob("python*/site-packages")
    for each in Path(theirs).iterdir():
        if not (site / each.name).exists():
            (site / each.name).symlink_to(each)
    return deep / "venv" / "bin" / "python"
