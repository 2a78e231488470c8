"""The GPU of the stage ``gpu``: there, or why not. Standard library."""

from __future__ import annotations

import shutil
import subprocess

PROGRAM = "nvidia-smi"
PATIENCE_S = 30


def missing() -> str:
    """Empty when there is an NVIDIA GPU to test with; else why there is none."""
    program = shutil.which(PROGRAM)
    if program is None:
        return "no NVIDIA GPU here"
    try:
        done = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no NVIDIA GPU: {PROGRAM}: {type(error).__name__}"
    return "" if done.returncode == 0 and "GPU " in done.stdout else "no NVIDIA GPU: its driver names none"
