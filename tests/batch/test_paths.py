"""Where outputs and references of rows lie, and which of them a batch may touch."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demod_voice.batch.options import BatchOptions
from demod_voice.batch.table.columns import EPISODE_COLUMNS, SPEECH_COLUMNS
from demod_voice.batch.table.paths import MOST_NAME_BYTES, MOST_REMEMBERED, Places, places_of, row_faults
from demod_voice.batch.types import Row
from demod_voice.config import load_settings
from demod_voice.errors import UsageError

Make = Callable[..., Places]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Places of ``tmp_path/jobs/list.csv``."""
    (tmp_path / "jobs").mkdir()
    jobs = tmp_path / "jobs" / "list.csv"
    jobs.write_text("text,output\n")

    def places(settings: Any = None, **options: Any) -> Places:
        return places_of(jobs, BatchOptions(**options), settings or load_settings())

    return places


def row(output: str = "a.wav", **cells: str) -> Row:
    return Row(1, 2, {"text": "Hello", "output": output, **cells})


def faults(places: Places, output: str = "a.wav", **cells: str) -> list[str]:
    return [what for what, _ in row_faults(row(output, **cells), places, SPEECH_COLUMNS)]


def test_outputs_begin_beside_the_jobs_file(make, tmp_path):
    places = make()
    assert places.out_dir == tmp_path / "jobs" / "list-out"
    assert places.output_of(row("b/c.mp3")) == (places.out_dir / "b" / "c.mp3", "b/c.mp3")
    assert places.output_of(row(" d.wav ")) == (places.out_dir / "d.wav", "d.wav")
    assert not places.out_dir.exists(), "nothing is made"


def test_one_output_has_one_name(make, tmp_path):
    places = make(out_dir=tmp_path / "out")
    (tmp_path / "out" / "real").mkdir(parents=True)
    (tmp_path / "out" / "link").symlink_to("real")
    spellings = ["real/x.wav", "./real//x.wav", "real/../real/x.wav", "link/x.wav", str(tmp_path / "out/link/x.wav")]
    assert {places.output_of(row(each)) for each in spellings} == {(tmp_path / "out/real/x.wav", "real/x.wav")}


@pytest.mark.parametrize(
    ("output", "default", "cell", "name"),
    [
        ("a.WAV", "", "", "a.WAV"),
        ("a.wav", "mp3", "", "a.wav"),
        ("a", "mp3", "", "a.mp3"),
        ("a", "mp3", "Opus", "a.opus"),
        ("a.v2", "", "wav", "a.v2.wav"),
        ("a.wav", "", "wav", "a.wav"),
        (".wav", "wav", "", ".wav.wav"),
        ("results.csv", "wav", "", "results.csv.wav"),
    ],
)
def test_the_format_is_in_the_name(make, output, default, cell, name):
    assert make(format=default).output_of(row(output, format=cell))[1] == name


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ("a", "has no extension that says its format"),
        ("a.txt", "has no extension that says its format"),
        ("a/", "names no file"),
        ("..", "names no file"),
        ("a/.", "names no file"),
        ("../a.wav", "lies outside the output folder"),
        ("b/../../a.wav", "lies outside the output folder"),
        ("/etc/a.wav", "lies outside the output folder"),
        ("/a.wav", "lies outside the output folder"),
        ("b\\a.wav", "holds a backslash"),
        ("b\na.wav", "holds a line break"),
        ("\u202ea.wav", "holds a line break or a control character"),
        ("batch.demod/a.wav", "lies in the work folder"),
        ("b/../batch.demod/c/a.wav", "lies in the work folder"),
        (".tmp-1-00000000-a.wav", "begins as temporary files do"),
        ("é" * 114 + ".wav", "name is 232 bytes long"),
        ("x" * 256 + "/a.wav", "too long a name"),
        ("x/" * 2500 + "a.wav", "5,005 characters long"),
    ],
)
def test_outputs_that_cannot_be(make, output, fault):
    (found,) = faults(make(), output)
    assert fault in found


