"""Jobs tables: whatever program wrote them, each row is read or named, and never more than one is held."""

from __future__ import annotations

import csv
import io
import json
import random
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.mutations import KINDS, mutated

from demod_voice.errors import UsageError
from demod_voice.formats.table import Record, TableForm, open_table
from demod_voice.formats.table_form import MOST_CELL_CHARS
from demod_voice.formats.table_json import MOST_COLUMNS
from demod_voice.formats.table_lines import MOST_RECORD_CHARS

FORM = TableForm(frozenset({"text", "output", "speed"}), frozenset({"text", "output"}), {"text": 20000})
LOOSE = TableForm(frozenset({"text"}), frozenset({"text"}))


def read(path: Path, form: TableForm = FORM) -> list[Record]:
    with open_table(path, form) as table:
        return list(table.records)


def written(folder: Path, data: str | bytes, name: str = "jobs.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode(encoding))
    return path


def rows(path: Path, form: TableForm = FORM) -> list[tuple[str, ...]]:
    """Values of the rows that could be read; all must have been."""
    found = read(path, form)
    assert [each.fault for each in found] == [""] * len(found)
    return [tuple(each.cells.values()) for each in found]


def refused(path: Path, form: TableForm = FORM) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(path, form)
    return caught.value


# What other programs write


def test_what_a_spreadsheet_program_writes(tmp_path):
    """Semicolons, CRLF, a byte-order mark, breaks inside cells, delimiters of empty columns and rows."""
    data = '\ufefftext;output;;\r\n"Grüß ""Gott"";\nja";a.wav;;\r\n;;;\r\nzwei;b.wav;;\r\n'
    assert rows(written(tmp_path, data)) == [('Grüß "Gott";\nja', "a.wav"), ("zwei", "b.wav")]


def test_rows_whose_empty_end_is_left_out(tmp_path):
    """Excel writes no delimiters for the empty end of the columns, sixteen rows at a time."""
    found = read(written(tmp_path, "text,output,speed,note\na,b.wav\n"))
    assert found == [Record(1, 2, {"text": "a", "output": "b.wav", "speed": "", "note": ""})]


def test_a_delimiter_that_is_named(tmp_path):
    assert rows(written(tmp_path, "sep=;\r\ntext;output\r\na,b;c\r\n")) == [("a,b", "c")]
    assert rows(written(tmp_path, "sep=,\ntext,output\na;b,c\n")) == [("a;b", "c")]


def test_what_pandas_writes_with_its_index(tmp_path):
    found = read(written(tmp_path, ",text,output\n0,hi,a.wav\n1,ho,b.wav\n"))
    assert [dict(each.cells) for each in found] == [
        {"text": "hi", "output": "a.wav"},
        {"text": "ho", "output": "b.wav"},
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path, encoding, end):
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    text = mark + end.join(["text,output", '"żółć\x85 \u2028日本",a.wav', "# none", "", '"x', 'y",b.wav', ""])
    found = read(written(tmp_path, text, encoding=encoding))
    assert [(each.number, each.line, *each.cells.values()) for each in found] == [
        (1, 2, "żółć\x85 \u2028日本", "a.wav"),
        (2, 5, "x\ny", "b.wav"),
    ]


def test_utf_16_without_its_mark(tmp_path):
    assert rows(written(tmp_path, "text,output\nhello,a.wav\n", encoding="utf-16-le")) == [("hello", "a.wav")]


def test_an_encoding_that_is_told(tmp_path):
    path = written(tmp_path, "text,output\ncaf\xe9 \x80,a.wav\n".encode("latin-1"))
    form = TableForm(FORM.known, FORM.required, encoding="cp1252")
    assert rows(path, form) == [("café €", "a.wav")]
    japanese = written(tmp_path, "text,output\n日本,a.wav\n", encoding="shift_jis")
    assert rows(japanese, TableForm(FORM.known, FORM.required, encoding="shift_jis")) == [("日本", "a.wav")]


@pytest.mark.parametrize("name", ["nonsense", "rot13", "hex", "idna", "undefined", ""])
def test_encodings_that_are_none(tmp_path, name):
    path = written(tmp_path, "text,output\na,b\n")
    form = TableForm(FORM.known, FORM.required, encoding=name)
    if name:
        assert "there is no encoding" in refused(path, form).message
    else:
        assert rows(path, form) == [("a", "b")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["jobs.csv", "jobs.tsv", "JOBS.TXT"])
def test_the_delimiter_is_the_headers(tmp_path, delimiter, name):
    data = (
        delimiter.join(["Output", ' "TEXT" '.strip(), "my note"]) + "\n" + delimiter.join(["a.wav", "hi", "x"]) + "\n"
    )
    found = read(written(tmp_path, data, name))
    assert found == [Record(1, 2, {"output": "a.wav", "text": "hi", "my note": "x"})]


def test_a_delimiter_inside_a_header_cell(tmp_path):
    data = 'text;output;"a, b, c, d"\n1,5;a.wav;x\n'
    assert read(written(tmp_path, data)) == [Record(1, 2, {"text": "1,5", "output": "a.wav", "a, b, c, d": "x"})]


def test_names_of_columns_in_any_case_and_order(tmp_path):
    found = read(written(tmp_path, " OUTPUT , Text ,Keep  Me\na.wav,hi,1\n"))
    assert dict(found[0].cells) == {"output": "a.wav", "text": "hi", "Keep Me": "1"}


def test_comments_only_where_a_record_begins(tmp_path):
    data = '# made by hand\ntext,output\n#a,b.wav\n"#c","d#.wav"\n"one\n# two",e.wav\n'
    assert rows(written(tmp_path, data)) == [("#c", "d#.wav"), ("one\n# two", "e.wav")]


def test_the_columns_are_told_in_their_order(tmp_path):
    with open_table(written(tmp_path, "b,text,a,output\n"), FORM) as table:
        assert list(table.columns) == ["b", "text", "a", "output"]
        assert list(table.records) == []
    path = written(tmp_path, '{"b": 1, "text": "x"}\n{"a": 2, "b": 3}\n', "jobs.jsonl")
    with open_table(path, FORM) as table:
        assert [dict(each.cells) for each in table.records] == [{"b": "1", "text": "x"}, {"a": "2", "b": "3"}]
        assert list(table.columns) == ["b", "text", "a"]


def test_every_byte_goes_past_the_tap(tmp_path):
    path = written(tmp_path, "text,output\n" + "a,b.wav\n" * 50000)
    seen = bytearray()
    with open_table(path, FORM, seen.extend) as table:
        assert sum(1 for _ in table.records) == 50000
    assert seen == path.read_bytes()


# Headers that cannot be used


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        ("text,speed\na,1\n", "jobs.csv:1: the column output is missing", "The header has: text, speed"),
        ("text,ouput\na,1\n", "the column output is missing", "is it ouput?"),
        ("hello there,a.wav\n", "jobs.csv:1: no header", "output,text"),
        ("", "is empty", "first line names the columns"),
        ("\n\n# only\n", "is empty", "first line names the columns"),
        ("text,output,Text\na,b,c\n", "the column 'text' twice", "rename"),
        ("text,output,Note,note\na,b,c,d\n", "the column 'note' twice", "rename"),
        ('text,output,"x\na,b,c\n', "in the header, a quote", "close it"),
        ("text,output,a\0\na,b,c\n", "in the header, it holds a NUL", "remove"),
        (b"text,output,caf\xe9\na,b,c\n", "in the header, byte 0xE9 after 'text,output,caf'", "cp1252"),
        (b"PK\x03\x04rest", "is a spreadsheet or an archive", "save it as CSV"),
    ],
)
def test_headers_that_cannot_be_used(tmp_path, data, message, hint):
    error = refused(written(tmp_path, data))
    assert message in error.message
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("name", "hint"), [("jobs.xlsx", "CSV"), ("jobs.ods", "CSV"), ("jobs.json", "jq"), ("jobs", ".ndjson")]
)
def test_files_of_another_kind(tmp_path, name, hint):
    error = refused(written(tmp_path, "text,output\n", name))
    assert "is no table" in error.message
    assert hint in (error.hint or "")


