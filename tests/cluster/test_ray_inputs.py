"""What needs no cluster: files by content, refusals before any work, and a machine without Ray."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demod_voice.batch.cluster.actor import node_settings
from demod_voice.batch.cluster.inputs import ALIVE, PART, PREFIX, Parcels, Scratch, clean
from demod_voice.batch.cluster.nodes import RayOptions, check_ray
from demod_voice.config import load_settings
from demod_voice.errors import EngineError, ModelMissing, UsageError
from demod_voice.speech.identity import ContentHashes

ROOT = Path(__file__).resolve().parents[2]


class Store:
    """What stands for Ray's store: a list."""

    def __init__(self) -> None:
        self.objects: list[Any] = []

    def put(self, value: Any) -> int:
        self.objects.append(value)
        return len(self.objects) - 1

    def get(self, number: int) -> Any:
        return self.objects[number]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "node").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "node"))
    made = Scratch("b1")
    yield made
    made.close()


def model_folder(folder: Path) -> Path:
    (folder / "deep").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "deep" / "weights.bin").write_bytes(os.urandom(1000))
    return folder


def test_a_folder_and_a_file_with_its_settings_are_the_same_content_there(
    tmp_path: Path, store: Store, scratch: Scratch
) -> None:
    (tmp_path / "amy.onnx").write_bytes(b"weights")
    (tmp_path / "amy.onnx.json").write_text("{}")
    (tmp_path / "other").write_text("nothing of it")
    parcels, hashes = Parcels(store.put), ContentHashes()
    for source in (tmp_path / "amy.onnx", model_folder(tmp_path / "xtts")):
        tree = parcels.tree(str(source))
        there = scratch.place(tree, parcels.parts([tree]), store.get)
        assert there.name == source.name
        assert there.is_relative_to(scratch.folder)
        assert hashes.of_path(str(there)) == hashes.of_path(str(source))
    assert len(list((scratch.folder / "files").iterdir())) == 3, "the two settings are one content"


def test_a_file_is_read_once_and_travels_in_parts(
    tmp_path: Path, store: Store, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PART == 64 * 1024 * 1024
    monkeypatch.setattr("demod_voice.batch.cluster.inputs.PART", 1000)
    (tmp_path / "clip.wav").write_bytes(os.urandom(2500))
    parcels = Parcels(store.put)
    trees = [parcels.tree(str(tmp_path / "clip.wav")) for _ in range(3)]
    assert [len(each) for each in store.objects] == [1000, 1000, 500]
    there = scratch.place(trees[0], parcels.parts(trees), store.get)
    assert there.read_bytes() == (tmp_path / "clip.wav").read_bytes()
    (tmp_path / "empty").touch()
    tree = parcels.tree(str(tmp_path / "empty"))
    assert scratch.place(tree, parcels.parts([tree]), store.get).read_bytes() == b""


def test_a_file_that_changes_is_another_content(tmp_path: Path, store: Store) -> None:
    parcels = Parcels(store.put)
    (tmp_path / "a").write_text("one")
    first = parcels.tree(str(tmp_path / "a"))
    (tmp_path / "a").write_text("another")
    assert parcels.tree(str(tmp_path / "a")).key != first.key


def test_a_file_that_is_gone_is_told(tmp_path: Path, store: Store) -> None:
    with pytest.raises(ModelMissing, match=r"voice\.onnx cannot be read"):
        Parcels(store.put).tree(str(tmp_path / "voice.onnx"))


def test_what_comes_as_something_else_is_refused(tmp_path: Path, store: Store, scratch: Scratch) -> None:
    (tmp_path / "a").write_text("one")
    parcels = Parcels(store.put)
    tree = parcels.tree(str(tmp_path / "a"))
    store.objects[0] = b"two"
    with pytest.raises(EngineError, match="another than was sent"):
        scratch.place(tree, parcels.parts([tree]), store.get)


def test_the_last_one_removes_the_folder_and_the_next_batch_what_was_killed(tmp_path: Path, scratch: Scratch) -> None:
    other = Scratch("b1")
    other.close()
    assert scratch.folder.is_dir(), "somebody uses it"
    killed = scratch.folder.with_name(f"{PREFIX}killed")
    killed.mkdir()
    (killed / ALIVE).touch()
    (killed / "files").mkdir()
    third = Scratch("b2")
    assert not killed.exists()
    third.close()
    clean("b1", 0.2)
    assert scratch.folder.is_dir()
    scratch.close()
    assert list((tmp_path / "node").iterdir()) == []


def test_a_node_hears_with_the_settings_of_the_batch_and_finds_with_its_own() -> None:
    asked = load_settings(seed=7, attempts=2, engines__threads=3, device="cuda:1", engines__search_path=["/there"])
    here = load_settings(seed=1, engines__search_path=["/here"], engines__fake__python="/here/python")
    on_cpu, on_gpu = (node_settings(asked, here, gpu) for gpu in (False, True))
    assert (on_cpu.seed, on_cpu.attempts, on_cpu.engines.threads) == (7, 2, 3)
    assert on_cpu.engines.search_path == ("/here",)
    assert on_cpu.engines.named["fake"].python == "/here/python"
    assert (on_cpu.device, on_gpu.device) == ("cpu", "auto")


@pytest.mark.parametrize(
    ("gpus", "address", "task", "words"),
    [
        (1.0, "", "episode", "an episode is rendered on one machine"),
        (1.0, "ray://host:10001", "speech", "Ray's client does not stream"),
        (1.5, "", "speech", "above 1, Ray gives whole GPUs"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(gpus: float, address: str, task: str, words: str) -> None:
    settings = load_settings()
    settings = replace(settings, batch=replace(settings.batch, ray=replace(settings.batch.ray, gpus=gpus)))
    with pytest.raises(UsageError, match=words):
        check_ray(settings, RayOptions(address), task)


def run_cli(folder: Path, *flags: str, before: str = "") -> subprocess.CompletedProcess[str]:
    code = f"import sys; {before}\nfrom demod_voice.cli import main\nsys.exit(main())"
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    command = [sys.executable, "-c", code, "batch", "run", "jobs.csv", "--executor", "ray", *flags]
    environ = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_without_ray_one_error_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("text,output\nHello.,a.wav\n")
    done = run_cli(tmp_path, before="sys.modules['ray'] = None")
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first == "error: --executor ray needs Ray, which is not installed here"
    assert "DEMOD_VOICE_EXTRAS=ray" in second
    assert "pip install 'demod-voice[ray]'" in second
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.csv"]


def test_an_address_where_nobody_listens_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("text,output\nHello.,a.wav\n")
    done = run_cli(tmp_path, "--ray-address", "127.0.0.1:9")
    assert done.returncode == 4
    assert done.stderr.startswith("error: the Ray cluster 127.0.0.1:9 cannot be joined: ")
    assert "ray start --address=HOST:6379" in done.stderr
