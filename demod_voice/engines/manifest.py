"""Read an ``engine.toml``: what an engine is, what it can do, and every fault of the file at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from demod_worker.messages import OPERATIONS

from demod_voice.engines.own_tables import own_tables
from demod_voice.engines.python_range import python_fits
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import Fault, FaultsError

FILE = "engine.toml"
NAME = re.compile(r"[a-z][a-z0-9]*")
DETERMINISM = ("bytes", "same-batch", "none")
HONOURS = ("speed", "pitch", "volume", "phonemes")
_LEAST = {
    "output_version": 1,
    "max_chars": 0,
    "max_batch": 1,
    "install_mb": 0,
    "cancel_grace_s": 0.0,
    "words_per_minute": 1.0,
    "input_rate": 0,
    "memory_mb": 0,
    "gpu_memory_mb": 0,
    "cuda_mb": 0,
}
GPU_MEMORY_LIMITS = ("torch", "onnxruntime", "placement")

_FIELDS: Mapping[str, Mapping[str, tuple[type, str]]] = {
    "": {
        "name": (str, "name"),
        "summary": (str, "summary"),
        "version": (str, "version"),
        "output_version": (int, "output_version"),
        "command": (list, "command"),
        "embedded": (bool, "embedded"),
    },
    "capabilities": {
        "operations": (list, "operations"),
        "languages": (list, "languages"),
        "normalises_text": (bool, "normalises_text"),
        "max_chars": (int, "max_chars"),
        "max_batch": (int, "max_batch"),
        "determinism": (str, "determinism"),
        "seeded": (bool, "seeded"),
        "clones": (bool, "clones"),
        "needs_model": (bool, "needs_model"),
        "words_per_minute": (float, "words_per_minute"),
        "streams": (bool, "streams"),
        "word_times": (bool, "word_times"),
        "honours": (list, "honours"),
        "styles": (list, "styles"),
        "cancel_grace_s": (float, "cancel_grace_s"),
        "gpu": (bool, "gpu"),
        "context": (bool, "context"),
        "input_rate": (int, "input_rate"),
    },
    "model": {
        "default": (str, "default_model"),
        "places": (list, "model_places"),
    },
    "resources": {
        "memory_mb": (int, "memory_mb"),
        "gpu_memory_mb": (int, "gpu_memory_mb"),
        "gpu_memory_limit": (str, "gpu_memory_limit"),
    },
    "environment": {
        "install_mb": (int, "install_mb"),
        "python": (str, "python_range"),
        "drop": (list, "drop"),
        "drop_cpu": (list, "drop_cpu"),
        "torch": (bool, "torch"),
        "cuda_mb": (int, "cuda_mb"),
    },
    "licence": {
        "code": (str, "licence"),
        "model": (str, "model_licence"),
        "source": (str, "model_source"),
        "requires_acceptance": (bool, "requires_acceptance"),
    },
}
"""Section -> key -> (TOML type, field of ``EngineInfo``)."""

_TABLES = ("options", "language_chars")
"""Tables whose keys are the engine's own."""
_REQUIRED = ("name", "summary", "version", "output_version", "operations")


