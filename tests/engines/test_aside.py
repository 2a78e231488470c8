"""An environment that is made again is there before and after, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from demod_voice.engines.aside import discard, old_folder, put_aside, recover


def an_environment(folder: Path, mark: str, whole: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "mark").write_text(mark)
    if whole:
        (folder / "stamp.json").write_text("{}")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return an_environment(tmp_path / "engines" / "tiny", "old")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.iterdir())


@pytest.mark.parametrize("keep", [True, False])
def test_the_new_one_takes_the_place(folder: Path, keep: bool) -> None:
    with put_aside(folder, keep):
        assert not folder.exists()
        assert old_folder(folder).exists() is keep
        an_environment(folder, "new")
    assert ((folder / "mark").read_text(), names(folder)) == ("new", ["tiny"])


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_the_old_one_returns_when_it_fails(folder: Path, begun: bool, error: type[BaseException]) -> None:
    with pytest.raises(error), put_aside(folder, keep=True):
        if begun:
            an_environment(folder, "new", whole=False)
        raise error
    assert ((folder / "mark").read_text(), names(folder)) == ("old", ["tiny"])


def test_a_half_made_one_does_not_return(tmp_path: Path) -> None:
    half = an_environment(tmp_path / "tiny", "half", whole=False)
    with pytest.raises(OSError, match="no"), put_aside(half, keep=True):
        raise OSError("no")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        ("whole", "", "old"),
        ("whole", "half", "old"),
        ("whole", "whole", "new"),
        ("half", "half", "new"),
        ("half", "", ""),
        ("", "whole", "new"),
    ],
)
def test_what_a_kill_left_is_put_right(tmp_path: Path, old: str, new: str, left: str) -> None:
    folder = tmp_path / "tiny"
    for place, what, mark in ((old_folder(folder), old, "old"), (folder, new, "new")):
        if what:
            an_environment(place, mark, whole=what == "whole")
    recover(folder)
    assert not old_folder(folder).exists()
    assert ((folder / "mark").read_text() if folder.exists() else "") == left


def test_of_a_link_only_the_link_goes(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    discard(tmp_path / "link")
    discard(tmp_path / "nothing")
    assert not (tmp_path / "link").is_symlink()
    assert (folder / "stamp.json").is_file()
