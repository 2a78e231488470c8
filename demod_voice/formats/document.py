"""YAML and JSON with the line of every value, and typed reading that collects faults."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from demod_voice.errors import Fault


class Place:
    """A mapping of a document, with where it stands.

    Args:
        values: key -> value.
        lines: key -> 1-based line.
        line: of the mapping itself.
        faults: where what is wrong is put.
        name: for messages, as in ``speakers.Ada``.
    """

    def __init__(
        self, values: Mapping[str, Any], lines: Mapping[str, int], line: int | None, faults: list[Fault], name: str = ""
    ) -> None:
        self.values = values
        self.lines = lines
        self.line = line
        self.faults = faults
        self.name = name

    def line_of(self, key: str) -> int | None:
        """Where a key stands."""
        return self.lines.get(key, self.line)

    def fault(self, key: str, message: str, hint: str | None = None) -> None:
        """Put down what is wrong with a key's value."""
        self.faults.append(Fault(self.line_of(key), message, hint))

    def path(self, key: str) -> str:
        """The key's full name."""
        return f"{self.name}.{key}" if self.name else key

    def text(self, key: str, default: str = "") -> str:
        """A string; numbers and dates are taken as they are written."""
        value = self.values.get(key)
        if value is None:
            return default
        if isinstance(value, (dict, list, bool)):
            self.fault(key, f"{self.path(key)} must be text, got {_kind(value)}")
            return default
        return str(value)

    def number(self, key: str, default: float, least: float, most: float) -> float:
        """A number within limits."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fault(key, f"{self.path(key)} must be a number, got {value!r}")
            return default
        if not least <= value <= most:
            self.fault(key, f"{self.path(key)} is {value}, and must be between {least:g} and {most:g}")
            return default
        return float(value)

    def whole(self, key: str, least: int, most: int) -> int | None:
        """A whole number within limits, or None when it is not given."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(key, f"{self.path(key)} must be a whole number from {least} to {most}, got {value!r}")
            return None
        return int(value)

    def items(self, key: str) -> list[Any]:
        """A list."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            self.fault(key, f"{self.path(key)} must be a list, got {_kind(value)}")
            return []
        return value

    def inner(self, key: str) -> Place | None:
        """A mapping below this one, or None when it is absent or something else."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fault(key, f"{self.path(key)} must be a mapping, got {_kind(value)}")
            return None
        return place_of(value, self.faults, self.path(key), self.line_of(key))

    def only(self, known: Iterable[str]) -> None:
        """Put down every key that is not known, with the nearest one that is."""
        names = list(known)
        for key in self.values:
            if key not in names:
                near = get_close_matches(str(key), names, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
                self.fault(key, f"unknown key {self.path(str(key))}", hint)


def place_of(value: Any, faults: list[Fault], name: str = "", line: int | None = None, shift: int = 0) -> Place:
    """A loaded mapping as a place; keys that are not text become text."""
    marks = getattr(value, "lc", None)
    lines: dict[str, int] = {}
    for key in value:
        if marks is not None and marks.data and key in marks.data:
            lines[str(key)] = marks.data[key][0] + 1 + getattr(value, "_shift", shift)
    return Place({str(key): each for key, each in value.items()}, lines, line, faults, name)


def load_yaml(text: str, shift: int, faults: list[Fault]) -> Any:
    """A YAML document whose mappings know their lines; ``shift`` lines stand before it in the file."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    loader = YAML(typ="rt", pure=True)
    try:
        return _shifted(loader.load(text), shift)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 + shift if mark is not None else None
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        faults.append(Fault(line, f"YAML: {problem}"))
    except (ValueError, RecursionError) as error:
        faults.append(Fault(None, f"YAML: {error}"))
    return None


def load_json(text: str, faults: list[Fault]) -> Any:
    """A JSON document; its mappings know their lines where YAML can read the same text (nearly always)."""
    try:
        plain = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        faults.append(Fault(getattr(error, "lineno", None), f"JSON: {getattr(error, 'msg', error)}"))
        return None
    unheard: list[Fault] = []
    marked = load_yaml(text.replace("\t", " "), 0, unheard)
    return plain if unheard else marked


def _shifted(value: Any, shift: int) -> Any:
    """Note on every mapping how many lines stand before its document."""
    if isinstance(value, dict):
        value._shift = shift  # type: ignore[attr-defined]
        for each in value.values():
            _shifted(each, shift)
    elif isinstance(value, list):
        for each in value:
            _shifted(each, shift)
    return value


def plain(value: Any) -> Any:
    """A loaded value as ordinary JSON values."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else str(value)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)
