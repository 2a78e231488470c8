"""Lexicons of an episode: only the lines that an entry matches are other takes; the report of ``lexicon check``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from demod_voice.cli import main
from demod_voice.config import load_settings
from demod_voice.episode.plan import Plan, read_plan
from demod_voice.episode.request import recall, remember, request_of
from demod_voice.speech.studio import Studio

SCRIPT = """---
title: Words
language: en
speakers:
  Ada: {engine: fake, voice: low}
  Ben: {engine: fake, voice: high}
---
Ada: Demod shows a GIF.
Ben: Nothing of it here.
Ben: Demod, <emphasis>Nguyen</emphasis> says.
"""


@pytest.fixture
def script(tmp_path: Path, fake_engine: Path) -> Path:
    path = tmp_path / "script.md"
    path.write_text(SCRIPT)
    return path


def lexicon(folder: Path, text: str, name: str = "words.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def planned(script: Path, *lexicons: Path) -> Plan:
    settings = load_settings()
    paths = tuple(map(str, lexicons))
    return read_plan(script, replace(settings, episode=replace(settings.episode, lexicons=paths)))


def keys(plan: Plan) -> list[str]:
    studio = Studio(load_settings())
    return [studio.key(line.job) for line in plan.lines]


def test_an_entry_changes_the_takes_of_its_lines_alone(script: Path, tmp_path: Path) -> None:
    path = lexicon(tmp_path, "words: {Nguyen: win}\n")
    plain, said = planned(script), planned(script, path)
    assert [a == b for a, b in zip(keys(plain), keys(said), strict=True)] == [True, True, False]
    assert [line.job.id for line in plain.lines] == [line.job.id for line in said.lines], "a seed stays"
    assert said.lines[2].job.text == "Demod, Nguyen says.", "a transcript shows what is written"
    path = lexicon(tmp_path, "words: {Nguyen: win, unheard: x}\n")
    assert keys(planned(script, path)) == keys(said)
    path = lexicon(tmp_path, "words: {Nguyen: win, Demod: {say: dee-mod, speaker: Ada}}\n")
    assert [a == b for a, b in zip(keys(planned(script, path)), keys(said), strict=True)] == [False, True, True]


def test_what_is_said_reaches_the_engine_and_its_words_are_the_written_ones(script: Path, tmp_path: Path) -> None:
    plan = planned(script, lexicon(tmp_path, "words: {GIF: graphics format}\n"))
    with Studio(load_settings()) as studio:
        take = studio.speak(plan.lines[0].job, tmp_path / "takes")
    assert take.text_spoken == "Demod shows a graphics format."
    assert [word.text for word in take.words] == ["Demod", "shows", "a", "GIF."]
    assert take.words[-1].end_s == pytest.approx(take.num_samples / take.sample_rate, abs=0.01)


def test_later_takes_commands_use_the_same_lexicon(script: Path, tmp_path: Path) -> None:
    settings = load_settings()
    path = lexicon(tmp_path, "words: {GIF: jif}\n")
    (tmp_path / "show.demod").mkdir()
    with_words = replace(settings, episode=replace(settings.episode, lexicons=(str(path),)))
    remember(tmp_path / "show.demod", request_of(script, with_words))
    found = recall(tmp_path / "show.demod").settings(settings)
    assert [Path(each).resolve() for each in found.episode.lexicons] == [path.resolve()]
    assert keys(read_plan(script, found)) == keys(planned(script, path))


def test_check_shows_what_matched_where_and_what_never_did(
    script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lexicon(tmp_path, "words:\n  Demod: dee-mod\n  GIF: {ipa: dʒɪf}\n  nowhere: x\n")
    assert main(["lexicon", "check", str(path), str(script)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == f"{script}:8: Ada: Demod -> dee-mod  (words.yaml:2)"
    assert rows[-2:] == ["never matched: words.yaml:4: nowhere", "3 entries, 3 matches, 1 never matched"]
    assert main(["lexicon", "check", str(path), str(script), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["hits"][1] == {
        "script": str(script),
        "line": 8,
        "speaker": "Ada",
        "found": "GIF",
        "becomes": "dʒɪf",
        "entry": "words.yaml:3",
    }
    assert report["unused"] == ["words.yaml:4: nowhere"]


def test_faults_end_every_command(script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = lexicon(tmp_path, "words:\n  GIF: {sya: x}\n")
    for command in (["lexicon", "check", path], ["episode", "check", script, "--lexicon", path]):
        assert main([str(each) for each in command]) == 2
        assert f"{path}:2: unknown key words.GIF.sya (did you mean say?)" in capsys.readouterr().err
