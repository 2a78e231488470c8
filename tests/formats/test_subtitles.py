"""Subtitles in whatever state they are: what is read, what is noted, and what is refused."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.errors import FaultsError, UsageError
from demod_voice.formats.cues import Cue
from demod_voice.formats.foreign_text import LARGEST
from demod_voice.formats.subtitle_text import read_text
from demod_voice.formats.subtitles import MOST_NOTES, Subtitles, read_subtitles
from demod_voice.formats.transcript import write_srt, write_vtt

SRT = """1
00:00:01,000 --> 00:00:02,500
Hello there.

2
00:00:03,000 --> 00:00:05,000
Two lines
of text.

3
01:00:00,000 --> 01:00:01,000
Übermut.
"""
VTT = """WEBVTT - a title
Kind: captions

NOTE a comment
00:00:00.000 --> 00:00:09.000
that is no cue

STYLE
::cue(.red) { color: red }

REGION
id:fred width:40%

intro
00:01.000 --> 00:02.500 position:10%,line-left align:left
<v Anna>Hello <c.red>there</c>.</v>

00:00:03.000 --> 00:00:05.000
<v.loud Bob Smith>Two <i>lines</i>
of &amp; text.
"""


def read(folder: Path, content: str | bytes, name: str = "a.srt") -> Subtitles:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_subtitles(path)


def texts(folder: Path, content: str | bytes) -> list[str]:
    return [cue.text for cue in read(folder, content).cues]


def one(*lines: str) -> str:
    return "1\n00:00:01,000 --> 00:00:02,000\n" + "\n".join(lines) + "\n"


def test_srt(tmp_path):
    found = read(tmp_path, SRT)
    assert [(cue.start_s, cue.end_s, cue.text, cue.number) for cue in found.cues] == [
        (1.0, 2.5, "Hello there.", 2),
        (3.0, 5.0, "Two lines of text.", 6),
        (3600.0, 3601.0, "Übermut.", 11),
    ]
    assert found.notes == ()


def test_vtt(tmp_path):
    found = read(tmp_path, VTT, "a.vtt")
    assert [(cue.start_s, cue.end_s, cue.speaker, cue.text) for cue in found.cues] == [
        (1.0, 2.5, "Anna", "Hello there."),
        (3.0, 5.0, "Bob Smith", "Two lines of & text."),
    ]
    assert found.notes == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings(tmp_path, encoding, newline):
    found = read(tmp_path, SRT.replace("\n", newline).encode(encoding))
    assert [cue.text for cue in found.cues] == ["Hello there.", "Two lines of text.", "Übermut."]
    assert bool(found.notes) == (encoding in ("cp1252", "latin-1"))


CUES = [
    Cue(0.5, 2.0, "Ada", "Is it < 3 or > 4? Said & done."),
    Cue(2.5, 4.0, "Ben", "[No] — naïve."),
    Cue(4.0, 6.25, "Ada", "Well."),
]


def test_what_we_write_is_read(tmp_path):
    write_vtt(tmp_path / "a.vtt", CUES)
    found = read_subtitles(tmp_path / "a.vtt").cues
    assert [(cue.start_s, cue.end_s, cue.speaker) for cue in found] == [
        (cue.start_s, cue.end_s, cue.speaker) for cue in CUES
    ]
    assert [cue.text for cue in found] == [CUES[0].text, "— naïve.".removeprefix("— "), CUES[2].text]
    write_srt(tmp_path / "a.srt", CUES)
    assert [cue.speaker for cue in read_subtitles(tmp_path / "a.srt").cues] == ["Ada", "Ben", "Ada"]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**7), st.integers(1, 10**4), st.from_regex(r"[a-z]{1,8}( [a-z]{1,8}){0,4}", fullmatch=True)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_as_the_library_reads(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("read") / "a.vtt"
    cues = [Cue(start / 1000, (start + length) / 1000, "Ada", text) for start, length, text in rows]
    write_vtt(path, cues)
    known = sorted(
        (round(each.start_in_seconds + each.start_time.milliseconds / 1000, 3), each.text.replace("\n", " "))
        for each in webvtt.read(path)
    )
    assert sorted((cue.start_s, cue.text) for cue in read_subtitles(path).cues) == known


@pytest.mark.parametrize(
    ("times", "start_s", "end_s"),
    [
        ("00:01.5 --> 00:02.25", 1.5, 2.25),
        ("0:0:1 --> 0:0:2", 1.0, 2.0),
        ("00: 00: 01, 500 -> 00: 00: 02, 000", 1.5, 2.0),
        ("00:00:01,5-->00:00:02,75", 1.5, 2.75),
        ("00:00:75,000 --> 00:00:80,000", 75.0, 80.0),
        ("-00:00:01,000 --> 00:00:02,000", 0.0, 2.0),
        ("00:00:01,000 --> 00:00:02,000 X1:53 X2:303 Y1:438 Y2:453", 1.0, 2.0),
    ],
)
def test_odd_times(tmp_path, times, start_s, end_s):
    (cue,) = read(tmp_path, f"1\n{times}\ntext\n").cues
    assert (cue.start_s, cue.end_s) == (start_s, end_s)


@pytest.mark.parametrize(
    ("times", "note"),
    [
        ("00:00:0x,000 --> 00:00:02,000", "a.srt:6: '00:00:0x,000 --> 00:00:02,000' are no times; the cue is left out"),
        ("00:00:03,000 --> 00:00:02,000", "a.srt:6: the cue ends before it begins; it is left out"),
        ("99999999:00:03,000 --> 99999999:00:04,000", "a.srt:6: 99999999 hours are no time"),
    ],
)
def test_a_bad_cue_is_left_out_with_a_note(tmp_path, times, note):
    found = read(tmp_path, one("kept") + f"\n2\n{times}\nlost\n")
    assert [cue.text for cue in found.cues] == ["kept"]
    assert [each[: len(note)] for each in found.notes] == [note]


def test_many_notes_are_counted(tmp_path):
    bad = "\n".join(f"{n}\n00:00:03,000 --> 00:00:02,000\nx\n" for n in range(50))
    found = read(tmp_path, one("kept") + "\n" + bad)
    assert len(found.notes) == MOST_NOTES + 1
    assert found.notes[-1] == "a.srt: and 30 notes more"


def test_a_file_of_bad_cues_is_refused_with_each_line(tmp_path):
    with pytest.raises(FaultsError, match=r"2 faults.*\n.*a.srt:2: .*\n.*a.srt:5: "):
        read(tmp_path, "1\n00:00:03,000 --> 00:00:02,000\nx\n2\nx0:0x --> 1\ny\n")


def test_order_and_overlap(tmp_path):
    found = read(tmp_path, "1\n0:0:5,0 --> 0:0:9,0\nb\n\n2\n0:0:1,0 --> 0:0:6,0\na\n")
    assert [cue.text for cue in found.cues] == ["a", "b"]
    assert "sorted" in found.notes[0]


def test_empty_lines_and_numbers_in_a_text(tmp_path):
    after = "2\n\n00:00:03,000 --> 00:00:04,000\nafter\n3\n0:0:5 --> 0:0:6\nend"
    assert texts(tmp_path, one("In", "", "1984", "") + after) == ["In 1984", "after", "end"]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["<i>slanted</i> <font color='#fff'>white</font>"], "slanted white"),
        ([r"{\an8}{\i1}up{\i0}\Ndown"], "up down"),
        (["{y:i}old"], "old"),
        (["a < b and c > d"], "a < b and c > d"),
        (["I &lt;3 you &amp; me&nbsp;&#39;s"], "I <3 you & me 's"),
        (["&#" + "9" * 6000 + ";here"], "here"),
        (["[door slams] Who is it?"], "Who is it?"),
        (["(laughs)", "No."], "No."),
        (["Wait (SIGHS) for me."], "Wait for me."),
        (["One (or two) of them."], "One (or two) of them."),
        (["♪ la la ♪", "spoken"], "spoken"),
        (["- Only one."], "Only one."),
        (["-5 degrees."], "-5 degrees."),
        (["go --> there"], "go --> there"),
        (["<00:00:01.200>word <c>by</c><00:00:01.400> word"], "word by word"),
    ],
)
def test_text(tmp_path, lines, text):
    assert texts(tmp_path, one(*lines)) == [text]


def test_cues_that_say_nothing_are_counted(tmp_path):
    found = read(tmp_path, one("[music]") + "\n" + one("word"))
    assert [cue.text for cue in found.cues] == ["word"]
    assert found.notes == ("a.srt: 1 of 2 cues say nothing: empty, sounds in brackets, or songs",)


def test_two_people_in_a_cue():
    assert read_text(["- Hi.", "- Hello."]).mixed
    assert read_text(["<v Anna>Hi.", "<v Bob>Hello."]).mixed
    assert not read_text(["- Hi", "there."]).mixed


def test_names_before_the_text(tmp_path):
    found = read(tmp_path, one("ANNA: Hi.") + "\n" + one("Note: this."))
    assert [(cue.speaker, cue.text) for cue in found.cues] == [("ANNA", "Hi."), ("", "Note: this.")]
    usual = read(tmp_path, "\n".join(one(f"{name}: Hi.") for name in ("Anna", "Bob", "Anna")))
    assert [cue.speaker for cue in usual.cues] == ["Anna", "Bob", "Anna"]


ROLLING = """WEBVTT

