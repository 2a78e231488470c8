"""Files that are scripts, and files that are none: encodings, sizes, kinds."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from demod_voice.config.settings import Limits
from demod_voice.errors import FaultsError, UsageError
from demod_voice.formats.script_file import read_script

TEXT = "---\nspeakers:\n  Zoë: a\n---\nZoë: Grüße 👋 שלום\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_with_and_without_a_mark(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_bytes(TEXT.encode(encoding))
    assert read_script(path, Limits()).chapters[0].paragraphs[0].lines[0].text == "Grüße 👋 שלום"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            b"---\ntitle: Caf\xe9\n---\n",
            r"show\.md:2: is not UTF-8: byte 0xE9 at byte offset 14 \(save it as UTF-8, or .*iconv",
        ),
        (TEXT.encode("utf-16")[:-1], r"is not whole UTF-16 \(byte offset \d+\) \(save it as UTF-8\)"),
        ("Ada: hi".encode("utf-16-le"), r"show\.md:1: holds a NUL character: .*save it as UTF-8"),
        (b"\x7fELF\x02\x01\0\0\xff\xfe", "is a binary file, not a script"),
        (b"ID3\x04\0\0\0", "a binary file is no script"),
        (b"", "the script is empty .*episode new"),
        (b"\xef\xbb\xbf \r\n\t\n", "the script is empty"),
    ],
)
def test_what_is_no_text_is_told_with_a_remedy(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_bytes(data)
    with pytest.raises(FaultsError, match=words):
        read_script(path, Limits())


def test_a_line_of_ten_megabytes_is_refused_quickly(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text("x" * 10_000_000)
    started = time.perf_counter()
    with pytest.raises(UsageError, match=r"show\.md is 9\.5 MB, too large"):
        read_script(path, Limits())
    with pytest.raises(FaultsError):
        read_script(path, Limits(script_size="1GB"))
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("show.docx", "its suffix is '.docx'"),
        ("gone.md", "does not exist"),
        ("folder.md", "is a folder"),
        ("pipe.md", "not a file"),
    ],
)
def test_a_wrong_path_is_told(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "show.docx").touch()
    (tmp_path / "folder.md").mkdir()
    os.mkfifo(tmp_path / "pipe.md")
    with pytest.raises(UsageError, match=words):
        read_script(tmp_path / name, Limits())


def test_a_path_that_no_file_can_have_is_told() -> None:
    with pytest.raises(UsageError, match=r"cannot be read|does not exist"):
        read_script(Path("a\0b.md"), Limits())
