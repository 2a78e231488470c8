"""What holds for every tracked file: words, sizes, links, docstrings, lengths."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOSTS = tuple(
    "".join(parts)
    for parts in (
        ("py", "pi.org"),
        ("py", "pi.python.org"),
        ("pythonh", "osted.org"),
        ("download.", "pytorch.org"),
        ("registry.", "npmjs"),
        ("anaconda", ".org"),
        ("crates", ".io"),
        ("proxy.", "golang.org"),
        ("rubygems", ".org"),
        ("--index", "-url http"),
        ("--extra-index", "-url http"),
    )
)
"""Package registries by host, each in two parts: this file is tracked too."""
PLACES = re.compile(r"(?<![\w.~-])/(?:" + "|".join(("home", "root", "Users", "work")) + r")/[\w.-]+/?")
MADE_UP = re.compile(r"/home/(?:me|you|user|someone|somebody|alice|bob|x|u)\b")
"""Homes in examples belong to nobody."""
BIGGEST = 1_000_000
IMPORT_NAMES = {"nvidia-ml-py": "pynvml", "ruamel-yaml": "ruamel", "webvtt-py": "webvtt"}
POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{[0-9,]+\})\+|\(\?>")
LINK = re.compile(r"\[[^\]\[]*\]\(([^)\s]+)\)")


def tracked(*patterns: str) -> list[Path]:
    """Files of the index that are on the disk."""
    names = subprocess.check_output(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, text=True).split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


if not (ROOT / ".git").exists():
    pytest.skip("no git checkout: nothing is tracked", allow_module_level=True)

TEXTS = [path for path in tracked() if b"\0" not in path.read_bytes()[:4096]]
SOURCES = [path for path in tracked("*.py", "bin/test", "bin/demod-voice") if path.suffix in (".py", "")]
LIMITED = [path for path in SOURCES if path.parts[len(ROOT.parts)] in ("demod_voice", "backends", "bin", "tools")]
PAGES = tracked("*.md")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def hosts(text: str) -> list[str]:
    """Package registries that are named."""
    return [host for host in HOSTS if host in text.lower()]


def places(text: str) -> list[str]:
    """Absolute paths of somebody's machine."""
    return [found for found in PLACES.findall(text) if not MADE_UP.match(found)]


def test_no_file_names_a_package_registry():
    assert {name_of(path): found for path in TEXTS if (found := hosts(path.read_text()))} == {}


def test_no_file_names_a_folder_of_somebodys_machine():
    assert {name_of(path): found for path in TEXTS if (found := places(path.read_text()))} == {}


def test_no_file_is_big():
    assert [name_of(path) for path in tracked() if path.stat().st_size > BIGGEST] == []


def test_every_module_says_what_it_is_for():
    assert [name_of(path) for path in SOURCES if not has_docstring(path.read_text())] == []


def test_no_pattern_has_a_possessive_group():
    """Python up to 3.11.4 matches them wrongly (CPython issues 101955 and 106052); a possessive set is right."""
    assert {name_of(path): found for path in SOURCES if (found := POSSESSIVE_GROUP.findall(path.read_text()))} == {}


def has_docstring(text: str) -> bool:
    """An empty ``__init__`` has nothing to say."""
    return not text.strip() or ast.get_docstring(ast.parse(text)) is not None


def lines_of_code(text: str) -> int:
    """Lines that are neither empty, nor a comment, nor part of a docstring."""
    tree = ast.parse(text)
    words: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            words.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    rows = enumerate(text.splitlines(), 1)
    return sum(1 for number, row in rows if row.strip() and not row.strip().startswith("#") and number not in words)


