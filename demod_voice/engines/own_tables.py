"""The tables of an engine.toml whose keys are the engine's own: ``[options.NAME]`` and ``[language_chars]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from demod_voice.engines.types import EngineOption

Tell = Callable[[str, str], None]
"""Told (the word that is wrong, what is wrong with it)."""
_OPTION_KEYS: Mapping[str, type] = {"default": str, "doc": str, "choices": list, "audible": bool}


def own_tables(document: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """The fields of ``EngineInfo`` that these tables give."""
    found: dict[str, Any] = {}
    options = document.get("options", {})
    if isinstance(options, dict):
        found["options"] = MappingProxyType({name: _option(name, table, tell) for name, table in options.items()})
    chars = document.get("language_chars", {})
    if isinstance(chars, dict):
        wrong = [name for name, most in chars.items() if type(most) is not int or most < 1]
        for name in wrong:
            tell(name, f"language_chars: {name} must be a whole number of at least 1, got {chars[name]!r}")
        found["language_chars"] = MappingProxyType({name: most for name, most in chars.items() if name not in wrong})
    return found


def _option(name: str, table: Any, tell: Tell) -> EngineOption:
    values = table if isinstance(table, dict) else {}
    for key in values:
        if not isinstance(values[key], _OPTION_KEYS.get(key, object)) or key not in _OPTION_KEYS:
            tell(key, f"option {name}: {key} = {values[key]!r} is not understood")
    if not isinstance(values.get("default"), str) or not isinstance(values.get("doc"), str):
        tell(f"[options.{name}]", f"option {name} needs a default and a doc, both text")
    option = EngineOption(
        default=str(values.get("default", "")),
        doc=str(values.get("doc", "")),
        choices=tuple(map(str, values.get("choices", ()))),
        audible=bool(values.get("audible", True)),
    )
    if option.choices and option.default not in option.choices:
        tell(f"[options.{name}]", f"option {name}: its default {option.default!r} is none of its choices")
    return option
