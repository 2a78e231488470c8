"""What may stand in a dataset's rows: a dataset may come from anybody, and its rows name files that will be written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import MappingProxyType, NoneType
from typing import Any

from demod_voice.errors import UsageError

_KINDS: Mapping[str, tuple[Any, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, NoneType),
    "bool": (bool,),
    "tuple[str, ...]": (tuple,),
    "Mapping[str, Any]": (dict, MappingProxyType),
    "Mapping[str, str]": (dict, MappingProxyType),
}
"""A field's type as it is written -> what a value of it is."""
_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "float | None": "a number",
    "bool": "true or false",
}
_HEAD = {
    "name": "str",
    "created": "str",
    "sample_rate": "int",
    "encoding": "str",
    "split_method": "str",
    "reviews": "int",
    "settings": "Mapping[str, Any]",
    **dict.fromkeys(("recordings", "anchors", "parents", "notes", "skipped"), "list"),
}
"""Fields of ``dataset.json`` -> their types."""
_KNOWN: dict[type, tuple[tuple[str, str], ...]] = {}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SPLITS = ("train", "val", "test", "blocks", "")
MOST_NAME_BYTES = 200
"""Of an id: room for a suffix, and for what a temporary name puts before it."""


def check_row(value: Any, place: str) -> None:
    """See that every field of a row has its type, and that no name of it leads out of the dataset.

    Args:
        value: an instance of one of ``dataset_manifest``'s classes.
        place: file and line, for the message.

    Raises:
        UsageError: names the place, the field and the value.
    """
    for name, kind in _fields(type(value)):
        one = getattr(value, name)
        if not _fits(one, kind):
            raise UsageError(f"{place}: {name} is {_WORDS.get(kind, 'another thing')}, not {_short(one)}")
        if name in _RULES and not _RULES[name](one):
            raise UsageError(f"{place}: {name} cannot be {_short(one)}")
    if type(value).__name__ == "Anchor" and not is_name(value.name):
        raise UsageError(f"{place}: name cannot be {_short(value.name)}")


def check_head(data: Mapping[str, Any], place: str) -> None:
    """See that every field of ``dataset.json`` has its type.

    Raises:
        UsageError: names the place and the field.
    """
    for name, kind in _HEAD.items():
        fits = isinstance(data[name], list) if kind == "list" else _fits(data[name], kind)
        if not fits:
            raise UsageError(f"{place}: {name} is {_WORDS.get(kind, 'another thing')}, not {_short(data[name])}")


def is_name(text: str) -> bool:
    """True for what can be the name of a file in a folder, and of nothing outside it."""
    plain = text == text.strip() and not text.startswith(".") and text.isprintable()
    return bool(text) and plain and "/" not in text and "\\" not in text and len(text.encode()) <= MOST_NAME_BYTES


def _fields(cls: type) -> tuple[tuple[str, str], ...]:
    """Name and type of each field that is looked at; of each class found out once."""
    if cls not in _KNOWN:
        _KNOWN[cls] = tuple((each.name, str(each.type)) for each in fields(cls) if str(each.type) in _KINDS)
    return _KNOWN[cls]


def _fits(value: Any, kind: str) -> bool:
    found = type(value)
    if found not in _KINDS[kind]:
        return False
    if found is float:
        return math.isfinite(value)
    return all(isinstance(each, str) for each in value) if found is tuple else True


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_RULES: Mapping[str, Callable[[str], bool]] = {
    "id": is_name,
    "sha256": lambda text: bool(_SHA256.fullmatch(text)),
    "split": lambda text: text in _SPLITS,  # none: a row that no dataset has taken up
}
"""Field -> what it must be, wherever a row has it."""
