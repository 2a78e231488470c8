"""YAML and JSON with the line of every value, and typed reading that collects faults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import accumulate
from typing import Any

from demod_voice.errors import Fault
from demod_voice.units import parse_duration

MOST_SUGGESTIONS = 100
"""After so many faults no nearest name is looked for: it would take longer than reading."""
_DEEPEST = 200
_BRACKETS = re.compile(r"(?<!\\)[\[\]{}]")
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_JSON_TOKEN = re.compile(r'"((?:[^"\\]++|\\.)*)"(\s*+:)?|[{}\n]', re.DOTALL)


YAML_HINTS = (
    ("mapping values are not allowed", 'a value with a colon in it stands in quotes, as in  title: "One: two"'),
    ("scanning a quoted scalar", "a quote that is opened is closed in the same value"),
    ("'\\t'", "write spaces in place of the tab"),
    ("could not find expected ':'", "every row is  key: value"),
    ("expected ',' or ']'", "the list that begins with [ is closed with ]"),
    ("expected ',' or '}'", "the mapping that begins with { is closed with }"),
    ("undefined alias", "a value that begins with * stands in quotes"),
    ("cannot start any token", "put the value in quotes"),
)
"""Words of a YAML library's complaint -> what to write; the first that is found."""


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

    def language(self, key: str) -> str:
        """A BCP 47 tag, or nothing."""
        tag = self.text(key)
        if tag and not LANGUAGE_TAG.fullmatch(tag):
            self.fault(key, f"{self.path(key)} is {shown(tag)}, not a language tag", "as en or pt-BR")
            return ""
        return tag

    def number(self, key: str, default: float, least: float, most: float) -> float:
        """A number within limits."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fault(key, f"{self.path(key)} must be a number, got {shown(value)}")
            return default
        if not least <= value <= most:
            self.fault(key, f"{self.path(key)} is {shown(value)}, and must be between {least:g} and {most:g}")
            return default
        return float(value)

    def whole(self, key: str, least: int, most: int) -> int | None:
        """A whole number within limits, or None when it is not given."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(key, f"{self.path(key)} must be a whole number from {least} to {most}, got {shown(value)}")
            return None
        return int(value)

    def duration(self, key: str, default: float, most: float = 86400.0) -> float:
        """Seconds, from a number of seconds or a text such as ``800ms`` or ``01:12``."""
        value = self.values.get(key)
        if value is None:
            return default
        try:
            if isinstance(value, bool) or not isinstance(value, (str, int, float)):
                raise ValueError(f"{shown(value)} is not a duration (examples: 800ms, 1.5s, 2min, 01:12)")
            seconds = parse_duration(str(value))
            if seconds > most:
                raise ValueError(f"at most {most:g} s")
        except ValueError as error:
            self.fault(key, f"{self.path(key)}: {str(error)[:200]}")
            return default
        return seconds

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.fault(key, f"{self.path(key)} must be true or false, got {shown(value)}")
            return default
        return value

    def choice(self, key: str, default: str, known: Iterable[str]) -> str:
        """One of some words."""
        value = self.text(key, default)
        names = list(known)
        if value not in names:
            near = nearest(value, names, self.faults)
            hint = f"did you mean {near}?" if near else f"known: {', '.join(names)}"
            self.fault(key, f"{self.path(key)} is {shown(value)}", hint)
            return default
        return value

    def items(self, key: str) -> list[Any]:
        """A list."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            self.fault(key, f"{self.path(key)} must be a list, got {_kind(value)}")
            return []
        return value

    def inner(self, key: str, hint: str | None = None) -> Place | None:
        """A mapping below this one, or None when it is absent or something else; ``hint`` shows how to write it."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fault(key, f"{self.path(key)} must be a mapping, got {_kind(value)}", hint)
            return None
        return place_of(value, self.faults, self.path(key), self.line_of(key))

    def only(self, known: Iterable[str]) -> None:
        """Put down every key that is not known, with the nearest one that is."""
        names = list(known)
        for key in self.values:
            if key not in names:
                near = nearest(str(key), names, self.faults)
                hint = f"did you mean {near}?" if near else f"known: {', '.join(names)}"
                self.fault(key, f"unknown key {self.path(str(key)[:60])}", hint)


class Lined(dict[str, Any]):
    """A mapping of a JSON document."""

    key_lines: Mapping[str, int]
    """Key -> 1-based line."""