def test_a_file_that_cannot_be_read(tmp_path):
    assert "cannot be read" in refused(tmp_path / "gone.csv").message
    (tmp_path / "folder.csv").mkdir()
    assert "cannot be read" in refused(tmp_path / "folder.csv").message


# Rows that cannot be read

GOOD = [f'"He said ""{number}"", then","out {number}.wav",note {number}' for number in range(6)]
BAD = {
    "too many": ("a,b.wav,c,d", "4 cells, and the header has 3"),
    "too few": ("a", "1 cell, and the header has 3"),
    "unclosed": ('"a,b.wav,c', "a quote that is opened here is not closed"),
    "unclosed later": ('a,"b.wav,c', "a quote that is opened here is not closed"),
    "stray": ('"a"x,b.wav,c', "a quoted cell goes on after its quote"),
    "NUL": ("a\0,b.wav,c", "it holds a NUL character"),
    "NUL in quotes": ('"a\0",b.wav,c', "it holds a NUL character"),
    "long text": ("x" * 20001 + ",b.wav,c", "the column text is 20,001 characters long"),
    "long cell": (f"a,b.wav,{'x' * (MOST_CELL_CHARS + 1)}", "the column note is 1,000,001 characters long"),
    "long line": ("x" * (MOST_RECORD_CHARS + 7), "the line is longer than 2,000,000 characters"),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("at", [0, 3, 6])
@pytest.mark.parametrize("kind", BAD)
def test_a_row_that_cannot_be_read_loses_no_other(tmp_path, kind, at, end):
    bad, fault = BAD[kind]
    lines = [*GOOD[:at], bad, *GOOD[at:]]
    found = read(written(tmp_path, end.join(["text,output,note", *lines]) + end))
    assert [each.number for each in found] == list(range(1, 8))
    assert [each.line for each in found] == list(range(2, 9))
    assert [bool(each.fault) for each in found] == [place == at for place in range(7)]
    assert fault in found[at].fault
    assert found[at].remedy
    others = [*found[:at], *found[at + 1 :]]
    assert [each.cells["output"] for each in others] == [f"out {number}.wav" for number in range(6)]


@pytest.mark.parametrize("at", [0, 2, 6])
def test_a_byte_that_is_no_text_is_the_fault_of_its_row(tmp_path, at):
    lines = [line.encode() for line in GOOD]
    lines.insert(at, "na\xefve caf\xe9,b.wav,c".encode("latin-1"))
    found = read(written(tmp_path, b"\n".join([b"text,output,note", *lines, b""])))
    assert [bool(each.fault) for each in found] == [place == at for place in range(7)]
    assert found[at].fault == "byte 0xEF after 'na' is not UTF-8 text"
    assert "--encoding cp1252" in found[at].remedy
    assert found[at].cells["output"] == "b.wav"
    assert found[at].cells["text"] == "na\ufffdve caf\ufffd"


def test_half_of_a_wide_character(tmp_path):
    data = "text,output\na,b.wav\nx,c.wav\n".encode("utf-16")
    found = read(written(tmp_path, data[:-2] + b"\x00\xd8\n\0"))
    assert [bool(each.fault) for each in found] == [False, True]
    assert "is not UTF-16 text" in found[1].fault
    assert "--encoding" not in found[1].remedy


def test_faulty_cells_can_be_shown(tmp_path):
    data = b"text,output,note\n\xff\0,b.wav," + b"y" * (MOST_CELL_CHARS + 9) + b"\n"
    (found,) = read(written(tmp_path, data))
    assert found.fault
    assert all("\0" not in value and value.encode() and len(value) <= MOST_CELL_CHARS for value in found.cells.values())


def test_a_quote_that_is_never_closed_names_its_row_and_costs_little(tmp_path):
    """Forty megabytes after a stray quote: the row is named, all others are read, and memory stays small."""
    path = tmp_path / "jobs.csv"
    with path.open("w") as file:
        file.write('text,output\nfirst,0.wav\n"second,1.wav\n')
        for number in range(1_000_000):
            file.write(f"a longer line of text for row {number},{number + 2}.wav\n")
    tracemalloc.start()
    with open_table(path, FORM) as table:
        begin = [next(table.records) for _ in range(3)]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [(each.number, each.line, bool(each.fault)) for each in begin] == [(1, 2, 0), (2, 3, 1), (3, 4, 0)]
        assert sum(not each.fault for each in table.records) == 999_999
    assert peak < 20_000_000


def test_a_line_without_an_end_costs_little(tmp_path):
    path = tmp_path / "jobs.csv"
    with path.open("w") as file:
        file.write("text,output\n")
        for _ in range(60):
            file.write("x" * 1_000_000)
        file.write("\nafter,a.wav\n")
    tracemalloc.start()
    first, second = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "longer than" in first.fault
    assert dict(second.cells) == {"text": "after", "output": "a.wav"}
    assert peak < 30_000_000


def test_many_stray_quotes_take_no_longer_than_one(tmp_path):
    """Each is looked for to the next one only."""
    lines = ['"a' + str(number) + ",b.wav" if number % 100 == 0 else f"a{number},b.wav" for number in range(100_000)]
    path = written(tmp_path, "\n".join(["text,output", *lines, ""]))
    began = time.monotonic()
    found = read(path)
    assert time.monotonic() - began < 30
    assert [each.number for each in found if each.fault] == list(range(1, 100_001, 100))


# JSONL


def test_values_become_text(tmp_path):
    line = {"text": "Zoë \n says", "output": "a.wav", "speed": 1.5, "n": 3, "yes": True, "no": False, "gone": None}
    nested = {"list": [1, "é", None], "object": {"a": {"b": 1.0}}}
    path = written(tmp_path, json.dumps({**line, **nested}) + "\n" + json.dumps({**line, **nested}, ensure_ascii=False))
    first, second = read(path, FORM) if path.suffix == ".jsonl" else read(path.rename(tmp_path / "jobs.jsonl"))
    assert first.cells == second.cells
    assert dict(first.cells) == {
        "text": "Zoë \n says",
        "output": "a.wav",
        "speed": "1.5",
        "n": "3",
        "yes": "true",
        "no": "false",
        "gone": "",
        "list": '[1, "é", null]',
        "object": '{"a": {"b": 1.0}}',
    }


def test_keys_of_json_in_any_case_and_order(tmp_path):
    path = written(tmp_path, '\ufeff# none\n{" Output": "a.wav", "TEXT": "hi"}\r\n\r\n{"text": "ho"}', "jobs.ndjson")
    assert read(path) == [Record(1, 2, {"output": "a.wav", "text": "hi"}), Record(2, 4, {"text": "ho"})]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"text": "a"', "it is no JSON"),
        ('{"text": "a"} x', "it is no JSON"),
        ("a,b.wav", "it is no JSON"),
        ("3", "it is no JSON object"),
        ('["a"]', "it is no JSON object"),
        ('{"text": "a", "text": "b"}', "the key 'text' is there twice"),
        ('{"text": "a", "TEXT ": "b"}', "the key 'text' is there twice"),
        ('{"text": "a\\u0000"}', "text holds a NUL"),
        ('{"text": "a\\ud800"}', "text holds half a character (U+D800) after 'a'"),
        ('{"note": {"x": "\\ud800"}}', "note holds half a character"),
        ('{"text": "' + "x" * 20001 + '"}', "the column text is 20,001 characters long"),
        ('{"note": "' + "x" * (MOST_CELL_CHARS + 1) + '"}', "the column note is 1,000,001 characters long"),
        ('{"note": "' + "x" * MOST_RECORD_CHARS + '"}', "the line is longer than"),
        ('{"n": ' + "9" * 5000 + "}", "a number is too long"),
        ('{"n": ' + "[" * 100000 + "}", "lists lie too deep"),
        (b'{"text": "caf\xe9"}', 'byte 0xE9 after \'{"text": "caf\' is not UTF-8 text'),
    ],
)
def test_a_line_of_json_that_cannot_be_read_loses_no_other(tmp_path, line, fault):
    good = b'{"text": "a", "output": "b.wav"}'
    bad = line if isinstance(line, bytes) else line.encode()
    found = read(written(tmp_path, b"\n".join([good, bad, good, b""]), "jobs.jsonl"))
    assert [(each.number, each.line) for each in found] == [(1, 1), (2, 2), (3, 3)]
    assert found[0].cells == found[2].cells == {"text": "a", "output": "b.wav"}
    assert fault in found[1].fault
    assert found[1].remedy
    assert not found[0].fault + found[2].fault


