"""The registry: what a models.toml may say, and what the shipped ones say."""

from __future__ import annotations

from pathlib import Path

import pytest

from demod_voice.config import load_settings
from demod_voice.engines.locate import find_engines
from demod_voice.errors import FaultsError, UsageError
from demod_voice.models.catalogue import entry, find_entries
from demod_voice.models.entries import FILE, ModelKind, read_entries
from demod_voice.publish.licences import FREE, NON_COMMERCIAL, kind_of

ROOT = Path(__file__).resolve().parents[2]
GOOD = 'summary = "s"\nsource = "a/b"\nlicence = "MIT"\n'
SHIPPED = [each for path in sorted(ROOT.glob(f"backends/*/{FILE}")) for each in read_entries(path, path.parent.name)]


def written(folder: Path, text: str) -> Path:
    path = folder / FILE
    path.write_text(text)
    return path


def test_every_field_is_read(tmp_path):
    text = (
        f"[m1]\n{GOOD}"
        'revision = "1234567890123456789012345678901234567890"\nlicence_url = "u"\nterms = "t"\naccept = "w"\n'
        'gated = true\nlanguages = ["en", "de"]\nload = "x.onnx"\nbelow = "in/here"\n'
        'kind = { file = "x.onnx", key = "k", value = "v" }\n'
        f'files = ["x.onnx", {{ path = "y/z.bin", size = 7, sha256 = "{"ab" * 32}" }}]\n'
    )
    (found,) = read_entries(written(tmp_path, text), "piper")
    assert (found.name, found.engine, found.pinned, found.gated) == ("m1", "piper", True, True)
    assert [(each.path, each.remote, each.size) for each in found.files] == [
        ("x.onnx", "in/here/x.onnx", 0), ("y/z.bin", "in/here/y/z.bin", 7),
    ]  # fmt: skip
    assert found.kind == ModelKind("x.onnx", "k", "v")
    assert found.num_bytes == 0  # of one file nobody knows it
    other = found.at("v2")
    assert (other.pinned, other.files[1].sha256, other.files[1].size) == (False, "", 0)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("m1 = 3\n", "m1 must be a table"),
        (f'[m1]\n{GOOD}fils = ["a"]\n', "did you mean files?"),
        (f"[m1]\n{GOOD}", "files is missing"),
        (f"[m1]\n{GOOD}files = []\n", "at least one file"),
        (f'[m1]\n{GOOD}files = ["../a"]\n', "not a path below"),
        (f'[m1]\n{GOOD}files = ["/etc/passwd"]\n', "not a path below"),
        (f'[m1]\n{GOOD}files = [{{ path = "a", size = -1 }}]\n', "size must be"),
        (f'[m1]\n{GOOD}files = [{{ path = "a", sha256 = "12" }}]\n', "64 hex digits"),
        (f'[m1]\n{GOOD}files = [{{ path = "a", md5 = "12" }}]\n', "unknown key 'md5'"),
        (f"[m1]\n{GOOD}files = [3]\n", "a file is a path"),
        (f'[m1]\n{GOOD}files = ["a"]\nkind = {{ file = "a" }}\n', "kind must have file and key"),
        (f'[m1]\n{GOOD}files = ["a"]\ngated = "no"\n', "gated must be true or false"),
        (f'[m1]\n{GOOD}files = ["a"]\nlanguages = "en"\n', "languages must be a list"),
        ('[m1]\nsummary = 1\nsource = "a b"\nlicence = "MIT"\nfiles = ["a"]\n', "summary must be a text"),
        ('[m1]\nsummary = "s"\nsource = "a b"\nlicence = "MIT"\nfiles = ["a"]\n', "is not like owner/name"),
        (f'[m1]\n{GOOD}files = ["a", "b", "a"]\n', "file 'a' is named twice"),
        (f'[m1]\n{GOOD}files = ["./a"]\n', "is not written plainly"),
        (f'[m1]\n{GOOD}files = ["a\\nb"]\n', "is not written plainly"),
        (f'[m1]\n{GOOD}files = ["model.json"]\n', "files of its own"),
        (f'[m1]\n{GOOD}files = [{{ path = "pull.json" }}]\n', "files of its own"),
        (f'[m1]\n{GOOD}files = ["a", "a.part"]\n', "files of its own"),
        (f'[m1]\n{GOOD}files = ["a"]\nload = "../../a"\n', "load '../../a' is none of its files"),
        (f'[m1]\n{GOOD}files = ["a"]\nkind = {{ file = "/a", key = "k" }}\n', "kind.file '/a' is none of its files"),
        ('[m1]\nsummary = "s"\nsource = "../.."\nlicence = "MIT"\nfiles = ["a"]\n', "is not like owner/name"),
        (f'["../m"]\n{GOOD}files = ["a"]\n', "is no name of a model"),
        ("[m1", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, fault):
    with pytest.raises(FaultsError) as caught:
        read_entries(written(tmp_path, text), "piper")
    assert fault in str(caught.value)
    assert FILE in str(caught.value)


def test_every_fault_is_said_at_once(tmp_path):
    with pytest.raises(FaultsError) as caught:
        read_entries(written(tmp_path, f'[m1]\n{GOOD}\n[m2]\nfiles = ["a"]\n'), "piper")
    assert len(caught.value.faults) == 4


def test_the_users_own_file_must_name_an_engine(registry):
    registry.write_text(f'[m1]\n{GOOD}files = ["a"]\n')
    with pytest.raises(FaultsError, match="engine is missing"):
        find_entries(load_settings())
    registry.write_text(f'[m1]\nengine = "nothing"\n{GOOD}files = ["a"]\n')
    with pytest.raises(FaultsError, match="no engine 'nothing'"):
        find_entries(load_settings())


def test_a_third_engine_brings_its_models(tmp_path, monkeypatch):
    folder = tmp_path / "engines" / "mine"
    folder.mkdir(parents=True)
    engine = 'name = "mine"\nsummary = "s"\nversion = "1"\noutput_version = 1\n[capabilities]\noperations = ["load"]\n'
    (folder / "engine.toml").write_text(engine)
    written(folder, f'[my-model]\n{GOOD}files = ["a"]\n')
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(tmp_path / "engines"))
    assert entry("my-model", load_settings()).engine == "mine"


@pytest.mark.parametrize("model", SHIPPED, ids=lambda each: each.name)
def test_a_shipped_model_says_what_a_user_must_know(model):
    assert (ROOT / "backends" / model.engine).is_dir()
    assert model.licence_url.startswith("https://")
    assert not model.load or model.load in [each.path for each in model.files]
    assert model.kind is None or model.kind.file in [each.path for each in model.files]
    assert len({each.path for each in model.files}) == len(model.files)
    if kind_of(model.licence) != FREE:
        assert model.terms, "what the licence asks for must be said"
    if model.licence == "CPML":
        assert model.accept == "cpml"
        assert kind_of(model.licence) == NON_COMMERCIAL
    # What is pinned has the hash of its weights, what is not has none.
    hashed = [each.path for each in model.files if each.sha256]
    assert bool(hashed) is model.pinned


def test_names_are_unique_and_every_default_model_can_be_pulled():
    assert len({each.name for each in SHIPPED}) == len(SHIPPED)
    known = find_entries(load_settings())
    for info in find_engines(load_settings()).values():
        if info.default_model:
            assert known[info.default_model].engine == info.name


def test_a_model_that_is_not_there_gets_its_nearest():
    with pytest.raises(UsageError, match="no model 'xtts2'") as caught:
        entry("xtts2", load_settings())
    assert "xtts-v2" in (caught.value.hint or "")
