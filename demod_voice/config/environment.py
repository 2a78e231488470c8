"""Settings from ``DEMOD_VOICE_*`` variables: ``DEMOD_VOICE_EPISODE__PAUSES__LINE_MS`` is ``episode.pauses.line_ms``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demod_voice.config import schema
from demod_voice.config.values import BadValue, from_text
from demod_voice.errors import Fault

PREFIX = "DEMOD_VOICE_"
CONFIG_VARIABLE = "DEMOD_VOICE_CONFIG"
"""Path of the settings file, where it is not the usual one."""
PROGRAM_VARIABLES = frozenset(
    {
        CONFIG_VARIABLE,
        "DEMOD_VOICE_BOOTSTRAPPED",
        "DEMOD_VOICE_COMMAND",
        "DEMOD_VOICE_EXTRAS",
        "DEMOD_VOICE_SETUP_WITHOUT_UV",
    }
)
"""Variables with the prefix that are no settings, but the program's own."""


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, tuple[Any, str]], list[Fault]]:
    """Dotted key -> (value, variable) of every setting in ``environ``, and what is wrong there."""
    found: dict[str, tuple[Any, str]] = {}
    faults: list[Fault] = []
    for variable in sorted(environ):
        upper = variable.upper()
        if not upper.startswith(PREFIX) or upper in PROGRAM_VARIABLES:
            continue
        name = upper.removeprefix(PREFIX).lower().replace("__", ".")
        try:
            found[name] = (_value(name, environ[variable], found), variable)
        except BadValue as error:
            faults.append(Fault(None, f"{variable}: {error.message}", error.hint))
    return found, faults


def variable_of(name: str) -> str:
    """The variable that sets the key called ``name``."""
    return PREFIX + name.replace(".", "__").upper()


def _value(name: str, text: str, found: Mapping[str, tuple[Any, str]]) -> Any:
    key = schema.find(name)
    if key is None:
        raise BadValue("there is no such setting", _did_you_mean(name))
    if name in found:
        raise BadValue(f"{found[name][1]} sets the same setting", "keep one of the two")
    return from_text(key, text)


def _did_you_mean(name: str) -> str | None:
    near = schema.nearest(name)
    if near is None:
        return None
    return f"did you mean {variable_of(near)}?" + ("" if schema.find(near) else " (a section: it holds settings)")