@pytest.mark.parametrize("data", ['[{"text": 1}]', '{\n"text": 1\n}', '[\n{"text": "a"}]', " [1]"])
def test_one_value_over_many_lines_is_refused(tmp_path, data):
    error = refused(written(tmp_path, data, "jobs.jsonl"))
    assert "no object begins and ends on this line" in error.message
    assert "jq" in (error.hint or "")


def test_a_hundred_thousand_columns_cost_seconds(tmp_path):
    names = [f"c{number:x}" for number in range(100_000)]
    began = time.process_time()
    assert len(rows(written(tmp_path, f"text,output,{','.join(names)}\nhello,a.wav{',' * len(names)}\n"))[0]) == 100_002
    assert "'cab' twice" in str(refused(written(tmp_path, f"text,output,{','.join(names)},CAB\n")))
    keys = ",".join(f'"{name}": 1' for name in [*names, names[-1]])
    assert "is there twice" in read(written(tmp_path, f"{{{keys}}}\n", "jobs.jsonl"))[0].fault
    assert time.process_time() - began < 20.0, "compared each with each it is minutes"


def test_keys_that_are_data(tmp_path):
    lines = "\n".join(json.dumps({"text": "a", f"key{number}": 1}) for number in range(MOST_COLUMNS))
    assert "more than 256 different keys" in refused(written(tmp_path, lines, "jobs.jsonl")).message


