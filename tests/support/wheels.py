"""Wheels that a test makes: tiny, real enough for pip."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

TORCH = "__version__ = {version!r}\ndebug = False\ncuda: Optional[str] = {cuda!r}\nhip: Optional[str] = {hip!r}\n"
"""The lines of a torch/version.py that tell its build."""


def make_wheel(folder: Path, name: str, version: str, files: Mapping[str, str] | None = None) -> str:
    """A wheel for any Python; returns its SHA-256. ``files`` are path -> text."""
    folder.mkdir(parents=True, exist_ok=True)
    path, about = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    contents = dict(files or {f"{name}/__init__.py": f"VERSION = {version!r}\n"})
    contents[f"{about}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    contents[f"{about}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents[f"{about}/RECORD"] = ""
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in contents.items():
            archive.writestr(zipfile.ZipInfo(each), text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_torch(folder: Path, version: str, cuda: str | None = None, hip: str | None = None) -> str:
    """A wheel that tells of itself what torch's does; returns its SHA-256."""
    text = "from typing import Optional\n" + TORCH.format(version=version, cuda=cuda, hip=hip)
    return make_wheel(folder, "torch", version, {"torch/__init__.py": "", "torch/version.py": text})
