"""Which recordings a build takes, and how they are named."""

import os
from pathlib import Path

import pytest

from demod_voice.dataset.sources import find_recordings, slug
from demod_voice.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in (
        ("b.mp3", b"1"),
        ("a.wav", b"2"),
        ("sub/c.FLAC", b"3"),
        ("notes.txt", b"4"),
        (".hidden/d.mp3", b"5"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def names(found):
    return [each.path.name for each in found.sources]


def test_a_folder_gives_its_recordings_and_those_below_it(folder):
    assert names(find_recordings([folder])) == ["a.wav", "b.mp3", "c.FLAC"]


def test_a_pattern_gives_what_it_matches(folder):
    assert names(find_recordings([f"{folder}/*.mp3"])) == ["b.mp3"]
    assert names(find_recordings([f"{folder}/**/*.FLAC"])) == ["c.FLAC"]


def test_a_list_gives_its_lines_from_its_own_folder(folder):
    (folder / "some.lst").write_text("# two\nsub/c.FLAC\n\nnotes.txt\n")
    assert names(find_recordings([folder / "some.lst"])) == ["c.FLAC", "notes.txt"]


def test_a_line_of_a_list_that_names_nothing_is_named(folder):
    (folder / "some.lst").write_text("b.mp3\nmissing.mp3\n")
    with pytest.raises(UsageError, match=r"some\.lst:2: missing\.mp3 does not exist"):
        find_recordings([folder / "some.lst"])


def test_a_file_that_is_given_twice_counts_once(folder):
    found = find_recordings([folder / "b.mp3", folder, f"{folder}/*.mp3"])
    assert names(found) == ["a.wav", "b.mp3", "c.FLAC"]
    assert found.repeated == ()


def test_the_same_bytes_under_another_name_are_told_and_left_out(folder):
    (folder / "copy.mp3").write_bytes(b"1")
    found = find_recordings([folder])
    assert names(found) == ["a.wav", "b.mp3", "c.FLAC"]
    assert found.repeated == (("copy.mp3", "it has the same bytes as b.mp3"),)


def test_the_order_in_which_they_are_given_changes_nothing(folder):
    assert find_recordings([folder / "b.mp3", folder / "a.wav"]) == find_recordings(
        [folder / "a.wav", folder / "b.mp3"]
    )


def test_the_dataset_itself_is_left_out(folder):
    (folder / "voice/train").mkdir(parents=True)
    (folder / "voice/train/x.wav").write_bytes(b"6")
    assert names(find_recordings([folder], outside=folder / "voice")) == ["a.wav", "b.mp3", "c.FLAC"]


@pytest.mark.parametrize(
    ("given", "message"),
    [("missing.mp3", "does not exist"), ("*.ogg", "matches no file"), ("empty", "holds no recording")],
)
def test_what_names_no_recording_is_refused(folder, given, message):
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        find_recordings([folder / given])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Ein Gespräch #3", "ein-gespr-ch-3"), ("東京", "recording"), ("../../x", "x"), ("a" * 90, "a" * 40)],
)
def test_slugs_are_safe_file_names(name, expected):
    assert slug(name) == expected


def test_the_dataset_itself_is_left_out_however_it_was_matched(folder):
    made = folder / "voice/train/clip.wav"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"6")
    for given in ([folder], [f"{folder}/**/*.wav"], [f"{folder}/*"], [*folder.iterdir()], [folder, made]):
        assert "clip.wav" not in names(find_recordings(given, outside=folder / "voice"))
    assert "clip.wav" in names(find_recordings([folder]))


def test_clips_of_other_datasets_below_a_folder_are_no_recordings(folder):
    other = folder / "sub/old"
    (other / ".demod").mkdir(parents=True)
    (other / "dataset.json").touch()
    (other / "clip.wav").write_bytes(b"6")
    assert names(find_recordings([folder])) == ["a.wav", "b.mp3", "c.FLAC"]
    assert names(find_recordings([other])) == ["clip.wav"]


def test_a_file_with_several_links_has_one_name_in_any_order(folder):
    link = folder / "0.wav"
    link.symlink_to("a.wav")
    for given in ([link, folder / "a.wav"], [folder / "a.wav", link]):
        assert names(find_recordings(given)) == ["0.wav"]


def test_a_name_that_is_no_utf_8_can_be_shown(folder):
    path = os.fsdecode(os.fsencode(folder) + b"/caf\xe9.wav")
    Path(path).write_bytes(b"7")
    found = find_recordings([path]).sources[0]
    assert found.name == "caf\N{REPLACEMENT CHARACTER}.wav"
    assert found.id.startswith("caf-")
    assert found.path.read_bytes() == b"7"


def test_an_empty_name_is_not_the_folder_where_one_is(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(UsageError, match="empty name"):
        find_recordings([""])


def test_a_repeated_file_of_the_same_name_is_told_by_its_path(folder):
    (folder / "sub/a.wav").write_bytes(b"2")
    assert find_recordings([folder]).repeated == (("a.wav", f"it has the same bytes as {folder}/a.wav"),)
