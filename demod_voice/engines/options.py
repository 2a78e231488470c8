"""The settings that only one engine has: ``engines.<name>.options``, checked against its engine.toml."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from demod_voice.config.settings import EngineSettings, Settings
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import UsageError


def options_of(info: EngineInfo, settings: Settings) -> dict[str, str]:
    """The value of every option of the engine: as set, else its default.

    Raises:
        UsageError: an option that it does not have, or a value that it cannot have.
    """
    named = settings.engines.named.get(info.name)
    found = {name: option.default for name, option in info.options.items()}
    for text in named.options if named is not None else ():
        name, _, value = text.partition("=")
        found[name.strip()] = _checked(info, name.strip(), value.strip())
    return found


def with_option(settings: Settings, engine: str, name: str, value: str) -> Settings:
    """The settings with one option of an engine changed; ``options_of`` checks it."""
    own = settings.engines.named.get(engine, EngineSettings())
    changed = replace(own, options=(*own.options, f"{name}={value}"))
    return replace(settings, engines=replace(settings.engines, named={**settings.engines.named, engine: changed}))


def audible_options(info: EngineInfo, settings: Settings) -> dict[str, str]:
    """The options that are part of what a take is made of and differ from their default."""
    own = options_of(info, settings)
    return {
        name: value
        for name, value in sorted(own.items())
        if info.options[name].audible and value != info.options[name].default
    }


def _checked(info: EngineInfo, name: str, value: str) -> str:
    where = f"engines.{info.name}.options"
    option = info.options.get(name)
    if option is None:
        close = get_close_matches(name, info.options, n=1)
        known = f"it has {', '.join(sorted(info.options))}" if info.options else "it has none"
        raise UsageError(
            f"{where}: engine {info.name} has no option {name!r}", f"did you mean {close[0]}?" if close else known
        )
    if option.choices and value not in option.choices:
        raise UsageError(f"{where}: {name} is one of {', '.join(option.choices)}, not {value!r}")
    return value
