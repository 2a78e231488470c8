"""results.csv and timings.csv: in the order of the rows, continued, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import errno
import os
import time
from pathlib import Path

import pytest

from demod_voice.batch.kept.results import Results, plain
from demod_voice.batch.kept.timings import Timings
from demod_voice.batch.types import DONE, FAILED, Finished, Timing
from demod_voice.errors import OutputError


def record(number: int, **more: object) -> Finished:
    return Finished(number, "", DONE, f"{number}.wav", sha256="ab", audio_s=1.25, engine="espeak", **more)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_come_in_any_order_and_are_written_in_theirs(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    with Results(path, ("mood",)) as results:
        for number in (3, 1, 4, 2):
            results.add(record(number), {"id": f"i{number}", "mood": "sad", "text": "no"})
        results.complete()
    assert [row["row"] for row in read(path)] == ["1", "2", "3", "4"]
    assert read(path)[2] == {
        "row": "3",
        "status": "done",
        "output": "3.wav",
        "sha256": "ab",
        "audio_s": "1.25",
        "engine": "espeak",
        "error": "",
        "notes": "",
        "id": "i3",
        "mood": "sad",
    }


def test_a_row_whose_turn_has_not_come_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    with Results(path, ()) as results:
        for number in (1, 3):
            results.add(record(number), {})
        assert results.next == 2
    assert [row["row"] for row in read(path)] == ["1"]


def test_a_run_that_goes_on_leaves_what_agrees(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    for run in range(2):
        with Results(path, ()) as results:
            for number in range(1, 6):
                results.add(record(number), {})
            results.complete()
        if run == 0:
            os.utime(path, ns=(1, 1))
            whole = path.read_bytes()
    assert path.stat().st_mtime_ns == 1
    path.write_bytes(whole[:-5])
    with Results(path, ()) as results:
        for number in range(1, 6):
            results.add(record(number), {})
    assert path.read_bytes() == whole
    with Results(path, ()) as results:
        for number in range(1, 4):
            results.add(record(number), {})
        results.complete()
    assert len(read(path)) == 3


def test_the_old_results_stand_until_new_ones_are_known(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    with Results(path, ()) as results:
        for number in range(1, 6):
            results.add(record(number), {})
        results.complete()
    with Results(path, ()) as results:
        results.add(record(1), {})
    assert len(read(path)) == 5
    with Results(path, ()) as results:
        results.add(record(1, notes="changed"), {})
    assert len(read(path)) == 1


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("@cmd", "'@cmd"),
        ("+49 30", "'+49 30"),
        ("-x", "'-x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("-16", "-16"),
        ("+1,5", "+1,5"),
        ("-1.5e3", "-1.5e3"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula(tmp_path: Path, cell: str, shown: str) -> None:
    assert plain(cell) == shown
    with Results(tmp_path / "results.csv", ("=evil",)) as results:
        results.add(record(1, error="x"), {"id": cell, "=evil": cell})
    (row,) = read(tmp_path / "results.csv")
    assert row["id"] == shown
    assert row["'=evil"] == shown


def test_cells_of_any_text_are_read_back_as_they_were(tmp_path: Path) -> None:
    nasty = 'a,b "c"\nd\re ü 🙂'
    with Results(tmp_path / "results.csv", ("x",)) as results:
        results.add(record(1), {"x": nasty})
    (row,) = read(tmp_path / "results.csv")
    assert row["x"] == nasty
    assert b"\r\n" not in (tmp_path / "results.csv").read_bytes()


def test_a_carried_column_never_hides_one_of_the_results(tmp_path: Path) -> None:
    with Results(tmp_path / "results.csv", ("status", "mood")) as results:
        results.add(record(1), {"status": "theirs", "mood": "sad"})
    (row,) = read(tmp_path / "results.csv")
    assert (row["status"], row["jobs_status"], row["mood"]) == ("done", "theirs", "sad")


def test_an_error_is_one_line_with_its_remedy(tmp_path: Path) -> None:
    failed = Finished(1, "", FAILED, "1.wav", error="it\nwould not", hint="try again")
    with Results(tmp_path / "results.csv", ()) as results:
        results.add(failed, {})
    assert read(tmp_path / "results.csv")[0]["error"] == "it would not (try again)"


def test_lines_are_on_the_disk_within_a_second_or_so(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    with Results(path, ()) as results:
        results.add(record(1), {})
        results.tick()
        assert path.read_bytes() == b""
        time.sleep(1.01)
        results.tick()
        assert len(read(path)) == 1


def test_a_full_disk_is_an_output_error_and_the_next_run_goes_on(small_disk) -> None:
    path = small_disk(1) / "results.csv"
    with pytest.raises(OutputError, match="full") as caught, Results(path, ("x",)) as results:
        for number in range(1, 100):
            results.add(record(number), {"x": "y" * 50_000})
    assert caught.value.__cause__.errno == errno.ENOSPC
    with Results(path, ("x",)) as results:
        for number in range(1, 10):
            results.add(record(number), {"x": "y"})
        results.complete()
    assert len(read(path)) == 9


def test_timings_are_appended_and_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "timings.csv"
    with Timings(path) as timings:
        timings.add(Timing(2, 0.5, 1, "w1"))
    with path.open("ab") as file:
        file.write(b"3,0.2")
    with Timings(path) as timings:
        timings.add(Timing(1, 0.25, 2, "w0", cached=True))
    assert path.read_text() == "row,seconds,attempt,worker,cached\n2,0.500,1,w1,no\n1,0.250,2,w0,yes\n"
