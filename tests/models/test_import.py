"""Import: what was carried by hand is checked as what was pulled, and is then the same model."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from support.models import FILES

from demod_voice.api.models import import_model, list_models, pull_model, remove_model, verify_model
from demod_voice.config import load_settings
from demod_voice.errors import LicenceRequired, ModelMissing, OutputError, UsageError
from demod_voice.models.entries import ModelEntry, ModelFile
from demod_voice.models.forms import faults_of


@pytest.fixture
def carried(tmp_path: Path) -> Path:
    """The files of ``tiny`` on a stick."""
    folder = tmp_path / "stick"
    for path, data in FILES["someone/tiny"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def test_what_was_carried_is_the_same_model_as_what_is_pulled(settings, carried):
    model = import_model(carried, name="tiny", settings=settings)
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}
    assert (model.record.made_by, model.record.revision, model.record.licence) == ("import", "", "MIT")
    remove_model("tiny", settings=settings)
    pulled, _ = pull_model("tiny", settings=settings)
    assert [(each.path, each.sha256) for each in pulled.record.files] == [
        (each.path, each.sha256) for each in model.record.files
    ]


def test_on_one_disk_nothing_is_copied(settings, carried, models):
    import_model(carried, name="tiny", settings=settings)
    assert (models / "tiny" / "weights.bin").samefile(carried / "weights.bin")


def test_the_model_that_fits_is_found(settings, carried, registry):
    registry.write_text(registry.read_text().partition("[bound]")[0])
    assert import_model(carried, settings=settings).record.name == "tiny"


def test_several_that_fit_are_named(settings, carried):
    with pytest.raises(UsageError, match="could be any of bound, closed, tiny"):
        import_model(carried, settings=settings)


def test_a_folder_of_nothing_says_what_is_missing(settings, carried, registry):
    registry.write_text(registry.read_text().partition("[bound]")[0])
    (carried / "weights.bin").unlink()
    with pytest.raises(UsageError, match=r"for tiny it lacks weights\.bin"):
        import_model(carried, settings=settings)
    with pytest.raises(ModelMissing, match=r"has no weights\.bin, which belongs to tiny"):
        import_model(carried, name="tiny", settings=settings)


def test_a_snapshot_in_a_hubs_cache_is_taken_in(settings, tmp_path):
    snapshot = tmp_path / "models--someone--tiny" / "snapshots" / "abc"
    for number, (path, data) in enumerate(FILES["someone/tiny"].items()):
        blob = tmp_path / "models--someone--tiny" / "blobs" / str(number)
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        (snapshot / path).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / path).symlink_to(blob)
    model = import_model(snapshot, name="tiny", settings=settings)
    assert not any(path.is_symlink() for path in model.folder.rglob("*"))
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}


@pytest.mark.parametrize("where", ["missing", "file"])
def test_what_is_no_folder_is_told(settings, tmp_path, where):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is not a folder"):
        import_model(tmp_path / where, settings=settings)


def test_another_kind_of_model_is_refused_and_nothing_stays(settings, carried, models):
    (carried / "config.json").write_text('{"model": "huge"}')
    with pytest.raises(ModelMissing, match="another kind of model: it says 'huge'"):
        import_model(carried, name="tiny", settings=settings)
    assert [each for each in models.iterdir() if each.is_dir()] == []


def test_a_file_of_other_bytes_is_refused_where_the_hash_is_known(settings, carried, registry):
    known = '{ path = "weights.bin", size = 3000000, sha256 = "' + "0" * 64 + '" }'
    registry.write_text(registry.read_text().replace('"weights.bin", "more/part.bin"', f'{known}, "more/part.bin"'))
    with pytest.raises(ModelMissing, match=r"weights\.bin has other bytes than tiny"):
        import_model(carried, name="tiny", settings=load_settings())
    (carried / "weights.bin").write_bytes(b"short")
    with pytest.raises(ModelMissing, match="has 5 bytes, not 3000000"):
        import_model(carried, name="tiny", settings=load_settings())


def test_a_licence_is_accepted_as_in_a_pull(settings, carried):
    with pytest.raises(LicenceRequired, match="non-commercial"):
        import_model(carried, name="bound", settings=settings)
    model = import_model(carried, name="bound", accept="cpml", settings=settings)
    assert model.record.accepted is not None


def test_files_that_were_unpacked_in_place_become_a_model(settings, carried, models):
    models.mkdir(parents=True)
    carried.rename(models / "tiny")
    assert not any(each.installed for each in list_models(settings=settings))
    model = import_model(models / "tiny", name="tiny", settings=settings)
    assert model.folder == models / "tiny"
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}


def test_files_as_in_their_source_are_found(settings, tmp_path, registry):
    entry = '[deep]\nengine = "espeak"\nsummary = "s"\nsource = "a/b"\nlicence = "MIT"\nbelow = "en/voice"\nfiles = ["v.bin"]\n'
    registry.write_text(entry)
    (tmp_path / "en" / "voice").mkdir(parents=True)
    (tmp_path / "en" / "voice" / "v.bin").write_bytes(b"v")
    model = import_model(tmp_path, settings=settings)
    assert (model.folder / "v.bin").read_bytes() == b"v"


def test_a_full_disk_leaves_nothing(settings, carried, small_disk, monkeypatch):
    disk = small_disk(2)
    monkeypatch.setenv("XDG_DATA_HOME", str(disk))
    with pytest.raises(OutputError, match="disk is full"):
        import_model(carried, name="tiny", settings=settings)
    assert [each for each in (disk / "demod-voice" / "models").iterdir() if each.is_dir()] == []


def test_only_allowed_folders_are_read(carried, monkeypatch, tmp_path):
    monkeypatch.setenv("DEMOD_VOICE_PATHS__ALLOWED_ROOTS", str(tmp_path / "elsewhere"))
    with pytest.raises(UsageError, match="outside the allowed folders"):
        import_model(carried, name="tiny", settings=load_settings())


def safetensors(cut: int = 0) -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    data = struct.pack("<Q", len(header)) + header + b"\0" * 16
    return data[: len(data) - cut]


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("a.safetensors", safetensors(), ""),
        ("a.safetensors", safetensors(cut=1), "is cut short"),
        ("a.safetensors", safetensors(cut=40), "is not safetensors"),
        ("a.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "is not safetensors"),
        ("a.safetensors", b"", "is not safetensors"),
        ("a.pth", b"PK\x03\x04" + b"x" * 100, "is cut short"),
        ("a.pth", b"\x80\x02rest", ""),
        ("a.ckpt", b"<html>", "is no file that torch wrote"),
        ("a.json", b'{"a": 1', "is not JSON"),
        ("a.bin", b"", "is empty"),
        ("a.bin", b"x", ""),
    ],
)
def test_a_file_is_looked_at_by_its_form(tmp_path, name, data, fault):
    (tmp_path / name).write_bytes(data)
    entry = ModelEntry("m", "e", "s", "a/b", "MIT", (ModelFile(name, name),))
    found = list(faults_of(entry, tmp_path))
    assert len(found) == bool(fault)
    assert fault in "".join(found)


def test_a_zip_that_torch_would_write_is_whole(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    entry = ModelEntry("m", "e", "s", "a/b", "MIT", (ModelFile("a.pth", "a.pth"),))
    assert list(faults_of(entry, tmp_path)) == []


SIZED = """
[sized]
engine = "espeak"
summary = "A model whose sizes are known"
source = "someone/tiny"
licence = "MIT"
files = ["config.json", { path = "weights.bin", size = 77 }, { path = "CARD", optional = true }]

[small]
engine = "espeak"
summary = "A model of fewer files"
source = "someone/tiny"
licence = "MIT"
files = ["config.json"]
"""


def test_a_folder_with_the_names_of_all_files_is_judged_as_that_model(settings, carried, registry):
    registry.write_text(SIZED)
    with pytest.raises(ModelMissing, match=r"weights\.bin has 3000000 bytes, not 77"):
        import_model(carried, settings=settings)
    registry.write_text(SIZED + SIZED.replace("[sized]", "[other]").replace("[small]", "[less]").replace("77", "78"))
    with pytest.raises(UsageError, match=r"other: weights\.bin has 3000000 bytes, not 78; sized: .* not 77"):
        import_model(carried, settings=settings)


def test_what_is_optional_may_be_missing(settings, carried, registry):
    registry.write_text(SIZED.partition("[small]")[0])
    (carried / "weights.bin").write_bytes(b"x" * 77)
    model = import_model(carried, settings=settings)
    assert [each.path for each in model.record.files] == ["config.json", "weights.bin"]
    assert {each.status for each in verify_model("sized", settings=settings)} == {"ok"}
    (carried / "CARD").write_text("of these recordings")
    assert "CARD" in [each.path for each in import_model(carried, name="sized", settings=settings).record.files]
