"""The environments of the neural engines as they are installed: what is in them, and the traps that they step around."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from demod_voice.config import load_settings
from demod_voice.engines.locate import backends_folder, engine
from demod_voice.engines.making import dropped
from demod_voice.engines.stamps import read_stamp
from demod_voice.engines.torch_build import CUDA, installed_torch

pytestmark = pytest.mark.engines
NEURAL = [
    name
    for name in ("xtts", "csm", "ecapa", "whisper", "demucs")
    if (backends_folder() / name / "engine.toml").is_file()
]
TORCH = [name for name in NEURAL if name != "whisper"]
Python = Callable[[str], Path]


def runs(python: Path, code: str) -> str:
    """What a program prints that the engine's interpreter runs, without the user's packages."""
    done = subprocess.run([python, "-s", "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def found(python: Path) -> dict[str, metadata.Distribution]:
    """Name -> package of an environment, without pip's own."""
    (site,) = (python.parent.parent / "lib").glob("python*/site-packages")
    packages = {canonicalize_name(each.name): each for each in metadata.distributions(path=[str(site)])}
    return {name: each for name, each in packages.items() if name not in ("pip", "setuptools")}


@pytest.mark.parametrize("name", NEURAL)
def test_an_environment_holds_its_whole_list_and_no_more(name: str, engine_python: Python) -> None:
    python = engine_python(name)
    version = runs(python, "import platform; print(platform.python_version())")
    here = {"python_full_version": version, "python_version": version.rpartition(".")[0]}
    stamp = read_stamp(python.parent.parent)
    lists = ["requirements.txt", "requirements-cuda.txt"] if stamp and stamp.device == CUDA else ["requirements.txt"]
    rows = [row for each in lists for row in (backends_folder() / name / each).read_text().splitlines()]
    asked = [Requirement(row.removesuffix(" \\")) for row in rows if "==" in row and not row.startswith((" ", "#"))]
    wanted = {canonicalize_name(each.name): each for each in asked if not each.marker or each.marker.evaluate(here)}
    wanted.pop("setuptools", None)
    assert set(found(python)) == set(wanted)
    for package, each in found(python).items():
        assert wanted[package].specifier.contains(each.version.partition("+")[0]), (package, each.version)


@pytest.mark.parametrize("name", TORCH)
def test_torch_is_the_pinned_one_and_what_cannot_load_beside_it_is_gone(name: str, engine_python: Python) -> None:
    python = engine_python(name)
    told = installed_torch(python.parent.parent)
    assert told is not None
    assert told.version.partition("+")[0] == "2.13.0"
    says = runs(python, "import torch; print(torch.__version__, torch.version.cuda, float(torch.arange(4.).sum()))")
    assert says == f"{told.version} {'None' if told.device == 'cpu' else '13.0'} 6.0"
    assert list(dropped(engine(name, load_settings()), python.parent.parent)) == []


def test_torchaudio_computes_beside_a_cpu_torch(engine_python: Python) -> None:
    """Every torchaudio of the index is built for CUDA: with its libraries in place its import fails."""
    code = (
        "import torch, torchaudio\n"
        "out = torchaudio.functional.resample(torch.sin(torch.arange(2400) * 0.05), 24000, 16000)\n"
        "print(tuple(out.shape), torchaudio.transforms.MelSpectrogram(16000, n_mels=8)(out).shape[0])"
    )
    assert runs(engine_python("xtts"), code) == "(1600,) 8"


def test_the_packages_that_nobody_declares_are_there(engine_python: Python) -> None:
    assert runs(engine_python("xtts"), "import six; print(six.__version__)") == "1.17.0"


def test_recognition_needs_no_torch_and_no_cuda_to_compute_on_a_cpu(engine_python: Python) -> None:
    code = (
        "import ctranslate2, importlib.util as u; print(ctranslate2.get_cuda_device_count() >= 0, u.find_spec('torch'))"
    )
    assert runs(engine_python("whisper"), code) == "True None"


@pytest.mark.parametrize("name", NEURAL)
def test_no_package_of_a_free_engine_is_under_the_gpl(name: str, engine_python: Python) -> None:
    """The engines' own code is MIT; LGPL and MPL libraries are used as they are."""
    said = {package: _licence(each) for package, each in found(engine_python(name)).items()}
    exempt = r"LGPL|Lesser General Public|GPL-3\.0-or-later\s+WITH\s+GCC-exception-3\.1"
    assert {
        package: text for package, text in said.items() if re.search(r"GPL|General Public", re.sub(exempt, "", text))
    } == {}


def _licence(package: metadata.Distribution) -> str:
    """The expression or the classifiers; the first line of the field where there is neither."""
    about = package.metadata
    rows = [each for each in about.get_all("Classifier", []) if each.startswith("License ::")]
    first = ((about.get("License") or "").strip().splitlines() or [""])[0]
    return about.get("License-Expression") or " ".join(rows) or first
