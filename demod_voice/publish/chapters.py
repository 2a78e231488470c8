"""``X.chapters.json``: chapters with pictures and links, as podcast apps fetch them.

Source: Podcasting 2.0, JSON chapters 1.2.0 (https://github.com/Podcastindex-org/podcast-namespace).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_voice.records.atomic import write_json

VERSION = "1.2.0"


@dataclass(frozen=True, slots=True)
class LinkedChapter:
    """A chapter with what goes to the JSON file alone (see docs/adr/0008)."""

    start_s: float
    end_s: float
    title: str
    image: str = ""
    """Address of a picture."""
    url: str = ""
    """Address of a page."""


def write_chapters(path: Path, title: str, author: str, chapters: Sequence[LinkedChapter]) -> None:
    """Write the file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_json(path, chapters_of(title, author, chapters))


def chapters_of(title: str, author: str, chapters: Sequence[LinkedChapter]) -> dict[str, Any]:
    """The file's content."""
    head = {"version": VERSION, "title": title, "author": author}
    return {**{name: value for name, value in head.items() if value}, "chapters": [_chapter(each) for each in chapters]}


def _chapter(chapter: LinkedChapter) -> dict[str, Any]:
    found: dict[str, Any] = {
        "startTime": round(chapter.start_s, 3),
        "endTime": round(chapter.end_s, 3),
        "title": chapter.title,
    }
    return {**found, **{name: text for name, text in (("img", chapter.image), ("url", chapter.url)) if text}}
