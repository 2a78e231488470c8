"""A whole table, read once: its hash, its columns, its faults, and the rows that would write one file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from demod_voice.batch.options import BatchOptions
from demod_voice.batch.table.check import RowFault, Scan, check, scan
from demod_voice.batch.table.collisions import Collisions
from demod_voice.batch.table.columns import SPEECH_COLUMNS
from demod_voice.batch.table.paths import Places, places_of, row_faults
from demod_voice.batch.table.rows import JobsTable, jobs_table
from demod_voice.batch.types import Row
from demod_voice.config import load_settings
from demod_voice.errors import UsageError
from demod_voice.records.progress import Silent


class Plain:
    """Knows of a row what its cells and paths tell."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def faults(self, row: Row) -> list[tuple[str, str]]:
        return row_faults(row, self._places, SPEECH_COLUMNS)


Opened = tuple[JobsTable, Places]


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Opened]:
    def opened(data: str | bytes, name: str = "jobs.csv", **options: object) -> Opened:
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        settings = load_settings()
        chosen = BatchOptions(**options)
        places = places_of(path, chosen, settings)
        return jobs_table(path, chosen, settings), places

    return opened


def checked(opened: Opened) -> tuple[Scan, list[RowFault]]:
    found: list[RowFault] = []
    jobs, places = opened
    return check(jobs, places, Plain(places), found.append), found


def shared(opened: Opened) -> list[tuple[int, str]]:
    found: list[RowFault] = []
    assert scan(*opened, found.append).faults == len(found)
    return [(each.row, each.fault) for each in found]


def test_what_a_table_is(table, tmp_path):
    data = "note,Text,OUTPUT,speed,more\n1,Hello,a.wav,,x\n# none\n\n2,Ho,b.wav,1.5,\n"
    found, faults = checked(table(data))
    assert faults == []
    digest = hashlib.sha256(data.encode()).hexdigest()
    assert found == Scan(2, digest, ("note", "more"), ("text", "output", "speed"), 0, 1)
    assert scan(*table(data), faults.append) == found


def test_every_fault_has_its_row_and_its_line(table):
    data = 'text,output,speed\nHi,a.wav,\n"Hi\nthere",b.wav,9\n# none\n,c,x\n"Ho,d.wav,\nHo,e.wav\n'
    found, faults = checked(table(data))
    assert found.rows == 5
    assert [(each.row, each.line, each.fault.split("'")[0].strip()) for each in faults] == [
        (2, 3, "speed"),
        (3, 6, "speed"),
        (3, 6, "the column text is empty"),
        (3, 6, "the output c has no extension that says its format"),
        (4, 7, "a quote that is opened here is not closed"),
    ]
    assert all(each.remedy for each in faults)


def test_rows_that_would_write_one_file(table, tmp_path):
    outputs = ["a.wav", "b.wav", "c/../a.wav", "./b.wav", str(tmp_path / "jobs-out" / "a.wav"), "A.wav", "c", "c"]
    data = "\n".join(["text,output", *(f"Hi,{each}" for each in outputs)])
    assert shared(table(data)) == [
        (3, "the output a.wav is the output of row 1 too"),
        (4, "the output b.wav is the output of row 2 too"),
        (5, "the output a.wav is the output of row 1 too"),
    ]
    assert shared(table(data, format="wav"))[-1] == (8, "the output c.wav is the output of row 7 too")


def test_an_output_that_another_row_reads(table, tmp_path):
    (tmp_path / "voice.wav").write_bytes(b"RIFF")
    data = "text,output,reference\nHi,a.wav,\nHi,voice.wav,\nHi,b.wav,voice.wav\nHo,c.wav,voice.wav\n"
    assert shared(table(data, out_dir=tmp_path)) == [(2, "the output voice.wav is read by a row")]
    assert shared(table(data)) == []


def test_an_output_that_is_the_folder_of_another_one(table):
    data = "text,output\nHi,a/x.mp3/deep/b.wav\nHi,a/x.mp3\nHi,a/y.mp3\nHi,a/x.mp3/c.wav\nHi,d.wav/e.wav\n"
    assert shared(table(data)) == [(2, "the output a/x.mp3 is the folder of another row's output")]


def test_rows_that_cannot_be_read_share_nothing(table):
    assert shared(table("text,output\nHi,a.wav,x\nHi,a.wav,x\nHi,a.wav\n")) == []


def test_collisions_of_hashes_are_told_only_when_the_names_agree():
    """A table of eight bytes a row finds candidates; a second hash decides."""
    found = Collisions()
    for name in ("a", "b", "a", "c"):
        found.add_output(name)
    found.close()
    assert found.suspect
    assert [found.why(number, name) for number, name in enumerate("abac", 1)] == [
        "",
        "",
        "is the output of row 1 too",
        "",
    ]
    found._seconds[0] ^= 1
    assert found.why(5, "a") == "", "the first half of the hash agrees, the second does not"


@pytest.mark.parametrize("outputs", [[], ["a"], ["a", "b"]])
def test_no_collisions(outputs):
    found = Collisions()
    for name in outputs:
        found.add_output(name)
        found.add_input(f"{name}.in")
    found.close()
    assert not found.suspect


@pytest.mark.parametrize(
    ("name", "data"),
    [("jobs.csv", "text,output\n"), ("jobs.csv", "text,output\n\n# Hi,a.wav\n,,\n"), ("jobs.jsonl", "\n# {}\n")],
)
def test_a_table_without_rows(table, name, data):
    with pytest.raises(UsageError, match="has no rows"):
        checked(table(data, name))


def test_columns_of_json_come_as_they_appear(table):
    lines = [{"text": "a", "output": "a.wav", "z": 1}, {"a": 2, "text": "b", "output": "b.wav", "speed": 2}]
    found, faults = checked(table("\n".join(map(json.dumps, lines)), "jobs.jsonl"))
    assert (found.carried, found.known, faults) == (("z", "a"), ("text", "output", "speed"), [])


def test_the_longest_text_is_a_setting(table, tmp_path):
    settings = load_settings(limits__line_chars=100)
    (tmp_path / "jobs.csv").write_text(f"text,output\n{'x' * 101},a.wav\n{'y' * 100},b.wav\n")
    rows = list(jobs_table(tmp_path / "jobs.csv", BatchOptions(), settings).rows())
    assert [each.fault for each in rows] == ["the column text is 101 characters long", ""]


def test_formulas_are_words(table):
    data = 'text,output,note\n=1+1,a.wav,"=HYPERLINK(""x"")"\n@SUM(A1),b.wav,+1\n-2,c.wav,-x\n'
    assert checked(table(data))[1] == []


def test_progress_is_told_of_the_rows(table):
    class Counting(Silent):
        rows = 0.0

        def advance(self, step: str, amount: float = 1.0) -> None:
            assert step == "check"
            self.rows += amount

    jobs, places = table("text,output\n" + "".join(f"Hi,{number}.wav\n" for number in range(2500)))
    counting = Counting()
    assert check(jobs, places, Plain(places), [].append, counting).rows == 2500
    assert counting.rows == 2000
