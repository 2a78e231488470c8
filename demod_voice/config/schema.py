"""The keys of the configuration, read off the dataclasses of ``settings``: dotted name, type, limits, documentation."""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from demod_voice.config.settings import DEFAULTS, Engines, EngineSettings, Settings

ENGINE_NAME = re.compile(r"[a-z][a-z0-9]*")
"""Names of engines, and so of the sections ``engines.<name>``."""


@dataclass(frozen=True, slots=True)
class Key:
    """One setting."""

    name: str
    """Dotted: ``episode.pauses.line_ms``."""
    kind: type
    """``str``, ``int``, ``float``, ``bool`` or ``tuple`` (of strings)."""
    default: Any
    doc: str
    limits: Mapping[str, Any]
    """Of ``choices``, ``minimum``, ``maximum``, ``form``."""


@dataclass(frozen=True, slots=True)
class Section:
    """A group of settings: ``engines``, ``episode.pauses``."""

    name: str
    doc: str


@cache
def keys() -> Mapping[str, Key]:
    """Every declared key by its dotted name, in the order of the dataclasses."""
    return MappingProxyType({key.name: key for key in _keys_of(Settings, DEFAULTS, "")})


@cache
def sections() -> Mapping[str, Section]:
    """Every declared section by its dotted name."""
    return MappingProxyType({section.name: section for section in _sections_of(Settings, "")})


def find(name: str) -> Key | None:
    """The key called ``name``, declared or of an engine (``engines.xtts.python``); None when there is none."""
    return keys().get(name) or _engine_key(name)


def is_section(name: str) -> bool:
    """True for a declared section and for ``engines.<name>``."""
    return name in sections() or _engine_of(name) is not None


def nearest(name: str) -> str | None:
    """The key or section that was most likely meant by an unknown dotted name."""
    names = [*keys(), *sections(), *_engine_keys_like(name)]
    section, _, last = name.rpartition(".")
    beside = [each for each in names if each.rpartition(".")[0] == section and section]
    typo = difflib.get_close_matches(name, beside, n=1, cutoff=0.9)
    if typo:
        return typo[0]
    same = [each for each in names if each.rpartition(".")[2] == last]
    if same:
        return difflib.get_close_matches(name, same, n=1, cutoff=0.0)[0]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    return close[0] if close else _nearest_last(last, names)


def suggestion(name: str) -> str | None:
    """What to say about an unknown dotted name, or None."""
    section, _, last = name.rpartition(".")
    if section == "engines" and ENGINE_NAME.fullmatch(last.lower()) and last != last.lower():
        return "an engine's name is lower-case letters and digits"
    near = nearest(name)
    return f"did you mean {near}?" if near else None


def build(values: Mapping[str, Any]) -> Settings:
    """``Settings`` of dotted names -> checked values; what is missing is its default."""
    return typing.cast(Settings, _build(Settings, values, ""))


def flatten(settings: Settings) -> dict[str, Any]:
    """Dotted name -> value of every setting, those of named engines too, in the order of the dataclasses."""
    flat: dict[str, Any] = {}
    for name in keys():
        flat[name] = _value_at(settings, name)
    for engine, own in sorted(settings.engines.named.items()):
        for field in dataclasses.fields(EngineSettings):
            flat[f"engines.{engine}.{field.name}"] = getattr(own, field.name)
    return flat


def _keys_of(owner: type, default: Any, prefix: str) -> Iterator[Key]:
    for field, kind in _typed_fields(owner):
        value = getattr(default, field.name)
        if _is_dataclass(kind):
            yield from _keys_of(kind, value, f"{prefix}{field.name}.")
        elif "doc" in field.metadata:
            limits = {name: limit for name, limit in field.metadata.items() if name != "doc"}
            plain = typing.get_origin(kind) or kind
            yield Key(prefix + field.name, plain, value, field.metadata["doc"], MappingProxyType(limits))


def _sections_of(owner: type, prefix: str) -> Iterator[Section]:
    for field, kind in _typed_fields(owner):
        if _is_dataclass(kind):
            yield Section(prefix + field.name, _section_doc(kind))
            yield from _sections_of(kind, f"{prefix}{field.name}.")


def _is_dataclass(kind: Any) -> bool:
    return dataclasses.is_dataclass(kind)


def _section_doc(owner: type) -> str:
    """The dataclass's first line without the dotted name that it mentions."""
    first = (owner.__doc__ or "").strip().split("\n")[0]
    return re.sub(r":?\s*``[^`]*``", "", first, count=1).strip(" .:")


@cache
def _typed_fields(owner: Any) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    hints = typing.get_type_hints(owner)
    return tuple((field, hints[field.name]) for field in dataclasses.fields(owner))


def _build(owner: type, values: Mapping[str, Any], prefix: str) -> Any:
    arguments: dict[str, Any] = {}
    for field, kind in _typed_fields(owner):
        name = prefix + field.name
        if _is_dataclass(kind):
            arguments[field.name] = _build(kind, values, f"{name}.")
        elif name in values:
            arguments[field.name] = values[name]
    if owner is Engines:
        arguments["named"] = _named(values)
    return owner(**arguments)


def _named(values: Mapping[str, Any]) -> Mapping[str, EngineSettings]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if name not in keys() and _engine_key(name) is not None:
            _, engine, field = name.split(".")
            found.setdefault(engine, {})[field] = value
    return MappingProxyType({engine: EngineSettings(**own) for engine, own in sorted(found.items())})


def _value_at(settings: Settings, name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _engine_of(name: str) -> str | None:
    """``xtts`` of ``engines.xtts``, unless that is a declared key or section."""
    head, _, engine = name.partition(".")
    if head != "engines" or not ENGINE_NAME.fullmatch(engine) or name in keys() or name in sections():
        return None
    return engine


def _engine_key(name: str) -> Key | None:
    section, _, field = name.rpartition(".")
    if _engine_of(section) is None:
        return None
    own = _engine_fields().get(field)
    return None if own is None else dataclasses.replace(own, name=name)


@cache
def _engine_fields() -> Mapping[str, Key]:
    return {key.name: key for key in _keys_of(EngineSettings, EngineSettings(), "")}


def engine_keys() -> list[Key]:
    """The keys that every engine's section has, named ``engines.<name>.*``: for documentation."""
    return [dataclasses.replace(key, name=f"engines.<name>.{name}") for name, key in _engine_fields().items()]


def _engine_keys_like(name: str) -> list[str]:
    section = name.rpartition(".")[0]
    return [f"{section}.{field}" for field in _engine_fields()] if _engine_of(section) is not None else []


def _nearest_last(last: str, names: list[str]) -> str | None:
    by_last = {each.rpartition(".")[2]: each for each in names}
    close = difflib.get_close_matches(last, list(by_last), n=1, cutoff=0.75)
    return by_last[close[0]] if close else None
