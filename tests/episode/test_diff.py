"""``episode diff``: what it says is what the next render does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.scripts import script_text, sentence
from support.signals import noise, wav

from demod_voice.api.diff import describe_diff, diff_episode, diff_rows
from demod_voice.api.episodes import render_episode
from demod_voice.api.takes import lock_take
from demod_voice.cli import main
from demod_voice.config import load_settings
from demod_voice.errors import UsageError

pytestmark = pytest.mark.usefixtures("fake_engine")
LINES = [sentence(number) for number in range(8)]
ONE_VOICE = {"Ada": "low"}
EDITS = {
    "nothing": (LINES, {"speak": 0, "keep": 8, "remove": 0, "moved": 0, "retimed": 0}),
    "change": ([*LINES[:5], "Something else.", *LINES[6:]], {"speak": 1, "keep": 7, "remove": 1}),
    "insert": ([*LINES[:5], "Something else.", *LINES[5:]], {"speak": 1, "keep": 8, "remove": 0, "moved": 0}),
    "delete": ([*LINES[:5], *LINES[6:]], {"speak": 0, "keep": 7, "remove": 1, "moved": 0}),
    "move": ([*LINES[:2], LINES[6], *LINES[2:6], *LINES[7:]], {"speak": 0, "keep": 8, "remove": 0, "moved": 1}),
}


@pytest.fixture
def show(rendered) -> Path:
    """A rendered episode beside its script ``show.md``."""
    return rendered(script_text(LINES, ONE_VOICE))


@pytest.mark.parametrize("edit", EDITS)
def test_what_it_says_is_what_the_next_render_does(show: Path, write_script, edit: str):
    lines, expected = EDITS[edit]
    new = write_script(script_text(lines, ONE_VOICE), "new.md")
    report = diff_episode(show, new, settings=load_settings())
    assert {name: report.counts[name] for name in expected} == expected
    by_script = diff_episode(show.with_name("show.md"), new, settings=load_settings())
    assert {name: by_script.counts[name] for name in expected} == expected
    assert render_episode(new, show, settings=load_settings()).metrics["utterances_generated"] == expected["speak"]


def test_a_new_pause_is_told_as_re_timed_and_speaks_nothing(show: Path, write_script):
    text = script_text(LINES, ONE_VOICE).replace(f"Ada: {LINES[3]}", f"[pause 3s]\n\nAda: {LINES[3]}")
    new = write_script(text, "new.md")
    for old in (show, show.with_name("show.md")):
        report = diff_episode(old, new, settings=load_settings())
        assert report.counts == {"speak": 0, "keep": 8, "remove": 0, "moved": 0, "retimed": 1}
        (row,) = diff_rows(report)
        assert row[0] == "re-timed"


def test_another_voice_speaks_all_but_the_locked_line(show: Path, write_script):
    first = diff_episode(show, show.with_name("show.md"), settings=load_settings()).lines[0]
    lock_take(show, str(first.line), settings=load_settings())
    new = write_script(script_text(LINES, {"Ada": "high"}), "new.md")
    report = diff_episode(show, new, settings=load_settings())
    assert (report.counts["speak"], report.lines[0].locked) == (7, True)
    assert {each.why for each in report.lines[1:]} == {"another voice, engine or setting"}
    took = sum(each.length_s for each in report.lines[1:])
    assert report.seconds["speak"] == pytest.approx(took, abs=0.01)


def test_without_the_work_folder_the_manifest_is_compared_and_it_says_so(show: Path, write_script):
    shutil.rmtree(show.with_suffix(".demod"))
    new = write_script(script_text([*LINES[:7], "Something else."], ONE_VOICE), "new.md")
    report = diff_episode(show.with_name("show.manifest.json"), new, settings=load_settings())
    assert (report.counts["speak"], report.counts["keep"]) == (1, 7)
    assert "show.demod is gone" in describe_diff(report)[-1]
    other = diff_episode(show, new, settings=load_settings(seed=7))
    assert other.counts["speak"] == 8


def test_another_seed_is_noted(show: Path):
    report = diff_episode(show, show.with_name("show.md"), settings=load_settings(seed=7))
    assert report.counts["speak"] == 8
    assert "the last render had --seed 42" in report.notes[0]


def test_what_is_no_episode_is_named(tmp_path: Path, write_script, fake_engine):
    script = write_script(script_text(LINES, ONE_VOICE))
    with pytest.raises(UsageError, match="is no rendered episode"):
        diff_episode(tmp_path / "none.mp3", script, settings=load_settings())
    (tmp_path / "bad.manifest.json").write_text("[]")
    with pytest.raises(UsageError, match="is not the manifest of an episode"):
        diff_episode(tmp_path / "bad.mp3", script, settings=load_settings())


STAGED = """---
title: Staged
speakers: {Ada: {engine: fake, voice: low}, Ben: {engine: fake, voice: high}, Cy: {engine: fake}}
mix: {intro: long.wav, outro: short.wav}
---