def place_of(value: Any, faults: list[Fault], name: str = "", line: int | None = None) -> Place:
    """A loaded mapping as a place; keys that are not text become text."""
    marks = getattr(value, "lc", None)
    lines: dict[str, int] = dict(getattr(value, "key_lines", {}))
    for key in value:
        if marks is not None and marks.data and key in marks.data:
            lines[str(key)] = marks.data[key][0] + 1 + getattr(value, "_shift", 0)
    return Place({str(key): each for key, each in value.items()}, lines, line, faults, name)


def load_yaml(text: str, shift: int, faults: list[Fault]) -> Any:
    """A YAML document whose mappings know their lines; ``shift`` lines stand before it in the file."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if max(accumulate(1 if each in "[{" else -1 for each in _BRACKETS.findall(text)), default=0) > _DEEPEST:
        faults.append(Fault(None, "YAML: nested too deeply"))
        return None
    loader = YAML(typ="rt", pure=True)
    try:
        return _shifted(loader.load(text), shift, set())
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 + shift if mark is not None else None
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        said = f"{getattr(error, 'context', None)} {problem}"
        hint = next((hint for words, hint in YAML_HINTS if words in said), None)
        faults.append(Fault(line, f"YAML: {' '.join(str(problem).split())[:200]}", hint))
    except RecursionError:
        faults.append(Fault(None, "YAML: nested too deeply"))
    except Exception as error:  # the library raises nearly anything on what it does not know
        faults.append(Fault(None, f"YAML: {str(error)[:200] or type(error).__name__}"))
    return None


def load_json(text: str, faults: list[Fault]) -> Any:
    """A JSON document whose mappings know their lines; a key that stands twice is a fault."""
    try:
        json.loads(text)
    except RecursionError:
        faults.append(Fault(None, "JSON: nested too deeply"))
        return None
    except ValueError as error:
        faults.append(Fault(getattr(error, "lineno", None), f"JSON: {getattr(error, 'msg', error)}"))
        return None
    keys = iter(_key_lines(text))

    def lined(pairs: list[tuple[str, Any]]) -> Lined:
        mapping = Lined(pairs)
        lines = next(keys)
        mapping.key_lines = {key: line for (key, _), line in zip(pairs, lines, strict=True)}
        seen: set[str] = set()
        for (key, _), line in zip(pairs, lines, strict=True):
            if key in seen:
                faults.append(Fault(line, f"JSON: the key {shown(key)} stands twice"))
            seen.add(key)
        return mapping

    return json.loads(text, object_pairs_hook=lined)


def _key_lines(text: str) -> list[list[int]]:
    """The lines of each mapping's keys, the mappings in the order in which they end; ``text`` is valid JSON."""
    line = 1
    open_: list[list[int]] = []
    ended: list[list[int]] = []
    for match in _JSON_TOKEN.finditer(text):
        if match[2] is not None:
            open_[-1].append(line)
        elif match[0] == "{":
            open_.append([])
        elif match[0] == "}":
            ended.append(open_.pop())
        line += match[0].count("\n")
    return ended


def _shifted(value: Any, shift: int, seen: set[int]) -> Any:
    """Note on every mapping how many lines stand before its document; refuse what stands in it twice (aliases)."""
    if isinstance(value, (dict, list)):
        if id(value) in seen:
            raise ValueError("aliases (*name) and merges (<<) of mappings and lists are not read: write them out")
        seen.add(id(value))
        if isinstance(value, dict):
            value._shift = shift  # type: ignore[attr-defined]
        for each in value.values() if isinstance(value, dict) else value:
            _shifted(each, shift, seen)
    return value


def nearest(name: str, known: Iterable[str], faults: list[Fault], cutoff: float = 0.6) -> str:
    """The known name that looks most like ``name``, or nothing."""
    if len(faults) > MOST_SUGGESTIONS or len(name) > 60:
        return ""
    folded = {each.casefold(): each for each in known}
    return next((folded[each] for each in get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)), "")


def shown(value: Any) -> str:
    """A value for a message, at most sixty characters of it."""
    try:
        written = repr(plain(value))
    except (ValueError, RecursionError):
        written = f"a {type(value).__name__}"
    return written if len(written) <= 60 else f"{written[:57]}..."


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
    return "a list" if isinstance(value, list) else shown(value)
