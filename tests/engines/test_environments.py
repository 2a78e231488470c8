"""Environments: their builds, bundles, shared folders and upgrades, made by real pip from wheels that the test makes."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.wheels import make_torch, make_wheel

from demod_voice.api.engines import (
    bundle_engine,
    check_engine,
    engine_status,
    install_engine,
    list_engines,
    remove_engine,
    upgrade_engines,
)
from demod_voice.config import load_settings
from demod_voice.engines import making
from demod_voice.engines.bundle import MANIFEST, open_bundle
from demod_voice.engines.environments import EnvironmentState, environment_folder, find, python_for
from demod_voice.engines.locate import engine
from demod_voice.engines.making import dropped
from demod_voice.engines.pip_runner import install_log
from demod_voice.engines.stamps import Stamp, difference, read_stamp, wanted_stamp, write_stamp
from demod_voice.errors import EngineNotInstalled, EngineStartFailed, UsageError
from demod_voice.records.hashing import hash_file

TOML = """name = "torchy"
summary = "An engine with torch"
version = "1"
output_version = 1

[capabilities]
operations = ["load"]

[environment]
install_mb = 2
cuda_mb = 3
torch = true
drop_cpu = ["tinyaudio/lib/*.so"]
"""
STATES = EnvironmentState


class Notes:
    """A progress that keeps its notes."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def start(self, step: str, total: float, unit: str = "") -> None: ...

    def advance(self, step: str, amount: float = 1.0) -> None: ...

    def finish(self, step: str) -> None: ...

    def note(self, message: str) -> None:
        self.found.append(message)

    def __contains__(self, words: str) -> bool:
        return any(words in note for note in self.found)


class Torchy:
    """An engine with a made-up torch in three builds; pip sees those of ``offer``."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.all, self.wheels, self.folder = folder / "all", folder / "wheels", folder / "backends" / "torchy"
        self.cpu = make_torch(self.all, "2.13.0+cpu")
        self.cuda = make_torch(self.all, "2.13.0", cuda="13.0")
        make_torch(self.all, "2.13.0+rocm6.4", hip="6.4")
        audio = {"tinyaudio/__init__.py": "", "tinyaudio/lib/libtinyaudio.so": "wants libc10_cuda.so"}
        audio_hash = make_wheel(self.all, "tinyaudio", "2.11.0", audio)
        nvidia = make_wheel(self.all, "nvidia_tiny", "13.0", {"nvidia/tiny.py": ""})
        self.folder.mkdir(parents=True)
        (self.folder / "engine.toml").write_text(TOML)
        self.rows = [
            f"tinyaudio==2.11.0 \\\n    --hash=sha256:{audio_hash}",
            f"torch==2.13.0 \\\n    --hash=sha256:{self.cpu} \\\n    --hash=sha256:{self.cuda}",
        ]
        self.write()
        (self.folder / "requirements-cuda.txt").write_text(f"nvidia-tiny==13.0 \\\n    --hash=sha256:{nvidia}\n")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(self.wheels))
        monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(self.folder.parent))

    def write(self) -> None:
        """Write the list."""
        (self.folder / "requirements.txt").write_text("\n".join(self.rows) + "\n")

    def offer(self, *builds: str) -> None:
        """Let pip see these builds of torch, and every other package."""
        shutil.rmtree(self.wheels, ignore_errors=True)
        self.wheels.mkdir()
        for path in self.all.iterdir():
            if not path.name.startswith("torch-") or path.name.split("-")[1] in builds:
                shutil.copy(path, self.wheels)


@pytest.fixture
def torchy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Torchy:
    return Torchy(tmp_path, monkeypatch)


def site(name: str = "torchy") -> Path:
    """site-packages of the environment that an engine runs in."""
    (found,) = find(engine(name, load_settings()), load_settings()).folder.glob("lib/python*/site-packages")
    return found


CPU_ONLY, CUDA_ONLY, BOTH = ("2.13.0+cpu",), ("2.13.0",), ("2.13.0+cpu", "2.13.0")


@pytest.mark.slow
def test_pip_gives_the_cpu_build_and_the_libraries_that_cannot_load_go(torchy: Torchy) -> None:
    torchy.offer(*BOTH)
    told = Notes()
    done = install_engine("torchy", settings=load_settings(), progress=told)
    assert (done.state, done.device, done.torch) == (STATES.READY, "cpu", "2.13.0+cpu")
    assert "2 MB; for CUDA 5 MB" in told
    assert not (site() / "nvidia").exists()
    assert (site() / "tinyaudio" / "lib").is_dir()
    assert not list(site().glob("tinyaudio/lib/*.so"))
    stamp = read_stamp(done.environment)
    assert stamp is not None
    assert stamp.packages == {"tinyaudio": "2.11.0", "torch": "2.13.0+cpu", **_setuptools(stamp)}
    assert done.num_bytes == stamp.num_bytes > 5_000_000  # pip itself is larger
    # The one that is there stays when another one cannot be had.
    with pytest.raises(EngineStartFailed, match=r"it has 2\.13\.0\+cpu, 2\.13\.0"):
        install_engine("torchy", settings=load_settings(), device="rocm")
    assert engine_status("torchy", settings=load_settings()).state is STATES.READY
    assert remove_engine("torchy", settings=load_settings()) >= stamp.num_bytes


def _setuptools(stamp: Stamp) -> dict[str, str]:
    """Python 3.11's venv brings it along."""
    return {name: version for name, version in stamp.packages.items() if name == "setuptools"}


