"""``demod_voice.api``: every listed name is there, and importing the package costs nothing."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import subprocess
import sys

import pytest

from demod_voice import api

MODULES = sorted(api._EXPORTS)


@pytest.mark.parametrize("module", MODULES)
def test_every_exported_name_is_public_in_its_module(module):
    found = importlib.import_module(f"demod_voice.api.{module}")
    assert set(api._EXPORTS[module]) <= set(found.__all__)
    for name in api._EXPORTS[module]:
        assert getattr(api, name) is getattr(found, name)


def test_every_module_is_listed_and_no_name_twice():
    assert {each.name for each in pkgutil.iter_modules(api.__path__)} == set(MODULES)
    names = [name for names in api._EXPORTS.values() for name in names]
    assert len(names) == len(set(names))
    assert set(names) <= set(dir(api))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = api.nonsense
    with pytest.raises(ImportError):
        exec("from demod_voice.api import nonsense")


def test_importing_the_package_imports_nothing_else():
    code = "import sys, demod_voice.api; print(*[name for name in sys.modules if name.startswith('demod_voice')])"
    out = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert out.split() == ["demod_voice", "demod_voice.api"]
