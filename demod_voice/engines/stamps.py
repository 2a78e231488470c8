"""What an environment says of itself: ``stamp.json``, written last, so an environment without one is half made."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from demod_voice.engines.locked_list import CUDA_LIST, LIST
from demod_voice.engines.torch_build import CUDA
from demod_voice.engines.types import EngineInfo
from demod_voice.records.atomic import write_json
from demod_voice.records.hashing import hash_file

STAMP = "stamp.json"
_DISTRIBUTION = re.compile(r"(.+)-([^-]+)\.dist-info")


@dataclass(frozen=True, slots=True)
class Stamp:
    """One finished environment."""

    lock: str
    """SHA-256 of the list that it was made from; empty without one."""
    python: str
    """``3.11``"""
    drop: str = ""
    """Patterns of the files that were removed from every build."""
    drop_cpu: str = ""
    """The same, of builds without CUDA."""
    cuda_lock: str = ""
    """SHA-256 of the CUDA list, where it was installed."""
    device: str = ""
    """Build: ``cpu``, ``cuda`` or ``rocm``; empty where there is only one."""
    asked: str = "auto"
    """The ``--device`` that it was made with."""
    torch: str = ""
    """Version of torch with its local part; empty without torch."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Name -> version."""
    num_bytes: int = 0
    """Size on disk; 0 = not measured."""
    unhashed: tuple[str, ...] = ()
    """Packages that were taken without checking a hash."""


def wanted_stamp(info: EngineInfo) -> Stamp:
    """What a fresh environment of this program and this engine says, as far as that is known before it is made."""
    return Stamp(
        lock=_hash(info.folder / LIST),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        drop=" ".join(info.drop),
        drop_cpu=" ".join(info.drop_cpu),
        cuda_lock=_hash(info.folder / CUDA_LIST),
    )


def read_stamp(environment: Path) -> Stamp | None:
    """The stamp; None where there is none, or none that can be read."""
    try:
        said = json.loads((environment / STAMP).read_text(encoding="utf-8"))
        known = {each.name for each in fields(Stamp)}
        return Stamp(**{name: value for name, value in said.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def write_stamp(environment: Path, stamp: Stamp) -> None:
    """Write it, for every user to read."""
    write_json(environment / STAMP, asdict(stamp))
    (environment / STAMP).chmod(0o644)


def difference(stamp: Stamp, wanted: Stamp, shared: bool = False) -> str:
    """Why an environment is not the wanted one, in words; empty when it is.

    A ``shared`` one keeps the Python that it was made with, whatever this program runs on.
    """
    if stamp.lock != wanted.lock:
        return f"{LIST} has changed since it was made"
    if stamp.device == CUDA and stamp.cuda_lock != wanted.cuda_lock:
        return f"{CUDA_LIST} has changed since it was made"
    if stamp.python != wanted.python and not shared:
        return f"it was made for Python {stamp.python}, this is {wanted.python}"
    if (stamp.drop, stamp.drop_cpu) != (wanted.drop, wanted.drop_cpu):
        return "engine.toml asks for another one"
    return ""


def installed_packages(environment: Path) -> dict[str, str]:
    """Name -> version of every package that pip has put there, without pip itself; names as the lists write them."""
    found = {}
    for path in environment.glob("lib/python*/site-packages/*.dist-info"):
        match = _DISTRIBUTION.fullmatch(path.name)
        if match:
            found[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return {name: found[name] for name in sorted(found) if name != "pip"}


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _hash(path: Path) -> str:
    return hash_file(path) if path.is_file() else ""
