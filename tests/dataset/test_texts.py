"""Which text belongs to a recording, and what is done to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.dataset.texts import find_text, fit, read_text_file, text_files
from demod_voice.errors import FaultsError

SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello “you”.\n"


def folder_of(path: Path, *names: str) -> Path:
    path.mkdir(exist_ok=True)
    for name in names:
        (path / name).write_text(SRT)
    return path


def chosen(folder: Path, *names: str, language: str = "en", recording: str = "talk.mp3") -> list[str]:
    return [each.name for each in text_files(folder_of(folder, *names) / recording, None, language)]


ORDER = ["talk.en-US.srt", "talk.en-US.vtt", "talk.en.srt", "talk.en.vtt", "talk.srt", "talk.vtt", "talk.en-GB.vtt"]


def test_order(tmp_path):
    names = [*ORDER, "talk.en.txt", "talk.txt"]
    assert chosen(tmp_path, *reversed(names), language="en-US") == names


@pytest.mark.parametrize("name", ["talk.mp3.srt", "talk.SRT", "talk.en_us.vtt"])
def test_other_spellings(tmp_path, name):
    assert chosen(tmp_path, name) == [name]


@pytest.mark.parametrize("name", ["talk.de.srt", "talks.srt", "talk 2.srt", "talk.part 2.srt", "talk.json", "alk.srt"])
def test_others_are_not_taken(tmp_path, name):
    assert chosen(tmp_path, name) == []


def test_names_with_dots(tmp_path):
    assert chosen(tmp_path, "2024.05.01 a.srt", "2024.srt", recording="2024.05.01 a.wav") == ["2024.05.01 a.srt"]


def test_a_folder_of_texts_is_all_there_is(tmp_path):
    beside, apart = folder_of(tmp_path / "a", "talk.srt"), folder_of(tmp_path / "b", "other.srt")
    assert find_text(beside / "talk.mp3", apart, "en") is None
    assert find_text(beside / "talk.mp3", None, "en").path == beside / "talk.srt"
    assert find_text(tmp_path / "none" / "talk.mp3", None, "en") is None


def test_a_new_text_is_seen(tmp_path):
    assert chosen(tmp_path) == []
    (tmp_path / "other").mkdir()
    assert chosen(tmp_path, "talk.srt") == ["talk.srt"]


def test_what_was_not_taken_is_told(tmp_path):
    folder_of(tmp_path, "talk.srt", "talk.txt")
    found = find_text(tmp_path / "talk.mp3", None, "en")
    assert found.notes == ("talk.srt was taken, and not talk.txt",)
    assert [(each.start_s, each.text) for each in found.lines] == [(1.0, 'Hello "you".')]


def test_a_transcript(tmp_path):
    path = tmp_path / "talk.txt"
    path.write_bytes("ANNA: It’s late.\r\n\r\n[music]\r\nBEN: So it is…\r\n".encode("cp1252"))
    found = read_text_file(path)
    assert found.transcript == "It's late.\nSo it is…"
    assert "Windows-1252" in found.notes[0]
    assert len(found.sha256) == 64


def test_subtitles_that_are_called_txt(tmp_path):
    (tmp_path / "talk.txt").write_text(SRT)
    assert len(read_text_file(tmp_path / "talk.txt").lines) == 1


@pytest.mark.parametrize("content", [b"", b"\n[music]\n", bytes(range(256)) * 40])
def test_an_empty_transcript(tmp_path, content):
    (tmp_path / "talk.txt").write_bytes(content)
    with pytest.raises(FaultsError):
        read_text_file(tmp_path / "talk.txt")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“It’s”  ‘so’\u200b", "\"It's\" 'so'"),
        ("Cafe\u0301\u00a0—  «ça»", "Café — «ça»"),
        ("5 < 6 & 3–4 … OK?", "5 < 6 & 3–4 … OK?"),
    ],
)
def test_fit(text, expected):
    assert fit(text) == expected


@given(st.text())
def test_fitting_twice_changes_nothing(text):
    assert fit(fit(text)) == fit(text)
