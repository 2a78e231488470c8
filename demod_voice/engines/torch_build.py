"""Which build of torch an environment gets: torch has one for CPUs, one for CUDA and one for ROCm, at one version.

The package index has the CUDA build; the others come from where the user's pip configuration says. pip itself tells what
it would take (``pip index versions``), and ``torch/version.py`` what it took; neither imports torch.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.errors import EngineStartFailed

CPU, CUDA, ROCM = "cpu", "cuda", "rocm"
DEVICES = ("auto", CPU, CUDA, ROCM)
"""What ``--device`` takes."""
_SAID = re.compile(r"^(__version__|cuda|hip)\b[^=\n]*=\s*(?:'([^']*)'|None)", re.MULTILINE)
_VERSIONS = re.compile(r"^Available versions: (.*)$", re.MULTILINE)
CPU_REMEDY = (
    "give pip's configuration torch's CPU builds (pytorch.org, Get Started, says their index) as extra-index-url or"
    " find-links, then run it again"
)


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """A torch that is there."""

    version: str
    """With its local part: ``2.13.0+cpu``."""
    device: str
    """``cpu``, ``cuda`` or ``rocm``."""


@dataclass(frozen=True, slots=True)
class TorchChoice:
    """What pip is asked for."""

    requirement: str = ""
    """``torch==2.13.0+cpu``; empty for an engine without torch."""
    device: str = ""
    """The build that this is; empty where pip did not say what it has."""
    hashed: bool = True
    """False: no list knows its hash."""
    note: str = ""
    """What a person should know about the choice."""
    instead: TorchChoice | None = None
    """What is taken where this one's hash is not known."""


def described(text: str) -> TorchBuild:
    """The build that a ``torch/version.py`` describes."""
    said = dict(_SAID.findall(text))
    device = ROCM if said.get("hip") else CUDA if said.get("cuda") else CPU
    return TorchBuild(said.get("__version__", ""), device)


def installed_torch(environment: Path) -> TorchBuild | None:
    """The torch of an environment; None without one."""
    for path in environment.glob("lib/python*/site-packages/torch/version.py"):
        return described(path.read_text(encoding="utf-8"))
    return None


def downloaded_torch(wheels: Path) -> TorchBuild | None:
    """The torch among wheels, with the version that pip knows it by; None without one.

    Raises:
        EngineStartFailed: its wheel cannot be read.
    """
    for wheel in wheels.glob("torch-*.whl"):
        try:
            with zipfile.ZipFile(wheel) as archive:
                build = described(archive.read("torch/version.py").decode())
            return replace(build, version=wheel.name.split("-")[1])
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise EngineStartFailed(f"{wheel} cannot be read: {error}", "make the bundle again") from error
    return None


def offered_versions(said: str, version: str) -> list[str]:
    """The builds of one version in what ``pip index versions torch`` printed."""
    found = _VERSIONS.search(said)
    rows = found[1].split(", ") if found else []
    return [each for each in map(str.strip, rows) if each == version or each.startswith(f"{version}+")]


def choose(version: str, offered: Sequence[str], asked: str, gpu: bool) -> TorchChoice:
    """The build to ask pip for.

    Args:
        version: what the list pins, without a local part.
        offered: the builds of it that pip has.
        asked: one of ``DEVICES``.
        gpu: this machine has an NVIDIA driver.

    Raises:
        EngineStartFailed: pip does not have the build that was asked for.
    """
    if not offered:
        return TorchChoice(f"torch=={version}")
    choices = _choices(version, offered)
    if asked != "auto":
        if asked not in choices:
            raise _absent(version, offered, asked)
        return choices[asked]
    if CPU in choices:
        note = "this machine has an NVIDIA GPU, and pip is set up for torch's CPU build: --device cuda takes the other"
        return replace(choices[CPU], note=note if gpu else "", instead=choices.get(CUDA))
    if CUDA in choices:
        note = (
            "pip offers torch only as its larger CUDA build, which runs on this machine's CPU too; for the small one, "
        )
        return replace(choices[CUDA], note="" if gpu else note + CPU_REMEDY)
    raise _absent(version, offered, "cpu or cuda")


def _choices(version: str, offered: Sequence[str]) -> Mapping[str, TorchChoice]:
    """Device -> what to ask for. ``===`` takes no local part: pip counts 2.13.0+cpu as a 2.13.0."""
    found = {}
    if f"{version}+cpu" in offered:
        found[CPU] = TorchChoice(f"torch=={version}+cpu", CPU)
    if version in offered:
        found[CUDA] = TorchChoice(f"torch==={version}", CUDA)
    for each in offered:
        if each.startswith(f"{version}+rocm") and ROCM not in found:
            note = f"torch {each} is taken without checking its hash: no list knows it"
            found[ROCM] = TorchChoice(f"torch=={each}", ROCM, hashed=False, note=note)
    return found


def _absent(version: str, offered: Sequence[str], asked: str) -> EngineStartFailed:
    remedies = {
        CPU: f"{CPU_REMEDY}; or leave --device away: the CUDA build runs on a CPU too",
        CUDA: "give pip's configuration a package index that has the CUDA build, or use --device cpu",
        ROCM: "give pip's configuration torch's ROCm builds (pytorch.org, Get Started) as extra-index-url, then run it again",
    }
    has = ", ".join(offered)
    return EngineStartFailed(
        f"pip does not offer torch {version} for {asked}: it has {has}", remedies.get(asked, CPU_REMEDY)
    )
