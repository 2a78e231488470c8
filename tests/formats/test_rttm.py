"""Speaker turns in RTTM."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.errors import FaultsError, UsageError
from demod_voice.formats.rttm import Turn, read_rttm

RTTM = """;; a comment
SPKR-INFO talk 1 <NA> <NA> <NA> unknown ben <NA> <NA>
SPEAKER talk 1 4.00 2.50 <NA> <NA> ben <NA> <NA>

SPEAKER talk 1 0.50 3.25 <NA> <NA> ada 0.9 <NA>
"""


def test_turns(tmp_path):
    path = tmp_path / "a.rttm"
    path.write_text("\ufeff" + RTTM)
    assert read_rttm(path) == (Turn(0.5, 3.75, "ada", "talk"), Turn(4.0, 6.5, "ben", "talk"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKER talk 1 4.00 2.50 ben", "ten fields, this has 6"),
        ("SPEAKER talk 1 x 2.50 <NA> <NA> ben <NA> <NA>", "must be seconds from 0 up"),
        ("SPEAKER talk 1 nan 2.50 <NA> <NA> ben <NA> <NA>", "must be seconds from 0 up"),
        ("SPEAKER talk 1 1.0 -2.50 <NA> <NA> ben <NA> <NA>", "must be seconds from 0 up"),
        ("hello there", "is no type of RTTM"),
    ],
)
def test_faults_name_the_line(tmp_path, line, message):
    path = tmp_path / "a.rttm"
    path.write_text(RTTM + line + "\nSPEAKER\n")
    with pytest.raises(FaultsError) as caught:
        read_rttm(path)
    assert [fault.line for fault in caught.value.faults] == [6, 7]
    assert message in caught.value.faults[0].message


def test_what_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="do not exist"):
        read_rttm(tmp_path / "none.rttm")
    (tmp_path / "a.rttm").write_bytes(b"\xff\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_rttm(tmp_path / "a.rttm")


@given(st.text(max_size=200))
def test_any_text(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("rttm") / "a.rttm"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(UsageError):
        assert all(turn.start_s <= turn.end_s for turn in read_rttm(path))
