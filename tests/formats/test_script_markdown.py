"""The Markdown form of a script: what it means, and what is wrong with it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.config.settings import Limits
from demod_voice.errors import DemodError, FaultsError
from demod_voice.formats.markup import escape, read_line
from demod_voice.formats.script import Script, ScriptLine
from demod_voice.formats.script_file import read_script
from demod_voice.formats.template import TEMPLATE

FRONT = "---\ntitle: A test\nspeakers:\n  Ada: a\n  Ben: b\n---\n"  # the body begins in row 7
ALONE = "---\nspeakers:\n  Ada: a\n---\n"


def script(folder: Path, text: str, name: str = "show.md") -> Script:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return read_script(path, Limits())


def lines(read: Script) -> list[ScriptLine]:
    return [line for chapter in read.chapters for paragraph in chapter.paragraphs for line in paragraph.lines]


def faults(folder: Path, text: str, name: str = "show.md") -> list[tuple[int | None, str]]:
    with pytest.raises(FaultsError) as error:
        script(folder, text, name)
    return [(fault.line, f"{fault.message} ({fault.hint})") for fault in error.value.faults]


def test_the_template_is_a_script(tmp_path: Path) -> None:
    read = script(tmp_path, TEMPLATE)
    assert [chapter.title for chapter in read.chapters] == ["Hello", "Goodbye"]
    assert [line.pause_before_s for line in lines(read)] == [None, None, 0.8, None]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Ada: One.\nBen: Two.", [("Ada", "One."), ("Ben", "Two.")]),
        ("Ada: One\ntwo\n  three.", [("Ada", "One two three.")]),
        ("**Ada:** One. **Ben**", [("Ada", "One. Ben")]),
        ("**Ada**: One.", [("Ada", "One.")]),
        ("Ada:One.", [("Ada", "One.")]),
        ("Ada：One.", [("Ada", "One.")]),
        ("\u200fAda: One.", [("Ada", "One.")]),
        ("- Ada: One.\n- Ben: Two.", [("Ada", "One."), ("Ben", "Two.")]),
        ("> Ada: One.\n> more", [("Ada", "One. more")]),
        ("Ada: at 12:30, see https://a.b/c", [("Ada", "at 12:30, see https://a.b/c")]),
        ("Ada: he said: yes", [("Ada", "he said: yes")]),
        ("Ada: One.\nRemember\\: two.", [("Ada", "One. Remember: two.")]),
        ("Ada: the *very **best** of* __all__ _it_ `code` ~~gone~~", [("Ada", "the very best of all it code gone")]),
        ("Ada: ***both*** and **over\ntwo rows**", [("Ada", "both and over two rows")]),
        ("Ada: 2 * 3 * 4, snake_case_name, 5*3*2", [("Ada", "2 * 3 * 4, snake_case_name, 5*3*2")]),
        ('Ada: [a link](https://a.b/c_(d)) and [b](x "title") ![c](d)', [("Ada", "a link and b c")]),
        ("Ada: \\[pause 1s\\] \\*a\\* \\# \\\\ \\<b>", [("Ada", "[pause 1s] *a* # \\ <b>")]),
        ("Ada: a < b, 3 > 2, <3", [("Ada", "a < b, 3 > 2, <3")]),
        ("Ada: One <!-- not this --> two.", [("Ada", "One two.")]),
        ("Ada: One\n<!-- Ben: not\n\nthis -->\ntwo.", [("Ada", "One two.")]),
        ("Ada: One \\<!-- this -->", [("Ada", "One <!-- this -->")]),
        ("Ada: One\n#1 in the charts", [("Ada", "One #1 in the charts")]),
        ("Ada: مرحبا بالعالم", [("Ada", "مرحبا بالعالم")]),
        ("Ada: One.\n\n---\n\nBen: Two.", [("Ada", "One."), ("Ben", "Two.")]),
        ("Ada: private \ue05bx\ue05d use", [("Ada", "private x use")]),
    ],
)
def test_a_line_is_said_without_its_markup(body: str, said: list[tuple[str, str]], tmp_path: Path) -> None:
    assert [(line.speaker, line.text) for line in lines(script(tmp_path, FRONT + body))] == said


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("Ada: Hi.\nBne: Hi.", 8, "unknown speaker 'Bne' (did you mean Ben?"),
        ("Ada: Hi.\nben: Hi.", 8, "unknown speaker 'ben' (did you mean Ben?"),
        ("Ada: Hi.\nSpeaker 2: Hi.", 8, "unknown speaker 'Speaker 2'"),
        ("Nobody says this.", 7, "begin it with a name: Ada, Ben"),
        ("Ada: a\nb [pase 1s] c", 8, "unknown tag [pase 1s] (did you mean [pause]?; write"),
        ("Ada: [laughs] a", 7, "unknown tag [laughs] (did you mean [laugh]?; write \\[ to say it aloud)"),
        ("Ada: a [pause 1s", 7, "a [ that belongs to no tag (write \\["),
        ("Ada: a [pause soon] b", 7, "'soon' is not a duration"),
        ("Ada: a [pause] b", 7, "is not a duration"),
        ("Ada: a [pause 11min] b", 7, "longer than 600 s"),
        ("Ada: a [pause 900] b", 7, "at most [pause 600s]; for milliseconds write 900ms"),
        ("Ada: a <brake time='1s'/> b", 7, "unknown tag <brake time='1s'/> (did you mean <break>?; write \\<"),
        ("Ada: a <break b", 7, "a < that belongs to no tag"),
        ("Ada: a [b](c", 7, "unknown tag [b]"),
        ("Ada: …!", 7, "nothing can be said in '…!'"),
        ("Ada: 👍🎉", 7, "nothing can be said"),
        ("Ada: a\n\n### deep", 9, "a heading of level 3"),
        ("# One\n# Two\nAda: a", 8, "a second title 'Two'"),
        ("##\nAda: a", 7, "a chapter without a title"),
        ("## Empty\n## Full\nAda: a", 7, "the chapter 'Empty' has no lines"),
        ("Ada: a\n<!-- b\nBen: c", 8, "a comment that is not closed"),
        ("Ada: " + "x" * 20_001, 7, "a line of 20001 characters"),
        ("", None, "the script has no lines"),
    ],
)
def test_what_cannot_be_meant_is_a_fault(body: str, line: int | None, words: str, tmp_path: Path) -> None:
    found = faults(tmp_path, FRONT + body)
    assert [each[0] for each in found] == [line]
    assert words in found[0][1]


@pytest.mark.parametrize(
    ("front", "line", "words"),
    [
        ("titel: A\nspeakers:\n  Ada: a", 2, "unknown key titel (did you mean title?)"),
        ("speakers:\n  Ada:\n    sped: 2", 4, "unknown key speakers.Ada.sped (did you mean speed?)"),
        ("speakers:\n  Ada:\n    speed: fast", 4, "speakers.Ada.speed must be a number, got 'fast'"),
        ("speakers:\n  Ada:\n    speed: 9", 4, "must be between 0.25 and 4"),
        ("speakers:\n  Ada:\n    speed: .nan", 4, "must be between"),
        ("speakers:\n  Ada: [a]", 3, "speakers.Ada must be a voice's name or a mapping, got ['a']"),
        ("speakers: [Ada]", 2, "speakers must be a mapping, got a list"),
        ("speakers: [Ada]", 2, "as in  speakers: {Ada: en-us+f3, Ben: en-us+m3}"),
        ("speakers:\n  Ada: a\n  Ada: b", 4, 'YAML: found duplicate key "Ada"'),
        ("speakers:\n  'A:b': a", 3, "'A:b' cannot be a speaker's name"),
        ("seed: -1\nspeakers:\n  Ada: a", 2, "seed must be a whole number"),
        ("language: en US\nspeakers:\n  Ada: a", 2, "not a language tag"),
        ("title: {a: b}\nspeakers:\n  Ada: a", 2, "title must be text"),
        ("title: a: b", 2, "YAML: mapping values are not allowed here"),
        ("title: a: b", 2, 'as in  title: "One: two"'),
        ("date: yesterday\nspeakers:\n  Ada: a", 2, "date is 'yesterday', not a date (as 2026, 2026-11"),
        ("date: 2026-13\nspeakers:\n  Ada: a", 2, "date is '2026-13', not a date"),
        ('title: "open', 2, "a quote that is opened is closed"),
        ("title: 'open", 2, "a quote that is opened is closed"),
        ("\ttitle: x", 2, "write spaces in place of the tab"),
        ("title: @x", 2, "put the value in quotes"),
        ("speakers: {Ada: a", 2, "is closed with }"),
        ("- a", 2, "must be a mapping of key: value"),
        ("title: x", 1, "the script names no speakers"),
        ("a: &a {b: c}\nc: *a", None, "aliases"),
        ("a: &a [b]\nc: *a", None, "aliases"),
        ("a: " + "[" * 5000, None, "nested too deeply"),
        ("a: 2026-99-99", None, "month must be"),
    ],
)
def test_a_fault_in_the_front_matter_has_its_line(front: str, line: int | None, words: str, tmp_path: Path) -> None:
    found = faults(tmp_path, f"---\n{front}\n---\nAda: Hi.\n")
    assert (line, True) in [(each[0], words in each[1]) for each in found], found


def test_an_alias_bomb_ends_at_once(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x]", *[f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40)]]
    assert "aliases" in faults(tmp_path, "---\n" + "\n".join(rows) + "\n---\n")[0][1]


def test_every_fault_is_told_at_once_in_order(tmp_path: Path) -> None:
    found = faults(tmp_path, FRONT.replace("title", "titel") + "Ada: [x]\nCat: a\n### b\n")
    assert [each[0] for each in found] == [2, 7, 8, 9]


def test_thousands_of_faults_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "show.md"
    path.write_text(FRONT + "Cat: a\n" * 5000)
    with pytest.raises(FaultsError, match="and 4800 more") as error:
        read_script(path, Limits())
    assert len(error.value.faults) == 200


def test_an_unclosed_front_matter_is_a_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, "---\ntitle: a\n")[0] == (1, "the front matter is not closed (end it with a line of ---)")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("One.\n\nTwo: the second.", ["One.", "Two: the second."]),
        ("Ada: One.\n\nTwo.", ["One.", "Two."]),
    ],
)
def test_one_speaker_needs_no_name(body: str, said: list[str], tmp_path: Path) -> None:
    assert [line.text for line in lines(script(tmp_path, ALONE + body))] == said


def test_one_speaker_with_a_name_makes_another_name_a_fault(tmp_path: Path) -> None:
    assert "unknown speaker 'Bob'" in faults(tmp_path, ALONE + "Ada: One.\nBob: Two.")[0][1]


def test_a_name_in_another_unicode_form_is_the_same_name(tmp_path: Path) -> None:
    read = script(tmp_path, "---\nspeakers:\n  Zoe\u0301: a\n  Ben: b\n---\nZo\u00e9: Hi.\n")
    assert lines(read)[0].speaker in read.speakers


def test_pauses_stand_before_the_next_line_and_add_up(tmp_path: Path) -> None:
    read = script(
        tmp_path, FRONT + "[pause 1s]\nAda: a [pause 800ms] b [Pause 0.5]\n\n[pause 1min]\nBen: c\n[pause 2s]"
    )
    assert [(line.text, line.pause_before_s) for line in lines(read)] == [("a", 1.0), ("b", 0.8), ("c", 60.5)]
    assert read.trailing_pause_s == 2.0


def test_headings_lose_their_markup(tmp_path: Path) -> None:
    read = script(tmp_path, ALONE + "# The *show* \\# 1\n\n## Why C# ##\n\nOne.\n")
    assert (read.title, read.chapters[0].title) == ("The show # 1", "Why C#")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n"])
def test_line_ends_and_marks_at_the_start_change_nothing(ending: str, start: str, tmp_path: Path) -> None:
    read = script(tmp_path, (start + FRONT + "Ada: One.\n\nBen: Two.\n").replace("\n", ending))
    assert [line.text for line in lines(read)] == ["One.", "Two."]
    assert lines(read)[0].line == 7 + start.count("\n")


@given(st.text(st.characters(exclude_categories=["Co", "Cs"]), max_size=80))
def test_escaped_text_is_read_as_it_is(text: str) -> None:
    found: list[object] = []
    pieces = read_line(escape(text), 1, lambda *fault: found.append(fault))
    assert found == []
    assert [(piece.pause_s, piece.text) for piece in pieces] == [(None, " ".join(text.split()))]


PIECES = [
    "Ada: ",
    "Ben:",
    "---",
    "\n",
    "\n\n",
    "[pause 1s]",
    "[",
    "]",
    "(",
    ")",
    "*",
    "**",
    "_",
    "`",
    "#",
    "## ",
    "<!--",
]
PIECES += [
    "-->",
    "\\",
    "<b",
    ">",
    ":",
    "word",
    "é",
    "👍",
    "\0",
    "\u202e",
    "speakers:",
    "title: x",
    "- ",
    "&a",
    "*a",
    "{",
    "}",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join), st.booleans())
def test_any_text_is_a_script_or_a_named_fault(
    tmp_path_factory: pytest.TempPathFactory, text: str, whole: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.md"
    path.write_bytes((text if whole else FRONT + text).encode("utf-8", "replace"))
    with suppress(DemodError):
        assert lines(read_script(path, Limits()))


@pytest.mark.parametrize(
    "unit", ["**a ", "[", "[a](", "- ", "* ", "`", "_a ", "<!--", "<a ", "~~a ", "Ada: **a *b\n", "Cot: x\n"]
)
def test_a_large_script_of_markup_is_read_in_seconds(unit: str, tmp_path: Path) -> None:
    text = FRONT + "Ada: " + unit * (100_000 // len(unit)) + "x"
    path = tmp_path / "show.md"
    path.write_text(text)
    with pytest.raises(FaultsError) if unit != "Ada: **a *b\n" else pytest.MonkeyPatch.context():
        read_script(path, Limits())