# Everything that can be written is read

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
CELLS = st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=12)
DIALECTS = [("excel", ","), ("excel", ";"), ("excel-tab", "\t"), ("unix", ",")]


def plain(text: str) -> str:
    """With the line ends that a reader gives."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(CELLS, st.sampled_from(DIALECTS), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_what_the_csv_module_writes_is_read(tmp_path_factory, cells, dialect, encoding):
    stream = io.StringIO()
    writer = csv.writer(stream, dialect[0], delimiter=dialect[1], quoting=csv.QUOTE_ALL)
    writer.writerow(["text", "output", "my note"])
    writer.writerows(cells)
    path = written(tmp_path_factory.mktemp("t"), stream.getvalue(), encoding=encoding)
    kept = [tuple(map(plain, each)) for each in cells if any(each)]
    assert rows(path, LOOSE) == kept


@given(CELLS)
def test_what_is_quoted_only_where_it_must_be_is_read(tmp_path_factory, cells):
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")  # with "\n", Python 3.11 leaves a "\r" without quotes
    writer.writerow(["text", "output", "my note"])
    writer.writerows([(f"T{text}", output, note) for text, output, note in cells])
    path = written(tmp_path_factory.mktemp("t"), stream.getvalue())
    assert rows(path, LOOSE) == [tuple(map(plain, (f"T{text}", *rest))) for text, *rest in cells]


VALUES = st.one_of(TEXT, st.integers(-(2**60), 2**60), st.booleans(), st.none(), st.lists(TEXT, max_size=3))


@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), VALUES), max_size=8), st.booleans())
def test_what_the_json_module_writes_is_read(tmp_path_factory, objects, ascii_only):
    lines = [json.dumps({"text": "t", **each}, ensure_ascii=ascii_only) for each in objects]
    found = read(written(tmp_path_factory.mktemp("t"), "\n".join(lines), "jobs.jsonl"), LOOSE)
    assert len(found) == len(objects)
    for record, given_ in zip(found, objects, strict=True):
        assert not record.fault
        for key, value in given_.items():
            text = record.cells[key]
            if isinstance(value, str):
                assert text == value
            elif value is None:
                assert text == ""
            else:
                assert json.loads(text) == value


# Damaged files


def table_bytes(kind: str, number: int) -> bytes:
    """A good table of a kind: 60 rows with quotes, breaks, comments and letters of many scripts."""
    texts = [f'Row {row} says "héllo", 日本 {row}\nand more' for row in range(60)]
    outputs = [f"out/{number}-{row}.wav" for row in range(60)]
    if kind == "jsonl":
        lines = [
            json.dumps({"text": text, "output": output}, ensure_ascii=False)
            for text, output in zip(texts, outputs, strict=True)
        ]
        return "\n".join(lines).encode()
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t" if kind == "tsv" else ";" if number % 2 else ",")
    writer.writerow(["text", "output", "note"])
    for row in range(60):
        writer.writerow([texts[row], outputs[row], "=1+1" if row % 7 == 0 else ""])
        if row % 10 == 0:
            stream.write("# a comment\r\n\r\n")
    return stream.getvalue().encode("utf-16" if number % 5 == 0 else "utf-8-sig" if number % 3 == 0 else "utf-8")


def damaged(folder: Path, number: int) -> list[Record]:
    """The rows of a damaged table, each with its number and its line; none where the table was refused."""
    kind = ("csv", "tsv", "jsonl")[number % 3]
    damage = KINDS[number // 3 % len(KINDS)]
    data = mutated(table_bytes(kind, number), damage, np.random.default_rng(number))
    chance = random.Random(number)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(data) + 1)
        data = data[:at] + chance.choice([b'"', b"\0", b"\r", b"\n\n", b",", b"\xff\xfe", b"'", b"#", b"{"]) + data[at:]
    path = written(folder, data, f"{number}.{kind}")
    message, found = str(path), []
    try:
        found = read(path)
    except UsageError as error:
        message = error.message
    assert str(path) in message
    lines = [each.line for each in found]
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    assert lines == sorted(set(lines))
    for each in found:
        assert all("\0" not in value and value.encode() is not None for value in each.cells.values())
        assert bool(each.fault) == bool(each.remedy)
    return found


def test_five_hundred_damaged_tables(tmp_path):
    """Read or refused, each within ten seconds; most are read, and of those most rows."""
    slowest, kept, good, faulty = 0.0, 0, 0, 0
    for number in range(500):
        began = time.monotonic()
        found = damaged(tmp_path, number)
        slowest = max(slowest, time.monotonic() - began)
        kept += bool(found)
        good += sum(not each.fault for each in found)
        faulty += sum(bool(each.fault) for each in found)
    assert slowest < 10
    assert kept > 300
    assert good > 5 * faulty > 0
