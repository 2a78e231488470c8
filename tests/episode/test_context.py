"""Lines that go on from earlier turns: keys, order, how far a change spreads, the same bytes after a kill.

The fake engine's pitch is a function of its anchors and turns, their words and their bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.signals import sine, wav

from demod_voice.api.episodes import render_episode
from demod_voice.api.takes import choose_take, list_takes, redo_take
from demod_voice.api.voices import NewVoice, add_voice
from demod_voice.config import load_settings
from demod_voice.config.settings import DEFAULTS
from demod_voice.episode.context import job_after, turns_before, with_needed
from demod_voice.episode.diff import diff
from demod_voice.episode.plan import read_plan
from demod_voice.episode.preview import Part, preview
from demod_voice.episode.production import PLAIN
from demod_voice.errors import EngineError, FaultsError
from demod_voice.formats.script_file import scan_script
from demod_voice.speech.line import unhonoured

FIRST = ("Ada: One.", "Ben: Two.", "Ada: Three.", "Ben: Four.", "Ada: Five.", "Ben: Six.")
SECOND = ("Ada: Seven.", "Ben: Eight.", "Ada: Nine.")


def script(turns: int | None = 2, first: tuple[str, ...] = FIRST, second: tuple[str, ...] = SECOND) -> str:
    context = "" if turns is None else f"context: {{turns: {turns}}}\n" if turns else "context: anchors\n"
    front = f"---\n{context}speakers:\n  Ada: {{engine: fake, voice: low}}\n  Ben: {{engine: fake, voice: high}}\n---\n"
    return front + "\n".join(["", "## A", "", *first, "", "## B", "", *second, ""])


@pytest.fixture
def render(fake_engine: Path, tmp_path: Path) -> Callable[..., Any]:
    """Render a script beside earlier takes; the report."""

    def run(text: str, name: str = "show.wav", **flags: Any) -> Any:
        path = tmp_path / "show.md"
        path.write_text(text)
        settings = load_settings(**{"cache.enabled": False, "jobs": 3, **flags})
        return render_episode(path, tmp_path / name, settings=settings)

    return run


def takes_of(report: Any) -> dict[str, str]:
    """Words of a line -> hash of its take."""
    return {each["text"]: each["take_sha256"] for each in report.manifest["segments"]}


def changed(before: Any, after: Any) -> list[str]:
    old = takes_of(before)
    return [text for text, sha256 in takes_of(after).items() if old.get(text) != sha256]


def test_only_lines_with_turns_sound_of_what_was_before(render):
    plain, two = render(script(0), "plain.wav"), render(script(2), "two.wav")
    assert changed(plain, two) == ["Two.", "Three.", "Four.", "Five.", "Six.", "Eight.", "Nine."]
    assert (plain.manifest["generation"]["context_turns"], two.manifest["generation"]["context_turns"]) == (0, 2)
    assert render(script(0), "plain.wav").metrics["utterances_generated"] == 0


def test_a_change_spreads_to_the_end_of_its_chapter_and_no_further(render, tmp_path):
    before = render(script(1))
    other = script(1, first=(*FIRST[:3], "Ben: Another fourth.", *FIRST[4:]))
    (tmp_path / "next.md").write_text(other)
    told = diff(tmp_path / "show.wav", tmp_path / "next.md", load_settings(**{"cache.enabled": False}))
    spoken = {each.text: each.why for each in told.lines if each.change == "speak"}
    follows = "it goes on from a line that is spoken again"
    assert spoken == {"Another fourth.": "new words", "Five.": follows, "Six.": follows}
    after = render(other)
    assert changed(before, after) == list(spoken)
    assert after.metrics["utterances_generated"] == len(spoken)


def test_with_anchors_a_change_is_one_line(render, tmp_path):
    before = render(script(0))
    after = render(script(0, first=(*FIRST[:3], "Ben: Another fourth.", *FIRST[4:])))
    assert changed(before, after) == ["Another fourth."]
    assert after.metrics["utterances_generated"] == 1


def test_any_number_of_jobs_gives_the_same_bytes(render, tmp_path):
    for jobs in (1, 4):
        render(script(3), f"jobs{jobs}.wav", jobs=jobs)
    assert (tmp_path / "jobs1.wav").read_bytes() == (tmp_path / "jobs4.wav").read_bytes()


def test_two_scripts_are_compared_with_their_turns(fake_engine, tmp_path):
    (tmp_path / "old.md").write_text(script(2))
    (tmp_path / "new.md").write_text(script(2, first=("Ada: First.", *FIRST[1:])))
    told = diff(tmp_path / "old.md", tmp_path / "new.md", load_settings())
    kept = [each.text for each in told.lines if each.change == "keep"]
    assert kept == ["Seven.", "Eight.", "Nine."]


def test_without_its_work_folder_an_episode_is_compared_with_its_turns(render, tmp_path):
    render(script(1))
    shutil.rmtree(tmp_path / "show.demod")
    (tmp_path / "next.md").write_text(script(1, second=("Ada: Other.", *SECOND[1:])))
    told = diff(tmp_path / "show.wav", tmp_path / "next.md", load_settings())
    assert [each.text for each in told.lines if each.change == "speak"] == ["Other.", "Eight.", "Nine."]


def test_a_chosen_take_is_heard_by_the_lines_after_it(render, tmp_path):
    before = render(script(1))
    show = tmp_path / "show.wav"
    settings = load_settings(**{"cache.enabled": False})
    redo_take(show, "11", seed=2, settings=settings)
    assert [each.use for each in list_takes(show, settings=settings).lines[1].takes] == ["used", ""]
    choose_take(show, "11", "2", settings=settings)
    after = render(script(1))
    assert changed(before, after) == ["Two.", "Three.", "Four.", "Five.", "Six."]
    assert after.metrics["utterances_generated"] == 4
    uses = [[take.use for take in line.takes if take.use] for line in list_takes(show, settings=settings).lines]
    assert uses == [["used"], ["chosen"], *[["used"]] * 7]
    assert render(script(1)).metrics["utterances_generated"] == 0


def test_a_preview_speaks_what_its_line_goes_on_from(render, tmp_path):
    (tmp_path / "show.md").write_text(script(2))
    settings = load_settings(**{"cache.enabled": False})
    report = preview(
        tmp_path / "show.md", Part(line="13"), tmp_path / "part.wav", settings, PLAIN, episode=tmp_path / "show.wav"
    )
    assert report.lines == (13,)
    whole = render(script(2))
    assert whole.metrics["takes_reused"] == 4, "the fourth line, the two before it, and the one before those"


def test_an_engine_without_context_tells(espeak_engine, fake_engine, tmp_path):
    text = script(2).replace("Ben: {engine: fake, voice: high}", "Ben: en-us")
    (tmp_path / "show.md").write_text(text)
    plan = read_plan(tmp_path / "show.md", load_settings())
    assert [turns_before(plan, number) for number in range(4)] == [(), (), (0, 1), ()]
    assert [unhonoured(line.job) for line in plan.lines[:3]] == [(), ("context",), ()]


def test_a_line_that_fails_stops_those_that_go_on_from_it(render, tmp_path):
    with pytest.raises(EngineError) as error:
        render(script(1, first=(*FIRST[:4], "Ada: Five \\[\\[raise\\]\\].", "Ben: Six.")), attempts=1)
    assert "2 of 9 lines could not be spoken" in error.value.message
    assert "(Ben): it goes on from line 14, which could not be spoken" in error.value.message
    assert render(script(1)).metrics["takes_reused"] == 7


def test_turns_of_a_line_and_who_said_them(fake_engine, tmp_path):
    (tmp_path / "show.md").write_text(script(4, first=(*FIRST[:2], "Ada: (backchannel) Mm.", *FIRST[2:])))
    plan = read_plan(tmp_path / "show.md", load_settings())
    assert turns_before(plan, 4) == (0, 1, 3)
    assert turns_before(plan, 6) == (1, 3, 4, 5)
    assert turns_before(plan, 7) == ()
    assert with_needed(plan, [1, 8]) == [0, 1, 7, 8]
    sounds = {number: (f"{number:064}", Path(f"{number}.wav")) for number in (1, 3, 4, 5)}
    job = job_after(plan, 6, sounds)
    assert job is not None
    assert [(turn.speaker, turn.text) for turn in job.context] == [
        ("", "Two."), ("1", "Three."), ("", "Four."), ("1", "Five."),
    ]  # fmt: skip
    del sounds[3]
    assert job_after(plan, 6, sounds) is None


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("{turns: 9}", "context.turns must be a whole number from 1 to 8"),
        ("{turn: 2}", "unknown key context.turn"),
        ("{}", "context.turns is missing"),
        ("all", "context is 'all'"),
        ("[1]", "context is"),
    ],
)
def test_a_context_that_cannot_be_is_a_fault_with_its_line(context, said, tmp_path):
    (tmp_path / "show.md").write_text(f"---\ntitle: T\ncontext: {context}\nspeakers: {{Ada: en-us}}\n---\nAda: One.\n")
    _, faults = scan_script(tmp_path / "show.md", DEFAULTS.limits)
    assert said in faults[0].message
    assert faults[0].line == 3


def test_a_script_wins_over_the_setting(fake_engine, tmp_path):
    settings = load_settings(**{"episode.context_turns": 3})
    for turns, expected in ((None, 3), (0, 0), (1, 1)):
        (tmp_path / "show.md").write_text(script(turns))
        assert read_plan(tmp_path / "show.md", settings).turns == expected
    episode = {"context": {"turns": 2}, "speakers": {"Ada": "en-us"}, "segments": [{"speaker": "Ada", "text": "One."}]}
    (tmp_path / "show.json").write_text(json.dumps({"episode": episode}))
    assert read_plan(tmp_path / "show.json", settings).turns == 2


@pytest.fixture
def two_anchors(fake_engine: Path, tmp_path: Path) -> None:
    """A voice ``ada`` of the fake engine with two anchors."""
    pitches = {"low": 150.0, "high": 600.0}
    clips = [wav(tmp_path / f"{name}.wav", sine(pitch, 2.0, -9.0, 24000), 24000) for name, pitch in pitches.items()]
    add_voice(
        NewVoice("ada", "fake", references=tuple(clips), texts=("Low.", "High."), consent="self"),
        settings=load_settings(),
    )


def test_a_line_chooses_an_anchor(two_anchors, tmp_path):
    text = "---\nspeakers: {Ada: ada}\n---\nAda: Same.\n\nAda: (anchor 0) Same.\n\nAda: (anchor 1) Same.\n"
    (tmp_path / "show.md").write_text(text)
    settings = load_settings(**{"cache.enabled": False, "seed": 1})
    report = render_episode(tmp_path / "show.md", tmp_path / "show.wav", settings=settings)
    plan = read_plan(tmp_path / "show.md", settings)
    assert [line.job.voice.voice.reference_texts for line in plan.lines] == [("Low.", "High."), ("Low.",), ("High.",)]
    assert len({each["take_sha256"] for each in report.manifest["segments"]}) == 3
    assert report.manifest["degradations"] == []


def test_an_anchor_that_is_not_there_is_a_fault_of_its_line(two_anchors, tmp_path):
    (tmp_path / "show.md").write_text("---\nspeakers: {Ada: ada}\n---\nAda: One.\n\nAda: (anchor 2) Two.\n")
    with pytest.raises(FaultsError) as error:
        read_plan(tmp_path / "show.md", load_settings())
    assert [fault.line for fault in error.value.faults] == [6]
    assert "speaker Ada: voice ada has no anchor 2" in str(error.value)
    assert "they are 0 to 1" in str(error.value)


ROOT = Path(__file__).resolve().parents[2]


def command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "demod_voice", "-q", "episode", "render", str(folder / "show.md"), "-o"]


@pytest.mark.parametrize("kept", [1, pytest.param(4, marks=pytest.mark.slow), pytest.param(7, marks=pytest.mark.slow)])
def test_killed_in_a_chapter_it_ends_with_the_same_bytes(fake_engine, tmp_path, monkeypatch, kept):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setenv("DEMOD_VOICE_CACHE__ENABLED", "false")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")]))
    slow = [tuple(f"{each} \\[\\[slow 0.1\\]\\]" for each in lines) for lines in (FIRST, SECOND)]
    (tmp_path / "show.md").write_text(script(2, *slow))
    subprocess.run([*command(tmp_path), str(tmp_path / "calm.wav")], check=True)
    process = subprocess.Popen([*command(tmp_path), str(tmp_path / "killed.wav")], start_new_session=True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(list(tmp_path.glob("killed.demod/takes/[!.]*.json"))) < kept:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed.wav").exists()
    subprocess.run([*command(tmp_path), str(tmp_path / "killed.wav")], check=True)
    digests = [hashlib.sha256((tmp_path / f"{name}.wav").read_bytes()).hexdigest() for name in ("calm", "killed")]
    assert digests[0] == digests[1]
