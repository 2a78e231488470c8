"""Which start of which machine this is: what was written in an earlier one may have been lost with its power."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str:
    """A name of this start of this machine; empty where the system has none (then nothing is known of files' fate)."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return _darwin() if sys.platform == "darwin" else ""


def _darwin() -> str:
    command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
