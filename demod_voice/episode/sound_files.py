"""The sound files that a script names: where they lie, and which of them are missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.errors import Fault, UsageError
from demod_voice.formats.script import Script


def sound_path(folder: Path, written: str) -> Path:
    """Where a sound file lies that a script names: relative to the script's folder."""
    return folder / written


def sound_files(script: Script, folder: Path) -> list[Path]:
    """Every recording and effect of a script."""
    return [sound_path(folder, written) for written, _ in _named(script)]


def media_faults(script: Script, folder: Path, settings: Settings) -> list[Fault]:
    """Every recording and effect that is no file, or that lies outside the allowed folders; each file is told once."""
    faults: dict[str, Fault] = {}
    for written, line in _named(script):
        if written not in faults and (fault := _fault(sound_path(folder, written), written, line, settings)):
            faults[written] = fault
    return list(faults.values())


def _named(script: Script) -> Iterator[tuple[str, int]]:
    """Each file that is named, and in which line."""
    for chapter in script.chapters:
        for paragraph in chapter.paragraphs:
            for line in paragraph.lines:
                yield from ((effect.path, effect.line) for effect in line.effects)
                if line.recording is not None:
                    yield line.recording.path, line.line
    yield from ((effect.path, effect.line) for effect in script.trailing_effects)


def _fault(path: Path, written: str, line: int, settings: Settings) -> Fault | None:
    try:
        check_inside([path], settings.paths.allowed_roots)
        if path.is_file():
            return None
        there = path.exists()
    except UsageError as error:
        return Fault(line, error.message, error.hint)
    except (OSError, ValueError) as error:
        return Fault(line, f"the sound file {written!r} cannot be read: {getattr(error, 'strerror', None) or error}")
    what = "is not a file" if there else "does not exist"
    return Fault(line, f"the sound file {written!r} {what}", "paths are relative to the script's folder")
