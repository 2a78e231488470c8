"""Line ids, seeds, joints and pauses."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demod_voice.config.settings import DEFAULTS, Episode, Pauses
from demod_voice.episode.plan import Plan, make_plan, questions
from demod_voice.episode.timing import arrange, pause_before
from demod_voice.errors import FaultsError
from demod_voice.formats.script import Chapter, Effect, Paragraph, Recording, Script, ScriptLine, SpeakerSpec
from demod_voice.speech.studio import Take
from demod_voice.text.spans import Span

SPEAKERS = {name: SpeakerSpec(name, line=3, engine="espeak", voice="en-us") for name in ("Ada", "Ben")}


def script(paragraphs: list[list[tuple[str, str]]], title: str = "") -> Script:
    lines = iter(range(10, 10_000))
    made = tuple(Paragraph(tuple(ScriptLine(who, text, next(lines)) for who, text in each)) for each in paragraphs)
    return Script("T", "en", SPEAKERS, (Chapter(title, made),), "t.md")


def plan_of(made: Script, folder: Path = Path("/nowhere")) -> Plan:
    return make_plan(made, folder, DEFAULTS)


def jobs(plan: Plan) -> list[tuple[str, int]]:
    return [(line.job.id, line.job.seed) for line in plan.lines]


@pytest.fixture
def lines() -> list[tuple[str, str]]:
    return [("Ada" if number % 2 else "Ben", f"Sentence number {number}.") for number in range(200)]


def test_change_insert_delete_move_touch_one_one_zero_zero_lines(lines: list[tuple[str, str]]) -> None:
    before = set(jobs(plan_of(script([lines]))))
    changed = [*lines[:77], ("Ada", "Something else."), *lines[78:]]
    inserted = [*lines[:77], ("Ada", "Something else."), *lines[77:]]
    deleted = [*lines[:77], *lines[78:]]
    moved = [*lines[:20], lines[150], *lines[20:150], *lines[151:]]
    new = [len(set(jobs(plan_of(script([each])))) - before) for each in (changed, inserted, deleted, moved)]
    assert new == [1, 1, 0, 0]


def test_the_same_line_twice_has_two_ids() -> None:
    ids = [each for each, _ in jobs(plan_of(script([[("Ada", "Yes."), ("Ada", "Yes."), ("Ben", "Yes.")]])))]
    assert len(set(ids)) == 3


def test_ids_know_their_chapter() -> None:
    one = jobs(plan_of(script([[("Ada", "Yes.")]], "First")))
    two = jobs(plan_of(script([[("Ada", "Yes.")]], "Second")))
    assert one != two


def one_id(folder: Path = Path("/nowhere"), **fields: Any) -> str:
    made = script([[("Ada", "Yes.")]])
    line = replace(made.chapters[0].paragraphs[0].lines[0], **fields)
    return jobs(plan_of(replace(made, chapters=(Chapter("", (Paragraph((line,)),)),)), folder))[0][0]


def test_the_id_of_a_plain_line_stays_what_it_was() -> None:
    assert one_id() == "3eae6a6e5cf8237838cb286f-1"


def test_what_changes_the_sound_changes_the_id_and_nothing_else_does(tmp_path: Path) -> None:
    (tmp_path / "door.wav").touch()
    heard = [
        one_id(spans=(Span("Yes.", rate=0.8),)),
        one_id(spans=(Span("Yes.", rate=0.9),)),
        one_id(spans=(Span("Yes.", style="laugh"),)),
        one_id(hints={"emotion": "happy"}),
        one_id(tmp_path, recording=Recording("door.wav")),
        one_id(tmp_path, recording=Recording("door.wav", clean=True)),
    ]
    assert len({one_id(), *heard}) == 7
    when = [
        one_id(pause_before_s=1.0),
        one_id(overlap_s=0.3),
        one_id(interrupt=True),
        one_id(backchannel=True),
        one_id(tmp_path, effects=(Effect("door.wav", 3),)),
    ]
    assert set(when) == {one_id()}


def test_every_missing_sound_file_is_told_with_the_wrong_speakers(tmp_path: Path) -> None:
    lines = (
        ScriptLine("Ada", "a", 10, effects=(Effect("door.wav", 9),)),
        ScriptLine("Eve", "", 11, recording=Recording("talk.wav")),
        ScriptLine("Ben", "b", 12, effects=(Effect("door.wav", 12), Effect(".", 12))),
    )
    speakers = {**SPEAKERS, "Ben": SpeakerSpec("Ben", 4, engine="espaek"), "Eve": SpeakerSpec("Eve", 5, engine="none")}
    made = Script("T", "en", speakers, (Chapter("", (Paragraph(lines),)),), "t.md", trailing_effects=(Effect("x", 13),))
    with pytest.raises(FaultsError) as caught:
        plan_of(made, tmp_path)
    assert [(fault.line, fault.message.split(":")[0]) for fault in caught.value.faults] == [
        (4, "speaker Ben"),
        (9, "the sound file 'door.wav' does not exist"),
        (11, "the sound file 'talk.wav' does not exist"),
        (12, "the sound file '.' is not a file"),
        (13, "the sound file 'x' does not exist"),
    ]


def test_sound_files_stay_inside_the_allowed_folders(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "out.wav").touch()
    settings = replace(DEFAULTS, paths=replace(DEFAULTS.paths, allowed_roots=(str(tmp_path / "inside"),)))
    line = ScriptLine("Ada", "", 10, recording=Recording("../out.wav"))
    made = Script("T", "en", SPEAKERS, (Chapter("", (Paragraph((line,)),)),), "t.md")
    with pytest.raises(FaultsError, match=r"t\.md:10: .* lies outside the allowed folders"):
        make_plan(made, tmp_path / "inside", settings)


def test_a_speaker_of_recordings_only_needs_no_voice(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").touch()
    lines = (ScriptLine("Eve", "", 11, recording=Recording("talk.wav")), ScriptLine("Ada", "a", 12))
    speakers = {**SPEAKERS, "Eve": SpeakerSpec("Eve", 5, engine="none")}
    plan = plan_of(Script("T", "en", speakers, (Chapter("", (Paragraph(lines),)),), "t.md"), tmp_path)
    assert (plan.speakers, list(plan.voices), plan.synthetic) == (("Ada", "Eve"), ["Ada"], True)
    assert [line.recorded for line in plan.lines] == [True, False]
    assert [question.line for question in questions(plan)] == [12]


def test_joints_say_what_stands_between() -> None:
    made = script([[("Ada", "a"), ("Ada", "b"), ("Ben", "c")], [("Ben", "d")]])
    second = Chapter("Two", (Paragraph((ScriptLine("Ada", "e", 99),)),))
    made = Script(made.title, made.language, made.speakers, (*made.chapters, second), made.source)
    assert [line.joint for line in plan_of(made).lines] == ["first", "line", "speaker", "paragraph", "chapter"]


def test_every_wrong_speaker_is_reported_at_once() -> None:
    speakers = {
        "Ada": SpeakerSpec("Ada", line=4, engine="espaek"),
        "Ben": SpeakerSpec("Ben", line=6, engine="nothing"),
    }
    made = Script("T", "en", speakers, script([[("Ada", "a"), ("Ben", "b")]]).chapters, "t.md")
    with pytest.raises(FaultsError) as caught:
        plan_of(made)
    assert "t.md:4" in str(caught.value)
    assert "t.md:6" in str(caught.value)
    assert "espeak" in str(caught.value)


def test_pauses_vary_within_the_jitter_and_belong_to_the_line(lines: list[tuple[str, str]]) -> None:
    plan = plan_of(script([lines]))
    pauses = Pauses(speaker_ms=400, jitter=0.2)
    found = {line.job.id: pause_before(line, pauses, 42) for line in plan.lines[1:]}
    assert min(found.values()) >= 0.32
    assert max(found.values()) <= 0.48
    assert max(found.values()) - min(found.values()) > 0.1
    shuffled = plan_of(script([[lines[0], *random.Random(1).sample(lines[1:], 199)]]))
    for line in shuffled.lines[1:]:
        if line.joint == "speaker" and line.job.id in found:
            assert pause_before(line, pauses, 42) == found[line.job.id]


def take(samples: int, rate: int = 22050) -> Take:
    return Take(
        path=Path("x.wav"), key="k", sha256="h", sample_rate=rate, num_samples=samples, words=(), engine="espeak",
        engine_output_version=1, model="m", model_revision="r", seed=1, attempt=0, degraded=(), spoken=True,
        cached=False, text_spoken="",
    )  # fmt: skip


def test_positions_are_explicit_and_never_drift(lines: list[tuple[str, str]]) -> None:
    plan = plan_of(script([lines]))
    timing = arrange(plan, [take(12_345)] * 200, Episode(pauses=Pauses(jitter=0.0, speaker_ms=450)))
    length = -(-12_345 * 24_000 // 22_050)
    for number, placed in enumerate(timing.placed):
        assert placed.start == number * (length + round(0.45 * 24_000))
        assert placed.end - placed.start == length
    assert timing.num_samples == timing.placed[-1].end


def test_a_pause_in_the_script_replaces_the_natural_one() -> None:
    lines = (ScriptLine("Ada", "a", 10), ScriptLine("Ben", "b", 11, pause_before_s=2.5))
    made = Script("T", "en", SPEAKERS, (Chapter("", (Paragraph(lines),)),), "t.md", trailing_pause_s=1.0)
    timing = arrange(plan_of(made), [take(24_000, 24_000)] * 2, Episode())
    assert timing.placed[1].start - timing.placed[0].end == 60_000
    assert timing.num_samples == timing.placed[1].end + 24_000


def test_clips_that_abut_share_a_crossfade_and_no_other_does() -> None:
    lines = (ScriptLine("Ada", "a", 10), ScriptLine("Ben", "b", 11, pause_before_s=0.0), ScriptLine("Ada", "c", 12))
    made = Script("T", "en", SPEAKERS, (Chapter("", (Paragraph(lines),)),), "t.md")
    timing = arrange(plan_of(made), [take(24_000, 24_000)] * 3, Episode(crossfade_ms=50))
    assert [placed.crossfade_in for placed in timing.placed] == [0, 1200, 0]
    assert timing.placed[1].start == timing.placed[0].end - 1200
    assert timing.placed[2].start > timing.placed[1].end


def test_a_crossfade_is_at_most_half_of_the_shorter_clip() -> None:
    lines = (ScriptLine("Ada", "a", 10), ScriptLine("Ben", "b", 11, pause_before_s=0.0))
    made = Script("T", "en", SPEAKERS, (Chapter("", (Paragraph(lines),)),), "t.md")
    timing = arrange(plan_of(made), [take(100, 24_000), take(24_000, 24_000)], Episode(crossfade_ms=50))
    assert timing.placed[1].crossfade_in == 50
