"""``config init`` and ``config set``: comments survive, and nothing wrong is ever saved."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demod_voice.api.config import (
    check_settings_file,
    get_setting,
    init_settings_file,
    list_settings,
    load,
    set_setting,
)
from demod_voice.config.editing import commented_file, set_value, yaml_text
from demod_voice.config.file import check_text
from demod_voice.config.schema import keys
from demod_voice.errors import FaultsError, OutputError, UsageError

SAMPLE = """\
# my settings
language: de   # at home

# how lines follow each other
episode:
  # quick
  pauses:
    line_ms: 200  # ms
  fade_ms: 5
engines:
  search_path:
  - /a   # mine
  - /b
# the end
"""


def comments(text: str) -> list[str]:
    return ["#" + line.split("#", 1)[1].rstrip() for line in text.splitlines() if "#" in line]


def test_the_commented_file_sets_nothing_and_names_every_key():
    text = commented_file()
    content = check_text(text)
    assert (content.values, content.faults) == ({}, [])
    assert all(line.startswith("#") or not line for line in text.splitlines())
    for key in keys().values():
        assert key.doc in text


def test_without_its_comment_marks_the_commented_file_is_the_defaults():
    text = "\n".join(line.removeprefix("# ") for line in commented_file().splitlines()[3:])
    content = check_text(text)
    assert content.faults == []
    assert {name: value for name, (value, _) in content.values.items()} == {
        name: key.default for name, key in keys().items()
    }


def test_one_uncommented_key_of_a_section_is_enough():
    text = commented_file().replace("# episode:", "episode:").replace("#   fade_ms: 10.0", "  fade_ms: 3")
    content = check_text(text)
    assert content.faults == []
    assert [(name, value) for name, (value, _) in content.values.items()] == [("episode.fade_ms", 3.0)]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", "7", 7),
        ("language", "en", "en"),
        ("episode.pauses.line_ms", "9", 9),
        ("episode.pauses.speaker_ms", "9", 9),
        ("cache.enabled", "off", False),
        ("engines.search_path", "/c", ("/c",)),
        ("engines.xtts.python", "/x y/#z", "/x y/#z"),
        ("paths.voices", "yes: no", "yes: no"),
    ],
)
def test_a_set_value_is_read_back_and_everything_else_stays(name: str, text: str, value: object):
    changed = set_value(SAMPLE, name, text, "f")
    before, after = check_text(SAMPLE).values, check_text(changed).values
    assert after[name][0] == value
    assert {key: found for key, (found, _) in after.items() if key != name} == {
        key: found for key, (found, _) in before.items() if key != name
    }
    assert comments(SAMPLE) == [each for each in comments(changed) if each not in ("#z", "#z'")]


@pytest.mark.parametrize(
    "listed",
    [
        "  # eol\n  # head\n  - /a   # mine\n  # between\n  - /b  # last\n  # after\n# the end",
        " [/a,  # one\n    /b]  # two\n# tail",
    ],
)
@pytest.mark.parametrize("after", ["", "seed: 3\n", "  threads: 2  # x\n"])
def test_comments_in_and_after_a_list_survive_its_replacement(listed: str, after: str):
    text = f"engines:\n  # before\n  search_path:{listed}\n{after}"
    changed = set_value(text, "engines.search_path", "/c", "f")
    assert sorted(comments(changed)) == sorted(comments(text))
    assert check_text(changed).values["engines.search_path"][0] == ("/c",)
    assert len(check_text(changed).values) == len(check_text(text).values)


def test_only_the_changed_line_changes():
    changed = set_value(SAMPLE, "language", "fr", "f")
    assert changed == SAMPLE.replace("language: de", "language: fr")


_SETTINGS = st.sampled_from(
    [
        ("seed", "7"),
        ("jobs", "2"),
        ("cache.enabled", "no"),
        ("episode.pauses.line_ms", "1"),
        ("engines.xtts.python", "/x"),
        ("encode.mp3_kbps", "96"),
        ("engines.search_path", "/c,/d"),
        ("engines.timeouts.start", "2"),
        ("language", "fr"),
        ("paths.allowed_roots", "/a:/b"),
    ]
)


@settings(deadline=None, max_examples=15)
@given(st.lists(_SETTINGS, min_size=1, max_size=6), st.sampled_from(["", SAMPLE, commented_file()]))
def test_comments_survive_any_number_of_sets(changes: list[tuple[str, str]], text: str):
    before = comments(text)
    for name, value in changes:
        text = set_value(text, name, value, "f")
    assert comments(text) == before
    found = check_text(text)
    assert found.faults == []
    assert {name for name, _ in changes} <= set(found.values)


def test_a_new_key_in_a_commented_file_goes_to_its_end():
    text = set_value(commented_file(), "episode.fade_ms", "3", "f")
    assert text == commented_file() + "\nepisode:\n  fade_ms: 3.0\n"


def test_a_wrong_value_or_key_is_refused():
    with pytest.raises(UsageError, match="seed: 'x' is not a whole number"):
        set_value("", "seed", "x", "f")
    with pytest.raises(UsageError) as caught:
        set_value("", "sed", "1", "f")
    assert caught.value.hint == "did you mean seed?"
    with pytest.raises(UsageError) as caught:
        set_value("", "cache", "1", "f")
    assert (caught.value.message, caught.value.hint) == (
        "cache is a section",
        "it holds: cache.enabled, cache.max_size",
    )


def test_a_file_with_faults_is_not_touched(settings_file: Path):
    settings_file.write_text("sede: 1\n")
    with pytest.raises(FaultsError, match="unknown key sede"):
        set_setting("seed", "1")
    assert settings_file.read_text() == "sede: 1\n"


def test_set_makes_the_file_and_its_folder(home: Path):
    path = set_setting("seed", "7")
    assert path == home / "config" / "demod-voice" / "config.yaml"
    assert path.read_text() == "seed: 7\n"
    assert load().settings.seed == 7


def test_set_keeps_permissions_and_follows_a_link(settings_file: Path, tmp_path: Path):
    real = tmp_path / "dotfiles.yaml"
    real.write_text("seed: 1\n")
    real.chmod(0o600)
    settings_file.symlink_to(real)
    set_setting("seed", "2")
    assert settings_file.is_symlink()
    assert real.read_text() == "seed: 2\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_two_sets_at_once_lose_nothing(settings_file: Path):
    changes = [("seed", "7"), ("jobs", "2"), ("language", "fr"), ("attempts", "3"), ("device", "cpu")]
    threads = [threading.Thread(target=set_setting, args=change) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(check_text(settings_file.read_text()).values) == {name for name, _ in changes}


def test_a_folder_that_is_not_ours_is_not_made(tmp_path: Path):
    with pytest.raises(OutputError, match="its folder does not exist"):
        set_setting("seed", "1", tmp_path / "none" / "x.yaml")


def test_a_place_that_cannot_be_written_to_is_named():
    with pytest.raises(OutputError, match=r"/proc/self/none\.yaml"):
        set_setting("seed", "1", Path("/proc/self/none.yaml"))


def test_init_does_not_overwrite(settings_file: Path):
    path = init_settings_file()
    assert path.read_text() == commented_file()
    path.write_text("seed: 1\n")
    with pytest.raises(UsageError, match="exists already"):
        init_settings_file()
    assert path.read_text() == "seed: 1\n"
    assert init_settings_file(force=True).read_text() == commented_file()


def test_checking_a_file_counts_what_it_sets(tmp_path: Path):
    path = tmp_path / "x.yaml"
    path.write_text(SAMPLE)
    assert check_settings_file(path) == 4


def test_listing_and_getting(settings_file: Path):
    settings_file.write_text("seed: 3\n")
    loaded = load()
    assert {each.key: each.origin for each in list_settings(loaded, "cache")} == {
        "cache.enabled": "default",
        "cache.max_size": "default",
    }
    assert (get_setting(loaded, "seed").value, get_setting(loaded, "seed").origin) == (3, "file:1")
    assert get_setting(loaded, "engines.nobody.python").value == ""
    with pytest.raises(UsageError, match="unknown key cahce"):
        list_settings(loaded, "cahce")


@pytest.mark.parametrize("value", ["", "yes", "1", "a: b", "#x", "- x", "é", "'", True, 3, 0.5, (), ("a", "b, c", "1")])
def test_yaml_text_is_read_back(value: object):
    from ruamel.yaml import YAML

    found = YAML(typ="safe", pure=True).load(f"k: {yaml_text(value)}\n")["k"]
    assert (tuple(found) if isinstance(found, list) else found) == value
