"""``demod-voice config ...`` through the entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from demod_voice.config.schema import keys


@pytest.fixture
def path(home: Path) -> Path:
    return home / "config" / "demod-voice" / "config.yaml"


def test_a_first_hour_with_the_settings(cli, path):
    assert cli("config", "path").out == f"{path}\n"
    assert cli("config", "check").out == f"{path}: no settings file; all defaults\n"
    assert cli("config", "init").out == f"{path}\n"
    assert cli("config", "init").code == 2
    before = path.read_text()
    found = cli("config", "set", "episode.pauses.speaker_ms", "600")
    assert (found.code, found.out) == (0, "")
    assert found.err == f"episode.pauses.speaker_ms = 600 is saved in {path}\n"
    assert path.read_text().startswith(before)
    assert cli("config", "get", "episode.pauses.speaker_ms").out == "600\n"
    assert cli("config", "check").out == f"{path}: ok, 1 set\n"
    assert cli("config", "init", "--force").code == 0
    assert path.read_text() == before


def test_show_has_every_key_with_its_origin(cli, path, monkeypatch):
    monkeypatch.setenv("DEMOD_VOICE_CACHE__ENABLED", "no")
    rows = [line.split() for line in cli("config", "show", "--set", "jobs=2").out.splitlines()]
    assert [row[0] for row in rows] == list(keys())
    assert ["cache.enabled", "false", "env", "DEMOD_VOICE_CACHE__ENABLED"] in rows
    assert ["jobs", "2", "flag"] in rows
    assert ["paths.voices", "''", "default"] in rows
    data = json.loads(cli("config", "show", "--json").out)
    assert data["cache.enabled"] == {"value": False, "origin": "env DEMOD_VOICE_CACHE__ENABLED"}
    assert data["engines.search_path"]["value"] == []


def test_show_a_part(cli):
    assert [line.split()[0] for line in cli("config", "show", "encode").out.splitlines()] == [
        "encode.mp3_kbps",
        "encode.mp3_mode",
        "encode.mp3_vbr_quality",
        "encode.mp3_quality",
        "encode.aac_kbps",
        "encode.opus_kbps",
        "encode.fast",
    ]
    found = cli("config", "show", "encod")
    assert (found.code, found.out) == (2, "")
    assert "did you mean encode?" in found.err


def test_get_a_list_one_a_line(cli):
    cli("config", "set", "engines.search_path", "/a:/b")
    assert cli("config", "get", "engines.search_path").out == "/a\n/b\n"
    assert json.loads(cli("config", "get", "engines.search_path", "--json").out) == ["/a", "/b"]
    assert cli("config", "get", "cache.enabled").out == "true\n"


def test_check_reports_every_fault_of_a_file(cli, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("sede: 1\njobs: x\n")
    found = cli("config", "check", str(wrong))
    assert (found.code, found.out) == (2, "")
    assert f"error: 2 faults in {wrong}" in found.err
    assert f"{wrong}:1: unknown key sede (did you mean seed?)" in found.err
    assert f"{wrong}:2: jobs: 'x' is text, expected a whole number" in found.err
    assert cli("config", "check", str(tmp_path / "none.yaml")).code == 2


def test_a_wrong_file_stops_every_command_that_reads_settings_but_not_config_path(cli, path):
    path.parent.mkdir(parents=True)
    path.write_text("sede: 1\n")
    for argv in (["config", "show"], ["config", "get", "seed"], ["config", "check"], ["config", "set", "seed", "1"]):
        assert cli(*argv).code == 2
    assert cli("config", "path").code == 0
    assert cli("config", "init", "--force").code == 0
    assert cli("config", "show").code == 0


def test_set_refuses_and_saves_nothing(cli, path):
    found = cli("config", "set", "sed", "1")
    assert (found.code, "did you mean seed?" in found.err) == (2, True)
    found = cli("config", "set", "seed", "x")
    assert (found.code, "'x' is not a whole number" in found.err) == (2, True)
    assert not path.exists()


def test_another_file(cli, tmp_path):
    other = tmp_path / "other.yaml"
    assert cli("config", "set", "seed", "9", "--config", str(other)).code == 0
    assert other.read_text() == "seed: 9\n"
    assert cli("--config", str(other), "config", "get", "seed").out == "9\n"
    assert cli("config", "get", "seed").out == "42\n"
    assert cli("config", "path", "--config", str(other)).out == f"{other}\n"


def test_all_folders(cli, home):
    data = json.loads(cli("config", "path", "--all", "--json").out)
    assert data == {
        "settings": str(home / "config/demod-voice/config.yaml"),
        "data": str(home / "data/demod-voice"),
        "cache": str(home / "cache/demod-voice"),
        "state": str(home / "state/demod-voice"),
    }
    assert len(cli("config", "path", "--all").out.splitlines()) == 4
