"""The keys, read off the dataclasses."""

from __future__ import annotations

import pytest

from demod_voice.config.schema import engine_keys, find, is_section, keys, nearest, sections
from demod_voice.config.settings import DEFAULTS
from demod_voice.config.values import BadValue, from_text, from_yaml, limits_text, show


def test_every_key_has_a_type_a_sentence_and_a_default_within_its_limits():
    assert len(keys()) > 30
    for name, key in keys().items():
        assert key.kind in (str, int, float, bool, tuple), name
        assert key.doc.endswith("."), name
        assert type(key.default) is key.kind, name
        assert from_yaml(key, key.default) == key.default, name
        assert set(key.limits) <= {"choices", "minimum", "maximum", "form"}, name


def test_every_section_has_keys():
    for name in sections():
        assert any(key.startswith(f"{name}.") for key in keys()), name


def test_every_engine_has_its_own_section():
    key = find("engines.xtts.python")
    assert key is not None
    assert (key.name, key.kind, key.default) == ("engines.xtts.python", str, "")
    assert is_section("engines.xtts")
    assert {each.name for each in engine_keys()} >= {"engines.<name>.python", "engines.<name>.options"}


@pytest.mark.parametrize(
    "name", ["engines.Xtts.python", "engines.x_y.python", "engines.9x.python", "engines.xtts.pyton"]
)
def test_what_is_no_engines_key(name: str):
    assert find(name) is None


def test_a_declared_key_or_section_is_no_engines_name():
    assert find("engines.default.python") is None
    assert find("engines.timeouts.python") is None
    assert not is_section("engines.default")


def test_the_nearest_key():
    assert nearest("sed") == "seed"
    assert nearest("mono_lufs") == "loudness.mono_lufs"
    assert nearest("loudnes.mono_lufs") == "loudness.mono_lufs"
    assert nearest("pauses.line_ms") == "episode.pauses.line_ms"
    assert nearest("zzzzzzzz") is None


def test_the_nearest_of_every_misspelled_key_is_that_key():
    for name in keys():
        for position in (len(name) // 2, len(name) - 1):
            wrong = name[:position] + name[position + 1 :]
            if find(wrong) is None and not is_section(wrong):
                assert nearest(wrong) == name, wrong


def test_limits_for_people():
    assert limits_text(keys()["seed"]) == "whole number, 0 to 2147483647"
    assert limits_text(keys()["engines.idle_s"]) == "number, at least 0"
    assert limits_text(keys()["encode.mp3_kbps"]).startswith("whole number, one of 64, 96")
    assert limits_text(keys()["cache.max_size"]) == "size, as 500MB"
    assert limits_text(keys()["engines.search_path"]) == "list"


def test_long_values_are_shortened_in_messages():
    assert len(show("x" * 500)) == 60
    assert show({"a": 1}) == "{a: ...}"
    with pytest.raises(BadValue) as caught:
        from_text(keys()["seed"], "x" * 500)
    assert len(caught.value.message) < 100


def test_the_defaults_are_what_the_keys_say():
    assert keys()["episode.pauses.jitter"].default == DEFAULTS.episode.pauses.jitter == 0.15
