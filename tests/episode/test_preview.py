"""``episode preview``: a stretch alone, with the takes of the whole show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.scripts import script_text, sentence

from demod_voice.api.episodes import render_episode
from demod_voice.api.preview import preview_episode
from demod_voice.api.takes import list_takes, lock_take, redo_take
from demod_voice.cli import main
from demod_voice.config import load_settings
from demod_voice.episode.naming import find_chapter, find_line, find_lines
from demod_voice.episode.plan import read_plan
from demod_voice.errors import UsageError
from demod_voice.media.wav import read_wav
from demod_voice.mix.loudness import measure

pytestmark = pytest.mark.usefixtures("fake_engine")
LINES = [sentence(number) for number in range(4)]
CHAPTERS = script_text(LINES) + "\n## The arrival\n\nAda: Here we are.\n\n## The way back\n\nBen: Farewell.\n"


def row_of(script: Path, text: str) -> str:
    return str(script.read_text().split(text)[0].count("\n") + 1)


@pytest.mark.slow
def test_what_a_preview_spoke_the_render_does_not_speak_again(tmp_path: Path, write_script):
    script = write_script(script_text(LINES))
    report = preview_episode(script, tmp_path / "x.wav", line=row_of(script, LINES[2]), settings=load_settings())
    assert (len(report.lines), report.spoken) == (1, 1)
    assert measure(tmp_path / "x.wav").lufs == pytest.approx(-19.0, abs=0.1)
    assert preview_episode(script, tmp_path / "x.wav", lines="1-99", settings=load_settings()).spoken == 3
    render = render_episode(script, tmp_path / "show.wav", settings=load_settings())
    assert render.metrics["utterances_generated"] == 0
    assert {path.name for path in tmp_path.glob("x*")} == {"x.wav"}


@pytest.mark.slow
def test_it_uses_and_keeps_takes_with_an_episode(tmp_path: Path, write_script, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DEMOD_VOICE_CACHE__ENABLED", "false")
    script, show = write_script(script_text(LINES)), tmp_path / "show.wav"
    rows = f"{row_of(script, LINES[0])}-{row_of(script, LINES[1])}"
    assert preview_episode(script, tmp_path / "x.wav", lines=rows, episode=show, settings=load_settings()).spoken == 2
    render = render_episode(script, show, settings=load_settings())
    assert render.metrics["utterances_generated"] == 2
    master = (tmp_path / "show.demod" / "master.wav").read_bytes()
    preview_episode(script, tmp_path / "x.wav", lines=rows, episode=show, settings=load_settings())
    assert render_episode(script, show, settings=load_settings()).metrics["utterances_generated"] == 0
    assert (tmp_path / "show.demod" / "master.wav").read_bytes() == master


def test_a_locked_take_is_heard_in_a_preview(rendered, tmp_path: Path):
    show = rendered(script_text(LINES))
    script = show.with_suffix(".md")
    row = row_of(script, LINES[0])
    options = {"line": row, "episode": show, "settings": load_settings()}
    preview_episode(script, tmp_path / "before.wav", **options)
    redo_take(show, row, settings=load_settings())
    preview_episode(script, tmp_path / "same.wav", **options)
    assert main(["episode", "takes", str(show), "choose", row, "2"]) == 0
    lock_take(show, row, settings=load_settings())
    report = preview_episode(script, tmp_path / "after.wav", **options)
    assert report.spoken == 0
    before, same, after = (read_wav(tmp_path / f"{name}.wav").samples for name in ("before", "same", "after"))
    assert np.array_equal(before, same)
    assert not np.array_equal(before, after)
    assert list_takes(show, settings=load_settings()).lines[0].takes[1].use == "locked"


def test_lines_and_chapters_are_found_by_what_a_person_calls_them(write_script):
    script = write_script(CHAPTERS)
    plan = read_plan(script, load_settings())
    here = row_of(script, "Ada: Here")
    assert [find_line(plan.lines, name) for name in (here, plan.lines[4].job.id[:8])] == [4, 4]
    assert find_lines(plan.lines, f"{here}-999") == [4, 5]
    for name in ("The arrival", "the ARRIVAL", "arriv", "1"):
        assert find_chapter(plan, name) == [4]
    assert find_chapter(plan, "2") == [5]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--line", "1"], "there is no line '1'"),
        (["--lines", "twelve"], "is no span of lines"),
        (["--lines", "1-2"], "nothing is said in lines 1-2"),
        (["--chapter", "the"], "2 chapters"),
        (["--chapter", "nowhere"], "chapters: 1 The arrival; 2 The way back"),
        (["--chapter", "1", "-o", "x.mp3"], "a preview is a WAV"),
        ([], "--line --lines --chapter is required"),
    ],
)
def test_what_cannot_be_is_said_with_what_could_be(write_script, capsys, flags: list[str], said: str):
    assert main(["episode", "preview", str(write_script(CHAPTERS)), *flags]) == 2
    assert said in capsys.readouterr().err


def test_the_command_names_its_file_after_the_script(write_script, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["episode", "preview", str(write_script(CHAPTERS)), "--chapter", "arrival"]) == 0
    assert "show.preview.wav" in capsys.readouterr().out
    assert (tmp_path / "show.preview.wav").is_file()


def test_a_preview_needs_exactly_one_stretch(write_script, tmp_path: Path):
    with pytest.raises(UsageError, match="needs one of"):
        preview_episode(write_script(CHAPTERS), tmp_path / "x.wav", line="1", chapter="1", settings=load_settings())
