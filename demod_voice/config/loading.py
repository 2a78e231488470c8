"""Merge the four sources into one frozen ``Settings``: defaults, file, environment, flags; the later wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from demod_voice.config import schema
from demod_voice.config.environment import CONFIG_VARIABLE, read_environment
from demod_voice.config.file import read_file
from demod_voice.config.folders import config_folder
from demod_voice.config.settings import Settings
from demod_voice.config.values import BadValue, check
from demod_voice.errors import Fault, FaultsError, UsageError

FILE_NAME = "config.yaml"
Layer = dict[str, tuple[Any, str]]
"""Dotted key -> (value, origin)."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each of them comes from."""

    settings: Settings
    origins: Mapping[str, str]
    """Dotted key -> ``default``, ``file:LINE``, ``env NAME`` or ``flag``."""
    path: Path
    """The settings file, whether it exists or not."""


def load(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    path: str | Path | None = None,
) -> Loaded:
    """Read every source and merge them.

    Args:
        flags: dotted key -> value; a string is read as a variable's text is.
        environ: variables, by default the process's.
        path: the settings file; it must exist then. By default ``settings_path(environ)``, which need not.

    Raises:
        FaultsError: every fault of every source.
        UsageError: the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    source = settings_path(environ) if path is None else Path(path).expanduser()
    named = path is not None or CONFIG_VARIABLE in environ
    from_file, file_faults = _file_layer(source, named)
    from_environment, environment_faults = read_environment(environ)
    from_flags, flag_faults = _flag_layer(flags or {})
    _raise_faults([(str(source), file_faults), ("the environment", environment_faults), ("the flags", flag_faults)])
    environment_layer = {name: (value, f"env {variable}") for name, (value, variable) in from_environment.items()}
    merged = {**from_file, **environment_layer, **from_flags}
    settings = schema.build({name: value for name, (value, _) in merged.items()})
    return Loaded(settings, MappingProxyType(_origins(settings, merged)), source)


def load_settings(**flags: Any) -> Settings:
    """The settings alone. ``load_settings(seed=7, engines__default="piper")``: ``__`` stands for the dot.

    Raises:
        UsageError: as ``load``.
    """
    return load({name.replace("__", "."): value for name, value in flags.items()}).settings


def settings_path(environ: Mapping[str, str] | None = None) -> Path:
    """``$DEMOD_VOICE_CONFIG``, else ``$XDG_CONFIG_HOME/demod-voice/config.yaml``."""
    environ = os.environ if environ is None else environ
    named = environ.get(CONFIG_VARIABLE)
    return Path(named).expanduser() if named else config_folder(environ) / FILE_NAME


def parse_assignments(assignments: list[str]) -> dict[str, str]:
    """Dotted key -> text of ``KEY=VALUE`` words; of a key given twice the later wins.

    Raises:
        UsageError: a word without ``=``.
    """
    found: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: there is no '='", f"for example --set {name.strip() or 'seed'}=7")
        found[name.strip()] = text
    return found


def _file_layer(path: Path, required: bool) -> tuple[Layer, list[Fault]]:
    if not required and _is_absent(path):
        return {}, []
    content = read_file(path)
    return {name: (value, f"file:{line}") for name, (value, line) in content.values.items()}, content.faults


def _is_absent(path: Path) -> bool:
    """True when nothing is there. A link to nothing and a folder that may not be searched are no absence."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _flag_layer(flags: Mapping[str, Any]) -> tuple[Layer, list[Fault]]:
    layer: Layer = {}
    faults: list[Fault] = []
    for name, value in flags.items():
        key = schema.find(name)
        if key is None:
            faults.append(Fault(None, f"unknown key {name}", schema.suggestion(name)))
            continue
        try:
            layer[name] = (check(key, value), "flag")
        except BadValue as error:
            faults.append(Fault(None, f"{name}: {error.message}", error.hint))
    return layer, faults


def _raise_faults(sources: list[tuple[str, list[Fault]]]) -> None:
    """One error for all sources; the place moves into the message when there are several."""
    found = [(source, faults) for source, faults in sources if faults]
    if not found:
        return
    if len(found) == 1:
        raise FaultsError(*found[0])
    faults = [
        Fault(None, f"{source}:{each.line}: {each.message}" if each.line else each.message, each.hint)
        for source, each_faults in found
        for each in each_faults
    ]
    raise FaultsError("the settings", faults)


def _origins(settings: Settings, merged: Layer) -> dict[str, str]:
    return {name: merged[name][1] if name in merged else "default" for name in schema.flatten(settings)}
