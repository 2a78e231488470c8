"""The core imports only packages under licences that let it be MIT; every engine says what it is under."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = frozenset(
    """
    MIT MIT-0 MIT-CMU BSD BSD-2-Clause BSD-3-Clause 0BSD Apache Apache-2.0 MPL-2.0 ISC Zlib Unlicense CC0-1.0 HPND BSL-1.0
    PSF PSF-2.0 Python-2.0 CNRI-Python LGPL LGPLv3 LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later
    """.split()
)
"""SPDX names, and the short ones that older packages give."""
WORDS = (
    "MIT License",
    "BSD License",
    "3-Clause BSD License",
    "Apache Software License",
    "Apache 2.0",
    "Apache License, Version 2.0",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "GNU Lesser General Public License",
    "GNU Library or Lesser General Public License (LGPL)",
    "Python Software Foundation License",
    "ISC License (ISCL)",
    "The Unlicense (Unlicense)",
    "CC0 1.0 Universal",
    "Historical Permission Notice and Disclaimer (HPND)",
)
"""How the classifiers that are allowed begin, and what older packages write into the field."""
RUNTIME = re.compile(r"GPL-3\.0-or-later\s+WITH\s+GCC-exception-3\.1")
"""The compilers' run-time libraries in some wheels: the exception lets anything use them."""


def licences(found: metadata.Distribution) -> list[str]:
    """What a distribution says of itself: the expression, else the classifiers, else the field.

    A field that holds the whole text of a licence counts by its first line.
    """
    about = found.metadata
    if about.get("License-Expression"):
        return [about["License-Expression"]]
    rows = [each.split(" :: ")[-1] for each in about.get_all("Classifier", []) if each.startswith("License ::")]
    rows = [each for each in rows if each != "OSI Approved"]
    if rows:
        return rows
    text = (about.get("License") or "").strip().splitlines()
    return [text[0].removeprefix("The ").strip()] if text else []


def is_allowed(words: str) -> bool:
    """A known name, or an expression of them: each of its AND parts needs an OR part that is allowed."""
    if words.startswith(WORDS):
        return True
    flat = re.sub(r"[()]", " ", RUNTIME.sub("0BSD", words))
    return all(any(name.strip() in ALLOWED for name in part.split(" OR ")) for part in flat.split(" AND "))


def site_of(environment: str) -> Path:
    (site,) = (ROOT / environment / "lib").glob("python*/site-packages")
    return site


def installed(site: Path) -> dict[str, metadata.Distribution]:
    return {canonicalize_name(each.name): each for each in metadata.distributions(path=[str(site)])}


def locked(name: str) -> list[str]:
    """Names of a list; a package that is pinned twice, for different Pythons, counts once."""
    rows = [row.removesuffix(" \\") for row in (ROOT / name).read_text().splitlines() if "==" in row]
    asked = [Requirement(row) for row in rows if row[0] not in " #"]
    return sorted({canonicalize_name(each.name) for each in asked if not each.marker or each.marker.evaluate()})


@pytest.mark.parametrize("name", locked("requirements.txt"))
def test_every_locked_package_is_under_an_allowed_licence(name):
    judge(name, site_of(".venv"))


@pytest.mark.parametrize("name", sorted({*locked("requirements-ray.txt")} - {*locked("requirements.txt")}))
def test_what_ray_brings_is_under_an_allowed_licence(name):
    judge(name, site_of(".venv-test"))


def judge(name: str, site: Path) -> None:
    said = licences(installed(site)[name])
    assert said, f"{name} says nothing about its licence"
    assert any(map(is_allowed, said)), said  # several classifiers are a choice


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("License-Expression: MIT", True),
        ("License-Expression: GPL-3.0-or-later", False),
        ("License-Expression: MIT OR GPL-3.0-only", True),
        ("License-Expression: MIT AND GPL-3.0-only", False),
        ("License-Expression: BSD-3-Clause AND (GPL-3.0-or-later WITH GCC-exception-3.1)", True),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", False),
        ("Classifier: License :: OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)", True),
        ("Classifier: License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)", True),
        ("License: AGPL-3.0", False),
        ("License: Apache License, Version 2.0", True),
        ("License: MIT License\n        \n        Copyright (c) somebody", True),
        ("License: Proprietary", False),
        ("License-Expression: MIT\nLicense: GPL", True),
    ],
)
def test_a_made_up_package_is_judged_by_what_it_says(tmp_path, header, allowed):
    folder = tmp_path / "made_up-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: made-up\nVersion: 1.0\n{header}\n")
    said = licences(installed(tmp_path)["made-up"])
    assert said
    assert all(map(is_allowed, said)) is allowed


def test_a_package_that_says_nothing_is_found(tmp_path):
    folder = tmp_path / "silent-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.4\nName: silent\nVersion: 1.0\nClassifier: Topic :: Sound\n")
    assert licences(installed(tmp_path)["silent"]) == []


@pytest.mark.parametrize("manifest", sorted(ROOT.glob("backends/*/engine.toml")), ids=lambda path: path.parent.name)
def test_every_engine_says_what_it_is_under(manifest):
    licence = tomllib.loads(manifest.read_text())["licence"]
    assert licence["code"]
    assert licence["model"]
    assert licence["code"] in (manifest.parent / "README.md").read_text()
