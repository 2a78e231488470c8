"""Hints in parentheses and in data: when a line begins, and how the whole of it is said (A084, A094)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.config.settings import Limits
from demod_voice.errors import FaultsError
from demod_voice.formats.hints import EMOTIONS, Hints, read_hints, split_hints
from demod_voice.formats.script import Effect, Recording, Script, ScriptLine
from demod_voice.formats.script_file import read_script
from demod_voice.formats.tags import TagError

FRONT = "---\ntitle: A test\nspeakers:\n  Ada: a\n  Ben: b\n---\n"  # the body begins in row 7


def script(folder: Path, text: str | dict[str, Any]) -> Script:
    path = folder / ("show.md" if isinstance(text, str) else "show.json")
    path.write_text(FRONT + text if isinstance(text, str) else json.dumps(text, indent=1), encoding="utf-8")
    return read_script(path, Limits())


def lines(read: Script) -> list[ScriptLine]:
    return [line for chapter in read.chapters for paragraph in chapter.paragraphs for line in paragraph.lines]


def faults(folder: Path, text: str | dict[str, Any]) -> list[tuple[int | None, str]]:
    with pytest.raises(FaultsError) as error:
        script(folder, text)
    return [(fault.line, f"{fault.message} ({fault.hint})") for fault in error.value.faults]


def episode(*segments: dict[str, Any]) -> dict[str, Any]:
    first = {"speaker": "Ben", "text": "First."}
    return {"episode": {"speakers": {"Ada": "a", "Ben": "b"}, "segments": [first, *segments]}}


@pytest.mark.parametrize(
    ("inside", "hints"),
    [
        ("overlap 300ms", Hints(overlap_s=0.3)),
        ("interrupt", Hints(interrupt=True)),
        ("backchannel", Hints(backchannel=True)),
        ("pause 800ms", Hints(pause_s=0.8)),
        ("pause before  1.5s", Hints(pause_s=1.5)),
        ("emotion happy", Hints(emotion="happy")),
        ("happy", Hints(emotion="happy")),
        ("pace slow", Hints(rate=0.8)),
        ("pace 1.1, pitch +12st , volume -3dB", Hints(rate=1.1, pitch=2.0, volume_db=-3.0)),
        ("anchor 2, sad, overlap 0.5", Hints(anchor_idx=2, emotion="sad", overlap_s=0.5)),
    ],
)
def test_hints_stand_before_a_line(inside: str, hints: Hints) -> None:
    assert split_hints(f"({inside}) Yes.") == (hints, "Yes.")


@pytest.mark.parametrize(
    "text",
    ["(laughs) Yes.", "(Sad) but true.", "(place names vary) so", "(pause for thought) is good", "(Volume two) is out",
     "(a 300ms delay) is heard", "(happily) yes", "\\(interrupt) no", "()", "(interrupt", "(b, c, d) e", "Yes (sad).",
     "(" + "a, " * 90 + "interrupt) x", "(" + "a,b 1s," * 20 + "interrupt) x"],
)  # fmt: skip
def test_other_parentheses_are_words(text: str) -> None:
    assert split_hints(text) == (Hints(), text)


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("overlp 300ms", "unknown hint 'overlp' (did you mean (overlap 300ms)?; write \\( to say it aloud)"),
        ("Overlap 300ms", "did you mean (overlap 300ms)?"),
        ("overlap soon", "'overlap soon' cannot be read (known: 'soon' is not a duration"),
        ("overlap", "'overlap' cannot be read"),
        ("overlap 2min", "at most 60s"),
        ("pause before 1h", "at most 600s"),
        ("interupt", "unknown hint 'interupt' (did you mean (interrupt)?"),
        ("Backchannel", "did you mean (backchannel)?"),
        ("pace quick", "known: x-slow, slow"),
        ("emotion hapy", "'emotion hapy' cannot be read"),
        ("anchor two", "a whole number from 0 to 999"),
        ("interrupt, laughing", "'laughing' is no hint (known: overlap 300ms"),
        ("overlap 1s, overlap 2s", "two hints of the same kind"),
        ("interrupt, backchannel", "a line that interrupts is no backchannel"),
        ("overlap 1s, pause 1s", "a pause before a line that speaks over another"),
    ],
)
def test_a_near_miss_is_a_fault_and_not_read_aloud(inside: str, words: str) -> None:
    with pytest.raises(TagError) as error:
        read_hints(inside)
    assert words in f"{error.value.message} ({error.value.hint([])})"


def test_a_line_gets_what_its_hints_ask_for(tmp_path: Path) -> None:
    body = (
        "Ada: One.\nBen: (overlap 300ms, happy, anchor 2) Two [pause 1s] three.\nAda: (interrupt) Four.\n"
        "Ben: (backchannel) Mm.\nAda: (pause 800ms, pace slow) Five <prosody rate='2'>six</prosody>."
    )
    read = lines(script(tmp_path, body))
    assert [line.text for line in read] == ["One.", "Two", "three.", "Four.", "Mm.", "Five six."]
    assert [line.overlap_s for line in read] == [0.0, 0.3, 0.0, 0.0, 0.0, 0.0]
    assert [line.interrupt for line in read] == [False, False, False, True, False, False]
    assert [line.backchannel for line in read] == [False] * 4 + [True, False]
    assert [line.pause_before_s for line in read] == [None, None, 1.0, None, None, 0.8]
    assert [dict(line.hints) for line in read[:3]] == [{}, *[{"anchor_idx": 2, "emotion": "happy"}] * 2]
    assert [span.rate for span in read[5].spans] == [0.8, 1.6, 0.8]
    assert read[1].spans == ()


def test_hints_below_a_heading_are_for_its_chapter(tmp_path: Path) -> None:
    body = (
        "## One\n\n(calm, pace slow)\n\nAda: a\nBen: (pace fast) b\n\nAda: (emotion sad) c\n## Two\nAda: d\n\n"
        "## Three\n(volume -3dB)\nAda: e\nBen: [audio x.wav] f"
    )
    read = lines(script(tmp_path, body))
    assert [line.hints.get("emotion") for line in read] == ["calm", "calm", "sad", None, None, None]
    assert [line.spans[0].rate if line.spans else None for line in read] == [0.8, 1.25, 0.8, None, 1.0, None]
    assert read[4].spans[0].volume_db == -3.0


def test_data_inherits_from_chapter_and_segment(tmp_path: Path) -> None:
    read = lines(
        script(
            tmp_path,
            episode(
                {"type": "chapter", "title": "C", "emotion": "calm", "prosody": {"volume": -3}},
                {"speaker": "Ada", "text": "a\n\nb", "overlap_ms": 300, "pace": "slow"},
                {"lines": [{"speaker": "Ada", "text": "c", "interrupt": True, "backchannel": False},
                           {"speaker": "Ben", "text": "d", "pace": 1.1, "anchor_idx": 0, "backchannel": True}],
                 "emotion": "sad", "prosody": {"pitch": "+12st", "rate": 0.5}},
            ),
        )
    )  # fmt: skip
    assert [line.hints.get("emotion") for line in read] == [None, "calm", "calm", "sad", "sad"]
    assert [line.spans[0].rate if line.spans else None for line in read] == [None, 0.8, 0.8, 0.5, 1.1]
    assert [line.spans[0].pitch for line in read[1:]] == [1.0, 1.0, 2.0, 2.0]
    assert all(line.spans[0].volume_db == -3.0 for line in read[1:])
    assert [line.overlap_s for line in read] == [0.0, 0.3, 0.0, 0.0, 0.0]
    assert (read[3].interrupt, read[4].backchannel, read[4].hints["anchor_idx"]) == (True, True, 0)


def test_recordings_and_effects_stand_in_both_forms(tmp_path: Path) -> None:
    markdown = script(
        tmp_path,
        "[sfx a.wav -6dB]\n\nAda: One [sfx b.wav] two. [sfx c.wav]\nBen: [audio x.wav 1:00-2:00 clean] He *said* so.\n"
        "[pause 1s] [sfx d.wav wait]",
    )
    data = script(
        tmp_path,
        {"episode": {"speakers": {"Ada": "a", "Ben": "b"}, "segments": [
            {"type": "effect", "file": "a.wav", "gain_db": -6},
            {"lines": [{"speaker": "Ada", "text": "One [sfx b.wav] two. [sfx c.wav]"},
                       {"speaker": "Ben", "audio": {"file": "x.wav", "start": "1:00", "end": 120, "clean": True,
                                                    "transcript": "He said so."}}]},
            {"type": "pause", "duration_ms": 1000},
            {"type": "effect", "file": "d.wav", "wait": True}]}},
    )  # fmt: skip
    for read in (markdown, data):
        one, two, three = lines(read)
        assert [(each.path, each.gain_db, each.wait) for each in one.effects] == [("a.wav", -6.0, False)]
        assert ([each.path for each in two.effects], two.pause_before_s) == (["b.wav"], 0.0)
        assert [each.path for each in three.effects] == ["c.wav"]
        assert (three.recording, three.text) == (Recording("x.wav", 60.0, 120.0, True), "He said so.")
        assert [(each.path, each.wait) for each in read.trailing_effects] == [("d.wav", True)]
        assert read.trailing_pause_s == 1.0
    assert markdown.trailing_effects == (Effect("d.wav", 11, 0.0, True),)


def test_a_recording_needs_no_transcript(tmp_path: Path) -> None:
    (line,) = lines(script(tmp_path, "Ada: (pause 1s) [audio talk.mp3]"))
    assert (line.text, line.recording, line.pause_before_s) == ("", Recording("talk.mp3"), 1.0)


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("Ada: (overlap 1s) a", 7, "no line stands before this one"),
        ("Ada: a\n[pause 1s]\nBen: (interrupt) b", 9, "a pause before a line that speaks over another"),
        ("Ada: a\nBen: (backchannel) b [pause 1s] c", 8, "a backchannel with a pause or an effect inside"),
        ("Ada: a\nBen: (overlp 1s) b", 8, "did you mean (overlap 1s)?"),
        ("Ada: a\n(pace slow)", 8, "the hints (pace slow) stand alone"),
        ("## C\n(overlap 1s)\nAda: a", 8, "cannot be meant for a whole chapter"),
        ("## C\n(pace quick)\nAda: a", 8, "(pace quick): 'pace quick' cannot be read"),
        ("Ada: (happy)", 7, "nothing can be said in"),
        ("Ada: (pace slow) [audio x.wav]", 7, "a recording is heard as it is"),
        ("Ada: (happy)\na [x] b", 8, "unknown tag [x]"),
    ],
)
def test_hints_that_cannot_be_meant(body: str, line: int, words: str, tmp_path: Path) -> None:
    ((found, told),) = faults(tmp_path, body)
    assert (found, words in told) == (line, True), told


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        ({"emotion": "hapy"}, "unknown emotion 'hapy' (did you mean happy?)"),
        ({"pace": "quick"}, "segments[1].pace is 'quick' (known: x-slow"),
        ({"pace": 9}, "segments[1].pace is 9 (known: x-slow"),
        ({"prosody": "slow"}, "prosody must be a mapping"),
        ({"prosody": {"speed": 1}}, "unknown key episode.segments[1].prosody.speed"),
        ({"prosody": {"rate": 1.1}, "pace": 1.2}, "are the same"),
        ({"overlap_ms": "1s"}, "overlap_ms must be a number"),
        ({"interrupt": "yes"}, "interrupt must be true or false, got 'yes'"),
        ({"interrupt": True, "backchannel": True}, "a line that interrupts is no backchannel"),
        ({"audio": {"file": "x.wav"}}, "stands beside a recording"),
        ({"text": None, "audio": {"start": 1}}, "audio.file is missing"),
        ({"text": None, "audio": {"file": "x.wav", "start": 2, "end": 1}}, "it ends at 1 s, and begins at 2 s"),
        ({"text": None, "audio": {"file": "x.wav", "start": "soon"}}, "audio.start: 'soon' is not a duration"),
        ({"text": None, "audio": {"file": "x.wav", "cleen": True}}, "did you mean clean?"),
    ],
)
def test_a_wrong_value_in_data_is_one_fault(segment: dict[str, Any], words: str, tmp_path: Path) -> None:
    ((line, told),) = faults(tmp_path, episode({"speaker": "Ada", "text": "x", **segment}))
    assert line is not None
    assert words in told


@given(st.text("(), overlapinteruckbhdsm013.%+-", max_size=40))
def test_any_parenthesis_is_hints_words_or_a_fault(text: str) -> None:
    try:
        hints, rest = split_hints(text)
    except TagError:
        return
    assert text.endswith(rest)
    assert (hints == Hints()) == (rest == text)


def test_emotions_are_single_lower_case_words() -> None:
    assert all(each.isalpha() and each.islower() for each in EMOTIONS)
