"""A TextGrid has no gap, no overlap, and every quotation mark twice."""

from __future__ import annotations

import re
from pathlib import Path

from demod_voice.formats.cues import SpokenWord
from demod_voice.formats.textgrid import write_textgrid


def intervals(path: Path) -> list[tuple[float, float, str]]:
    rows = re.findall(r"\]:\n +xmin = ([\d.]+)\n +xmax = ([\d.]+)\n +text = \"(.*)\"\n", path.read_text())
    return [(float(start), float(end), text) for start, end, text in rows]


def test_words_and_the_silences_between_them(tmp_path):
    words = [SpokenWord("one", 0.5, 1.0), SpokenWord('"two"', 1.0, 1.5), SpokenWord("three", 1.4, 2.0)]
    write_textgrid(tmp_path / "a.TextGrid", words, 3.0)
    assert intervals(tmp_path / "a.TextGrid") == [
        (0.0, 0.5, ""),
        (0.5, 1.0, "one"),
        (1.0, 1.5, '""two""'),
        (1.5, 2.0, "three"),
        (2.0, 3.0, ""),
    ]
    text = (tmp_path / "a.TextGrid").read_text()
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0.000\nxmax = 3.000\n')
    assert "intervals: size = 5" in text


def test_no_words_are_one_silence_and_one_without_time_is_left_out(tmp_path):
    write_textgrid(tmp_path / "a.TextGrid", [], 2.0)
    assert intervals(tmp_path / "a.TextGrid") == [(0.0, 2.0, "")]
    write_textgrid(tmp_path / "b.TextGrid", [SpokenWord("a", 0.0, 0.0), SpokenWord("b", 0.0, 2.5)], 2.0)
    assert intervals(tmp_path / "b.TextGrid") == [(0.0, 2.5, "b")]
