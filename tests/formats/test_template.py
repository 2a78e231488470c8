"""``episode new``: whatever the suffix, the file is a script that can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from demod_voice.api.episodes import new_episode
from demod_voice.config.settings import Limits
from demod_voice.errors import UsageError
from demod_voice.formats.script_file import read_script


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.json", "a.YAML", "a.yml"])
def test_every_suffix_gives_a_script_of_its_format(tmp_path: Path, name: str) -> None:
    script = read_script(new_episode(tmp_path / name), Limits())
    assert script.title == "My first episode"
    assert {who: spec.voice for who, spec in script.speakers.items()} == {"Ada": "en-us+f3", "Ben": "en-us+m3"}
    assert [chapter.title for chapter in script.chapters] == ["Hello", "Goodbye"]
    lines = [line for chapter in script.chapters for part in chapter.paragraphs for line in part.lines]
    assert [line.speaker for line in lines] == ["Ada", "Ben", "Ada", "Ben"]
    assert [line.pause_before_s for line in lines] == [None, None, 0.8, None]


def test_a_name_without_a_suffix_is_markdown(tmp_path: Path) -> None:
    path = new_episode(tmp_path / "my-show")
    assert path == tmp_path / "my-show.md"
    with pytest.raises(UsageError, match=r"my-show\.md exists already"):
        new_episode(tmp_path / "my-show")


def test_another_suffix_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.docx") as caught:
        new_episode(tmp_path / "my-show.docx")
    assert ".md" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []
