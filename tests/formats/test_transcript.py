"""Transcripts, read back by another reader."""

from __future__ import annotations

import html
import re
from itertools import pairwise
from pathlib import Path

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.formats.transcript import Cue, split_cues, write_srt, write_vtt
from demod_voice.text.clean import clean

CUES = [
    Cue(0.0, 1.5, "Ada", "1 < 2 & 3 > 2 --> done"),
    Cue(1.5, 9.25, "Ben & <Co>", "A well-known story, told at some length; " * 6),
    Cue(3599.9996, 3601.0, "Zoë", "שלום 👋"),
]


def spoken(text: str) -> str:
    return "".join(text.split())


def test_vtt_names_the_speaker_and_keeps_the_text(tmp_path: Path) -> None:
    write_vtt(tmp_path / "a.vtt", CUES)
    read = webvtt.read(tmp_path / "a.vtt")
    assert {html.unescape(caption.voice) for caption in read.captions} == {cue.speaker for cue in CUES}
    assert spoken("".join(html.unescape(caption.text) for caption in read)) == spoken("".join(cue.text for cue in CUES))
    assert "&lt; 2 &amp; 3 &gt; 2" in (tmp_path / "a.vtt").read_text(encoding="utf-8")


def test_srt_names_the_speaker_and_keeps_the_text(tmp_path: Path) -> None:
    write_srt(tmp_path / "a.srt", CUES)
    written = (tmp_path / "a.srt").read_text(encoding="utf-8")
    assert written.startswith("1\n00:00:00,000 --> 00:00:01,500\nAda: 1 < 2 & 3 > 2 → done\n\n2\n")
    assert len(webvtt.from_srt(tmp_path / "a.srt")) == len(list(split_cues(CUES)))
    told = "".join(re.sub(r"(?m)^(?:\d+|.* --> .*|(?:Ada|Ben & <Co>|Zoë): (.*))$", r"\1", written))
    assert spoken(told) == spoken("".join(cue.text for cue in CUES)).replace("-->", "→")


def test_times_are_written_to_the_millisecond(tmp_path: Path) -> None:
    write_vtt(tmp_path / "a.vtt", CUES)
    read = webvtt.read(tmp_path / "a.vtt")
    assert (read[0].start, read[0].end) == ("00:00:00.000", "00:00:01.500")
    assert (read[-1].start, read[-1].end) == ("01:00:00.000", "01:00:01.000")


def test_a_long_cue_is_cut_at_clauses() -> None:
    pieces = [cue.text for cue in split_cues([CUES[1]])]
    assert len(pieces) > 1
    assert all(piece.endswith((",", ";")) for piece in pieces)


@pytest.mark.parametrize("cues", [[], [Cue(0, 1, "Ada", " ")]])
def test_nothing_said_is_an_empty_transcript(cues: list[Cue], tmp_path: Path) -> None:
    write_vtt(tmp_path / "a.vtt", cues)
    assert (tmp_path / "a.vtt").read_text() == "WEBVTT\n"


TIMES = st.floats(0, 5000).flatmap(lambda start: st.floats(0, 30).map(lambda length: (start, start + length)))
ANY = st.builds(
    lambda times, text: Cue(*times, "Ada", text), TIMES, st.text(st.characters(categories=["L", "Zs"]), max_size=300)
)


@given(st.lists(ANY, max_size=12))
def test_cues_follow_each_other_and_lose_nothing(cues: list[Cue]) -> None:
    split = list(split_cues(cues))
    assert all(cue.end_s > cue.start_s for cue in split)
    assert all(one.end_s <= two.start_s for one, two in pairwise(split))
    assert sorted(spoken("".join(cue.text for cue in split))) == sorted(
        spoken("".join(clean(cue.text) for cue in cues))
    )
    assert all(len(cue.text) <= 84 for cue in split)
