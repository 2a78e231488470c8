"""Removing a work folder: whole, whatever it is, and never from under a render that begins meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from demod_voice.config.settings import DEFAULTS
from demod_voice.episode.clean import clean
from demod_voice.errors import OutputError
from demod_voice.records.lock import locked


def work_folder(path: Path) -> Path:
    (path / "steps").mkdir(parents=True)
    (path / "takes").mkdir()
    (path / "takes" / "one.wav").write_bytes(bytes(1000))
    return path


def test_a_render_that_begins_while_the_folder_is_removed_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = work_folder(tmp_path / "show.demod")
    remove = shutil.rmtree

    def slowly(path: Path) -> None:
        (path / "lock").unlink()
        with locked(work / "lock"):
            (work / "steps").mkdir()
        remove(path)

    monkeypatch.setattr(shutil, "rmtree", slowly)
    assert clean(tmp_path / "show.mp3", DEFAULTS) == 1000
    assert (work / "steps").is_dir()
    assert [each.name for each in tmp_path.iterdir()] == ["show.demod"]


def test_a_link_goes_with_its_folder_and_what_a_kill_left_goes_too(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    folder = work_folder(tmp_path / "big" / "show.demod")
    work_folder(tmp_path / "big" / ".tmp-123-show.demod")
    (tmp_path / "show.demod").symlink_to(folder)
    assert clean(tmp_path / "show.mp3", DEFAULTS) == 1000
    assert [each.name for each in tmp_path.iterdir()] == ["big"]
    assert not list((tmp_path / "big").iterdir())


def test_a_folder_that_cannot_be_removed_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work_folder(tmp_path / "show.demod")

    def refused(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OutputError, match=r"show\.demod: no permission"):
        clean(tmp_path / "show.mp3", DEFAULTS)