@pytest.mark.engines
def test_cuda_is_taken_where_it_is_asked_for_and_brings_its_own_list(torchy: Torchy) -> None:
    torchy.offer(*BOTH)
    done = install_engine("torchy", settings=load_settings(), device="cuda")
    assert (done.device, done.torch) == ("cuda", "2.13.0")
    assert (site() / "nvidia" / "tiny.py").is_file()
    assert list(site().glob("tinyaudio/lib/*.so"))
    assert list(dropped(done.info, done.environment)) == []
    # Its own list is part of what it is, for this build alone.
    with (torchy.folder / "requirements-cuda.txt").open("a") as file:
        file.write("# another\n")
    assert "requirements-cuda.txt has changed" in engine_status("torchy", settings=load_settings()).fault
    (changes,) = upgrade_engines(["torchy"], settings=load_settings())
    assert changes.changes
    again = engine_status("torchy", settings=load_settings())
    assert (again.state, again.device) == (STATES.READY, "cuda")


@pytest.mark.engines
def test_only_the_cuda_build_is_offered(torchy: Torchy, monkeypatch: pytest.MonkeyPatch) -> None:
    torchy.offer(*CUDA_ONLY)
    with pytest.raises(EngineStartFailed, match="pip does not offer torch"):
        install_engine("torchy", settings=load_settings(), device="cpu")
    told = Notes()
    assert install_engine("torchy", settings=load_settings(), progress=told).device == "cuda"
    assert (site() / "nvidia" / "tiny.py").is_file()
    assert ("larger CUDA build" in told) is not Path("/proc/driver/nvidia/version").exists()


@pytest.mark.engines
def test_only_the_cpu_build_is_offered_and_cuda_is_asked_for(torchy: Torchy) -> None:
    torchy.offer(*CPU_ONLY)
    with pytest.raises(EngineStartFailed) as caught:
        install_engine("torchy", settings=load_settings(), device="cuda")
    assert "2.13.0+cpu" in caught.value.message
    assert "--device cpu" in (caught.value.hint or "")


@pytest.mark.engines
def test_rocm_takes_torch_alone_without_its_hash_and_says_so(torchy: Torchy) -> None:
    torchy.offer("2.13.0+rocm6.4", *BOTH)
    told = Notes()
    done = install_engine("torchy", settings=load_settings(), progress=told, device="rocm")
    assert (done.device, done.torch) == ("rocm", "2.13.0+rocm6.4")
    assert "without checking its hash" in told
    stamp = read_stamp(done.environment)
    assert stamp is not None
    assert list(stamp.unhashed) == ["torch"]
    assert not list(site().glob("tinyaudio/lib/*.so"))
    # Every other package is still checked.
    torchy.rows[0] = torchy.rows[0][:-64] + "0" * 64
    torchy.write()
    with pytest.raises(EngineStartFailed, match="HASHES"):
        install_engine("torchy", settings=load_settings(), device="rocm")