def test_a_name_that_just_fits(make):
    name = "é" * ((MOST_NAME_BYTES - 4) // 2) + ".wav"
    assert faults(make(), name) == []


def test_formats_that_contradict_each_other(make):
    assert faults(make(), "a.wav", format="mp3") == ["the output a.wav says wav, and the column format mp3"]


def test_a_link_out_of_the_output_folder(make, tmp_path):
    places = make(out_dir=tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "away").symlink_to(tmp_path)
    assert faults(places, "away/a.wav") == ["the output away/a.wav lies outside the output folder"]
    assert faults(places, "away/out/a.wav") == [], "and back again"


def test_a_root_lets_outputs_out_and_keeps_references_in(make, tmp_path):
    (tmp_path / "jobs" / "me.wav").write_bytes(b"RIFF")
    (tmp_path / "elsewhere.wav").write_bytes(b"RIFF")
    (tmp_path / "jobs" / "away.wav").symlink_to(tmp_path / "elsewhere.wav")
    places = make(root=tmp_path / "jobs")
    assert places.output_of(row("../b/a.wav")) == (tmp_path / "jobs/b/a.wav", "../b/a.wav")
    assert faults(places, "../../a.wav") == ["the output ../../a.wav lies outside --root"]
    assert faults(places, reference="me.wav") == []
    assert faults(places, reference="../elsewhere.wav") == ["the reference ../elsewhere.wav lies outside --root"]
    assert faults(places, reference="away.wav") == ["the reference away.wav lies outside --root"]
    assert faults(make(), reference="../elsewhere.wav") == [], "without a root they may lie anywhere"


def test_allowed_roots_hold_always(make, tmp_path):
    (tmp_path / "other.wav").write_bytes(b"RIFF")
    settings = load_settings(paths__allowed_roots=(str(tmp_path / "jobs"),))
    places = make(settings)
    assert faults(places, reference="../other.wav") == ["the reference ../other.wav lies outside the allowed folders"]
    with pytest.raises(UsageError, match="outside the allowed folders"):
        make(settings, out_dir=tmp_path / "out")
    wide = make(settings, root=tmp_path, out_dir=tmp_path / "jobs" / "out")
    assert faults(wide, "../../a.wav") == ["the output ../../a.wav lies outside the allowed folders"]


def test_references_begin_at_the_jobs_file(make, tmp_path):
    (tmp_path / "jobs" / "voices").mkdir()
    (tmp_path / "jobs" / "voices" / "me.wav").write_bytes(b"RIFF")
    places = make(out_dir=tmp_path / "out")
    assert places.reference_of(row(reference="voices/me.wav")) == tmp_path / "jobs/voices/me.wav"
    assert places.reference_of(row()) is None
    assert faults(places, reference="voices/me.wav") == []


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        ("gone.wav", "does not exist"),
        ("folder", "is not a file"),
        ("empty.wav", "is empty"),
        ("pipe", "is not a file"),
        ("x" * 300, "cannot be read: File name too long"),
        ("list.csv/x.wav", "cannot be read: Not a directory"),
        ("loop", "cannot be read"),
        ("a\0b", "is no path"),
    ],
)
def test_references_that_cannot_be_read(make, tmp_path, reference, fault):
    folder = tmp_path / "jobs"
    (folder / "folder").mkdir()
    (folder / "empty.wav").touch()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (found,) = faults(make(), reference=reference)
    assert fault in found
    assert str(tmp_path) not in found, "results hold no absolute path"


def test_an_output_over_its_own_reference(make, tmp_path):
    (tmp_path / "jobs" / "a.wav").write_bytes(b"RIFF")
    places = make(out_dir=tmp_path / "jobs")
    assert faults(places, reference="a.wav") == ["the output is the reference itself"]


def test_outputs_that_are_in_the_way(make, tmp_path):
    out = tmp_path / "out"
    (out / "taken.wav").mkdir(parents=True)
    (out / "file").touch()
    places = make(out_dir=out)
    assert faults(places, "taken.wav") == ["the output taken.wav is a folder"]
    assert faults(places, "file/a.wav") == ["the output file/a.wav needs a folder where a file is"]


def test_an_episode_whose_work_folder_is_the_batchs(make):
    places = make()
    episode = Row(1, 2, {"script": "list.csv", "output": "batch.mp3"})
    assert "keeps its work in batch.demod" in row_faults(episode, places, EPISODE_COLUMNS)[0][0]
    assert faults(places, "batch.mp3") == []
    assert row_faults(Row(1, 2, {**episode.cells, "output": "b/batch.mp3"}), places, EPISODE_COLUMNS) == []


def test_a_folder_without_permission(make, tmp_path, request):
    """Root may write everywhere but on a disk that is mounted so."""
    if os.geteuid() == 0:
        out = request.getfixturevalue("small_disk")(1)
        subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
    else:
        out = tmp_path / "out"
        out.mkdir(mode=0o500)
    assert "no permission" in faults(make(out_dir=out))[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"root": "nowhere"}, "is not a folder"),
        ({"out_dir": "jobs/list.csv"}, "is a file"),
        ({"out_dir": "out", "root": "jobs"}, "lies outside --root"),
        ({"format": "doc"}, "unknown audio format"),
        ({"task": "sing"}, "there is no task 'sing'"),
        ({"loudness": 3.0}, "--loudness 3 is out of range"),
        ({"loudness": float("nan")}, "--loudness nan is out of range"),
        ({"consent": "gone.txt"}, "neither a file nor one of"),
    ],
)
def test_flags_that_cannot_be(make, tmp_path, options, message):
    paths = {name: tmp_path / value for name, value in options.items() if name in ("root", "out_dir")}
    with pytest.raises(UsageError, match=message):
        make(**{**options, **paths})


@pytest.mark.parametrize("name", ["gone.csv", "."])
def test_a_jobs_file_that_is_none(tmp_path, name):
    with pytest.raises(UsageError, match=r"does not exist|is not a file"):
        places_of(tmp_path / name, BatchOptions(), load_settings())


def test_what_is_remembered_is_bounded(make):
    places = make()
    for number in range(MOST_REMEMBERED + 10):
        assert faults(places, f"{number}/a.wav", reference=f"{number}.wav") == [
            f"the reference {number}.wav does not exist"
        ]
    assert len(places._folders) <= MOST_REMEMBERED
    assert len(places._unreadable) <= MOST_REMEMBERED


def test_a_row_that_could_not_be_read_has_that_fault_alone(make):
    broken = Row(1, 2, {"text": ""}, "a quote is open", "close it")
    assert row_faults(broken, make(), SPEECH_COLUMNS) == [("a quote is open", "close it")]