def long_functions(text: str, most: int = 80) -> Iterator[str]:
    """Functions of more than ``most`` lines, without their docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documented = ast.get_docstring(node) is not None
            first = node.body[1 if documented and len(node.body) > 1 else 0]
            length = (node.end_lineno or node.lineno) - first.lineno + 1
            if length > most:
                yield f"{node.name}: {length} lines"


def test_files_have_less_than_400_lines_of_code():
    lengths = {name_of(path): lines_of_code(path.read_text()) for path in LIMITED}
    assert {name: length for name, length in lengths.items() if length >= 400} == {}


def test_functions_have_less_than_80_lines():
    assert {name_of(path): found for path in LIMITED if (found := list(long_functions(path.read_text())))} == {}


def test_most_functions_are_short():
    every = [found for path in LIMITED for found in long_functions(path.read_text(), 0)]
    over = [found for path in LIMITED for found in long_functions(path.read_text(), 40)]
    assert len(over) <= 0.05 * len(every), over


@pytest.mark.parametrize("name", ["bin/demod-voice", "bin/test", ".ci/run"])
def test_commands_can_be_started(name):
    assert (ROOT / name).read_text().startswith("#!/usr/bin/env ")
    assert os.access(ROOT / name, os.X_OK)
    assert subprocess.check_output(["git", "ls-files", "-s", name], cwd=ROOT, text=True).startswith("100755")


def test_the_changelog_has_a_place_for_the_next_change():
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_mit():
    text = (ROOT / "LICENSE").read_text()
    assert "MIT License" in text
    assert "WITHOUT WARRANTY OF ANY KIND" in text
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "MIT"


@pytest.mark.parametrize("name", [".ci/run", ".github/workflows/ci.yml"])
def test_ci_calls_the_command_that_everybody_calls(name):
    assert "bin/test" in (ROOT / name).read_text()


def links(page: Path) -> list[tuple[str, Path]]:
    """Links of a page to files of the repository; code is no link."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    inner = [link for link in LINK.findall(text) if not link.startswith(("http:", "https:", "mailto:", "#"))]
    return [(link, (page.parent / link.partition("#")[0]).resolve()) for link in inner]


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as the web page makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """Links to files, and to headings, that are not there."""
    faults = []
    for link, target in links(page):
        heading = link.partition("#")[2]
        if not target.exists() or (heading and target.suffix == ".md" and heading not in anchors(target)):
            faults.append(link)
    return faults


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page):
    assert broken(page) == []


def test_every_page_is_linked_from_another():
    reached = {target for page in PAGES for _, target in links(page) if target != page}
    reached |= {target / "README.md" for target in reached}
    lost = [page for page in tracked("docs/*.md") if page not in reached and not in_a_command(page)]
    assert [name_of(page) for page in lost] == []


def in_a_command(page: Path) -> bool:
    """An example script is named in a command of another page."""
    return any(f" {name_of(page)} " in other.read_text() for other in PAGES if other != page)


def test_every_dependency_is_imported():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    used = set()
    for path in (ROOT / "demod_voice").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                used.add((node.module or "").split(".")[0])
    names = [re.split(r"[<>=!~ ;]", row)[0].lower().replace("_", "-").replace(".", "-") for row in asked]
    assert [name for name in names if IMPORT_NAMES.get(name, name.replace("-", "_")) not in used] == []


def test_a_registry_and_a_home_are_found():
    assert hosts("see https://" + "py" + "pi.org/simple") == [HOSTS[0]]
    assert hosts("see https://github.com/somebody") == []
    assert places("open('/" + "root/.config/x')") == ["/" + "root/.config/"]
    assert places("mount /" + "work/main, /" + "home/jane/x") == ["/" + "work/main", "/" + "home/jane/"]
    assert places("/home/me/voices and ~/work/voices and a/home/b and https://x.org/work/a") == []


def test_code_and_length_are_measured():
    text = (
        '"""Two\nlines."""\n\n# a comment\nx = 1\n\n\ndef f():\n    """Say."""\n    y = """a\n    b"""\n    return y\n'
    )
    assert lines_of_code(text) == 5
    assert list(long_functions(text, 2)) == ["f: 3 lines"]
    assert list(long_functions(text, 3)) == []
    assert not has_docstring("x = 1")


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "a.md"
    page.write_text(
        "# One\n## The `b` part\n[x](b.md) [y](a.md#one) [z](a.md#two) `[q](c.md)` [w](https://x.org) [p](a.md#the-b-part)"
    )
    assert broken(page) == ["b.md", "a.md#two"]
