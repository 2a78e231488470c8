"""Overlaps, interruptions, back-channels and effects on the time line: exact, and nobody speaks over himself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from demod_worker.messages import Word
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.config.settings import DEFAULTS, Episode, Pauses
from demod_voice.episode.plan import Plan, make_plan
from demod_voice.episode.timing import CUT_S, INTERRUPT_S, Stage, Timing, arrange
from demod_voice.episode.timing_file import read_timing, timing_plan, write_timing
from demod_voice.errors import FaultsError
from demod_voice.formats.script import Chapter, Effect, Paragraph, Script, ScriptLine, SpeakerSpec
from demod_voice.speech.studio import Take

RATE = 24000
SPEAKERS = {name: SpeakerSpec(name, line=3, engine="espeak", voice="en-us") for name in ("Ada", "Ben")}
STEADY = Episode(pauses=Pauses(line_ms=300, speaker_ms=500, jitter=0.0))


def line(speaker: str, number: int, **more: Any) -> ScriptLine:
    return ScriptLine(speaker, f"Sentence number {number}.", number + 5, **more)


def plan_of(*lines: ScriptLine, folder: Path = Path("/nowhere"), **more: Any) -> Plan:
    script = Script("T", "en", SPEAKERS, (Chapter("", (Paragraph(lines),)),), "t.md", **more)
    return make_plan(script, folder, DEFAULTS)


def take(seconds: float, words: tuple[Word, ...] = ()) -> Take:
    samples = round(seconds * RATE)
    facts = {"engine": "espeak", "engine_output_version": 1, "model": "m", "model_revision": "1", "seed": 0}
    flags = {"attempt": 0, "degraded": (), "spoken": True, "cached": False, "text_spoken": "x"}
    return Take(Path("t.wav"), "k", "h", RATE, samples, words, **facts, **flags)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A script's folder with the effects in it."""
    for name in ("door.wav", "train.wav"):
        (tmp_path / name).touch()
    return tmp_path


def places(timing: Timing) -> list[tuple[float, float]]:
    return [(each.start / RATE, each.end / RATE) for each in timing.placed]


def test_an_overlap_begins_before_the_line_before_it_ends() -> None:
    plan = plan_of(line("Ada", 1), line("Ben", 2, overlap_s=0.3), line("Ada", 3))
    assert places(arrange(plan, [take(2), take(1), take(1)], STEADY)) == [(0, 2), (1.7, 2.7), (3.2, 4.2)]


def test_an_overlap_longer_than_the_line_begins_with_it() -> None:
    plan = plan_of(line("Ada", 1), line("Ben", 2, overlap_s=30.0))
    assert places(arrange(plan, [take(2), take(1)], STEADY))[1] == (0, 1)


def test_an_interruption_cuts_the_line_off() -> None:
    plan = plan_of(line("Ada", 1), line("Ben", 2, interrupt=True), line("Ada", 3))
    timing = arrange(plan, [take(2), take(1), take(1)], STEADY)
    assert places(timing)[0] == pytest.approx((0, 2 - INTERRUPT_S + CUT_S))
    assert places(timing)[1] == pytest.approx((2 - INTERRUPT_S, 3 - INTERRUPT_S))
    assert [each.cut for each in timing.placed] == [True, False, False]
    assert places(timing)[2][0] == pytest.approx(3 - INTERRUPT_S + 0.5)


def test_a_back_channel_takes_no_time_and_begins_at_the_end_of_a_word() -> None:
    words = (Word("one", 0.0, 0.9), Word("two", 1.0, 2.1), Word("three", 2.2, 3.9))
    plain = plan_of(line("Ada", 1), line("Ada", 3))
    plan = plan_of(line("Ada", 1), line("Ben", 2, backchannel=True), line("Ada", 3))
    timing = arrange(plan, [take(4, words), take(0.4), take(1)], STEADY)
    assert places(timing)[1] == pytest.approx((2.1, 2.5))
    assert places(timing)[2] == places(arrange(plain, [take(4), take(1)], STEADY))[1]


def test_effects_stand_after_a_line_and_may_be_waited_for(folder: Path) -> None:
    heard, waited = Effect("door.wav", 7), Effect("train.wav", 8, wait=True)
    plan = plan_of(line("Ada", 1), line("Ben", 2, effects=(heard,)), line("Ada", 3, effects=(waited,)), folder=folder)
    stage = Stage(RATE, effect_lengths={"door.wav": RATE, "train.wav": 3 * RATE})
    timing = arrange(plan, [take(2), take(1), take(1)], STEADY, stage)
    assert [start for start, _ in places(timing)] == pytest.approx([0, 2.5, 7.1])
    assert [each.start / RATE for each in timing.effects] == pytest.approx([2.1, 3.6])


def test_an_effect_after_the_last_line_makes_the_show_longer(folder: Path) -> None:
    plan = plan_of(line("Ada", 1), folder=folder, trailing_effects=(Effect("door.wav", 9),))
    timing = arrange(plan, [take(2)], STEADY, Stage(RATE, effect_lengths={"door.wav": 4 * RATE}))
    assert timing.num_samples == round(6.1 * RATE)


def test_an_intro_comes_first() -> None:
    timing = arrange(plan_of(line("Ada", 1)), [take(2)], STEADY, Stage(RATE, lead_in=RATE * 5))
    assert places(timing) == [(5, 7)]


KINDS = st.sampled_from([{}, {"overlap_s": 0.4}, {"overlap_s": 9.0}, {"interrupt": True}, {"backchannel": True}])


@given(st.lists(st.tuples(st.sampled_from(["Ada", "Ben"]), KINDS, st.floats(0.05, 4.0)), min_size=1, max_size=12))
def test_nobody_ever_speaks_over_himself_and_nothing_is_lost(drawn: list[tuple[str, dict[str, Any], float]]) -> None:
    plan = plan_of(*(line(who, number, **kind) for number, (who, kind, _) in enumerate(drawn)))
    timing = arrange(plan, [take(seconds) for _, _, seconds in drawn], STEADY)
    free: dict[str, int] = {}
    for each in timing.placed:
        assert each.start >= free.get(each.line.speaker, 0) - each.crossfade_in
        assert each.end > each.start
        assert each.end <= timing.num_samples
        free[each.line.speaker] = each.end


def test_a_plan_that_was_written_gives_the_same_time_line(tmp_path: Path) -> None:
    plan = plan_of(line("Ada", 1), line("Ben", 2, overlap_s=0.3), line("Ada", 3))
    takes = [take(2), take(1), take(1)]
    timing = arrange(plan, takes, STEADY)
    write_timing(tmp_path / "plan.json", timing)
    known = {each.job.id: each.source.text for each in plan.lines}
    starts = read_timing(tmp_path / "plan.json", known)
    again = arrange(plan, takes, STEADY, Stage(RATE, starts={name: round(at * RATE) for name, at in starts.items()}))
    assert timing_plan(again) == timing_plan(timing)
    moved = replace(Stage(RATE), starts={plan.lines[2].job.id: 9 * RATE})
    assert places(arrange(plan, takes, STEADY, moved))[2] == (9, 10)


def test_every_fault_of_a_plan_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(
        '{"lines": [{"id": "abd", "start_sec": 1},\\n {"id": "abc", "start_sec": -1}, 3]}'.replace("\\n", "\n")
    )
    with pytest.raises(FaultsError) as caught:
        read_timing(path, {"abc": "Hello."})
    text = str(caught.value)
    assert "did you mean abc" in text
    assert "start_sec" in text
    assert "lines[3]" in text
