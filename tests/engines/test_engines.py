"""Finding, describing, installing and checking engines."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from support.processes import gone

from demod_voice.api.engines import (
    check_engine,
    engine_status,
    failed_findings,
    finding_lines,
    install_engine,
    list_engines,
    remove_engine,
    upgrade_engines,
)
from demod_voice.config import load_settings
from demod_voice.engines.devices import device_for
from demod_voice.engines.environments import EnvironmentState, environment_folder, python_for, state
from demod_voice.engines.locate import engine, sdk_folder
from demod_voice.engines.manifest import read_engine
from demod_voice.engines.pip_runner import failed
from demod_voice.errors import EngineNotInstalled, EngineStartFailed, FaultsError, OutputError, UsageError
from demod_voice.records.hashing import hash_file
from demod_voice.records.lock import locked

TOML = """name = "tiny"
summary = "A tiny engine"
version = "1"
output_version = 1

[capabilities]
operations = ["load"]

[environment]
install_mb = {mb}
drop = ["tinypkg/*.so"]
"""


def test_every_engine_of_this_program_describes_itself() -> None:
    found = {each.info.name: each.info for each in list_engines(settings=load_settings())}
    assert {"espeak", "piper"} <= set(found)
    for info in found.values():
        assert (info.folder / "README.md").is_file()
        assert (info.folder / "requirements.txt").is_file()
        assert info.summary
        assert info.licence
    assert (sdk_folder() / "demod_worker" / "worker.py").is_file()


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(EngineNotInstalled, match="espeak"):
        engine("espaek", load_settings())


def test_every_fault_of_an_engine_file_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    text = (
        'name = "Odd!"\nsumary = "x"\nversion = 1\noutput_version = "2"\n[capabilities]\noperations = ["speek"]\n'
        'determinism = "maybe"\n[licences]\n'
    )
    (folder / "engine.toml").write_text(text)
    with pytest.raises(FaultsError) as caught:
        read_engine(folder)
    message = str(caught.value)
    for words in (
        "did you mean summary",
        "version must be str",
        "output_version must be int",
        "'speek'",
        "determinism",
        "Odd!",
        "licences",
    ):
        assert words in message
    assert "engine.toml:2" in message


def test_an_engine_is_what_its_file_says_now(tmp_path: Path) -> None:
    folder = shutil.copytree(engine("espeak", load_settings()).folder, tmp_path / "espeak")
    before, text = read_engine(folder), (folder / "engine.toml").read_text()
    assert read_engine(folder) == before
    (folder / "engine.toml").write_text(re.sub("output_version = .*", "output_version = 99", text))
    assert before.output_version < read_engine(folder).output_version == 99


def test_a_broken_engine_file(tmp_path: Path) -> None:
    (tmp_path / "engine.toml").write_text("name = ")
    with pytest.raises(FaultsError, match="cannot be read"):
        read_engine(tmp_path)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An engine whose one requirement is a wheel that the test makes; no network."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "tinypkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinypkg/__init__.py", "")
        archive.writestr("tinypkg/cuda.so", "cannot load")
        archive.writestr("tinypkg-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinypkg\nVersion: 1.0\n")
        archive.writestr(
            "tinypkg-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tinypkg-1.0.dist-info/RECORD", "")
    folder = tmp_path / "backends" / "tiny"
    folder.mkdir(parents=True)
    (folder / "engine.toml").write_text(TOML.format(mb=1))
    (folder / "requirements.txt").write_text(f"tinypkg==1.0 --hash=sha256:{hash_file(wheel)}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(folder.parent))
    return folder


@pytest.mark.slow
def test_install_repair_stale_and_remove(tiny: Path) -> None:
    settings = load_settings()
    info = engine("tiny", settings)
    assert state(info, settings) is EnvironmentState.MISSING
    with pytest.raises(EngineNotInstalled, match="engines install tiny"):
        python_for(info, settings)
    assert install_engine("tiny", settings=settings).state is EnvironmentState.READY
    python = python_for(info, settings)
    assert python.exists()
    assert not list(environment_folder(info).rglob("cuda.so"))
    (environment_folder(info) / "stamp.json").unlink()
    assert state(info, settings) is EnvironmentState.PARTIAL
    with pytest.raises(EngineNotInstalled, match="half installed"):
        python_for(info, settings)
    install_engine("tiny", settings=settings)
    with (tiny / "requirements.txt").open("a") as file:
        file.write("# another list\n")
    assert engine_status("tiny", settings=settings).state is EnvironmentState.STALE
    assert remove_engine("tiny", settings=settings) > 1000
    assert remove_engine("tiny", settings=settings) == 0


@pytest.mark.slow
def test_an_upgrade_that_fails_for_one_engine_upgrades_the_others(tiny: Path) -> None:
    other = tiny.parent / "ague"
    other.mkdir()
    toml = TOML.format(mb=1).replace('"tiny"', '"ague"').replace("drop =", 'python = ">=3.98"\ndrop =')
    (other / "engine.toml").write_text(toml)
    settings = load_settings()
    for name in ("ague", "tiny"):
        environment_folder(engine(name, settings)).mkdir(parents=True)  # half installed
    with pytest.raises(EngineStartFailed, match=r"engine ague needs Python >=3\.98"):
        upgrade_engines(settings=settings)
    assert state(engine("tiny", settings), settings) is EnvironmentState.READY


@pytest.mark.slow
def test_a_failed_installation_shows_what_pip_said(tiny: Path) -> None:
    (tiny / "requirements.txt").write_text("tinypkg==1.0 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(EngineStartFailed) as caught:
        install_engine("tiny", settings=load_settings())
    assert "HASH" in str(caught.value).upper()
    assert state(engine("tiny", load_settings()), load_settings()) is EnvironmentState.PARTIAL


def test_a_pip_that_finds_nothing_at_all_is_told_as_a_network_that_may_be_away(tiny: Path) -> None:
    said = ["ERROR: Could not find a version that satisfies the requirement tinypkg==1.0 (from versions: none)"]
    error = failed(engine("tiny", load_settings()), said)
    assert "is the network, or the proxy of pip's configuration, there?" in (error.hint or "")
    assert "run again: demod-voice engines install tiny" in (error.hint or "")


def test_an_installation_whose_parent_was_killed_is_waited_for(tiny: Path, tmp_path: Path) -> None:
    """What the killed process had started still writes into the environment."""
    tell = f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid"
    (tmp_path / "python").write_text(f"#!/bin/sh\n{tell}\nexec sleep 30\n")
    (tmp_path / "python").chmod(0o755)
    code = (
        "from demod_voice.engines import pip_runner as e; from demod_voice.api.engines import install_engine\n"
        "from demod_voice.config import load_settings\n"
        f"e.base_python = lambda: {str(tmp_path / 'python')!r}\n"
        "install_engine('tiny', settings=load_settings())"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    child = int((tmp_path / "pid").read_text())
    try:
        lock = environment_folder(engine("tiny", load_settings())).parent / ".tiny.lock"
        with locked(lock, lambda: os.kill(child, signal.SIGKILL)):
            assert gone(child), "the lock came free while the child lived"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def test_too_little_space_is_told_before(tiny: Path) -> None:
    (tiny / "engine.toml").write_text(TOML.format(mb=10**9))
    with pytest.raises(OutputError, match="are free"):
        install_engine("tiny", settings=load_settings())


@pytest.mark.slow
def test_the_conformance_suite_passes_the_fake(fake_engine: Path) -> None:
    findings = check_engine("fake", settings=load_settings())
    assert not failed_findings(findings)
    assert len(findings) == 18
    assert all(line.startswith("passed") for line in finding_lines(findings))


CARELESS = """
if __name__ == "__main__":
    from demod_worker import worker as sdk
    sdk._claim_stdio = lambda: (os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    sdk.Task.check = lambda self: None
    Fake.operations = ("align", *Fake.operations)
"""
"""It prints into the protocol, listens to no cancel, and has no method for one of its operations."""


@pytest.mark.slow
def test_the_conformance_suite_catches_a_liar(
    tmp_path: Path, fake_engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "more" / "liar"
    shutil.copytree(fake_engine, folder)
    worker = folder / "worker.py"
    text = worker.read_text().replace(
        "out.start(RATE)", "out.start(RATE + os.getpid() % 7); item.__dict__['seed'] = time.time_ns()", 1
    )
    text = text.replace("item.text.split()", "item.text.split() * 20")
    text = text.replace('if __name__ == "__main__":\n', CARELESS)
    worker.write_text(text.replace('name = "fake"', 'name = "other"'))
    toml = (folder / "engine.toml").read_text().replace('name = "fake"', 'name = "liar"')
    toml = toml.replace('["load"', '["align", "load"').replace("cancel_grace_s = 0.5", "cancel_grace_s = 0.0")
    (folder / "engine.toml").write_text(toml)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(folder.parent))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__LIAR__PYTHON", sys.executable)
    failed = {each.name: each.detail for each in failed_findings(check_engine("liar", settings=load_settings()))}
    assert "ready says what engine.toml says" in failed
    assert "same request, same bytes" in failed
    assert "still at work" in failed["cancel"]
    assert "not a JSON line" in failed["a stray print harms nothing"]
    assert "align" in failed["every operation of engine.toml is there"]


@pytest.mark.slow
def test_espeak_passes_the_conformance_suite(espeak_engine: Path) -> None:
    assert not failed_findings(check_engine("espeak", settings=load_settings()))


def test_devices(fake_engine: Path) -> None:
    from dataclasses import replace

    settings = load_settings()
    info = engine("fake", settings)
    assert device_for(info, settings) == "cpu"
    on_gpu = replace(info, gpu=True)
    assert device_for(on_gpu, load_settings(device="cpu")) == "cpu"
    with pytest.raises(UsageError, match="does not exist"):
        device_for(on_gpu, load_settings(device="cuda:9"))
