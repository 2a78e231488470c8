"""What a script inherits: the show that it belongs to, and the cast that the command line names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.errors import Fault, UsageError
from demod_voice.formats.inherited import Outer, read_cast
from demod_voice.formats.script import NO_SHOW
from demod_voice.formats.show_file import find_show, read_show


@dataclass(frozen=True, slots=True)
class Sources:
    """Files beside the script."""

    cast: Path | None = None
    """``--cast``: replaces or completes the script's speakers."""
    show: Path | None = None
    """``--show``; None = the nearest ``show.yaml`` beside the script or above it."""


NO_SOURCES = Sources()


def outer_of(script: Path, sources: Sources, settings: Settings) -> tuple[Outer, list[Fault]]:
    """What stands around a script, and what is wrong with it.

    Raises:
        UsageError: a file that was asked for lies outside the allowed folders.
    """
    roots = settings.paths.allowed_roots
    faults: list[Fault] = []
    check_inside([each for each in (sources.cast, sources.show) if each is not None], roots)
    path = sources.show or _nearest(script, roots)
    show = read_show(path, roots, faults) if path is not None else NO_SHOW
    cast = read_cast(sources.cast, faults) if sources.cast is not None else {}
    return Outer(script.parent, show, cast, roots), faults


def _nearest(script: Path, roots: tuple[str, ...]) -> Path | None:
    """The show of a script; one outside the allowed folders is none."""
    path = find_show(script)
    try:
        check_inside([path] if path is not None else [], roots)
    except UsageError:
        return None
    return path
