"""Make CTranslate2's CUDA 12 libraries known to it. Called by model.py, before CTranslate2 is imported for a GPU.

It looks for cuBLAS and cuDNN by name, and pip puts them in folders of their own, where no loader looks.
"""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from pathlib import Path

WANTED = ("cublas/lib/libcublasLt.so.12", "cublas/lib/libcublas.so.12", "cudnn/lib/libcudnn.so.9")
"""In this order: the second needs the first."""


def preload() -> tuple[str, ...]:
    """Load the libraries for the whole process; the names of those that are missing or do not load."""
    return tuple(name.rpartition("/")[2] for name in WANTED if not _loaded(name))


def _loaded(name: str) -> bool:
    for folder in _folders():
        try:
            ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return True
    try:
        ctypes.CDLL(name.rpartition("/")[2], mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


def _folders() -> list[Path]:
    """Where the ``nvidia`` packages of the environment are."""
    found = find_spec("nvidia")
    return [Path(each) for each in found.submodule_search_locations or ()] if found is not None else []
