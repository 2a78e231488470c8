"""Stands in for torchaudio, which speechbrain imports and this engine never calls.

Every torchaudio that the index has is built for CUDA and does not load beside a CPU torch. speechbrain looks names up in it
when it is imported; each of them is a module here, and calling one is an error.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAME = "torchaudio"
VERSION = "2.11.0"
"""The one that speechbrain 1.1.2 takes as new enough to have no choice of backends."""
ABSENT = ("list_audio_backends",)
"""Gone from that version."""


class _Stub(ModuleType):
    """A module whose every attribute is a module."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__spec__ = ModuleSpec(name, None)
        sys.modules[name] = self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ABSENT:
            raise AttributeError(name)
        return _Stub(f"{self.__name__}.{name}")

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{self.__name__} is not part of this engine")


def install() -> None:
    """Put the stub in torchaudio's place, before speechbrain is imported."""
    _Stub(NAME).__version__ = VERSION
