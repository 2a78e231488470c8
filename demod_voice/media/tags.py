"""What a player shows of a file: tags, chapters and a cover, in the words of each container."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from demod_voice.media.pictures import Picture

FRONT_COVER = 3
"""Picture type of a front cover. Source: ID3v2.4 4.14, taken over by FLAC."""
_ALPHA_3 = (
    "af:afr ar:ara bg:bul bn:ben ca:cat cs:ces cy:cym da:dan de:deu el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas "
    "fi:fin fr:fra ga:gle gl:glg gu:guj he:heb hi:hin hr:hrv hu:hun hy:hye id:ind is:isl it:ita ja:jpn ka:kat kk:kaz "
    "ko:kor la:lat lt:lit lv:lav mk:mkd ml:mal mr:mar ms:msa mt:mlt nb:nob ne:nep nl:nld nn:nno no:nor pa:pan pl:pol "
    "pt:por ro:ron ru:rus sk:slk sl:slv sq:sqi sr:srp sv:swe sw:swa ta:tam te:tel th:tha tr:tur uk:ukr ur:urd uz:uzb "
    "vi:vie zh:zho"
)
_THREE_LETTERS = dict(pair.split(":") for pair in _ALPHA_3.split())
"""ISO 639-1 -> ISO 639-2/T, which ID3 and MP4 ask for."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What a player shows."""

    title: str = ""
    artist: str = ""
    album: str = ""
    date: str = ""
    comment: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Further tags by name: TXXX frames in MP3, freeform atoms in MP4, Vorbis comments, words of a WAV's comment."""
    genre: str = ""
    track: str = ""
    """Number of the episode."""
    language: str = ""
    """BCP 47."""
    cover: Picture | None = None


@dataclass(frozen=True, slots=True)
class ChapterMark:
    """A chapter of the finished file."""

    start_s: float
    end_s: float
    title: str


def named(tags: Tags) -> dict[str, str]:
    """The tags that every container has, by libav's names for them; empty ones are left out."""
    found = {
        "title": tags.title,
        "artist": tags.artist,
        "album": tags.album,
        "date": tags.date,
        "comment": tags.comment,
        "genre": tags.genre,
        "track": tags.track,
    }
    return {name: value for name, value in found.items() if value}


def three_letters(language: str) -> str:
    """The ISO 639-2 code of a BCP 47 tag, or nothing when this table has none."""
    primary = language.replace("_", "-").split("-")[0].lower()
    return primary if primary in _THREE_LETTERS.values() else _THREE_LETTERS.get(primary, "")


def libav_chapters(chapters: Sequence[ChapterMark]) -> Any:
    """Chapters as PyAV takes them, in milliseconds."""
    return [
        {
            "id": number,
            "start": round(mark.start_s * 1000),
            "end": round(mark.end_s * 1000),
            "time_base": Fraction(1, 1000),
            "metadata": {"title": mark.title},
        }
        for number, mark in enumerate(chapters)
    ]


def vorbis_chapters(chapters: Sequence[ChapterMark]) -> dict[str, str]:
    """Chapters as Vorbis comments (Xiph's Chapter Extension). Written here because libav's are a second late or none:
    its Ogg muxer rounds the seconds and adds the milliseconds, its FLAC muxer leaves chapters out.
    """
    comments = {}
    for number, mark in enumerate(chapters):
        seconds, milliseconds = divmod(round(mark.start_s * 1000), 1000)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"
        comments[f"CHAPTER{number:03d}"] = clock
        comments[f"CHAPTER{number:03d}NAME"] = mark.title
    return comments


def vorbis_picture(picture: Picture) -> str:
    """A cover as the value of METADATA_BLOCK_PICTURE: a FLAC picture block in base64. Source: RFC 9639, 8.8."""
    mime = picture.mime.encode()
    head = struct.pack(">II", FRONT_COVER, len(mime)) + mime + struct.pack(">I", 0)
    shape = struct.pack(">IIIII", picture.width, picture.height, 24, 0, len(picture.data))
    return base64.b64encode(head + shape + picture.data).decode()
