"""Tags, chapters and the cover of every format, read back by readers of their own."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from support.pictures import picture
from support.signals import sine, wav
from support.tag_readers import tags_of

from demod_voice.config.settings import Encode
from demod_voice.errors import MediaError
from demod_voice.media.encode import FORMATS, decoded_blocks, encode
from demod_voice.media.pictures import Picture, read_picture
from demod_voice.media.tags import ChapterMark, Tags, three_letters
from demod_voice.media.wav import read_wav

RATE = 24000
MARKS = (ChapterMark(0.0, 0.4, "Öffnung & <Gruß>"), ChapterMark(0.4, 1.25, "二"))
TAGS = Tags(
    title="Zwei – 二",
    artist="Ada, Ben",
    album="A show",
    date="2026-01-02",
    comment="words",
    extra={"SYNTHETIC_SPEECH": "true", "VOICE_LICENCE": "Ada: CC-BY-4.0; Ben: unknown"},
    genre="Podcast",
    track="7",
    language="de-AT",
)
NAMES = {
    "mp3": ("TIT2", "TPE1", "TALB", "TDRC", "TCON", "TRCK"),
    "m4a": ("©nam", "©ART", "©alb", "©day", "©gen", "trkn"),
    "flac": ("TITLE", "ARTIST", "ALBUM", "DATE", "GENRE", "TRACKNUMBER"),
    "wav": ("INAM", "IART", "IPRD", "ICRD", "IGNR", "IPRT"),
}
NAMES |= {"m4b": NAMES["m4a"], "opus": NAMES["flac"], "ogg": NAMES["flac"]}


@pytest.fixture(scope="module")
def master_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wav(tmp_path_factory.mktemp("master") / "m.wav", sine(440, 1.25, -20.0, RATE), RATE, "pcm_s16le")


def made(master_wav: Path, tmp_path: Path, format: str, tags: Tags = TAGS) -> Path:
    out = tmp_path / f"x.{format}"
    encode(master_wav, out, format, Encode(), tags, MARKS)
    assert [each.name for each in tmp_path.glob("x.*")] == [out.name]
    return out


@pytest.mark.parametrize("format", FORMATS)
def test_the_show_s_tags_are_there(master_wav: Path, tmp_path: Path, format: str) -> None:
    found = tags_of(made(master_wav, tmp_path, format))
    title, artist, album, date, genre, track = (found[name] for name in NAMES[format])
    assert (title, artist, album, date, genre) == (TAGS.title, TAGS.artist, TAGS.album, TAGS.date, TAGS.genre)
    assert track in ("7", struct.pack(">HHHH", 0, 7, 0, 0))


@pytest.mark.parametrize("format", FORMATS)
def test_tags_of_free_names_are_there(master_wav: Path, tmp_path: Path, format: str) -> None:
    found = tags_of(made(master_wav, tmp_path, format))
    if format == "wav":
        assert found["ICMT"] == "words; SYNTHETIC_SPEECH=true; VOICE_LICENCE=Ada: CC-BY-4.0; Ben: unknown"
    else:
        assert {name: found[name] for name in TAGS.extra} == TAGS.extra


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "wav"])
def test_chapters_are_there_to_the_millisecond(master_wav: Path, tmp_path: Path, format: str) -> None:
    found = tags_of(made(master_wav, tmp_path, format))["chapters"]
    assert [title for _, title in found] == [mark.title for mark in MARKS]
    assert [start for start, _ in found] == pytest.approx([mark.start_s for mark in MARKS], abs=0.0005)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("format", [name for name in FORMATS if name != "wav"])
def test_the_cover_is_the_file_s_own_bytes(master_wav: Path, tmp_path: Path, format: str, kind: str) -> None:
    (tmp_path / "cover").write_bytes(picture(kind))
    cover = read_picture(tmp_path / "cover")
    out = made(master_wav, tmp_path, format, replace(TAGS, cover=cover))
    found = tags_of(out)
    assert found["cover"] == (f"image/{kind}", cover.data)
    assert len(found["chapters"]) == 2
    assert sum(clip.num_samples for clip in decoded_blocks(out)) / RATE >= 1.25


@pytest.mark.parametrize("format", ["m4a", "m4b"])
def test_an_mp4_without_tags_plays(master_wav: Path, tmp_path: Path, format: str) -> None:
    out = tmp_path / f"x.{format}"
    encode(master_wav, out, format, Encode(), Tags(extra={"A": "b"}), ())
    assert tags_of(out)["A"] == "b"
    encode(master_wav, out, format, Encode(), Tags(), ())
    assert sum(clip.num_samples for clip in decoded_blocks(out)) >= 1.25 * RATE


def test_an_audiobook_says_so(master_wav: Path, tmp_path: Path) -> None:
    found = tags_of(made(master_wav, tmp_path, "m4b"))
    assert (found["brand"], found["stik"]) == ("M4B ", b"\2")
    assert tags_of(made(master_wav, tmp_path / "..", "m4a"))["brand"] == "M4A "


def test_tags_of_a_wav_leave_its_samples_alone(master_wav: Path, tmp_path: Path) -> None:
    tagged, plain = read_wav(made(master_wav, tmp_path, "wav")), read_wav(master_wav)
    assert (tagged.samples == plain.samples).all()


@pytest.mark.parametrize(
    ("tag", "code"), [("en", "eng"), ("de-AT", "deu"), ("zh_CN", "zho"), ("deu", "deu"), ("xx", ""), ("", "")]
)
def test_languages_have_three_letters(tag: str, code: str) -> None:
    assert three_letters(tag) == code


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_picture_s_size_is_read_from_its_header(tmp_path: Path, kind: str) -> None:
    (tmp_path / "c").write_bytes(picture(kind, 160, 96))
    found = read_picture(tmp_path / "c")
    assert (found.mime, found.width, found.height) == (f"image/{kind}", 160, 96)
    assert [advice.partition(": ")[2] for advice in found.advice] == [
        "directories want a square",
        "directories want 1400 to 3000 a side",
    ]


def test_a_cover_as_directories_want_it_gets_no_advice() -> None:
    assert Picture(b"", "image/png", 1400, 1400).advice == ()


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(99), b"<svg/>", b"\xff\xd8"])
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cover.jpg").write_bytes(data)
    with pytest.raises(MediaError, match=r"cover\.jpg is neither JPEG nor PNG"):
        read_picture(tmp_path / "cover.jpg")


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_damaged_picture_is_refused_wherever_it_ends(tmp_path: Path, kind: str) -> None:
    whole = picture(kind)
    for length in range(8, 24):
        (tmp_path / "c").write_bytes(whole[:length])
        with pytest.raises(MediaError, match="damaged"):
            read_picture(tmp_path / "c")


def test_a_picture_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"none\.png cannot be read"):
        read_picture(tmp_path / "none.png")
    with (tmp_path / "big.png").open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    with pytest.raises(MediaError, match=r"big\.png has 11\.5 MB"):
        read_picture(tmp_path / "big.png")
