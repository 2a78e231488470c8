"""What every test gets: an empty HOME, and the engines on request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from support.gpus import Machine

ROOT = Path(__file__).resolve().parents[1]
settings.register_profile("house", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def empty_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HOME with its XDG folders, and no setting from the environment."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("DEMOD_VOICE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for variable, folder in (
        ("CONFIG", ".config"),
        ("DATA", ".local/share"),
        ("CACHE", ".cache"),
        ("STATE", ".local/state"),
    ):
        monkeypatch.setenv(f"XDG_{variable}_HOME", str(home / folder))
    return home


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fake engine, found through ``engines.search_path`` and run by this interpreter; its folder."""
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(ROOT / "tests" / "fakes"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKE__PYTHON", sys.executable)
    return ROOT / "tests" / "fakes" / "fake"


@pytest.fixture
def espeak_engine(monkeypatch: pytest.MonkeyPatch, engine_python: Callable[[str], Path]) -> Path:
    """The espeak engine in an environment of its own; its interpreter."""
    python = engine_python("espeak")
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__ESPEAK__PYTHON", str(python))
    return python


@pytest.fixture(scope="session")
def engine_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The interpreter of an engine's environment, made once and kept between runs (``TEST_ENGINES_HOME``)."""
    home = Path(os.environ.get("TEST_ENGINES_HOME") or ROOT / ".venv-test" / "engines")

    def python(name: str) -> Path:
        given = os.environ.get(f"TEST_{name.upper()}_PYTHON")
        if given:
            return Path(given)
        code = (
            "import sys; from demod_voice.config import load_settings; from demod_voice.engines.locate import engine\n"
            "from demod_voice.engines.environments import install, environment_folder\n"
            f"s = load_settings(); i = engine({name!r}, s); install(i, s); print(environment_folder(i) / 'bin' / 'python')"
        )
        path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
        environ = {**os.environ, "XDG_DATA_HOME": str(home), "PYTHONPATH": path}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip().splitlines()[-1])

    return python


@pytest.fixture(scope="session")
def tiny_voice(engine_python: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Makes a tiny voice with the options of tiny_voice.py and returns its path; each is built once."""
    folder = tmp_path_factory.mktemp("voices")
    built: dict[str, str] = {}

    def make(**options: object) -> str:
        key = json.dumps(options, sort_keys=True)
        if key not in built:
            path = str(folder / f"tiny{len(built)}.onnx")
            command = [str(engine_python("piper")), str(ROOT / "tests" / "backends" / "tiny_voice.py"), path, key]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            built[key] = path
        return built[key]

    return make


@pytest.fixture(scope="session")
def tiny_model(engine_python: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes the tiny model of an engine (``tests/tiny/NAME.py FOLDER [MORE ...]``, run by the engine's interpreter).

    Returns its folder; each is built once, with random weights of a fixed seed.
    """
    folder = tmp_path_factory.mktemp("models")
    built: dict[tuple[str, ...], Path] = {}

    def make(name: str, *more: str) -> Path:
        key = (name, *more)
        if key not in built:
            path = folder / f"{name}{len(built)}"
            command = [str(engine_python(name)), str(ROOT / "tests" / "tiny" / f"{name}.py"), str(path), *more]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            built[key] = path
        return built[key]

    return make


@pytest.fixture
def small_disk(tmp_path: Path):
    """Mount a tmpfs of a few megabytes; skipped where that is not allowed (CI runs as root and does it)."""
    mounted: list[Path] = []

    def mount(megabytes: int) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"no tmpfs can be mounted here: {done.stderr.decode().strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a GPU, until ``machine.has(card(0), card(1))``."""
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def gpu_engine(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine, and the engine ``fakegpu`` that takes 2000 MiB of the 3000 that it says it needs."""
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(ROOT / "tests" / "fakes_gpu"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKEGPU__PYTHON", sys.executable)
    return machine


@pytest.fixture
def together_engine(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The engine ``together`` (determinism ``same-batch``, batches of 4), beside whatever else is there; its folder."""
    folder = ROOT / "tests" / "fakes_batch"
    before = os.environ.get("DEMOD_VOICE_ENGINES__SEARCH_PATH", "")
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", os.pathsep.join(filter(None, [before, str(folder)])))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__TOGETHER__PYTHON", sys.executable)
    return folder / "together"
