"""Write and change the settings file: the commented file of ``config init``, and one value of ``config set``.

Texts go in and come out; ``demod_voice.api.config`` reads and writes the file.
"""

from __future__ import annotations

import io
from typing import Any

from demod_voice.config import schema
from demod_voice.config.file import check_text
from demod_voice.config.values import BadValue, from_text, limits_text
from demod_voice.errors import FaultsError, UsageError

WIDTH = 4096
"""Columns before ruamel.yaml would fold a line: never."""
_HEAD = """\
# Settings of demod-voice. Every line below is a default: remove the '#' before a key (and before the
# section that it stands in) to change it, or run: demod-voice config set KEY VALUE
# What is in force, and where it comes from: demod-voice config show
"""


def commented_file() -> str:
    """The text of a new settings file: every key with its documentation, all of it commented out."""
    lines = [_HEAD]
    open_section = ""
    for name, key in schema.keys().items():
        section, _, last = name.rpartition(".")
        if section != open_section:
            if _is_in_engines(open_section) and not _is_in_engines(section):
                lines += _engine_lines()
            lines += _section_lines(section, open_section)
            open_section = section
        indent = "  " * section.count(".") + ("  " if section else "")
        lines += [f"# {indent}# {key.doc} ({limits_text(key)})", f"# {indent}{last}: {yaml_text(key.default)}"]
    return "\n".join(lines) + "\n"


def set_value(text: str, name: str, value_text: str, source: str) -> str:
    """The settings file ``text`` with ``name`` set; every comment and every other value stays.

    Args:
        text: the file's text, or "" when there is none.
        name: dotted key.
        value_text: the value as a flag would give it.
        source: the file's name, for messages.

    Raises:
        UsageError: no such key, or a value that it cannot take.
        FaultsError: the file would still be wrong; it is to be mended by hand.
    """
    value = parse_value(name, value_text)
    before = check_text(text)
    if before.faults:
        raise FaultsError(source, before.faults, "mend these first: nothing was saved")
    changed = _changed(text, name, value)
    after = check_text(changed)
    if after.faults or after.values.get(name, (None,))[0] != value:
        raise UsageError(f"{source} cannot be changed by a program", f"set {name} by hand: nothing was saved")
    return changed


def parse_value(name: str, value_text: str) -> Any:
    """The value that a text means for a key.

    Raises:
        UsageError: no such key, or not a value of it.
    """
    key = require_key(name)
    try:
        return from_text(key, value_text)
    except BadValue as error:
        raise UsageError(f"{name}: {error.message}", error.hint) from error


def require_key(name: str) -> schema.Key:
    """The key called ``name``.

    Raises:
        UsageError: there is none; the hint names the nearest.
    """
    key = schema.find(name)
    if key is None:
        if schema.is_section(name):
            inside = [each for each in list(schema.keys()) if each.startswith(f"{name}.")]
            raise UsageError(
                f"{name} is a section", f"it holds: {', '.join(inside)}" if inside else f"try {name}.python"
            )
        raise UsageError(f"unknown key {name}", schema.suggestion(name) or "see: demod-voice config show")
    return key


def yaml_text(value: Any) -> str:
    """A value as YAML on one line: ``0.15``, ``''``, ``[a, 'b: c']``."""
    if value == ():
        return "[]"
    if value == "":
        return "''"
    stream = io.StringIO()
    _round_trip().dump({"k": _yaml_value(value)}, stream)
    return stream.getvalue().partition(":")[2].strip()


def _section_lines(section: str, before: str) -> list[str]:
    """The heads of ``section`` and of the parents that were not yet open."""
    lines: list[str] = []
    parts = section.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        if f"{before}.".startswith(f"{name}."):
            continue
        doc = schema.sections()[name].doc
        if depth == 1:
            lines.append("")
        lines += [f"# {'  ' * (depth - 1)}# {doc[0].upper()}{doc[1:]}."] if doc else []
        lines.append(f"# {'  ' * (depth - 1)}{parts[depth - 1]}:")
    return lines


def _is_in_engines(section: str) -> bool:
    return section.partition(".")[0] == "engines"


def _engine_lines() -> list[str]:
    lines = ["#   # One section for each engine that needs settings of its own, for example:", "#   # xtts:"]
    for key in schema.engine_keys():
        last = key.name.rpartition(".")[2]
        lines += [f"#   #   # {key.doc}", f"#   #   {last}: /opt/xtts/bin/python"]
    return lines


def _changed(text: str, name: str, value: Any) -> str:
    """A file without any value keeps its text, and gets the key at its end: the round trip would lose its comments."""
    from ruamel.yaml.error import YAMLError

    try:
        root = _round_trip().load(text)
        if not root:
            return _appended(text, name, value)
        node = root
        *parents, last = name.split(".")
        for part in parents:
            if node.get(part) is None:
                node[part] = {}
            node = node[part]
        _keep_comments(node, last)
        node[last] = _yaml_value(value)
        return _dumped(root)
    except (YAMLError, AttributeError, TypeError) as error:
        raise UsageError("the settings file cannot be changed by a program", f"set {name} by hand") from error


def _keep_comments(node: Any, name: str) -> None:
    """Hang the comments between a list's items, and those after it, on the list's key: the items will be gone."""
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    items = getattr(getattr(node.get(name), "ca", None), "items", {})
    texts = [token.value for _, slots in sorted(items.items()) for token in _tokens(slots)]
    if not texts:
        return
    indent = " " * node.lc.key(name)[1]
    slots = node.ca.items.setdefault(name, [None, None, None, None])
    head = slots[2].value if slots[2] is not None else "\n"
    rest = "".join(indent + text if text.startswith("#") else text.removeprefix("\n") for text in texts)
    slots[2] = CommentToken(head + rest, CommentMark(len(indent)))


def _tokens(slots: Any) -> list[Any]:
    """The comment tokens in the nested lists that ruamel.yaml keeps for one item."""
    if isinstance(slots, list):
        return [token for slot in slots for token in _tokens(slot)]
    return [] if slots is None else [slots]


def _appended(text: str, name: str, value: Any) -> str:
    nested: Any = _yaml_value(value)
    for part in reversed(name.split(".")):
        nested = {part: nested}
    head = text.rstrip("\n")
    return f"{head}\n\n{_dumped(nested)}" if head else _dumped(nested)


def _dumped(root: Any) -> str:
    stream = io.StringIO()
    _round_trip().dump(root, stream)
    return stream.getvalue()


def _yaml_value(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    from ruamel.yaml.comments import CommentedSeq

    items = CommentedSeq(value)
    items.fa.set_flow_style()
    return items


def _round_trip() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    return yaml
