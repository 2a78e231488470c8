"""One value of one key: from text (a variable, a flag) or from YAML, checked against its type and limits."""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Callable
from typing import Any

from demod_voice.config.gpu_spec import EXAMPLES as GPU_EXAMPLES
from demod_voice.config.gpu_spec import parse_gpus, parse_numbers
from demod_voice.config.schema import ENGINE_NAME, Key
from demod_voice.units import parse_size

_INT = re.compile(r"[+-]?\d{1,40}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")
_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
KIND_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list of texts",
}


class BadValue(ValueError):
    """A value that a key cannot take.

    Args:
        message: what is wrong, with the value; does not name the key.
        hint: what to write instead.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def from_text(key: Key, text: str) -> Any:
    """The value that ``text`` (of a variable, a flag, ``config set``) means for ``key``.

    Raises:
        BadValue: it means none.
    """
    return _within_limits(key, _PARSERS[key.kind](text.strip()), text)


def from_yaml(key: Key, value: Any) -> Any:
    """The value of ``key``, given as a YAML value. Nothing is converted but a whole number where a number is due.

    Raises:
        BadValue: another type, or outside the limits.
    """
    if key.kind is float and type(value) is int:
        value = float(value)
    if key.kind is tuple and isinstance(value, (list, tuple)):
        value = _texts(value)
    elif type(value) is not key.kind:
        raise BadValue(f"{show(value)} is {_kind_of(value)}, expected {KIND_NAMES[key.kind]}", _type_hint(key, value))
    return _within_limits(key, value, value)


def check(key: Key, value: Any) -> Any:
    """As ``from_text`` for a string, as ``from_yaml`` for anything else: what the Python API gives.

    Raises:
        BadValue: the key cannot take it.
    """
    return from_text(key, value) if isinstance(value, str) else from_yaml(key, value)


def show(value: Any) -> str:
    """A value as it stands in YAML, shortened to 60 characters: ``true``, ``''``, ``[a, b]``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, (list, tuple)):
        text = f"[{', '.join(str(each) for each in value)}]"
    elif isinstance(value, dict):
        text = f"{{{', '.join(f'{name}: ...' for name in value)}}}"
    else:
        text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def limits_text(key: Key) -> str:
    """The type and limits of a key for people: ``whole number, 1 to 64``."""
    parts = [KIND_NAMES[key.kind].removeprefix("a ").replace("list of texts", "list")]
    form = key.limits.get("form")
    if form:
        parts[0] = _FORM_NAMES[form]
    if "choices" in key.limits:
        parts.append("one of " + ", ".join(str(choice) for choice in key.limits["choices"]))
    low, high = key.limits.get("minimum"), key.limits.get("maximum")
    if low is not None or high is not None:
        parts.append(_range_text(low, high))
    return ", ".join(parts)


def _range_text(low: Any, high: Any) -> str:
    if high is None:
        return f"at least {_number(low)}"
    return f"at most {_number(high)}" if low is None else f"{_number(low)} to {_number(high)}"


def _number(value: Any) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _within_limits(key: Key, value: Any, given: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadValue(f"{show(given)} is not a number")
    low, high, choices = (key.limits.get(name) for name in ("minimum", "maximum", "choices"))
    if choices is not None and value not in choices:
        raise BadValue(
            f"{show(given)} is not one of {', '.join(str(each) for each in choices)}", _closest(value, choices)
        )
    if (low is not None and value < low) or (high is not None and value > high):
        raise BadValue(f"{show(given)} is out of range: {_range_text(low, high)}")
    form = key.limits.get("form")
    if form is not None:
        _FORMS[form](value)
    return value


def _closest(value: Any, choices: Any) -> str | None:
    if isinstance(value, str):
        found = difflib.get_close_matches(value, choices, n=1)
        return f"did you mean {found[0]}?" if found else None
    return f"the nearest is {min(choices, key=lambda each: abs(each - value))}"


def _parse_int(text: str) -> int:
    if not _INT.fullmatch(text):
        raise BadValue(f"{show(text)} is not a whole number")
    return int(text)


def _parse_float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise BadValue(f"{show(text)} is not a number") from None
    if "_" in text:
        raise BadValue(f"{show(text)} is not a number")
    return number


def _parse_bool(text: str) -> bool:
    if text.lower() not in _WORDS:
        raise BadValue(f"{show(text)} is neither true nor false")
    return _WORDS[text.lower()]


def _parse_list(text: str) -> tuple[str, ...]:
    if text.startswith("["):
        return _parse_flow(text)
    parts = re.split(f"[,{re.escape(os.pathsep)}]", text)
    return tuple(part.strip() for part in parts if part.strip())


def _parse_flow(text: str) -> tuple[str, ...]:
    """A YAML flow list, for entries that hold a comma or a colon."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        raise BadValue(f"{show(text)} is not a YAML list", "for example [one, two]") from None
    if not isinstance(value, list):
        raise BadValue(f"{show(text)} is not a YAML list", "for example [one, two]")
    return _texts(value)


def _texts(values: Any) -> tuple[str, ...]:
    wrong = [each for each in values if not isinstance(each, str)]
    if wrong:
        raise BadValue(
            f"the list holds {show(wrong[0])}, which is {_kind_of(wrong[0])}, expected text", "write it in quotes"
        )
    return tuple(values)


def _type_hint(key: Key, value: Any) -> str | None:
    if key.kind is str and isinstance(value, (bool, int, float)):
        return f"write it in quotes: '{show(value)}'"
    if key.kind is str and isinstance(value, (list, tuple)):
        return f"write it in quotes: '{','.join(str(each) for each in value)}'"
    if key.kind is tuple and isinstance(value, str):
        return f"write it as a list: [{value}]"
    if key.kind is bool and isinstance(value, str) and value.lower() in _WORDS:
        return f"write {show(_WORDS[value.lower()])}"
    if key.kind in (int, float) and isinstance(value, str) and _INT.fullmatch(value):
        return "write it without quotes"
    return None


def _kind_of(value: Any) -> str:
    if value is None:
        return "empty"
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a section",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def _size(value: str) -> None:
    try:
        parse_size(value)
    except ValueError as error:
        raise BadValue(str(error)) from None


def _reads(parse: Callable[[str], Any], examples: str) -> Callable[[str], None]:
    def check_form(value: str) -> None:
        try:
            parse(value)
        except ValueError as error:
            raise BadValue(str(error), f"for example {examples}") from None

    return check_form


def _matches(pattern: re.Pattern[str], what: str, examples: str) -> Callable[[str], None]:
    def check_form(value: str) -> None:
        if not pattern.fullmatch(value):
            raise BadValue(f"{show(value)} is not {what}", f"for example {examples}")

    return check_form


_PARSERS: dict[type, Callable[[str], Any]] = {
    str: str,
    int: _parse_int,
    float: _parse_float,
    bool: _parse_bool,
    tuple: _parse_list,
}
_FORMS: dict[str, Callable[[str], None]] = {
    "size": _size,
    "language": _matches(_LANGUAGE, "a language tag", "en, pt-BR"),
    "device": _matches(_DEVICE, "a device", "auto, cpu, cuda:0"),
    "engine": _matches(ENGINE_NAME, "an engine's name", "espeak, piper"),
    "gpus": _reads(parse_gpus, GPU_EXAMPLES),
    "gpu numbers": _reads(parse_numbers, "1 or 1,3"),
}
_FORM_NAMES = {
    "size": "size, as 500MB",
    "language": "language tag",
    "device": "device",
    "engine": "engine name",
    "gpus": "choice of GPUs",
    "gpu numbers": "numbers of GPUs",
}
