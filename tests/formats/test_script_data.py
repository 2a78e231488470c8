"""The JSON and YAML forms of a script (A105-A107): one schema, faults with lines."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from demod_voice.config.settings import Limits
from demod_voice.errors import DemodError, FaultsError
from demod_voice.formats.script import Script
from demod_voice.formats.script_file import read_script

SEGMENTS: list[dict[str, Any]] = [
    {"type": "chapter", "title": "One"},
    {"type": "monologue", "speaker": "Ada", "text": "First *part*.\n\nSecond 🎉 part.\n\n\n", "anchor_idx": 2},
    {"type": "pause", "duration_ms": 700},
    {
        "type": "dialogue",
        "lines": [{"speaker": "Ben", "text": "Hi [pause 1s] you."}, {"speaker": "Ada", "text": "Ho."}],
    },
]
EPISODE = {"title": "T", "id": "e1", "language": "en", "seed": 7, "speakers": {"Ada": "a.onnx", "Ben": "b"}}


def read(folder: Path, document: Any, suffix: str) -> Script:
    path = folder / f"show{suffix}"
    if isinstance(document, str):
        path.write_text(document, encoding="utf-8")
    elif suffix == ".json":
        path.write_text(json.dumps(document, indent=1))
    else:
        with path.open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(document, file)
    return read_script(path, Limits())


def one(segment: Any) -> dict[str, Any]:
    return {"episode": {**EPISODE, "segments": [segment]}}


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml"])
def test_both_forms_give_the_same_script(suffix: str, tmp_path: Path) -> None:
    script = read(tmp_path, {"episode": {**EPISODE, "segments": SEGMENTS}}, suffix)
    (chapter,) = script.chapters
    said = [[(line.speaker, line.text, line.pause_before_s) for line in each.lines] for each in chapter.paragraphs]
    assert said == [
        [("Ada", "First part.", None)],
        [("Ada", "Second 🎉 part.", None)],
        [("Ben", "Hi", 0.7), ("Ben", "you.", 1.0), ("Ada", "Ho.", None)],
    ]
    assert (script.title, script.episode_id, script.seed, chapter.title) == ("T", "e1", 7, "One")
    assert script.speakers["Ada"].model == "a.onnx"
    assert chapter.paragraphs[0].lines[0].hints == {"anchor_idx": 2}


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
@pytest.mark.parametrize(
    ("segment", "words"),
    [
        ({"type": "monolog", "speaker": "Ada", "text": "x"}, "segments[0].type is 'monolog'"),
        ({"type": "monologue", "speaker": "Ada"}, "segments[0].text is missing"),
        ({"type": "monologue", "text": "a\n\nb"}, "segments[0].speaker is missing"),
        ({"type": "monologue", "speaker": "Ida", "text": "x"}, "unknown speaker 'Ida' (did you mean Ada?"),
        ({"type": "monologue", "speaker": ["Ada"], "text": "x"}, "speaker must be text, got a list"),
        ({"type": "monologue", "speaker": "Ada", "text": "x", "anchor": 1}, "anchor (did you mean anchor_idx?"),
        ({"type": "monologue", "speaker": "Ada", "text": "x", "anchor_idx": -1}, "anchor_idx must be a whole number"),
        ({"type": "monologue", "speaker": "Ada", "text": ""}, "nothing can be said in ''"),
        ({"type": "monologue", "speaker": "Ada", "text": "[x] a"}, "unknown tag [x]"),
        ({"type": "dialogue", "lines": "x"}, "lines must be a list"),
        ({"type": "dialogue", "lines": ["x"]}, "lines[0] must be a mapping, got 'x'"),
        ({"type": "pause", "duration_ms": "1s"}, "duration_ms must be a number"),
        ({"type": "pause", "duration_ms": 1e9}, "must be between 0 and 600000"),
        ({"type": "chapter"}, "a chapter without a title"),
        (7, "segments[0] must be a mapping, got 7"),
    ],
)
def test_a_wrong_segment_is_one_fault_with_a_line(segment: Any, words: str, suffix: str, tmp_path: Path) -> None:
    with pytest.raises(FaultsError) as error:
        read(tmp_path, one(segment), suffix)
    (fault,) = error.value.faults[:1] if "type" in str(segment) and "chapter" in str(segment) else error.value.faults
    assert words in f"{fault.message} ({fault.hint}"
    assert fault.line is not None
    assert fault.line > 1


@pytest.mark.parametrize(
    ("document", "line", "words"),
    [
        ("{", 1, "JSON: Expecting property name"),
        ('{"episode": {},\n "episode": {}}', 2, "the key 'episode' stands twice"),
        ("[" * 100_000, None, "JSON: nested too deeply"),
        ('{"episode": {"seed": ' + "9" * 5000 + "}}", None, "JSON: Exceeds the limit"),
        ("[]", None, "there is no mapping 'episode'"),
        ('{"episode": 3}', None, "there is no mapping 'episode'"),
        ("{}", None, "everything stands below  episode:"),
        ('{"episode": {"title": "x",\n"segments": []}}', 1, "the episode names no speakers"),
        ('{"episode": {"speakers": {"Ada": ""},\n"segments": {}}}', 2, "episode.segments must be a list"),
        ('{"episode": {"speakers": {"Ada": ""},\n\n"segmnts": []}}', 3, "did you mean segments?"),
    ],
)
def test_a_broken_document_is_a_fault(document: str, line: int | None, words: str, tmp_path: Path) -> None:
    with pytest.raises(FaultsError) as error:
        read(tmp_path, document, ".json")
    found = [(fault.line, words in f"{fault.message} ({fault.hint})") for fault in error.value.faults]
    assert (line, True) in found, error.value


def test_the_fault_of_a_late_json_line_has_its_row(tmp_path: Path) -> None:
    rows = [f'  {{"speaker": "Ada", "text": "Say {{\\"a\\": [1, }} {n}"}}' for n in range(50)]
    rows[30] = '  {"speaker": "Eve",\n "text": "x"}'
    text = '{"episode": {"speakers": {"Ada": "a"}, "segments": [\n' + ",\n".join(rows) + "]}}"
    text = text.replace("[1,", "(1,")
    with pytest.raises(FaultsError, match=r"show\.json:33: unknown speaker 'Eve'"):
        read(tmp_path, text, ".json")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["Ada", "dialogue"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "speaker", "text", "lines", "title", "duration_ms"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(VALUES, st.sampled_from(["episode", "segments", "segment", "speakers", "title"]))
def test_any_document_is_a_script_or_a_named_fault(
    tmp_path_factory: pytest.TempPathFactory, value: Any, where: str
) -> None:
    documents = {
        "episode": {"episode": value},
        "segments": {"episode": {**EPISODE, "segments": value}},
        "segment": one(value),
        "speakers": {"episode": {**EPISODE, "speakers": value, "segments": SEGMENTS}},
        "title": {"episode": {**EPISODE, "title": value, "segments": SEGMENTS}},
    }
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(documents[where]))
    with suppress(DemodError):
        assert read_script(path, Limits()).chapters


@given(st.text("ab:-[]{}#&*!|>%@`'\",?\n \t\\0x~<", max_size=60))
def test_any_yaml_is_a_script_or_a_named_fault(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text)
    with pytest.raises(DemodError, match=r"any\.yaml"):
        read_script(path, Limits())
