"""Which device an engine computes on, found without any ML framework."""

from __future__ import annotations

import ctypes.util
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import UsageError

QUERY_TIMEOUT_S = 10.0


@lru_cache(maxsize=1)
def describe_gpus() -> tuple[tuple[str, ...], str]:
    """(names of the usable NVIDIA GPUs, why there is none)."""
    driver = Path("/proc/driver/nvidia/gpus")
    if not driver.is_dir() and not Path("/dev/nvidia0").exists():
        return (), "no NVIDIA driver is loaded"
    tool = shutil.which("nvidia-smi")
    if tool is None:
        names = tuple(f"GPU {number}" for number, _ in enumerate(sorted(driver.iterdir()))) if driver.is_dir() else ()
        return (names, "") if names and ctypes.util.find_library("cuda") else ((), "libcuda is not found")
    try:
        found = subprocess.run(
            [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=QUERY_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return (), f"nvidia-smi fails: {error}"
    return tuple(row.strip() for row in found.stdout.splitlines() if row.strip()), "nvidia-smi lists none"


def device_for(info: EngineInfo, settings: Settings) -> str:
    """``cpu`` or ``cuda:N`` for an engine.

    Raises:
        UsageError: the setting names a device that does not exist.
    """
    return chosen_device(settings.device) if info.gpu else "cpu"


def chosen_device(asked: str) -> str:
    """``cpu`` or ``cuda:N`` for the setting ``device`` of an engine that can compute on a GPU.

    Raises:
        UsageError: it names a device that does not exist.
    """
    if asked == "cpu":
        return "cpu"
    gpus, reason = describe_gpus()
    if asked == "auto":
        return "cuda:0" if gpus else "cpu"
    number = asked.removeprefix("cuda:").removeprefix("cuda") or "0"
    if not asked.startswith("cuda") or not number.isdigit():
        raise UsageError(f"unknown device {asked!r}", "devices: auto, cpu, cuda:0, cuda:1, ...")
    if int(number) >= len(gpus):
        have = f"GPUs here: {len(gpus)}" if gpus else f"no GPU here: {reason}"
        raise UsageError(f"device {asked} does not exist", f"{have}; use auto or cpu")
    return f"cuda:{number}"
