"""A settings file: every fault at once, each with its line and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.config import load
from demod_voice.config.file import LARGEST, check_bytes, check_text
from demod_voice.errors import FaultsError, UsageError


def faults(text: str) -> list[tuple[int | None, str, str | None]]:
    return [(each.line, each.message, each.hint) for each in check_text(text).faults]


def test_a_good_file_gives_every_value_with_its_line():
    content = check_text(
        "# a comment\n"
        "language: de\n"
        "episode:\n"
        "  pauses:\n"
        "    line_ms: 200  # short\n"
        "  fade_ms: 5\n"
        "engines:\n"
        "  search_path: [/a, '/b,c']\n"
        "  xtts: {python: /opt/xtts/bin/python}\n"
        "cache:\n"
        "  enabled: false\n"
    )
    assert content.faults == []
    assert content.values == {
        "language": ("de", 2),
        "episode.pauses.line_ms": (200, 5),
        "episode.fade_ms": (5.0, 6),
        "engines.search_path": (("/a", "/b,c"), 8),
        "engines.xtts.python": ("/opt/xtts/bin/python", 9),
        "cache.enabled": (False, 11),
    }
    assert type(content.values["episode.fade_ms"][0]) is float


def test_all_faults_are_reported_together_in_the_order_of_their_lines(settings_file: Path):
    settings_file.write_text("sede: 1\nlanguage: 42\nepisode:\n  pauses:\n    line_ms: -3\njobs: many\nsede: 2\n")
    with pytest.raises(FaultsError) as caught:
        load()
    assert [each.line for each in caught.value.faults] == [1, 2, 5, 6, 7]
    text = caught.value.message
    assert text.startswith(f"5 faults in {settings_file}\n")
    assert f"{settings_file}:1: unknown key sede (did you mean seed?)" in text
    assert f"{settings_file}:5: episode.pauses.line_ms: -3 is out of range: 0 to 60000" in text


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("sed: 1", 1, "unknown key sed", "did you mean seed?"),
        ("pauses: {line_ms: 1}", 1, "unknown key pauses", "did you mean episode.pauses?"),
        ("line_ms: 1", 1, "unknown key line_ms", "did you mean episode.pauses.line_ms?"),
        ("episode:\n  line_ms: 1", 2, "unknown key episode.line_ms", "did you mean episode.pauses.line_ms?"),
        ("engines:\n  defualt: x", 2, "unknown key engines.defualt", "did you mean engines.default?"),
        (
            "engines:\n  timeout:\n    start: 1",
            3,
            "unknown key engines.timeout.start",
            "did you mean engines.timeouts.start?",
        ),
        ("engines:\n  xtts:\n    pyton: x", 3, "unknown key engines.xtts.pyton", "did you mean engines.xtts.python?"),
        (
            "engines:\n  XTTS:\n    python: x",
            2,
            "unknown key engines.XTTS",
            "an engine's name is lower-case letters and digits",
        ),
        ("qqqqqq: 1", 1, "unknown key qqqqqq", None),
        ("seed: '7'", 1, "seed: '7' is text, expected a whole number", "write it without quotes"),
        ("seed: true", 1, "seed: true is true or false, expected a whole number", None),
        ("seed: 7.0", 1, "seed: 7.0 is a number, expected a whole number", None),
        ("seed:", 1, "seed: nothing is empty, expected a whole number", None),
        ("seed: [1]", 1, "seed: [1] is a list, expected a whole number", None),
        ("seed: {a: 1}", 1, "seed: {a: ...} is a section, expected a whole number", None),
        ("seed: 2147483648", 1, "seed: 2147483648 is out of range: 0 to 2147483647", None),
        ("language: 42", 1, "language: 42 is a whole number, expected text", "write it in quotes: '42'"),
        ("language: 'e n'", 1, "language: 'e n' is not a language tag", "for example en, pt-BR"),
        ("device: gpu", 1, "device: 'gpu' is not a device", "for example auto, cpu, cuda:0"),
        ("gpu: {use: 0}", 1, "gpu.use: 0 is a whole number, expected text", "write it in quotes: '0'"),
        ("gpu: {exclude: [1, 3]}", 1, "gpu.exclude: [1, 3] is a list, expected text", "write it in quotes: '1,3'"),
        ("cache: {enabled: yes}", 1, "cache.enabled: 'yes' is text, expected true or false", "write true"),
        ("cache: {max_size: lots}", 1, "cache.max_size: 'lots' is not a size (examples: 500MB, 10GB)", None),
        ("cache: 5", 1, "cache is a section: `key: value` lines, indented, stand below it", None),
        (
            "encode: {mp3_kbps: 130}",
            1,
            "encode.mp3_kbps: 130 is not one of 64, 96, 112, 128, 160, 192, 224, 256, 320",
            "the nearest is 128",
        ),
        ("engines: {idle_s: .inf}", 1, "engines.idle_s: inf is not a number", None),
        ("loudness: {mono_lufs: .nan}", 1, "loudness.mono_lufs: nan is not a number", None),
        (
            "engines: {search_path: /a}",
            1,
            "engines.search_path: '/a' is text, expected a list of texts",
            "write it as a list: [/a]",
        ),
        (
            "engines: {search_path: [/a, 5]}",
            1,
            "engines.search_path: the list holds 5, which is a whole number, expected text",
            "write it in quotes",
        ),
        (
            "engines: {search_path: [/a, [b]]}",
            1,
            "engines.search_path: the list holds [], which is a list, expected text",
            "write it in quotes",
        ),
        ("seed: 1\nseed: 2", 2, "seed stands twice, first in line 1", "keep one of the two"),
        ("cache: {}\n\ncache: {}", 3, "cache stands twice, first in line 1", "keep one of the two"),
        ("- seed\n", 1, "the file must hold `key: value` lines", "see: demod-voice config init"),
        ("seed", 1, "the file must hold `key: value` lines", "see: demod-voice config init"),
        ("? [a]\n: 1", 1, "unknown key ?", None),
        ("attempts: 2024-01-01", 1, "attempts: 2024-01-01 is a date, expected a whole number", None),
    ],
)
def test_each_fault_says_what_is_wrong_and_what_to_write(text: str, line: int, message: str, hint: str | None):
    assert faults(text) == [(line, message, hint)]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("seed: 1\nlanguage: [a\n", 3, "not valid YAML"),
        ("a: b: c", 1, "mapping values are not allowed here"),
        ("seed: 1\n\tjobs: 2", 2, "not valid YAML"),
        ("seed: 1\nlanguage: \x00", 2, "a character that YAML does not allow: U+0000"),
        ("seed: *nowhere", 1, "undefined alias"),
        ("---\nseed: 1\n---\nseed: 2\n", 3, "another document"),
    ],
)
def test_what_is_not_yaml_is_one_fault_with_its_line(text: str, line: int, part: str):
    found = faults(text)
    assert len(found) == 1
    assert found[0][0] == line
    assert part in found[0][1]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "engines:\n", "episode:\n  pauses:\n"])
def test_an_empty_file_or_section_sets_nothing(text: str):
    content = check_text(text)
    assert (content.values, content.faults) == ({}, [])


def test_bytes_that_are_not_utf8_are_named_with_their_line():
    content = check_bytes(b"seed: 1\nlanguage: \xff\n")
    assert [(each.line, each.message) for each in content.faults] == [(2, "not UTF-8: byte 0xff")]


def test_a_byte_order_mark_is_no_fault():
    assert check_bytes(b"\xef\xbb\xbfseed: 1\n").values == {"seed": (1, 1)}


def test_a_huge_file_is_no_settings_file():
    assert "larger than 1 MB" in check_bytes(b"#" * (LARGEST + 1)).faults[0].message


def test_an_alias_that_holds_itself_ends():
    assert [each[:2] for each in faults("engines: &e\n  xtts: *e\n")] == [(2, "unknown key engines.xtts.xtts")]


def test_a_file_that_cannot_be_read_is_named(settings_file: Path):
    settings_file.mkdir()
    with pytest.raises(UsageError, match="cannot read the settings file"):
        load()


def test_a_link_to_nothing_is_not_taken_for_no_file(settings_file: Path):
    settings_file.symlink_to(settings_file.with_name("gone.yaml"))
    with pytest.raises(UsageError, match="cannot read the settings file"):
        load()


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str):
    content = check_text(text)
    lines = text.count("\n") + text.count("\r") + 2
    assert all(each.line is None or 1 <= each.line <= lines + 1 for each in content.faults)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes):
    check_bytes(data)


_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
_TREES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["seed", "engines", "xtts", "python", "cache", "enabled", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["seed", "engines", "cache", "language", "episode", "y"]), _TREES, max_size=5))
def test_a_wrong_tree_gives_faults_and_never_another_error(tree: dict[str, object]):
    import io

    from ruamel.yaml import YAML

    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(tree, stream)
    content = check_text(stream.getvalue())
    from demod_voice.config.schema import build

    build({name: value for name, (value, _) in content.values.items()})
