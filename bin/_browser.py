"""The browser of the stage ``browser``: found, or installed where this is root on Debian. Standard library."""

from __future__ import annotations

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""As in tests/support/browser.py."""
INSTALL = (
    ("apt-get", "-qq", "update"),
    ("apt-get", "-qq", "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"),
)
PATIENCE_S = 200.0
"""For each command: the stage may take five minutes."""


def missing() -> str:
    """Empty when there is a browser to test with; else why there is none."""
    if os.environ.get("TEST_BROWSER") or _found():
        return ""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return "no Chromium is installed, and only root on Debian can install it here"
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in INSTALL:
        try:
            done = subprocess.run(command, env=environ, capture_output=True, timeout=PATIENCE_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"no Chromium: {' '.join(command[:3])}: {type(error).__name__}"
        if done.returncode:
            return f"no Chromium: {' '.join(command[:3])} ended with {done.returncode}"
    return "" if _found() else "no Chromium: the package brought none"


def _found() -> bool:
    return any(shutil.which(name) for name in NAMES)
