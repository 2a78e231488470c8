"""Which part may know which: arrows point down the list of docs/architecture.md, and stay inside the house."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from house import arrows

ROOT = Path(__file__).resolve().parents[2]
STANDARD = frozenset(sys.stdlib_module_names)
HEAVY = ("numpy", "scipy", "av", "soxr", "ruamel", "lameenc", "babel", "tqdm", "starlette", "uvicorn")


@pytest.fixture(scope="module")
def core() -> list[arrows.Import]:
    return arrows.imports(ROOT, ROOT / "demod_voice")


def test_arrows_point_down(core):
    assert arrows.wrong_arrows(core) == []


def test_no_modules_import_each_other(core):
    assert arrows.cycle(core) == []


def test_the_core_imports_no_machine_learning_framework(core):
    assert arrows.frameworks(core) == []


def test_the_command_line_uses_the_api_alone(core):
    used = {
        each.target
        for each in core
        if each.module.startswith("demod_voice.cli") and not each.target.startswith("demod_voice.cli")
    }
    program = {name for name in used if name.split(".")[0] == "demod_voice"}
    assert all(name == "demod_voice" or name.startswith("demod_voice.api") for name in program), program


def test_the_table_is_the_one_on_the_page():
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = [re.findall(r"`([a-z]+)`", row.split("|")[1]) for row in page.splitlines() if row.startswith("| `")]
    listed = [part for row in rows for part in row]
    place = {part: number for number, row in enumerate(arrows.ORDER) for part in row}
    assert [place[part] for part in listed] == sorted(place[part] for part in listed)
    with_code = {path.stem for path in (ROOT / "demod_voice").glob("[a-z]*.py")}
    for folder in (ROOT / "demod_voice").glob("[a-z]*/"):
        if len(list(folder.glob("*.py"))) > 1:
            with_code.add(folder.name)
    assert with_code <= set(listed), "a part is missing on the page"


def test_the_worker_sdk_imports_the_standard_library_only():
    found = arrows.imports(ROOT / "backends" / "_sdk", ROOT / "backends" / "_sdk")
    assert found
    assert arrows.outside(found, STANDARD | {"demod_worker"}) == []


def test_no_engine_imports_the_program():
    found = arrows.imports(ROOT / "backends", ROOT / "backends")
    assert [each for each in found if each.target.split(".")[0] == "demod_voice"] == []


def test_the_set_up_imports_the_standard_library_only(tmp_path):
    for path in (ROOT / "bin").iterdir():
        if path.is_file():
            name = f"{path.name.replace('-', '_')}.py" if path.suffix == "" else path.name
            (tmp_path / name).write_text(path.read_text())
    own = {path.stem for path in tmp_path.iterdir()}
    found = arrows.imports(tmp_path, tmp_path)
    late = [each for each in found if each.target == "demod_voice.cli" and not each.top]
    assert len(late) == 1, "bin/demod-voice runs the program in place, and only there"
    assert arrows.outside([each for each in found if each not in late], STANDARD | own) == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["--version"], ["episode", "--help"], ["speak", "--help"], ["dataset", "review", "--help"]],
)
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys; from demod_voice.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        f"print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    environ = {**os.environ, "PYTHONPATH": path}
    out = subprocess.check_output([sys.executable, "-c", code, *arguments], text=True, env=environ)
    assert out.splitlines()[-1] == "loaded:"


def tree(root: Path, **files: str) -> list[arrows.Import]:
    """A made-up program: ``episode__render="import os"`` is demod_voice/episode/render.py."""
    for name, text in files.items():
        path = root / "demod_voice" / f"{name.replace('__', '/')}.py"
        for folder in (path.parent, root / "demod_voice"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").touch()
        path.write_text(text)
    return arrows.imports(root, root / "demod_voice")


@pytest.mark.parametrize(
    ("module", "line", "fault"),
    [
        ("records__steps", "from demod_voice.episode import render", "records may not import episode"),
        ("episode__plan", "import demod_voice.batch.run", "episode may not import batch"),
        ("audio__clip", "def f():\n    from demod_voice.mix import gain", "audio may not import mix"),
        ("media__wav", "def f():\n    from demod_voice import mix", "media may not import mix"),
        ("errors", "import importlib\nimportlib.import_module('demod_voice.cli')", "errors may not import cli"),
        ("voices__store", "from ..speech import studio", "voices may not import speech"),
        ("stray__thing", "import demod_voice.units", "['stray'] is in no row of the table"),
        ("text__clean", "if True:\n    from demod_voice.audio import clip", "text may not import audio"),
    ],
)
def test_an_arrow_that_points_up_is_found(tmp_path, module, line, fault):
    found = tree(tmp_path, mix__gain="", speech__studio="", **{module: line})
    assert [each.split(": ", 1)[1] for each in arrows.wrong_arrows(found)] == [fault]


def test_arrows_that_point_down_are_fine(tmp_path):
    found = tree(
        tmp_path, cli__speak="from demod_voice import api, __version__", api__speak="from demod_voice import mix"
    )
    assert arrows.wrong_arrows([*found, *tree(tmp_path, mix="from demod_voice.media import wav")]) == []


def test_a_cycle_is_found_and_a_late_import_is_none(tmp_path):
    late = tree(tmp_path, units="def f():\n    import demod_voice.errors", errors="import demod_voice.units")
    assert arrows.cycle(late) == []
    typing_only = tree(
        tmp_path, units="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import demod_voice.errors"
    )
    assert arrows.cycle(typing_only) == []
    both = tree(tmp_path, units="import demod_voice.errors")
    assert {"demod_voice.units", "demod_voice.errors"} <= set(arrows.cycle(both))


@pytest.mark.parametrize(
    "line", ["import torch.nn", "def f():\n    from transformers import AutoModel", "__import__('jax')"]
)
def test_a_framework_is_found(tmp_path, line):
    assert len(arrows.frameworks(tree(tmp_path, speech__line=line))) == 1


def test_a_package_outside_the_standard_library_is_found(tmp_path):
    found = tree(tmp_path, units="import os\nimport numpy as np")
    assert arrows.outside(found, STANDARD) == ["demod_voice/units.py:2: numpy"]
