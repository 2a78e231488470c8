"""Every lock file is the whole list, exact and hashed, names no index, and agrees with what was asked for."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
CUDA_LIST = "requirements-cuda.txt"
LOCKS = sorted([*ROOT.glob("requirements*.txt"), *ROOT.glob("backends/*/requirements*.txt")])
WHOLE = [path for path in LOCKS if path.name != CUDA_LIST]
TORCH = sorted(path.parent for path in WHOLE if re.search(r"^torch==", path.read_text(), re.MULTILINE))
NAMES = [str(path.relative_to(ROOT)) for path in LOCKS]
UNWANTED = {"docopt", "colorama", "httpx2-jsfetch"}
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
@pytest.mark.parametrize("path", WHOLE, ids=[str(path.relative_to(ROOT)) for path in WHOLE])
def test_what_is_asked_for_is_locked_once_at_a_fitting_version(path, python, tool):
    locked = pins(path, python) | (
        pins(path.with_name(CUDA_LIST), python) if path.with_name(CUDA_LIST) in LOCKS else {}
    )
    assert [name for name, versions in locked.items() if len(versions) > 1] == []
    _, asked = tool.requirements(path)
    assert asked
    assert missing(asked, locked, python) == []


def test_every_engine_with_requirements_has_a_lock():
    for source in ROOT.glob("backends/*/requirements.in"):
        assert source.with_suffix(".txt") in LOCKS


@pytest.mark.parametrize("python", PYTHONS)
def test_the_tests_run_with_the_versions_of_the_core(python):
    core, ray, tests = (pins(ROOT / f"requirements{which}.txt", python) for which in ("", "-ray", "-test"))
    assert {name: ray.get(name) for name in core} == core
    assert {name: tests.get(name) for name in ray} == ray
    assert "ray" in set(ray) - set(core)


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
    assert sorted(tool.targets()) == WHOLE
    assert shutil.which("uv") or pins(ROOT / "requirements-test.txt").get("uv"), "tools/lock.py needs it"


def test_the_neural_engines_are_locked_with_one_torch():
    assert {"xtts", "csm", "ecapa", "demucs"} <= {folder.name for folder in TORCH}
    assert {version for folder in TORCH for version in pins(folder / "requirements.txt")["torch"]} == {
        Version("2.13.0")
    }


@pytest.mark.parametrize("folder", TORCH, ids=lambda folder: folder.name)
def test_torch_is_locked_with_the_hash_of_its_cpu_build_too(folder, tool):
    text = (folder / "requirements.txt").read_text()
    row = re.search(r"^torch==\S+ \\\n(    --hash=\S+( \\\n)?)+", text, re.MULTILINE).group()
    (digest,) = tool.EXTRA_HASHES["torch==2.13.0"]
    assert f"--hash=sha256:{digest}" in row
    assert row.count("--hash") > 1
    assert text.splitlines()[1] == "# Linux x86-64 only, Python 3.11 to 3.13."


@pytest.mark.parametrize("folder", TORCH, ids=lambda folder: folder.name)
def test_the_cuda_list_has_what_cuda_adds_and_nothing_else_has_it(folder, tool):
    plain, cuda = pins(folder / "requirements.txt"), pins(folder / CUDA_LIST)
    assert not [name for name in plain if tool.CUDA.match(f"{name}==")]
    assert not [name for name in cuda if not tool.CUDA.match(f"{name}==")]
    # torch 2.13.0's CUDA build asks for these by name, at one version each.
    asked = "cuda-bindings cuda-toolkit triton nvidia-cudnn-cu13 nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvshmem-cu13"
    assert {*asked.split(), "nvidia-cublas", "nvidia-cuda-runtime"} <= set(cuda)


def test_recognition_has_the_cuda_12_that_ctranslate2_loads():
    cuda = pins(ROOT / "backends" / "whisper" / CUDA_LIST)
    assert {version.major for version in cuda["nvidia-cublas-cu12"]} == {12}
    assert {version.major for version in cuda["nvidia-cudnn-cu12"]} == {9}


@pytest.mark.parametrize("path", [path for path in LOCKS if path.name == CUDA_LIST], ids=lambda path: path.parent.name)
def test_a_cuda_list_repeats_nothing_of_the_whole_list(path):
    assert not set(pins(path)) & set(pins(path.with_name("requirements.txt")))


def test_what_is_left_out_is_not_locked(tool):
    for source in ROOT.glob("backends/*/requirements.in"):
        rows = [row for row in source.read_text().splitlines() if row.startswith(tool.LEFT_OUT)]
        left_out = " ".join(row.removeprefix(tool.LEFT_OUT) for row in rows).split()
        assert not set(left_out) & set(pins(source.with_suffix(".txt")))
    assert "six" in pins(ROOT / "backends" / "xtts" / "requirements.txt"), "coqui-tts imports it undeclared"


def test_rows_lose_the_markers_that_hold_for_the_whole_list_and_gain_hashes(tool):
    always = "python_full_version < '3.14' and platform_machine == 'x86_64' and sys_platform == 'linux'"
    rows = [
        f"torch==2.13.0 ; {always} \\",
        "    --hash=sha256:ff",
        "b==1 ; python_full_version >= '3.12' and " + always,
    ]
    rows += ["    --hash=1", f"c==3 ; {always} \\", "    --hash=2"]
    (digest,) = tool.EXTRA_HASHES["torch==2.13.0"]
    said = f"{tool.LINUX}\n{tool.LEFT_OUT} c d\n"
    assert tool.locked_rows(rows, said) == [
        f"torch==2.13.0 \\\n    --hash=sha256:{digest} \\\n    --hash=sha256:ff",
        "b==1 ; python_full_version >= '3.12' \\\n    --hash=1",
    ]
    assert (
        tool.short("a==1 ; sys_platform == 'linux' or extra == 'x'") == "a==1 ; sys_platform == 'linux' or extra == 'x'"
    )


@pytest.mark.parametrize("folder", TORCH, ids=lambda folder: folder.name)
def test_an_engine_with_torch_says_so_and_what_cuda_adds(folder):
    manifest = tomllib.loads((folder / "engine.toml").read_text())["environment"]
    assert manifest["torch"] is True
    assert manifest["python"] == ">=3.11,<3.14"
    # Measured: the CUDA build of torch and its libraries take 4.8 GB beside what is 0.95 GB with the CPU build.
    assert manifest["cuda_mb"] == 3900
    torchaudio = "torchaudio" in pins(folder / "requirements.txt")
    assert (manifest.get("drop_cpu") == ["torchaudio/lib/*.so"]) is torchaudio
