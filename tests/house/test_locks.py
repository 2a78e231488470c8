"""Every lock file is the whole list, exact and hashed, names no index, and agrees with what was asked for."""

from __future__ import annotations

import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted([*ROOT.glob("requirements*.txt"), *ROOT.glob("backends/*/requirements*.txt")])
NAMES = [str(path.relative_to(ROOT)) for path in LOCKS]
UNWANTED = {"docopt", "colorama"}
PIN = re.compile(r"(?P<name>[a-z0-9]+(-[a-z0-9]+)*)==(?P<version>[a-z0-9.!]+)( ; (?P<marker>[^\\]+))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
PYTHONS = ("3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def tool():
    """tools/lock.py as a module."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import lock
    finally:
        sys.path.pop(0)
    return lock


def faults(text: str) -> list[str]:
    """Every row that is neither a pin, a hash of it, nor a comment; and every pin without a hash."""
    found, waiting = [], ""
    for number, row in enumerate(text.splitlines(), 1):
        if PIN.fullmatch(row):
            if waiting:
                found.append(f"{waiting} has no hash")
            waiting = row.split("==")[0]
        elif HASH.fullmatch(row):
            waiting = ""
        elif not row.startswith("# ") or "//" in row:
            found.append(f"line {number}: {row}")
    return found + ([f"{waiting} has no hash"] if waiting else [])


def pins(path: Path, python: str = "") -> dict[str, set[Version]]:
    """Name -> versions; with ``python``, those that this version of Python gets on 64-bit Linux."""
    here = {"python_full_version": f"{python}.0", "python_version": python, "platform_machine": "x86_64"}
    found: dict[str, set[Version]] = {}
    for row in path.read_text().splitlines():
        match = PIN.fullmatch(row)
        if match:
            asked = Requirement(row.removesuffix(" \\"))
            if not python or asked.marker is None or asked.marker.evaluate(here):
                found.setdefault(canonicalize_name(asked.name), set()).add(Version(match["version"]))
    return found


def missing(asked: list[str], locked: dict[str, set[Version]], python: str) -> list[str]:
    """What was asked for and is not locked at a version that satisfies it."""
    here = {"python_full_version": f"{python}.0", "python_version": python, "platform_machine": "x86_64"}
    needed = [each for each in map(Requirement, asked) if each.marker is None or each.marker.evaluate(here)]
    return [
        str(each)
        for each in needed
        if not any(each.specifier.contains(version) for version in locked.get(canonicalize_name(each.name), ()))
    ]


@pytest.mark.parametrize("path", LOCKS, ids=NAMES)
def test_every_row_is_an_exact_pin_or_its_hash(path):
    assert faults(path.read_text()) == []
    assert "+cpu" not in path.read_text()


@pytest.mark.parametrize("path", LOCKS, ids=NAMES)
def test_no_unwanted_package_is_locked(path, tool):
    assert set(tool.UNWANTED) == UNWANTED
    assert not UNWANTED & set(pins(path))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("path", LOCKS, ids=NAMES)
def test_what_is_asked_for_is_locked_once_at_a_fitting_version(path, python, tool):
    locked = pins(path, python)
    assert [name for name, versions in locked.items() if len(versions) > 1] == []
    _, asked = tool.requirements(path)
    assert asked
    assert missing(asked, locked, python) == []


def test_every_engine_with_requirements_has_a_lock():
    for source in ROOT.glob("backends/*/requirements.in"):
        assert source.with_suffix(".txt") in LOCKS


@pytest.mark.parametrize("python", PYTHONS)
def test_the_tests_run_with_the_versions_of_the_core(python):
    core, tests = pins(ROOT / "requirements.txt", python), pins(ROOT / "requirements-test.txt", python)
    assert {name: tests.get(name) for name in core} == core


def test_the_environment_holds_what_the_lock_says_and_no_more():
    (site,) = (ROOT / ".venv" / "lib").glob("python*/site-packages")
    python = site.parent.name.removeprefix("python")
    found = {canonicalize_name(each.name): Version(each.version) for each in metadata.distributions(path=[str(site)])}
    installed = {name: {version} for name, version in found.items() if name not in ("pip", "setuptools")}
    assert installed == pins(ROOT / "requirements.txt", python)


@pytest.mark.parametrize(
    "text",
    [
        "numpy>=2.0 \\\n    --hash=sha256:" + "a" * 64,
        "numpy==2.0",
        "numpy==2.0 \\\nscipy==1.0 \\\n    --hash=sha256:" + "a" * 64,
        "numpy==2.0 \\\n    --hash=md5:" + "a" * 32,
        "--index-url somewhere",
        "torch==2.0+cpu \\\n    --hash=sha256:" + "a" * 64,
        "# see https://somewhere",
        "numpy @ file:numpy.whl",
    ],
)
def test_a_loose_row_is_found(text):
    assert faults(text)


def test_a_pin_that_does_not_fit_is_found():
    locked = {"numpy": {Version("2.4.6")}}
    assert missing(["numpy>=2.2"], locked, "3.11") == []
    assert missing(["numpy>=3", "scipy"], locked, "3.11") == ["numpy>=3", "scipy"]
    assert missing(["scipy ; python_version < '3.10'"], locked, "3.11") == []


@pytest.mark.parametrize("name", ["vad", "pocketsphinx"])
def test_a_list_without_dependencies_holds_what_is_asked_for_alone(name, tool):
    path = ROOT / "backends" / name / "requirements.txt"
    assert tool.ALONE in path.with_suffix(".in").read_text()
    assert set(pins(path)) == {canonicalize_name(Requirement(each).name) for each in tool.requirements(path)[1]}


def test_unwanted_packages_are_taken_out_with_their_hashes(tool):
    rows = ["a==1 \\", "    --hash=1", "docopt==2 \\", "    --hash=2", "b==1 \\", "    --hash=3"]
    assert list(tool.wanted_rows(rows)) == ["a==1 \\", "    --hash=1", "b==1 \\", "    --hash=3"]


def test_the_lock_tool_makes_every_lock_there_is(tool):
    assert sorted(tool.targets()) == [path for path in LOCKS if path.name != "requirements-cuda.txt"]
    assert shutil.which("uv") or pins(ROOT / "requirements-test.txt").get("uv"), "tools/lock.py needs it"
