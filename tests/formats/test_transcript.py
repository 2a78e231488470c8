"""Transcripts, read back by another reader."""

from __future__ import annotations

import html
import json
import re
from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.formats.cues import Cue, SpokenWord, split_cues
from demod_voice.formats.transcript import write_json_transcript, write_srt, write_vtt
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
def test_cues_come_in_order_and_lose_nothing(cues: list[Cue]) -> None:
    split = list(split_cues(cues))
    assert all(cue.end_s > cue.start_s for cue in split)
    assert all(one.start_s <= two.start_s for one, two in pairwise(split))
    assert sorted(spoken("".join(cue.text for cue in split))) == sorted(
        spoken("".join(clean(cue.text) for cue in cues))
    )
    assert all(len(cue.text) <= 84 for cue in split)


@given(st.integers(0, 400), st.text(st.characters(categories=["L", "Zs"]), min_size=1, max_size=300))
def test_the_pieces_of_a_line_follow_each_other(length: int, text: str) -> None:
    split = list(split_cues([Cue(2.0, 2.0 + length / 1000, "Ada", text)]))
    assert all(one.end_s == two.start_s for one, two in pairwise(split))
    assert all(cue.start_s == 2.0 for cue in split[:1])


def test_people_who_speak_at_once_have_cues_at_once(tmp_path: Path) -> None:
    long = Cue(
        0.0, 8.0, "Ada", "I was going to say, before you came in, that the kettle has been on for an hour, and more."
    )
    under = Cue(3.0, 3.5, "Ben", "Mm-hm.")
    for write, suffix in ((write_vtt, "vtt"), (write_srt, "srt")):
        write(tmp_path / f"a.{suffix}", [long, under])
    read = webvtt.read(tmp_path / "a.vtt")
    assert [(each.voice, each.start_in_seconds, each.end_in_seconds) for each in read][1:] != []
    assert sum(each.end_in_seconds - each.start_in_seconds for each in read if each.voice == "Ada") == pytest.approx(8)
    assert [(each.start, each.end) for each in read if each.voice == "Ben"] == [("00:00:03.000", "00:00:03.500")]
    subtitles = pysubs2.load(str(tmp_path / "a.srt"))
    assert [each.start for each in subtitles] == sorted(each.start for each in subtitles)


def test_a_cross_fade_is_no_overlap() -> None:
    first, second = split_cues([Cue(0.0, 1.05, "Ada", "One."), Cue(1.0, 2.0, "Ben", "Two.")])
    assert (first.end_s, second.start_s) == (1.0, 1.0)


def test_a_cut_lies_where_the_next_word_begins(tmp_path: Path) -> None:
    """The first half is spoken in one second, the second in nine: characters would say five and five."""
    text = "Quick words come first in this line, all of them, then every word is slow, very very slow, so slow."
    tokens = text.split()
    words = tuple(
        SpokenWord(token.strip(",.").upper(), at, at + 0.05)
        for token, at in zip(tokens, [0.1 * n if n < 10 else n - 9.0 for n in range(len(tokens))], strict=True)
    )
    cue = Cue(0.0, 11.0, "Ada", text, words)
    first, second = split_cues([cue])
    place = len(first.text.split())
    assert first.end_s == second.start_s == pytest.approx(words[place].start_s, abs=0.001)
    assert [len(first.words), len(second.words)] == [place, len(tokens) - place]
    plain = next(split_cues([Cue(0.0, 11.0, "Ada", text)]))
    assert plain.end_s != first.end_s


def test_the_json_transcript_is_what_podcast_apps_read(tmp_path: Path) -> None:
    words = (SpokenWord("Hello", 0.0, 0.4), SpokenWord("there", 0.45, 0.9))
    write_json_transcript(
        tmp_path / "a.json", [Cue(0.0, 1.0, "Ada", "Hello there.", words), Cue(1.2, 2.0, "Ben", "Hi.")]
    )
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "version": "1.0.0",
        "segments": [
            {
                "startTime": 0.0,
                "endTime": 1.0,
                "speaker": "Ada",
                "body": "Hello there.",
                "words": [
                    {"startTime": 0.0, "endTime": 0.4, "body": "Hello"},
                    {"startTime": 0.45, "endTime": 0.9, "body": "there"},
                ],
            },
            {"startTime": 1.2, "endTime": 2.0, "speaker": "Ben", "body": "Hi."},
        ],
    }
