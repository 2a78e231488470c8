"""``batch check`` as a person calls it, and as a program does; with the real espeak."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from support.mutations import KINDS, mutated

from demod_voice.api.batch import MOST_SHOWN, BatchOptions, check_batch, require_no_faults
from demod_voice.cli import main
from demod_voice.config import load_settings
from demod_voice.errors import UsageError
from demod_voice.voices.choice import VoiceChoice


@pytest.fixture
def cli(capsys, espeak_engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(argv))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def jobs(folder: Path, *rows: str, header: str = "text,output", name: str = "jobs.csv") -> str:
    (folder / name).write_text("\n".join([header, *rows, ""]))
    return name


def test_a_good_table(cli, tmp_path):
    name = jobs(tmp_path, "Hello,a.wav,en-us,x", "Bonjour,b.opus,,y", header="text,output,voice,note")
    code, out, err = cli("batch", "check", name)
    assert (code, err) == (0, "")
    assert "jobs.csv: 2 rows, 0 faults" in out
    assert "spoken by espeak" in out
    assert "carried through to the results: note" in out
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.csv"], "nothing is made"


def test_lines_that_are_comments_are_counted(cli, tmp_path):
    name = jobs(tmp_path, "Hello,a.wav", "#hashtag,b.wav", '"#hashtag",c.wav')
    assert "left out as comments, for they begin with #: 1 line\n" in cli("batch", "check", name)[1]


def test_faults_are_listed_with_their_rows(cli, tmp_path):
    name = jobs(tmp_path, "Hello,a.wav,", "Hello,a.wav,", ",b.wav,9", header="text,output,speed")
    code, out, err = cli("batch", "check", name)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: 3 faults in jobs.csv",
        "  jobs.csv:3: row 2: the output a.wav is the output of row 1 too (give each row an output of its own)",
        "  jobs.csv:4: row 3: speed '9' is out of range: 0.25 to 4 (1 is the voice's own rate)",
        "  jobs.csv:4: row 3: the column text is empty (every row needs it)",
    ]


def test_all_of_many_faults_go_to_a_file(cli, tmp_path):
    name = jobs(tmp_path, *(f"Hello,{number}" for number in range(MOST_SHOWN + 7)))
    code, _, err = cli("batch", "check", name)
    assert code == 2
    assert "57 faults in jobs.csv" in err
    assert err.count(": row ") == MOST_SHOWN
    assert "and 7 more" in err
    assert "--faults FILE.csv" in err
    code, _, err = cli("batch", "check", name, "--faults", "faults.csv")
    assert (code, "all of them: faults.csv" in err) == (2, True)
    with (tmp_path / "faults.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["line"]) for row in rows] == [(str(n), str(n + 1)) for n in range(1, 58)]
    assert all("has no extension" in row["fault"] and "--format" in row["remedy"] for row in rows)
    assert cli("batch", "check", name, "--format", "wav", "--faults", "faults.csv")[0] == 0
    assert (tmp_path / "faults.csv").read_text() == "row,line,fault,remedy\n", "an older list does not stay"


def test_of_many_columns_the_first_are_named(cli, tmp_path):
    names = [f"c{number}" for number in range(25)]
    jobs(tmp_path, f"hello,a.wav{',' * len(names)}", header=",".join(["text", "output", *names]))
    code, out, _ = cli("batch", "check", "jobs.csv")
    assert (code, "c18, c19 and 5 more\n" in out, "c20" in out) == (0, True, False)


def test_the_report_for_machines(cli, tmp_path):
    name = jobs(tmp_path, "Hello,a.wav", "...,b.wav")
    code, out, err = cli("batch", "check", name, "--json")
    report = json.loads(out)
    assert (code, report["rows"], report["faults"], report["engines"]) == (2, 2, 1, ["espeak"])
    assert report["first"][0] == {
        "row": 2,
        "line": 3,
        "fault": "nothing in the text '...' can be said",
        "remedy": "it needs a letter or a digit",
    }
    assert json.loads(err)["error"]["exit_code"] == 2


def test_voices_are_asked_of_their_engines(cli, tmp_path):
    name = jobs(tmp_path, "Hello,a.wav,", "Hello,b.wav,zork", header="text,output,voice")
    code, _, err = cli("batch", "check", name)
    assert code == 2
    assert "jobs.csv:3: row 2: engine espeak has no voice 'zork'" in err


def test_an_engine_that_is_none_is_the_fault_of_each_row(cli, tmp_path):
    name = jobs(tmp_path, "Hello,a.wav,nope", "Hello,b.wav,", "Ho,c.wav,nope", header="text,output,engine")
    code, _, err = cli("batch", "check", name)
    assert code == 2
    assert "2 faults" in err
    assert "jobs.csv:2: row 1" in err
    assert "jobs.csv:4: row 3" in err


def test_a_row_tells_all_that_is_wrong_with_it(cli, tmp_path):
    name = jobs(tmp_path, ",a,nope,9,x,?", header="text,output,engine,speed,seed,language")
    code, _, err = cli("batch", "check", name)
    assert (code, err.splitlines()[0]) == (2, "error: 6 faults in jobs.csv")
    for word in ("the column text", "no extension", "nope", "speed '9'", "seed 'x'", "'?' is not a language tag"):
        assert word in err


def test_a_reference_needs_a_word_about_consent(cli, tmp_path):
    (tmp_path / "me.wav").write_bytes(b"RIFF")
    name = jobs(tmp_path, "Hello,a.wav,me.wav", header="text,output,reference")
    code, _, err = cli("batch", "check", name)
    assert code == 2
    assert "--consent self" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("gone.csv",), "gone.csv does not exist"),
        (("jobs.csv", "--encoding", "zork"), "there is no encoding 'zork'"),
        (("jobs.csv", "--faults", "jobs.csv"), "is the jobs file itself"),
        (("jobs.csv", "--loudness", "3"), "--loudness 3 is out of range"),
        (("jobs.csv", "--lexicon", "gone.yaml"), "gone.yaml"),
        (("jobs.csv", "--voice", "zork"), "has no voice 'zork'"),
        (("jobs.csv", "--root", "nowhere"), "--root nowhere is not a folder"),
        (("jobs.csv", "--task", "sing"), "unknown value 'sing'"),
    ],
)
def test_what_cannot_be_checked(cli, tmp_path, argv, message):
    jobs(tmp_path, "Hello,a.wav")
    code, out, err = cli("batch", "check", *argv)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_faults_file_that_cannot_be_written(cli, tmp_path):
    jobs(tmp_path, "Hello,a.wav")
    code, _, err = cli("batch", "check", "jobs.csv", "--faults", "no/where.csv")
    assert (code, "its folder does not exist" in err) == (7, True)


def test_a_table_is_run_without_a_verb(cli, tmp_path):
    """``batch JOBS`` is ``batch run JOBS``; a misspelled verb is told as one."""
    assert "gone.csv does not exist" in cli("batch", "gone.csv")[2]
    assert "gone.csv does not exist" in cli("batch", "-q", "-o", "out", "gone.csv")[2]
    assert "did you mean check?" in cli("batch", "chek", "jobs.csv")[2]


def test_a_copy_of_a_spreadsheet_in_another_encoding(cli, tmp_path):
    (tmp_path / "jobs.csv").write_bytes("text;output\r\nGrüße;ä.wav\r\n".encode("cp1252"))
    code, _, err = cli("batch", "check", "jobs.csv")
    assert code == 2
    assert "jobs.csv:2: row 1: byte 0xFC after 'Gr' is not UTF-8 text" in err
    assert "--encoding cp1252" in err
    assert cli("batch", "check", "jobs.csv", "--encoding", "cp1252")[0] == 0


def test_from_python(tmp_path, espeak_engine):
    jobs(tmp_path, "Hello,a", "Ho,b.wav")
    options = BatchOptions(format="flac", voice=VoiceChoice(engine="espeak", language="de"))
    found = check_batch(tmp_path / "jobs.csv", options, settings=load_settings())
    assert (found.rows, found.faults, found.out_dir) == (2, 0, tmp_path / "jobs-out")
    require_no_faults(found)
    bad = check_batch(tmp_path / "jobs.csv", settings=load_settings())
    with pytest.raises(UsageError, match="1 fault in"):
        require_no_faults(bad)


def damaged_table(number: int) -> tuple[str, bytes]:
    """A table of 30 rows, damaged, and its suffix."""
    suffix = ("csv", "tsv", "jsonl")[number % 3]
    texts = [(f"Row {row}, says “{row}”", f"{row}.wav", "en", f"=1+{row}") for row in range(30)]
    names = ("text", "output", "language", "note")
    if suffix == "jsonl":
        lines = [json.dumps(dict(zip(names, each, strict=True)), ensure_ascii=False) for each in texts]
    else:
        lines = ["\t".join(each) if suffix == "tsv" else '"' + '","'.join(each) + '"' for each in (names, *texts)]
    data = "\n".join(lines).encode()
    return suffix, mutated(data, KINDS[number // 3 % len(KINDS)], np.random.default_rng(number))


def check_damaged(folder: Path, number: int) -> int:
    """How many rows a damaged table has; 0 where it was refused."""
    suffix, data = damaged_table(number)
    path = folder / f"{number}.{suffix}"
    path.write_bytes(data)
    try:
        found = check_batch(path, settings=load_settings())
    except UsageError:
        return 0
    assert found.faults >= len({each.row for each in found.first})
    assert all(1 <= each.row <= found.rows and each.fault and each.remedy for each in found.first)
    return found.rows


def test_some_damaged_tables(tmp_path, espeak_engine):
    assert sum(check_damaged(tmp_path, number) for number in range(0, 500, 17)) > 200


@pytest.mark.fuzz
def test_five_hundred_damaged_tables(tmp_path, espeak_engine):
    assert sum(check_damaged(tmp_path, number) for number in range(500)) > 3000
