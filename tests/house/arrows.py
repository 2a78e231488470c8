"""Who imports whom, read from the source: the walker behind test_imports.py."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "demod_voice"
ORDER = (
    ("__main__",),
    ("cli", "web", "api"),
    ("dataset", "training", "evaluation", "episode", "dubbing", "batch", "bench"),
    ("publish",),
    ("speech",),
    ("analysis",),
    ("voices", "models", "engines"),
    ("mix", "media"),
    ("audio",),
    ("formats",),
    ("text",),
    ("records",),
    ("config", "errors", "units"),
)
"""Every part, from top to bottom, and inside a row from left to right: a part imports only what comes later.

The order inside a row is what the parts do: a voice knows engines, mastering reads its files through media, settings
raise errors.
"""
APART = (ORDER[2], ("audio", "text"), ("cli", "web"))
"""Parts that never import each other."""
FRAMEWORKS = frozenset(
    {"torch", "torchaudio", "onnxruntime", "tensorflow", "jax", "ctranslate2", "transformers", "numba"}
)


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement, or a call of ``import_module`` with a name that can be read."""

    module: str
    """The importing module, dotted."""
    place: str
    """``file:line``."""
    target: str
    """What is imported, dotted; for ``from a import b`` it is ``a.b`` when that is a module, else ``a``."""
    top: bool
    """It runs when the module is imported."""


def module_name(path: Path, root: Path) -> str:
    """The dotted name of a source file below ``root``."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(root: Path, folder: Path) -> list[Import]:
    """Every import in the Python files of ``folder``; modules are named from ``root``."""
    files = {module_name(path, root): path for path in sorted(folder.rglob("*.py"))}
    found = []
    for module, path in files.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        late = _late_lines(tree)
        for node in ast.walk(tree):
            for target in _targets(node, module, path.name == "__init__.py", files):
                place = f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)}"
                found.append(Import(module, place, target, getattr(node, "lineno", 0) not in late))
    return found


def wrong_arrows(found: list[Import]) -> list[str]:
    """Arrows that point up, or between parts that never know each other; a part that is in no row counts too."""
    rank = {part: place for place, part in enumerate(part for row in ORDER for part in row)}
    faults = []
    for each in found:
        source, target = _part(each.module), _part(each.target)
        if not each.target.startswith(PROGRAM) or source == target or target == "":
            continue
        unknown = {source, target} - set(rank) - {""}
        apart = any(source in row and target in row for row in APART)
        if unknown:
            faults.append(f"{each.place}: {sorted(unknown)} is in no row of the table")
        elif source == "" or apart or rank[source] >= rank[target]:
            faults.append(f"{each.place}: {source or PROGRAM} may not import {target}")
    return faults


def cycle(found: list[Import]) -> list[str]:
    """A cycle of modules that import each other while they are imported, or nothing."""
    graph: dict[str, set[str]] = {}
    for each in found:
        if each.top and each.module != each.target:
            graph.setdefault(each.module, set()).add(each.target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def outside(found: list[Import], allowed: frozenset[str]) -> list[str]:
    """Imports of packages that are not in ``allowed`` (first part of the dotted name)."""
    return [f"{each.place}: {each.target}" for each in found if each.target.split(".")[0] not in allowed]


def frameworks(found: list[Import]) -> list[str]:
    """Imports of a machine learning framework."""
    return [f"{each.place}: {each.target}" for each in found if each.target.split(".")[0] in FRAMEWORKS]


def _part(module: str) -> str:
    """The part of the program that a module belongs to; empty for the package itself."""
    return [*module.split("."), ""][1] if module.startswith(PROGRAM) else module


def _late_lines(tree: ast.Module) -> set[int]:
    """Lines inside functions and below ``if TYPE_CHECKING``: they do not run at import."""
    late: set[int] = set()
    for node in ast.walk(tree):
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or typing_only:
            late.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return late


def _targets(node: ast.AST, module: str, package: bool, files: dict[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _base(node, module, package)
        for alias in node.names:
            yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in files else base
    elif isinstance(node, ast.Call) and node.args:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        text = _leading_text(node.args[0]) if name in ("import_module", "__import__") else ""
        if text:
            yield text.rstrip(".")


def _base(node: ast.ImportFrom, module: str, package: bool) -> str:
    """The absolute name behind ``from``."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    kept = parts[: len(parts) - node.level + package]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _leading_text(node: ast.expr) -> str:
    """What a string, or an f-string, surely begins with."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
