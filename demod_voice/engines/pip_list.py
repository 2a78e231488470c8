"""How an engine's whole list is asked of pip: for which device, and in how many calls."""

from __future__ import annotations

from pathlib import Path

from demod_voice.engines.locked_list import CUDA_LIST, LIST, torch_version, with_torch
from demod_voice.engines.pip_runner import HASHED, Pip, PipFailed
from demod_voice.engines.torch_build import CPU, CUDA, TorchChoice, choose, offered_versions
from demod_voice.engines.types import EngineInfo

_DRIVER = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
"""One of these is there with an NVIDIA driver; the last is Windows' in WSL2."""


def has_builds(info: EngineInfo) -> bool:
    """Is the engine made differently for a CPU and for a GPU?"""
    return bool(torch_version(info.folder / LIST)) or (info.folder / CUDA_LIST).is_file()


def has_nvidia() -> bool:
    """Has this machine an NVIDIA driver?"""
    return any(Path(path).exists() for path in _DRIVER)


def build_for(info: EngineInfo, pip: Pip, asked: str) -> TorchChoice:
    """The build to install, out of those that pip offers.

    Raises:
        EngineStartFailed: pip does not have the one that was asked for.
    """
    version = torch_version(info.folder / LIST)
    if version:
        return choose(version, offered_versions(_available(pip), version), asked, has_nvidia())
    if not has_builds(info):
        return TorchChoice()
    return TorchChoice(device=asked if asked != "auto" else CUDA if has_nvidia() else CPU)


def requests(info: EngineInfo, choice: TorchChoice, folder: Path) -> list[list[str]]:
    """Arguments for each call of pip that together take the whole list; ``folder`` keeps the list as it was asked for."""
    source = info.folder / LIST
    if not source.is_file():
        return []
    path = folder / LIST
    path.write_text(
        with_torch(source.read_text(encoding="utf-8"), choice.requirement if choice.hashed else ""), encoding="utf-8"
    )
    checked = [*HASHED, "-r", str(path)]
    return [checked] if choice.hashed else [["--no-deps", "--only-binary", ":all:", choice.requirement], checked]


def cuda_request(info: EngineInfo) -> list[str]:
    """Arguments of the call that takes what a CUDA build adds; empty where it adds nothing."""
    path = info.folder / CUDA_LIST
    return [*HASHED, "-r", str(path)] if path.is_file() else []


def _available(pip: Pip) -> str:
    """What pip has of torch, in its words; empty where it cannot say (the installation then tells why)."""
    try:
        return "\n".join(pip.run("index", "versions", "torch", "--only-binary", ":all:"))
    except PipFailed:
        return ""