Ada: The first line comes after an intro.

[sfx short.wav wait]

Ben: The second one waits for an effect.

Cy: (backchannel) Mm.

Ada: (interrupt) The fourth cuts in.

Ben: (overlap 300ms) The fifth comes a little early.

[sfx long.wav]

[sfx long.wav -6dB wait]

Cy: The last one.
"""
NONE = {"speak": 0, "keep": 6, "remove": 0, "moved": 0, "retimed": 0}
STAGED_EDITS = {
    "nothing": ("", "", NONE, []),
    "a pause": ("(overlap 300ms)", "(overlap 400ms)", NONE | {"retimed": 1}, [17]),
    "no wait": ("[sfx short.wav wait]", "[sfx short.wav]", NONE | {"retimed": 1}, [11]),
    "another effect": ("[sfx short.wav wait]", "[sfx other.wav wait]", NONE | {"retimed": 1}, [11]),
    "another length": ("[sfx short.wav wait]", "[sfx long.wav wait]", NONE | {"retimed": 1}, [11]),
    "words": ("The last one.", "The very last one.", NONE | {"speak": 1, "keep": 5, "remove": 1}, []),
    "words above": ("The second one", "The next one", NONE | {"speak": 1, "keep": 5, "remove": 1}, []),
    "no intro": ("intro: long.wav, ", "", NONE, []),
}


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A rendered show with an intro, effects and lines that overlap."""
    for name, seconds in (("long.wav", 2.0), ("short.wav", 0.7), ("other.wav", 1.3)):
        wav(tmp_path / name, noise(len(name), seconds, -20.0, 24000), 24000)
    (tmp_path / "show.md").write_text(STAGED)
    render_episode(tmp_path / "show.md", tmp_path / "show.wav", settings=load_settings())
    return tmp_path / "show.wav"


def test_intro_effects_and_overlaps_are_no_other_pauses(staged: Path, write_script):
    for name, (old, new, counts, lines) in STAGED_EDITS.items():
        report = diff_episode(staged, write_script(STAGED.replace(old, new), "new.md"), settings=load_settings())
        assert (name, report.counts) == (name, counts)
        assert (name, [each.line for each in report.lines if each.retimed]) == (name, lines)


def test_what_only_the_work_folder_knows_is_not_compared_without_it(staged: Path, write_script):
    shutil.rmtree(staged.with_suffix(".demod"))
    new = write_script(STAGED.replace("[sfx short.wav wait]", "[sfx other.wav wait]"), "new.md")
    assert diff_episode(staged, staged.with_name("show.md"), settings=load_settings()).counts == NONE
    report = diff_episode(staged, new, settings=load_settings())
    assert [each.line for each in report.lines if each.retimed] == [11]


def test_the_command_prints_a_table_and_json(show: Path, write_script, capsys):
    new = write_script(script_text(EDITS["change"][0], ONE_VOICE), "new.md")
    assert main(["episode", "diff", str(show), str(new)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("what")
    assert "1 of 8 lines would be spoken" in out
    assert "\x1b" not in out
    assert main(["episode", "diff", str(show), str(new), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["counts"]["speak"] == 1
    assert len(data["lines"]) == 9
