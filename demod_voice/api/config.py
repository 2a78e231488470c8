"""Settings: load them, show where each comes from, write and change the settings file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_voice.config import schema
from demod_voice.config.editing import commented_file, require_key, set_value
from demod_voice.config.file import read_file, require
from demod_voice.config.folders import cache_folder, config_folder, data_folder, state_folder
from demod_voice.config.loading import Loaded, load, load_settings, parse_assignments, settings_path
from demod_voice.config.reference import reference
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.errors import UsageError
from demod_voice.records.atomic import output_error, replacing, write_text
from demod_voice.records.lock import locked

__all__ = [
    "Folders",
    "Loaded",
    "Setting",
    "Settings",
    "check_allowed",
    "check_settings_file",
    "config_reference",
    "folders",
    "get_setting",
    "init_settings_file",
    "list_settings",
    "load",
    "load_settings",
    "parse_assignments",
    "set_setting",
    "settings_path",
    "state_folder",
]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that is in force."""

    key: str
    """Dotted name."""
    value: Any
    origin: str
    """``default``, ``file:LINE``, ``env NAME`` or ``flag``."""
    doc: str


@dataclass(frozen=True, slots=True)
class Folders:
    """Where this program keeps what, on this machine."""

    settings: Path
    """The settings file."""
    data: Path
    cache: Path
    state: Path


def list_settings(loaded: Loaded, prefix: str = "") -> list[Setting]:
    """Every setting in force with its origin, or those of one key or section.

    Raises:
        UsageError: there is no such key or section.
    """
    found = [_setting(loaded, name, value) for name, value in schema.flatten(loaded.settings).items()]
    chosen = [each for each in found if not prefix or f"{each.key}.".startswith(f"{prefix}.")]
    if not chosen:
        require_key(prefix)
    return chosen


def get_setting(loaded: Loaded, name: str) -> Setting:
    """One setting in force.

    Raises:
        UsageError: there is no such key.
    """
    key = require_key(name)
    values = schema.flatten(loaded.settings)
    return _setting(loaded, name, values.get(name, key.default))


def set_setting(name: str, value: str, path: str | Path | None = None) -> Path:
    """Set one value in the settings file (made when missing) and return its path; comments and other values stay.

    Raises:
        UsageError: no such key, not a value of it, or a file that is wrong already: nothing was saved.
        OutputError: the file cannot be written.
    """
    target = _target(path)
    with _alone():
        _make_folder(target)
        text = _text_to_change(target) if target.exists() else ""
        _replace(target.resolve() if target.is_symlink() else target, set_value(text, name, value, str(target)))
    return target


def init_settings_file(path: str | Path | None = None, force: bool = False) -> Path:
    """Write a settings file with every key and its documentation, commented out; return its path.

    Raises:
        UsageError: it exists already and ``force`` is false.
        OutputError: it cannot be written.
    """
    target = _target(path)
    if target.exists() and not force:
        raise UsageError(f"{target} exists already", "--force writes it anew; nothing was changed")
    _make_folder(target)
    write_text(target, commented_file())
    return target


def check_settings_file(path: str | Path) -> int:
    """Check one settings file, whatever else is configured; return how many settings it makes.

    Raises:
        FaultsError: every fault of it.
        UsageError: it cannot be read.
    """
    content = read_file(Path(path))
    require(Path(path), content)
    return len(content.values)


def folders(path: str | Path | None = None) -> Folders:
    """The settings file and the folders of data, cache and state."""
    return Folders(_target(path), data_folder(), cache_folder(), state_folder())


def check_allowed(path: str | Path, settings: Settings) -> None:
    """Refuse a file outside ``paths.allowed_roots``.

    Raises:
        UsageError: it lies outside.
    """
    check_inside([Path(path)], settings.paths.allowed_roots)


def config_reference() -> str:
    """docs/config.md, made from the settings' own documentation."""
    return reference()


def _target(path: str | Path | None) -> Path:
    return settings_path() if path is None else Path(path).expanduser()


@contextmanager
def _alone() -> Iterator[None]:
    """One change of the settings file at a time, so that none is lost."""
    lock = state_folder() / "config.lock"
    with locked(lock):
        yield


def _text_to_change(path: Path) -> str:
    content = read_file(path)
    require(path, content)
    return path.read_bytes().decode("utf-8-sig")


def _replace(path: Path, text: str) -> None:
    """Write a settings file in place of another, with the same permissions."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())
        if path.exists():
            shutil.copymode(path, temporary)


def _make_folder(target: Path) -> None:
    """Make the program's own settings folder; a folder that the user named must exist."""
    if target.parent != config_folder():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(target, error) from error


def _setting(loaded: Loaded, name: str, value: Any) -> Setting:
    key = schema.find(name)
    return Setting(name, value, loaded.origins.get(name, "default"), key.doc if key else "")
