"""The folders that a program run by other people's requests may touch: ``paths.allowed_roots``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from demod_voice.errors import UsageError


def check_inside(paths: Iterable[Path], allowed_roots: Iterable[str]) -> None:
    """Refuse a path outside every allowed root; no roots means that everything is allowed.

    Links are followed first, so that a link inside a root cannot lead out of it.

    Raises:
        UsageError: names the first path that lies outside.
    """
    roots = [Path(root).expanduser().resolve() for root in allowed_roots]
    if not roots:
        return
    for path in paths:
        resolved = path.resolve()
        if not any(resolved.is_relative_to(root) for root in roots):
            names = ", ".join(str(root) for root in roots)
            raise UsageError(f"{path} lies outside the allowed folders", f"paths.allowed_roots allows only: {names}")
