"""Settings from a YAML file, with the line of every key and of every fault. ruamel.yaml is imported only here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demod_voice.config import schema
from demod_voice.config.values import BadValue, from_yaml
from demod_voice.errors import Fault, FaultsError, UsageError

LARGEST = 1 << 20
"""Bytes; a file that is larger is no settings file."""


@dataclass(slots=True)
class FileContent:
    """What one settings file says."""

    values: dict[str, tuple[Any, int]] = field(default_factory=dict)
    """Dotted key -> (value, 1-based line)."""
    faults: list[Fault] = field(default_factory=list)


def read_file(path: Path) -> FileContent:
    """Read and check a settings file; its faults are collected, not raised.

    Raises:
        UsageError: it cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read the settings file {path}: {error.strerror or error}") from error
    return check_bytes(data)


def check_bytes(data: bytes) -> FileContent:
    """Check the bytes of a settings file."""
    if len(data) > LARGEST:
        return FileContent(faults=[Fault(None, f"larger than {LARGEST >> 20} MB, so it is no settings file")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return FileContent(faults=[Fault(line, f"not UTF-8: byte 0x{data[error.start]:02x}", "save the file as UTF-8")])
    return check_text(text)


def check_text(text: str) -> FileContent:
    """Check the text of a settings file."""
    content = FileContent()
    try:
        root = _compose(text)
    except _SyntaxFault as problem:
        content.faults.append(problem.fault)
        return content
    if root is None or _is_null(root):
        return content
    if not _is_mapping(root):
        content.faults.append(
            Fault(_line(root), "the file must hold `key: value` lines", "see: demod-voice config init")
        )
        return content
    _read_section(root, "", content)
    return content


def require(path: Path, content: FileContent) -> None:
    """Raise every fault of the file at once.

    Raises:
        FaultsError: there is one.
    """
    if content.faults:
        raise FaultsError(str(path), content.faults)


class _SyntaxFault(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def _compose(text: str) -> Any:
    """The node tree of the only document in ``text``; None when there is no document.

    Nodes, not values: they keep the line of each key, and of a key that stands twice both are seen.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        return YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise _SyntaxFault(Fault(line, f"not valid YAML: {error.problem or error.context}")) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _SyntaxFault(Fault(line, f"a character that YAML does not allow: {_character(error)}")) from error
    except (YAMLError, RecursionError, ValueError) as error:
        raise _SyntaxFault(Fault(None, f"not valid YAML: {str(error) or type(error).__name__}")) from error


def _character(error: Any) -> str:
    character = error.character
    return f"U+{character:04X}" if isinstance(character, int) else f"U+{ord(str(character)[:1] or ' '):04X}"


def _read_section(node: Any, prefix: str, content: FileContent) -> None:
    seen: dict[str, int] = {}
    for part, key_node, value_node in _entries(node):
        line, name = _line(key_node), prefix + part
        if part in seen:
            content.faults.append(
                Fault(line, f"{name} stands twice, first in line {seen[part]}", "keep one of the two")
            )
            continue
        seen[part] = line
        _read_entry(name, line, value_node, content)


def _read_entry(name: str, line: int, node: Any, content: FileContent) -> None:
    key = schema.find(name)
    if key is not None:
        try:
            content.values[name] = (from_yaml(key, _value(node)), line)
        except BadValue as error:
            content.faults.append(Fault(line, f"{name}: {error.message}", error.hint))
    elif _is_section(name, node):
        if _is_mapping(node):
            _read_section(node, f"{name}.", content)
        elif not _is_null(node):
            content.faults.append(Fault(line, f"{name} is a section: `key: value` lines, indented, stand below it"))
    else:
        content.faults.append(Fault(line, f"unknown key {name}", schema.suggestion(name)))


def _is_section(name: str, node: Any) -> bool:
    """A declared section; or an engine's, but only with something below it: else it is more likely a misspelled key."""
    return name in schema.sections() or (_is_mapping(node) and schema.is_section(name))


def _entries(node: Any) -> Iterator[tuple[str, Any, Any]]:
    for key_node, value_node in node.value:
        yield (str(key_node.value) if _is_scalar(key_node) else "?"), key_node, value_node


def _value(node: Any) -> Any:
    """The Python value of a node, lists and mappings one level deep: that is all a key can take."""
    if _is_scalar(node):
        return _scalar(node)
    if _is_mapping(node):
        return {part: None for part, _, _ in _entries(node)}
    return [_scalar(each) if _is_scalar(each) else [] for each in node.value]


def _scalar(node: Any) -> Any:
    """A scalar as YAML 1.2 types it; a tag that YAML does not know leaves the text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import ConstructorError

    try:
        return YAML(typ="safe", pure=True).constructor.construct_object(node)
    except (ConstructorError, ValueError):
        return str(node.value)


def _is_scalar(node: Any) -> bool:
    return str(node.id) == "scalar"


def _is_mapping(node: Any) -> bool:
    return str(node.id) == "mapping"


def _is_null(node: Any) -> bool:
    return _is_scalar(node) and _scalar(node) is None


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
