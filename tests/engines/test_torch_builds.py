"""Which build of torch an environment gets, told from pip's words and torch's own, and what goes into pip's list."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.wheels import TORCH

from demod_voice.engines.locate import backends_folder
from demod_voice.engines.locked_list import is_linux_only, pins, torch_version, with_torch
from demod_voice.engines.pip_runner import Downloads
from demod_voice.engines.torch_build import choose, described, offered_versions
from demod_voice.errors import EngineStartFailed

V = "2.13.0"
SAID = "torch (2.15.0)\nAvailable versions: 2.15.0, 2.14.1, 2.13.0+cpu, 2.13.0, 2.12.1\n  INSTALLED: 2.13.0+cpu\n"
LIST = """# Made by tools/lock.py
a==1.0 \\
    --hash=sha256:aa
torch==2.13.0 ; python_version < '3.12' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
torchaudio==2.11.0 \\
    --hash=sha256:dd
a==2.0 ; python_version >= '3.12' --hash=sha256:ee
"""


def test_pip_tells_which_builds_it_has() -> None:
    assert offered_versions(SAID, V) == ["2.13.0+cpu", "2.13.0"]
    assert offered_versions(SAID, "2.1") == []
    assert offered_versions("ERROR: No matching distribution found for torch", V) == []
    assert offered_versions("torch (2.14.1)\nAvailable versions: 2.14.1, 2.13.0+cpu", V) == ["2.13.0+cpu"]


@pytest.mark.parametrize(
    ("offered", "asked", "requirement", "device"),
    [
        (["2.13.0+cpu", V], "auto", "torch==2.13.0+cpu", "cpu"),
        (["2.13.0+cpu"], "auto", "torch==2.13.0+cpu", "cpu"),
        ([V], "auto", "torch===2.13.0", "cuda"),
        (["2.13.0+rocm6.4", V], "auto", "torch===2.13.0", "cuda"),
        ([], "auto", "torch==2.13.0", ""),
        ([], "cpu", "torch==2.13.0", ""),
        (["2.13.0+cpu", V], "cpu", "torch==2.13.0+cpu", "cpu"),
        (["2.13.0+cpu", V], "cuda", "torch===2.13.0", "cuda"),
        (["2.13.0+rocm6.4", V], "rocm", "torch==2.13.0+rocm6.4", "rocm"),
    ],
)
def test_the_build_that_is_asked_for(offered: list[str], asked: str, requirement: str, device: str) -> None:
    found = choose(V, offered, asked, gpu=False)
    assert (found.requirement, found.device) == (requirement, device)
    assert found.hashed is (device != "rocm")


@pytest.mark.parametrize(
    ("offered", "asked", "remedy"),
    [
        ([V], "cpu", "leave --device away"),
        (["2.13.0+cpu"], "cuda", "CUDA build"),
        (["2.13.0+cpu", V], "rocm", "ROCm builds"),
        (["2.13.0+cu126"], "auto", "CPU builds"),
    ],
)
def test_a_build_that_pip_does_not_have_is_told_with_its_remedy(offered: list[str], asked: str, remedy: str) -> None:
    with pytest.raises(EngineStartFailed) as caught:
        choose(V, offered, asked, gpu=False)
    assert offered[0] in caught.value.message
    assert remedy in (caught.value.hint or "")


def test_what_a_person_should_know_of_the_choice() -> None:
    assert "larger CUDA build" in choose(V, [V], "auto", gpu=False).note
    assert choose(V, [V], "auto", gpu=True).note == ""
    both = ["2.13.0+cpu", V]
    assert "--device cuda" in choose(V, both, "auto", gpu=True).note
    assert choose(V, both, "auto", gpu=False).note == ""
    instead = choose(V, both, "auto", gpu=False).instead
    assert instead is not None
    assert instead.requirement == "torch===2.13.0"
    assert choose(V, both, "cpu", gpu=False).instead is None
    assert "without checking its hash" in choose(V, ["2.13.0+rocm6.4"], "rocm", gpu=False).note


@pytest.mark.parametrize(
    ("version", "cuda", "hip", "device"),
    [
        ("2.13.0+cpu", None, None, "cpu"),
        ("2.13.0+cu130", "13.0", None, "cuda"),
        ("2.13.0+rocm6.4", None, "6.4.43482", "rocm"),
    ],
)
def test_torch_tells_its_build_without_being_imported(version: str, cuda: str, hip: str, device: str) -> None:
    found = described(TORCH.format(version=version, cuda=cuda, hip=hip))
    assert (found.version, found.device) == (version, device)


def test_a_list_gets_another_torch_with_the_same_hashes() -> None:
    changed = with_torch(LIST, "torch===2.13.0")
    assert changed == LIST.replace("torch==2.13.0", "torch===2.13.0")
    without = with_torch(LIST, "")
    assert "torch==" not in without
    assert "bb" not in without
    assert "cc" not in without
    assert without == LIST[: LIST.index("torch==")] + LIST[LIST.index("torchaudio") :]


def test_the_pins_of_a_list(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(LIST)
    assert pins(path) == {"a": ("1.0", "2.0"), "torch": (V,), "torchaudio": ("2.11.0",)}
    assert torch_version(path) == V
    assert not is_linux_only(path)
    assert pins(tmp_path / "none.txt") == {}
    assert torch_version(backends_folder() / "piper" / "requirements.txt") == ""
    assert is_linux_only(backends_folder() / "xtts" / "requirements.txt")


class Told:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.steps: dict[str, list[float]] = {}
        self.notes: list[str] = []
        self.finished: list[str] = []

    def start(self, step: str, total: float, unit: str = "") -> None:
        self.steps[f"{step} {total:g} {unit}"] = []

    def advance(self, step: str, amount: float = 1.0) -> None:
        self.steps[next(each for each in self.steps if each.startswith(step))].append(amount)

    def finish(self, step: str) -> None:
        self.finished.append(step)

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_packages_and_big_downloads_are_shown_as_pip_tells_them() -> None:
    """Lines of pip 26."""
    told = Told()
    told.start("install x", 3, "packages")
    shown = Downloads(told, "install x")
    for line in (
        "Collecting sympy==1.14.0",
        "  Downloading sympy-1.14.0-py3-none-any.whl (6.3 MB)",
        "Progress 0 of 6299353",
        "Progress 6299353 of 6299353",
        "Collecting torch==2.13.0",
        "  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (532.1 MB)",
        "Progress 0 of 532100000",
        "Progress 262144 of 532100000",
        "Progress 532100000 of 532100000",
        "Collecting six==1.17.0",
    ):
        shown.take(line + "\n")
    shown.end()
    assert told.steps["install x 3 packages"] == [1, 1, 1]
    assert sum(told.steps["download torch 532.1 MB"]) == pytest.approx(532.1)
    assert told.notes == ["downloading torch: 532.1 MB"]
    assert told.finished == ["download torch"]


def test_a_download_that_breaks_off_is_finished() -> None:
    told = Told()
    shown = Downloads(told, "")
    shown.take("  Downloading torch-2.13.0-x.whl (1.2 GB)\n")
    shown.take("Progress 0 of 1200000000\n")
    shown.end()
    assert told.notes == ["downloading torch: 1.2 GB"]
    assert told.finished == ["download torch"]
