"""``X.chapters.json``."""

from __future__ import annotations

import json
from pathlib import Path

from demod_voice.publish.chapters import LinkedChapter, write_chapters


def test_the_file_is_what_podcast_apps_read(tmp_path: Path) -> None:
    found = (
        LinkedChapter(0.0, 2.5004, "One"),
        LinkedChapter(2.5004, 9.0, "Zwei", "https://x.example/i.png", "https://x.example"),
    )
    write_chapters(tmp_path / "c.json", "A show", "", found)
    assert json.loads((tmp_path / "c.json").read_text()) == {
        "version": "1.2.0",
        "title": "A show",
        "chapters": [
            {"startTime": 0.0, "endTime": 2.5, "title": "One"},
            {
                "startTime": 2.5,
                "endTime": 9.0,
                "title": "Zwei",
                "img": "https://x.example/i.png",
                "url": "https://x.example",
            },
        ],
    }
