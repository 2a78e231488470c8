"""Five hundred damaged tables through ``batch run --no-check``: an error or a result, never a defect, nothing else touched."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.mutations import KINDS, mutated

from demod_voice.cli import main
from demod_voice.records.hashing import hash_file

ROWS = [
    {"text": "One.", "output": "one.wav", "language": "en", "seed": "1", "id": "a", "note": "plain"},
    {"text": 'Two, "quoted".', "output": "sub/two.wav", "language": "", "seed": "", "id": "", "note": "=1+1"},
    {"text": "Drei äöü.", "output": "three.mp3", "language": "de", "seed": "7", "id": "c", "note": "\U0001f600"},
]
TABLES = 500
ENDS = {0, 2, 3, 4, 7}


def tables() -> dict[str, bytes]:
    """The same rows in every form that is read."""
    header = list(ROWS[0])
    quoted = [[f'"{each.replace(chr(34), chr(34) * 2)}"' for each in row.values()] for row in ROWS]
    return {
        "csv": "\r\n".join([",".join(header), *(",".join(row) for row in quoted)]).encode("utf-8-sig"),
        "tsv": "\n".join(["\t".join(header), *("\t".join(row.values()) for row in ROWS)]).encode(),
        "jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode(),
        "txt.csv": ("# a comment\n\n" + "\n".join([";".join(header), *(";".join(row) for row in quoted)])).encode(),
    }


@pytest.mark.usefixtures("espeak_engine")
@pytest.mark.parametrize("form", sorted(tables()))
def test_damaged_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    check_tables(tmp_path, capsys, form, 2)


@pytest.mark.fuzz
@pytest.mark.usefixtures("espeak_engine")
@pytest.mark.parametrize("form", sorted(tables()))
def test_five_hundred_damaged_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    check_tables(tmp_path, capsys, form, TABLES // len(tables()))


def check_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, count: int) -> None:
    random = np.random.default_rng(len(form))
    done = 0
    for number in range(count):
        folder = tmp_path / f"{number:03d}"
        folder.mkdir()
        table = folder / f"jobs.{form}"
        table.write_bytes(mutated(tables()[form], KINDS[number % len(KINDS)], random))
        code = main(["batch", "run", str(table), "--no-check", "--jobs", "1", "-o", str(folder / "out")])
        said = capsys.readouterr().err
        assert code in ENDS, (table, code, said)
        assert not any(word in said for word in ("Traceback", "unexpected", "defect")), (table, said)
        assert {path.name for path in folder.iterdir()} <= {table.name, "out"}, table
        done += check_results(folder / "out", table)
        shutil.rmtree(folder)
    assert done


def check_results(out: Path, table: Path) -> int:
    """What was made is what the results say; how many rows were done."""
    if not (out / "results.csv").exists():
        return 0
    assert not list(out.rglob(".tmp-*")), table
    data = (out / "results.csv").read_bytes()
    assert b"\0" not in data, table
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [int(row["row"]) for row in rows] == list(range(1, len(rows) + 1)), table
    assert {row["status"] for row in rows} <= {"done", "failed", "skipped"}, table
    assert all(row["error"] for row in rows if row["status"] != "done"), table
    good = [row for row in rows if row["status"] == "done"]
    assert all(hash_file(out / row["output"].removeprefix("'")) == row["sha256"] for row in good), table
    return len(good)