@pytest.mark.engines
def test_a_cpu_build_of_unknown_hash_is_not_taken(torchy: Torchy) -> None:
    torchy.offer(*BOTH)
    torchy.rows[1] = f"torch==2.13.0 \\\n    --hash=sha256:{torchy.cuda}"
    torchy.write()
    told = Notes()
    assert install_engine("torchy", settings=load_settings(), progress=told).device == "cuda"
    assert "is not the one that was checked" in told
    with pytest.raises(EngineStartFailed, match="HASHES") as caught:
        install_engine("torchy", settings=load_settings(), device="cpu")
    assert "none whose hash is known: use Python 3.11" in (caught.value.hint or "")


@pytest.mark.engines
def test_a_bundle_is_installed_where_there_is_no_network(torchy: Torchy, tmp_path: Path) -> None:
    torchy.offer(*BOTH)
    settings = load_settings()
    made = bundle_engine("torchy", tmp_path / "bundle", settings=settings)
    assert (made.choice.device, made.choice.requirement) == ("cpu", "torch==2.13.0+cpu")
    manifest = json.loads((made.folder / MANIFEST).read_text())
    assert [each["name"][:7] for each in manifest["files"]] == ["tinyaud", "torch-2"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".tmp")] == []
    shutil.rmtree(torchy.wheels)
    command = [
        "unshare",
        "--net",
        "--map-root-user",
        sys.executable,
        "-m",
        "demod_voice",
        "engines",
        "install",
        "torchy",
    ]
    done = subprocess.run([*command, "--from", str(made.folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert engine_status("torchy", settings=settings).torch == "2.13.0+cpu"


@pytest.mark.engines
def test_an_environment_that_cannot_be_made_again_stays_as_it_was(torchy: Torchy) -> None:
    torchy.offer(*CPU_ONLY)
    settings = load_settings()
    install_engine("torchy", settings=settings)
    whole = engine_status("torchy", settings=settings)
    torchy.offer()
    with pytest.raises(EngineStartFailed, match="could not be installed"):
        install_engine("torchy", settings=settings, again=True)
    assert engine_status("torchy", settings=settings) == whole
    assert (site() / "torch" / "version.py").is_file()
    assert [path.name for path in whole.environment.parent.iterdir() if path.is_dir()] == ["torchy"]
    whole.environment.rename(whole.environment.parent / ".old-torchy")  # killed in the middle
    assert install_engine("torchy", settings=settings).state is STATES.READY
    (whole.environment.parent / ".old-torchy").mkdir()
    assert remove_engine("torchy", settings=settings) > 0
    assert [path for path in whole.environment.parent.iterdir() if path.is_dir()] == []


def a_bundle(torchy: Torchy, folder: Path) -> Path:
    """What ``engines bundle`` makes of the CPU build, without running pip."""
    torchy.offer(*CPU_ONLY)
    shutil.copytree(torchy.wheels, folder / "wheels")
    wanted = wanted_stamp(engine("torchy", load_settings()))
    files = [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": hash_file(path)}
        for path in sorted((folder / "wheels").iterdir())
    ]
    about = {"engine": "torchy", "python": wanted.python, "platform": f"{sys.platform}-{platform.machine()}"}
    build = {"lock": wanted.lock, "cuda_lock": "", "device": "cpu", "torch": "2.13.0+cpu", "hashed": True}
    (folder / MANIFEST).write_text(json.dumps({**about, **build, "files": files}))
    return folder


def test_a_bundle_that_is_no_good_is_told_before_anything_is_touched(torchy: Torchy, tmp_path: Path) -> None:
    settings, good = load_settings(), a_bundle(torchy, tmp_path / "good")
    info = engine("torchy", settings)
    assert open_bundle(info, good, "auto").choice.requirement == "torch==2.13.0+cpu"
    manifest = json.loads((good / MANIFEST).read_text())
    for change, words in (
        ({"engine": "xtts"}, "for engine xtts, and torchy is wanted"),
        ({"python": "3.99"}, r"for Python 3\.99"),
        ({"platform": "darwin-arm64"}, "for platform darwin-arm64"),
        ({"lock": "0" * 64}, "another list"),
        ({"files": "many"}, "is damaged"),
        ({"files": [{"name": 3, "bytes": 1, "sha256": ""}]}, "is damaged"),
        ({"files": [{"name": "../../x.whl", "bytes": 1, "sha256": ""}]}, "is no name of a file"),
        ({"torch": None}, "is damaged"),
        ({"torch": "2.13.0\nevil==1 --hash=sha256:00"}, "does not ask for"),
        ({"torch": "2.13.0+cpu\n"}, "does not ask for"),
        ({"torch": "2.12.0+cpu"}, "does not ask for"),
        ({"torch": ""}, "does not ask for"),
        ({"hashed": False}, "does not ask for"),
        ({"hashed": False, "device": "rocm"}, "does not ask for"),
        ({"device": "tpu"}, "does not ask for"),
    ):
        folder = tmp_path / "odd"
        shutil.copytree(good, folder)
        (folder / MANIFEST).write_text(json.dumps(manifest | change))
        with pytest.raises(UsageError, match=words):
            install_engine("torchy", settings=settings, bundle=folder)
        shutil.rmtree(folder)
    with pytest.raises(UsageError, match="for cpu, not for cuda"):
        open_bundle(info, good, "cuda")
    with pytest.raises(UsageError, match="holds no bundle"):
        open_bundle(info, tmp_path, "auto")
    with pytest.raises(UsageError, match="is there already"):
        bundle_engine("torchy", good, settings=settings)
    shutil.copy(next(torchy.all.glob("torch-*rocm*")), good / "wheels")
    with pytest.raises(UsageError, match=r"rocm.* is not of this bundle"):
        open_bundle(info, good, "auto")
    next((good / "wheels").glob("torch-*rocm*")).unlink()
    (wheel,) = (good / "wheels").glob("torch-*")
    wheel.write_bytes(wheel.read_bytes()[:-1])
    with pytest.raises(UsageError, match="missing or damaged"):
        install_engine("torchy", settings=settings, bundle=good)
    assert not environment_folder(info).exists()


def test_a_bundle_with_a_rocm_build_says_that_nobody_knows_its_hash(torchy: Torchy, tmp_path: Path) -> None:
    good = a_bundle(torchy, tmp_path / "good")
    manifest = json.loads((good / MANIFEST).read_text())
    rocm = {"device": "rocm", "torch": "2.13.0+rocm6.4", "hashed": False}
    (good / MANIFEST).write_text(json.dumps(manifest | rocm))
    choice = open_bundle(engine("torchy", load_settings()), good, "auto").choice
    assert (choice.hashed, choice.requirement) == (False, "torch==2.13.0+rocm6.4")
    assert "without checking its hash" in choice.note


@pytest.mark.slow
def test_a_killed_bundle_is_swept_by_the_next_one(torchy: Torchy, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / "out" / f".tmp-{ended.pid}-01234567"
    (left / "wheels").mkdir(parents=True)
    with pytest.raises(EngineStartFailed, match="could not be bundled") as caught:
        bundle_engine("torchy", tmp_path / "out" / "bundle", settings=load_settings())
    assert list((tmp_path / "out").iterdir()) == []
    assert "run again: demod-voice engines bundle torchy -o DIR" in (caught.value.hint or "")
    assert "No matching distribution" in install_log(engine("torchy", load_settings())).read_text()


@pytest.mark.engines
def test_a_bundle_cannot_bring_another_package_than_the_list_names(torchy: Torchy, tmp_path: Path) -> None:
    """A bundle whose own manifest agrees with it is still checked against the program's list."""
    torchy.offer(*CPU_ONLY)
    made = bundle_engine("torchy", tmp_path / "bundle", settings=load_settings())
    wheels = made.folder / "wheels"
    digest = make_wheel(wheels, "tinyaudio", "2.11.0", {"tinyaudio/__init__.py": "print('another')"})
    manifest = json.loads((made.folder / MANIFEST).read_text())
    size = (wheels / manifest["files"][0]["name"]).stat().st_size
    manifest["files"][0] |= {"sha256": digest, "bytes": size}
    (made.folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(EngineStartFailed, match="HASHES"):
        install_engine("torchy", settings=load_settings(), bundle=made.folder)


@pytest.mark.engines
def test_a_shared_environment_is_used_and_never_written(
    torchy: Torchy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torchy.offer(*BOTH)
    place = tmp_path / "shared"
    made = install_engine("torchy", settings=load_settings(), into=place)
    assert made.environment == place / "torchy"
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SHARED", str(place))
    settings = load_settings()
    before = _tree(place)
    assert {path.stat().st_mode & 0o044 for path in (place / "torchy").rglob("*.py")} == {0o044}
    found = engine_status("torchy", settings=settings)
    assert (found.state, found.environment, found.device) == (STATES.SHARED, place / "torchy", "cpu")
    python = python_for(engine("torchy", settings), settings)
    assert subprocess.run([python, "-c", "import tinyaudio"], check=False).returncode == 0
    with pytest.raises(UsageError, match="is shared"):
        remove_engine("torchy", settings=settings)
    with pytest.raises(EngineNotInstalled, match=f"--into {place}"):
        upgrade_engines(["torchy"], settings=settings)
    assert not any(each.changes for each in upgrade_engines(settings=settings))
    assert _tree(place) == before
    # It is out of date: its keeper can mend it, everybody else gets to know who that is.
    torchy.rows.append("# a new list")
    torchy.write()
    with pytest.raises(EngineNotInstalled) as caught:
        python_for(engine("torchy", settings), settings)
    assert (
        f"the shared environment {place / 'torchy'} is out of date: requirements.txt has changed"
        in caught.value.message
    )
    assert f"demod-voice engines upgrade torchy --into {place}" in (caught.value.hint or "")
    assert _tree(place) == before
    assert upgrade_engines(["torchy"], settings=settings, into=place)[0].changes
    assert engine_status("torchy", settings=settings).state is STATES.SHARED


def _tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Path -> (size, time of the last change); what only Python caches is not the environment's."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts and not path.is_dir()
    }


def a_environment(folder: Path, stamp: Stamp | None, python: str = sys.executable) -> None:
    """As much of an environment as finding it needs."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(python)
    if stamp is not None:
        write_stamp(folder, stamp)


def test_the_users_own_environment_wins_then_the_first_shared_one(tmp_path: Path) -> None:
    info = engine("piper", load_settings())
    good = wanted_stamp(info)
    stale, first, second = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    settings = load_settings(**{"engines.shared": [str(tmp_path / "none"), str(stale), str(first), str(second)]})
    assert find(info, settings).state is STATES.MISSING
    a_environment(stale / "piper", replace(good, lock="another"))
    assert (find(info, settings).state, find(info, settings).shared) == (STATES.STALE, True)
    a_environment(first / "piper", replace(good, python="3.99"))  # its keeper's Python may be another one
    a_environment(second / "piper", good)
    assert (find(info, settings).state, find(info, settings).folder) == (STATES.SHARED, first / "piper")
    a_environment(environment_folder(info), None)
    assert find(info, settings).folder == first / "piper"
    write_stamp(environment_folder(info), good)
    assert (find(info, settings).state, find(info, settings).folder) == (STATES.READY, environment_folder(info))


def test_a_shared_environment_whose_python_is_gone_is_told(tmp_path: Path) -> None:
    info = engine("piper", load_settings())
    a_environment(tmp_path / "piper", wanted_stamp(info), python=str(tmp_path / "gone"))
    settings = load_settings(**{"engines.shared": [str(tmp_path)]})
    with pytest.raises(EngineNotInstalled, match=f"its interpreter {tmp_path}/gone is gone"):
        python_for(info, settings)


def test_a_folder_that_is_not_in_the_settings_is_told_with_the_setting(tmp_path: Path) -> None:
    a_environment(tmp_path / "piper", wanted_stamp(engine("piper", load_settings())))
    for shared, told in (([], 1), ([str(tmp_path)], 0)):
        notes = Notes()
        settings = load_settings(**{"engines.shared": shared})
        assert install_engine("piper", settings=settings, progress=notes, into=tmp_path).state is STATES.READY
        assert len([note for note in notes.found if f"add {tmp_path} to" in note and "engines.shared" in note]) == told


def test_a_bundle_is_looked_at_also_when_the_engine_is_ready(tmp_path: Path) -> None:
    info = engine("piper", load_settings())
    a_environment(environment_folder(info), wanted_stamp(info))
    with pytest.raises(UsageError, match="holds no bundle"):
        install_engine("piper", settings=load_settings(), bundle=tmp_path / "nonexistent")
    manifest = {"engine": "vad", "python": "", "platform": "", "lock": "", "cuda_lock": "", "files": []}
    (tmp_path / MANIFEST).write_text(json.dumps({**manifest, "device": "", "torch": "", "hashed": True}))
    with pytest.raises(UsageError, match="for engine vad, and piper is wanted") as caught:
        install_engine("piper", settings=load_settings(), bundle=tmp_path)
    assert caught.value.hint == "give piper's bundle"


def test_an_embedded_engine_does_not_ask_for_a_keeper(tmp_path: Path) -> None:
    """espeak is made for the user when the shared one is no good; here its making cannot even begin."""
    info = replace(engine("espeak", load_settings()), python_range=">=3.98")
    a_environment(tmp_path / "espeak", None)
    with pytest.raises(EngineStartFailed, match=r"needs Python >=3\.98"):
        python_for(info, load_settings(**{"engines.shared": [str(tmp_path)]}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"lock": "b"}, "requirements.txt has changed"),
        ({"python": "3.12"}, "made for Python 3.11, this is 3.12"),
        ({"drop": "x"}, "asks for another one"),
        ({"drop_cpu": "y"}, "asks for another one"),
        ({"cuda_lock": "c"}, ""),
        ({"device": "cuda"}, ""),  # what is wanted of every build is not told by the build
    ],
)
def test_why_an_environment_is_out_of_date(change: dict[str, str], words: str) -> None:
    stamp = Stamp(lock="a", python="3.11", cuda_lock="", device="cpu")
    assert words in difference(stamp, replace(stamp, **change))
    assert bool(difference(stamp, replace(stamp, **change))) is bool(words)


def test_a_cuda_environment_is_out_of_date_with_its_own_list_too() -> None:
    stamp = Stamp(lock="a", python="3.11", cuda_lock="c", device="cuda")
    assert difference(stamp, replace(stamp, cuda_lock="d")) == "requirements-cuda.txt has changed since it was made"
    assert difference(stamp, stamp) == ""


def test_an_upgrade_says_what_changes(torchy: Torchy) -> None:
    from demod_voice.engines.environments import package_changes

    info = engine("torchy", load_settings())
    old = {"torch": "2.12.0+cpu", "tinyaudio": "2.11.0", "gone": "1"}
    stamp = Stamp(lock="", python="3.11", device="cpu", packages=old)
    assert package_changes(info, stamp) == ["gone 1 -> removed", "torch 2.12.0 -> 2.13.0"]
    cuda = replace(stamp, device="cuda", packages={"tinyaudio": "2.11.0", "torch": "2.13.0+cpu"})
    assert package_changes(info, cuda) == ["nvidia-tiny new -> 13.0"]
    assert package_changes(info, None) == []


def test_what_cannot_be_is_told_before_anything_is_made(torchy: Torchy, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    with pytest.raises(UsageError, match="piper has one build for every device"):
        install_engine("piper", settings=settings, device="cuda")
    with pytest.raises(EngineNotInstalled, match="engine torchy is not installed"):
        upgrade_engines(["torchy"], settings=settings)
    assert [each.changes for each in upgrade_engines(settings=settings)] == [()] * len(list_engines(settings=settings))
    (torchy.folder / "requirements.txt").write_text("# Linux x86-64 only, Python 3.11 to 3.13.\ntorch==2.13.0\n")
    monkeypatch.setattr(making.platform, "machine", lambda: "aarch64")
    with pytest.raises(EngineStartFailed, match="linux on aarch64"):
        install_engine("torchy", settings=settings)
    assert not environment_folder(engine("torchy", settings)).exists()


@pytest.mark.engines
def test_the_suite_for_authors_finds_libraries_that_cannot_load(torchy: Torchy) -> None:
    torchy.offer(*BOTH)
    install_engine("torchy", settings=load_settings())
    (site() / "tinyaudio" / "lib" / "libtinyaudio.so").write_text("wants libc10_cuda.so")
    findings = {each.name: each for each in check_engine("torchy", settings=load_settings())}
    (found,) = [each for each in findings.values() if "libtinyaudio.so" in each.detail]
    assert found.status == "failed"
    assert os.path.exists(site() / "torch" / "version.py")