00:00.160 --> 00:02.470 align:start position:0%
{blank}
hello<00:00:00.719><c> there</c>

00:02.470 --> 00:02.480 align:start position:0%
hello there
{blank}

00:02.480 --> 00:04.150 align:start position:0%
hello there
this<00:00:02.719><c> is</c>

00:04.150 --> 00:04.160
this is
{blank}

00:04.160 --> 00:06.000
this is
all
""".format(blank=" ")


def test_rolling_captions(tmp_path):
    found = read(tmp_path, ROLLING.replace("\n \n", "\n"))
    assert [(cue.start_s, cue.text) for cue in found.cues] == [(0.16, "hello there"), (2.48, "this is"), (4.16, "all")]
    assert "roll" in found.notes[0]


def test_a_word_that_is_said_twice_stays(tmp_path):
    content = "\n".join(
        f"{n}\n0:0:{n} --> 0:0:{n + 1}\n{text}\n" for n, text in enumerate(["No.", "No.", "Why?", "So."])
    )
    assert texts(tmp_path, content) == ["No.", "No.", "Why?", "So."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no cue"),
        (b"WEBVTT\n\n", "no cue"),
        (b"just words\n", "no cue"),
        (bytes(range(256)) * 40, "no cue|binary"),
    ],
)
def test_no_subtitles(tmp_path, content, message):
    with pytest.raises(FaultsError, match=message):
        read(tmp_path, content)


def test_what_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="do not exist"):
        read_subtitles(tmp_path / "none.srt")
    with pytest.raises(UsageError, match="no file"):
        read_subtitles(tmp_path)
    with (tmp_path / "big.srt").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(UsageError, match="too large"):
        read_subtitles(tmp_path / "big.srt")


LONG = [
    "1\n" + " " * 1_000_000 + "0:0:1 --> 0:0:2\nx\n",
    one("<i" * 300_000),
    one("{\\" * 300_000),
    one("[" * 500_000),
    one("(" * 500_000),
    one("- " * 300_000),
    one("&" * 500_000),
    one("a: " * 300_000),
    "-->1\n" * 200_000,
    "0:0:1 --> 0:0:2\n" * 30_000,
    one("<v " * 200_000),
    one("x" * 2_000_000),
    one(*["x"] * 200_000),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(LONG)))
def test_no_file_takes_long(tmp_path, number):
    began = time.process_time()
    with contextlib.suppress(FaultsError):
        read(tmp_path, LONG[number])
    assert time.process_time() - began < 5


def mutated(number: int) -> bytes:
    """One of many damaged subtitle files, the same for the same number."""
    chance = random.Random(number)
    whole = [SRT, VTT, ROLLING, SRT * 30][number % 4]
    encoding = chance.choice(["utf-8", "utf-8", "utf-16", "utf-16-le", "cp1252", "utf-8-sig"])
    data = bytearray(whole.encode(encoding))
    kind = number // 4 % 8
    if kind == 0:
        del data[chance.randrange(len(data)) :]
    elif kind == 1:
        for _ in range(chance.randrange(1, 40)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == 2:
        at = chance.randrange(len(data))
        data[at:at] = chance.randbytes(chance.randrange(1, 400))
    elif kind == 3:
        at = chance.randrange(len(data))
        data[at:at] = b"9" * chance.randrange(1, 9000)
    elif kind == 4:
        at = chance.randrange(len(data))
        data[at:at] = chance.choice([b"<b>", b"<v A>", b"{\\an8}", b"[", b"(", b"&#", b"-->"]) * 3000
    elif kind == 5:
        lines = bytes(data).split(b"\n")
        chance.shuffle(lines)
        data = bytearray(b"\n".join(lines))
    elif kind == 6:
        begin = chance.randrange(len(data))
        data = data[begin:] + data[:begin]
    else:
        data = bytearray(chance.choice([b"", b"\0", b"\xff\xfe", b"WEBVTT"])) + data[chance.randrange(len(data)) :]
    return bytes(data)


def damaged(folder: Path, number: int) -> None:
    """A damaged file is read or refused, within ten seconds."""
    began = time.monotonic()
    with contextlib.suppress(FaultsError):
        found = read(folder, mutated(number), f"{number}{'.vtt' if number % 2 else '.srt'}")
        assert all(0 <= cue.start_s < cue.end_s and cue.text for cue in found.cues)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("number", range(0, 500, 11))
def test_some_damaged_files(tmp_path, number):
    damaged(tmp_path, number)


@pytest.mark.fuzz
def test_five_hundred_damaged_files(tmp_path):
    for number in range(500):
        damaged(tmp_path, number)
