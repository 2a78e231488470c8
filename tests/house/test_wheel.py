"""The wheel brings the engines along, and works where it is installed: no checkout, an empty HOME."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import wave
import zipfile
from array import array
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINES = sorted(path.parent.name for path in ROOT.glob("backends/*/engine.toml"))


def build(*arguments: str, out: Path) -> Path:
    """The distribution that the build backend of pyproject.toml makes."""
    command = [sys.executable, "-m", "build", "--no-isolation", *arguments, "--outdir", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    (found,) = build("--wheel", str(ROOT), out=tmp_path_factory.mktemp("wheel")).glob("*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel) -> list[str]:
    return zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("file", ["engine.toml", "worker.py", "requirements.txt", "README.md"])
def test_the_wheel_holds_every_file_of_every_engine(names, engine, file):
    assert f"demod_voice/_backends/{engine}/{file}" in names


def test_the_wheel_holds_the_workers_sdk_for_both_sides(names):
    here = [path.name for path in (ROOT / "backends" / "_sdk" / "demod_worker").glob("*.py")]
    for folder in ("demod_worker", "demod_voice/_backends/_sdk/demod_worker"):
        assert {f"{folder}/{name}" for name in here} <= set(names)


def test_the_wheel_holds_every_module_and_nothing_else(names):
    pages = [path for kind in ("html", "css", "js", "svg") for path in (ROOT / "demod_voice").rglob(f"*.{kind}")]
    modules = {str(path.relative_to(ROOT)) for path in [*(ROOT / "demod_voice").rglob("*.py"), *pages]}
    assert modules <= set(names)
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"demod_voice", "demod_worker"}
    assert [name for name in names if "__pycache__" in name or "test" in name.lower() or name.endswith(".pyc")] == []


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (about,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
        (entry,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/entry_points.txt")]
    assert "License-Expression: MIT" in about
    assert "Requires-Python: >=3.11" in about
    assert "demod-voice = demod_voice.cli:main" in entry
    assert "piper-infer = demod_voice.cli:piper_infer" in entry


@pytest.mark.slow
def test_the_source_archive_makes_the_same_wheel(names, tmp_path):
    (archive,) = build("--sdist", str(ROOT), out=tmp_path / "sdist").glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path / "src")
    (source,) = (tmp_path / "src").iterdir()
    inside = [str(path.relative_to(source)) for path in source.rglob("*")]
    assert [
        name for name in inside if name.startswith((".venv", ".demod-voice", ".git/")) or "__pycache__" in name
    ] == []
    assert (source / "bin" / "demod-voice").is_file()
    (again,) = build("--wheel", str(source), out=tmp_path / "again").glob("*.whl")
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(names)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The console script of a fresh environment: the locked packages, then the wheel alone."""
    folder = tmp_path_factory.mktemp("fresh")
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.txt")], check=True)
    subprocess.run([*pip, str(wheel)], check=True)
    return folder / "bin" / "demod-voice"


def run(script: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run([str(script), *arguments], cwd=cwd, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_installed_program_finds_its_engines_and_speaks(installed, tmp_path, empty_home):
    version = run(installed, "--version", cwd=tmp_path)
    assert version.stdout.startswith("demod-voice "), version.stderr
    listed = run(installed, "engines", "list", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert all(f"\n{name} " in listed.stdout for name in ("espeak", "piper")), listed.stdout
    spoken = run(installed, "speak", "Hello", "-o", "x.wav", cwd=tmp_path)
    assert spoken.returncode == 0, spoken.stderr
    assert "installing engine espeak" in spoken.stderr
    with wave.open(str(tmp_path / "x.wav")) as file:
        sound = array("h", file.readframes(file.getnframes()))
        assert file.getnframes() > 0.2 * file.getframerate()
    assert max(sound) > 2000
    again = run(installed, "speak", "Hello", "-o", "y.wav", cwd=tmp_path)
    assert "installing" not in again.stderr
    assert (tmp_path / "y.wav").read_bytes() == (tmp_path / "x.wav").read_bytes()
    assert (empty_home / ".local/share/demod-voice/engines/espeak/stamp.json").is_file()