def read_engine(folder: Path) -> EngineInfo:
    """The engine in ``folder``.

    Raises:
        FaultsError: every fault of its engine.toml, with lines.
    """
    path = folder / FILE
    try:
        return _engine(folder, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FaultsError(str(path), [Fault(None, f"cannot be read: {error}")]) from error


@lru_cache(maxsize=128)
def _engine(folder: Path, text: str) -> EngineInfo:
    """The engine that ``text`` describes; parsed once, for a batch asks for it at each voice of its rows."""
    document = tomllib.loads(text)
    faults: list[Fault] = []
    values = _values(document, text, faults)
    _check(values, folder, text, faults)
    if faults:
        raise FaultsError(str(folder / FILE), faults)
    return EngineInfo(folder=folder, **values)


def _values(document: Mapping[str, Any], text: str, faults: list[Fault]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for section in _FIELDS:
        top = {key: value for key, value in document.items() if not isinstance(value, dict)}
        table: Any = document.get(section, {}) if section else top
        if not isinstance(table, dict):
            faults.append(Fault(_line(text, section), f"[{section}] must be a table"))
            continue
        for key, value in table.items():
            _take(section, key, value, text, values, faults)
    for name in document:
        if isinstance(document[name], dict) and name not in (*_FIELDS, *_TABLES):
            faults.append(Fault(_line(text, f"[{name}]"), f"unknown table [{name}]", _near(name, [*_FIELDS, *_TABLES])))
    values |= own_tables(document, lambda word, message: faults.append(Fault(_line(text, word), message)))
    return values


def _take(section: str, key: str, value: Any, text: str, values: dict[str, Any], faults: list[Fault]) -> None:
    known = _FIELDS[section]
    if key not in known:
        faults.append(Fault(_line(text, key), f"unknown key {key!r}", _near(key, known)))
        return
    kind, field = known[key]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    wrong_list = kind is list and isinstance(value, list) and not all(isinstance(each, str) for each in value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)) or wrong_list:
        wanted = "a list of strings" if kind is list else kind.__name__
        faults.append(Fault(_line(text, key), f"{key} must be {wanted}, got {value!r}"))
        return
    values[field] = tuple(each for each in value) if isinstance(value, list) else value


def _check(values: Mapping[str, Any], folder: Path, text: str, faults: list[Fault]) -> None:
    faults += [Fault(None, f"{each} is missing") for each in _REQUIRED if each not in values]
    name: str | None = values.get("name")
    if name is not None and not NAME.fullmatch(name):
        faults.append(Fault(_line(text, "name"), f"name {name!r} is not like [a-z][a-z0-9]*"))
    elif name is not None and name != folder.name:
        faults.append(Fault(_line(text, "name"), f"name {name!r} is not its folder's name {folder.name!r}"))
    for operation in values.get("operations", ()):
        if operation not in OPERATIONS:
            faults.append(
                Fault(_line(text, "operations"), f"unknown operation {operation!r}", _near(operation, OPERATIONS))
            )
    if values.get("determinism", "none") not in DETERMINISM:
        faults.append(Fault(_line(text, "determinism"), f"determinism is one of {', '.join(DETERMINISM)}"))
    _check_forms(values, text, faults)


def _check_forms(values: Mapping[str, Any], text: str, faults: list[Fault]) -> None:
    """Values of the right type that still mean nothing."""
    if not values.get("command", ("{python}",)):
        faults.append(Fault(_line(text, "command"), "command is empty", 'for example ["{python}", "worker.py"]'))
    for each in values.get("honours", ()):
        if each not in HONOURS:
            faults.append(Fault(_line(text, "honours"), f"honours: {each!r} is none of {', '.join(HONOURS)}"))
    if values.get("gpu_memory_limit", "placement") not in GPU_MEMORY_LIMITS:
        among = ", ".join(GPU_MEMORY_LIMITS)
        faults.append(Fault(_line(text, "gpu_memory_limit"), f"gpu_memory_limit is one of {among}"))
    for pattern in (*values.get("drop", ()), *values.get("drop_cpu", ())):
        if pattern.startswith("/") or ".." in pattern.split("/") or not pattern.strip("*/"):
            faults.append(Fault(_line(text, "drop"), f"drop: {pattern!r} is not a pattern below site-packages"))
    for key, least in _LEAST.items():
        if values.get(key, least) < least:
            faults.append(Fault(_line(text, key), f"{key} is at least {least}, got {values[key]}"))
    try:
        python_fits(values.get("python_range", ""), (3, 11))
    except ValueError as error:
        faults.append(Fault(_line(text, "python"), f"python: {error}"))


def _line(text: str, word: str) -> int | None:
    pattern = re.compile(rf"^\s*{re.escape(word)}\s*(=|$|\])")
    return next(
        (number for number, row in enumerate(text.splitlines(), 1) if pattern.match(row) or row.strip() == word), None
    )


def _near(word: str, known: Any) -> str | None:
    found = get_close_matches(word, [each for each in known if each], n=1)
    return f"did you mean {found[0]}?" if found else None
