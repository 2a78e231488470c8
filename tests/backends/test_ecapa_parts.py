"""What the ecapa engine reads before torch is there: its model's description, and names and hashes of a folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from types import ModuleType

import pytest
from demod_worker.model_folder import content_revision, model_name
from demod_worker.worker import BadRequest

TINY = Path(__file__).resolve().parents[1] / "tiny" / "ecapa.py"


@pytest.fixture(scope="module")
def plain(engine_part) -> ModuleType:
    return engine_part("ecapa", "plain_settings")


@pytest.fixture
def described(tmp_path: Path) -> Path:
    found = re.search(r'SETTINGS = """\\\n(.*?)"""', TINY.read_text(), re.DOTALL)
    assert found is not None
    path = tmp_path / "hyperparams.yaml"
    path.write_text(found[1])
    return path


def test_the_numbers_of_the_network_are_read(plain, described):
    found = plain.read_settings(described)
    assert found.n_mels == 80
    assert found.lists == {
        "channels": (16, 16, 16, 16, 48),
        "kernel_sizes": (5, 3, 3, 3, 1),
        "dilations": (1, 2, 3, 4, 1),
    }
    assert found.numbers == {"attention_channels": 16, "lin_neurons": 64, "res2net_scale": 4, "se_channels": 16}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ECAPA_TDNN.ECAPA_TDNN", "Xvector.Xvector", "embedding_model is !new"),
        ("norm_type: sentence", "norm_type: global", "norm_type is 'global'"),
        ("std_norm: False", "std_norm: True", "std_norm is True"),
        ("lin_neurons: 64", "lin_neurons: -1", "no whole number"),
        ("lin_neurons: 64", "lin_neurons: !apply:os.getpid []", "no whole number"),
        ("[1, 2, 3, 4, 1]", "[1, 2]", "one number for each block"),
        ("n_mels: 80", "n_mels: 79", ""),
        ("input_size: !ref <n_mels>", "input_size: 40", "input_size is not n_mels"),
        ("input_size: !ref <n_mels>", "input_size: !ref <nothing>", "not in the file"),
        ("    n_mels: !ref <n_mels>", "    n_mels: !ref <n_mels>\n    n_fft: 512", "sets n_fft"),
        ("compute_features:", "computed_features:", "compute_features is missing"),
    ],
)
def test_another_network_is_refused(plain, described, old, new, message):
    described.write_text(described.read_text().replace(old, new))
    if not message:
        assert plain.read_settings(described).n_mels == 79
        return
    with pytest.raises(BadRequest, match=message) as caught:
        plain.read_settings(described)
    assert "hyperparams.yaml" in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"- a\n- b\n", b"\xff\xfe", b"a: [", b"x" * 70_000, b"a: &a [*a]\n"])
def test_what_is_no_description_is_refused(plain, tmp_path, data):
    path = tmp_path / "hyperparams.yaml"
    path.write_bytes(data)
    with pytest.raises(BadRequest, match=r"hyperparams\.yaml"):
        plain.read_settings(path)


def test_a_revision_is_made_of_contents_and_names_alone(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        (folder / "x.bin").write_bytes(b"12345")
        (folder / "y.bin").write_bytes(b"678")
    found = content_revision(first, ("x.bin", "y.bin"))
    assert found == content_revision(second, ("y.bin", "x.bin"))
    assert re.fullmatch("[0-9a-f]{16}", found)
    os.utime(second / "x.bin", (1, 1))
    assert content_revision(second, ("x.bin", "y.bin")) == found
    (second / "y.bin").write_bytes(b"679")
    assert content_revision(second, ("x.bin", "y.bin")) != found


@pytest.mark.parametrize("listed", [False, True])
def test_recorded_hashes_are_taken_while_the_size_fits(tmp_path, listed):
    (tmp_path / "x.bin").write_bytes(b"12345")
    plain = content_revision(tmp_path, ("x.bin",))
    entry = {"size": 5, "sha256": hashlib.sha256(b"12345").hexdigest()}
    record = [{"path": "x.bin", **entry}] if listed else {"x.bin": entry}
    (tmp_path / "model.json").write_text(json.dumps({"files": record}))
    assert content_revision(tmp_path, ("x.bin",)) == plain
    entry["sha256"] = "0" * 64
    (tmp_path / "model.json").write_text(json.dumps({"files": {"x.bin": entry}}))
    assert content_revision(tmp_path, ("x.bin",)) != plain, "the recorded hash is trusted"
    (tmp_path / "x.bin").write_bytes(b"123456")
    assert content_revision(tmp_path, ("x.bin",)) == content_revision_without_record(tmp_path)


def content_revision_without_record(folder: Path) -> str:
    (folder / "model.json").unlink()
    return content_revision(folder, ("x.bin",))


def test_a_models_name_is_never_a_path(tmp_path):
    hub = tmp_path / "models--speechbrain--spkrec-ecapa-voxceleb" / "snapshots" / "0f99f2"
    hub.mkdir(parents=True)
    assert model_name(hub) == "spkrec-ecapa-voxceleb"
    assert model_name(tmp_path / "ecapa-voxceleb") == "ecapa-voxceleb"
    (tmp_path / "voice.onnx").touch()
    assert model_name(tmp_path / "voice.onnx") == "voice"
