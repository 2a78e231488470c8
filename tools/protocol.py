"""Write the tables of docs/protocol.md from the dataclasses of the worker SDK, between the page's two markers.

    python tools/protocol.py            write the page
    python tools/protocol.py --check    say whether it is out of date, write nothing

The words of the fields are their docstrings in backends/_sdk/demod_worker/messages.py; they are read from the source,
because Python does not keep them.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "backends" / "_sdk" / "demod_worker" / "messages.py"
PAGE = ROOT / "docs" / "protocol.md"
BEGIN = "<!-- Made by `python tools/protocol.py` from backends/_sdk/demod_worker/messages.py; change them there. -->"
END = "<!-- end of what is made -->"
LISTS = {"OPERATIONS": "Operations", "ERROR_CODES": "Error codes", "ENCODINGS": "Encodings of audio"}
"""Constants of the module that the page lists -> what it calls them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; 1 when ``--check`` finds it out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    before = PAGE.read_text(encoding="utf-8")
    text = page(before, tables(SOURCE.read_text(encoding="utf-8")))
    if text == before:
        return 0
    print(f"{PAGE.name}: {'out of date' if check else 'written'}")
    if check:
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page(before: str, made: str) -> str:
    """The page with new tables between its markers."""
    head, found, rest = before.partition(BEGIN)
    _, closed, tail = rest.partition(END)
    if not found or not closed:
        raise SystemExit(f"{PAGE.name} has lost its markers:\n{BEGIN}\n{END}")
    return f"{head}{BEGIN}\n\n{made}\n{END}{tail}"


def tables(source: str) -> str:
    """The lists and one table for each dataclass, in the order of the file."""
    tree = ast.parse(source)
    parts = [f"**{LISTS[name]}:** {' '.join(f'`{each}`' for each in values)}\n" for name, values in _lists(tree)]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.dump(each) for each in node.decorator_list):
            parts.append(_table(node))
    return "\n".join(parts)


def _lists(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in LISTS:
            yield node.targets[0].id, list(ast.literal_eval(node.value))


def _table(node: ast.ClassDef) -> str:
    rows = [f"### {node.name}", "", _flat(ast.get_docstring(node) or ""), ""]
    rows += ["| field | type | default | what it is |", "|---|---|---|---|"]
    rows += [_row(field, words) for field, words in _fields(node)]
    return "\n".join([*rows, ""])


def _fields(node: ast.ClassDef) -> Iterator[tuple[ast.AnnAssign, str]]:
    """Each field with the docstring that follows it."""
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign):
            words = after.value if isinstance(after, ast.Expr) else None
            yield field, str(words.value) if isinstance(words, ast.Constant) else ""


def _row(field: ast.AnnAssign, words: str) -> str:
    default = f"`{_default(field.value)}`" if field.value is not None else "required"
    return f"| `{ast.unparse(field.target)}` | {_kind(field.annotation)} | {default} | {_flat(words)} |"


def _kind(hint: ast.expr) -> str:
    """A type as JSON has it; a dataclass by its name."""
    text = ast.unparse(hint)
    if text.startswith("Dict["):
        return "object"
    if isinstance(hint, ast.Subscript):
        inner = hint.slice.elts[0] if isinstance(hint.slice, ast.Tuple) else hint.slice
        return f"{_kind(inner)} or null" if text.startswith("Optional[") else f"list of {_kind(inner)}"
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}.get(text, f"`{text}`")


def _default(value: ast.expr) -> str:
    """A default as JSON has it: an empty list, an object, null."""
    text = ast.unparse(value)
    if text.startswith("field("):
        return "{}"
    return {"()": "[]", "None": "null", "True": "true", "False": "false", "''": '""'}.get(text, text.replace("'", '"'))


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    raise SystemExit(main())
