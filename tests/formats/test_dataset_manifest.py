"""``dataset.json`` and its rows: written, read back equal, and every damage named with its file and line."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import (
    Anchor,
    Dropped,
    Manifest,
    Recording,
    Segment,
    manifest_data,
    manifest_of,
    read_manifest,
    snapshot_data,
    write_manifest,
)

SHA = "ab" * 32
RECORDING = Recording("talk-1", "talk.wav", SHA, 60.0, 44100, 2, "mp3", tags={"z": "1", "a": "2"}, degraded=("x",))
SEGMENT = Segment(
    "talk-1_00001000", "talk-1", 1.0, 3.0, 2.0, 'Hëllo | "you"\n', "anna", "train", SHA, qc={"b": 1, "a": None}
)
OTHER = replace(SEGMENT, id="talk-1_00009000", start_s=9.0, end_s=11.5, duration_s=2.5, reasons=("snr", "hum"))
MANIFEST = Manifest(
    name="voice",
    created="2026-01-01T00:00:00Z",
    sample_rate=24000,
    encoding="pcm_s16le",
    settings={"b": {"d": 1, "c": 2}, "a": 3},
    recordings=(RECORDING,),
    segments=(SEGMENT, OTHER),
    dropped=(Dropped("talk-1", 5.0, 6.0, "short"),),
    anchors=(Anchor("anchor_01", SEGMENT.id, "anna", SEGMENT.text, SHA, 2.0),),
    notes=("a note",),
    parents=({"name": "p", "manifest": SHA},),
    skipped=({"name": "x.mp3", "reason": "no sound"},),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_manifest(tmp_path, MANIFEST)
    return tmp_path


def changed(path: Path, **values: object) -> None:
    """The first row of a file, or the whole of ``dataset.json``, with other values."""
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    lines[0] = json.dumps({**json.loads(lines[0]), **values})
    path.write_text("\n".join(lines) + "\n")


def test_what_was_written_is_read_back(folder):
    assert read_manifest(folder) == MANIFEST
    assert manifest_of(json.loads(json.dumps(snapshot_data(MANIFEST))), "x") == MANIFEST


def test_the_rows_are_as_audiofolder_wants_them(folder):
    rows = [json.loads(line) for line in (folder / "train" / "metadata.jsonl").read_text().splitlines()]
    assert [row["file_name"] for row in rows] == ["talk-1_00001000.wav"]
    assert next(iter(rows[0])) == "file_name"
    assert rows[0]["text"] == SEGMENT.text
    assert (folder / "val" / "metadata.jsonl").read_text() == ""
    assert json.loads((folder / "dataset.json").read_text())["counts"] == {
        "train": {"segments": 1, "duration_s": 2.0},
        "val": {"segments": 0, "duration_s": 0},
        "test": {"segments": 0, "duration_s": 0},
        "quarantine": {"segments": 1, "duration_s": 2.5},
    }


def test_the_order_of_a_mapping_changes_no_byte(folder, tmp_path):
    other = replace(
        MANIFEST,
        settings={"a": 3, "b": {"c": 2, "d": 1}},
        segments=(replace(SEGMENT, qc={"a": None, "b": 1}), OTHER),
        recordings=(replace(RECORDING, tags={"a": "2", "z": "1"}),),
    )
    again = tmp_path / "again"
    again.mkdir()
    write_manifest(again, other)
    for name in ("dataset.json", "train/metadata.jsonl"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_a_person_wins_over_the_gates():
    assert OTHER.folder == "quarantine"
    assert replace(OTHER, review="accepted").path == "train/talk-1_00009000.wav"
    assert replace(SEGMENT, review="rejected").path == "quarantine/talk-1_00001000.wav"


def test_anchors_that_are_gone_leave_no_rows(folder):
    assert (folder / "ref" / "metadata.jsonl").is_file()
    write_manifest(folder, replace(MANIFEST, anchors=()))
    assert not (folder / "ref" / "metadata.jsonl").exists()
    assert read_manifest(folder).anchors == ()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"start_s": "1.0"}, "start_s is a number, not '1.0'"),
        ({"start_s": None}, "start_s is a number, not None"),
        ({"start_s": True}, "start_s is a number, not True"),
        ({"end_s": float("inf")}, "end_s is a number, not inf"),
        ({"text": 5}, "text is a text, not 5"),
        ({"reasons": "snr"}, "reasons is another thing, not 'snr'"),
        ({"reasons": [1]}, "reasons is another thing, not (1,)"),
        ({"qc": 1}, "qc is another thing, not 1"),
        ({"id": "../../etc/x"}, "id cannot be '../../etc/x'"),
        ({"id": ".."}, "id cannot be '..'"),
        ({"id": ""}, "id cannot be ''"),
        ({"id": "a\nb"}, "id cannot be"),
        ({"id": "x" * 300}, "id cannot be"),
        ({"split": "../up"}, "split cannot be '../up'"),
        ({"sha256": "../../x"}, "sha256 cannot be '../../x'"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_line(folder, values, told):
    path = folder / "train" / "metadata.jsonl"
    changed(path, **values)
    with pytest.raises(UsageError) as caught:
        read_manifest(folder)
    assert caught.value.message.startswith(f"{path}:1: ")
    assert told in caught.value.message


@pytest.mark.parametrize("split", ["", "blocks"])
def test_a_clip_belongs_to_a_folder(folder, split):
    """Without a folder, a clip's path would begin at the root."""
    changed(folder / "train" / "metadata.jsonl", split=split)
    with pytest.raises(UsageError, match="talk-1_00001000 cannot be in the split"):
        read_manifest(folder)


@pytest.mark.parametrize("line", ["{", "[1]", "null", '"x"', '{"id": "x"}', "\udcff"])
def test_a_line_that_is_no_row_is_named(folder, line):
    path = folder / "quarantine" / "metadata.jsonl"
    path.write_bytes(path.read_bytes() + line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(UsageError, match=r"quarantine/metadata\.jsonl:2"):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"format": "other"}, "is no manifest of a dataset"),
        ({"version": 2}, "has version 2; this program reads 1"),
        ({"sample_rate": "24000"}, "sample_rate is a whole number"),
        ({"recordings": {}}, "recordings is another thing"),
        ({"recordings": [5]}, "expected an object, not 5"),
        ({"recordings": [{"id": "x"}]}, "missing"),
        ({"settings": []}, "settings is another thing"),
        ({"anchors": [{**snapshot_data(MANIFEST)["anchors"][0], "name": "../x"}]}, "name cannot be '../x'"),
    ],
)
def test_a_damaged_head_is_named(folder, values, told):
    changed(folder / "dataset.json", **values)
    with pytest.raises(UsageError, match=r"dataset\.json") as caught:
        read_manifest(folder)
    assert told in caught.value.message


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"format": "demod-voice-dataset"}'])
def test_a_file_that_is_none_is_named(folder, data):
    (folder / "dataset.json").write_bytes(data)
    with pytest.raises(UsageError, match=r"dataset\.json"):
        read_manifest(folder)


@given(st.data())
def test_no_damage_is_a_traceback(tmp_path_factory, data):
    """Any bytes changed in any file: it is read, or refused with a word."""
    folder = tmp_path_factory.mktemp("damaged")
    write_manifest(folder, MANIFEST)
    path = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*.json*"))))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    with suppress(UsageError):
        assert isinstance(manifest_data(read_manifest(folder)), dict)
