"""The examples of docs/scripts.md are scripts, and its example of faults is a true one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from demod_voice.config.settings import Limits
from demod_voice.errors import Fault, FaultsError
from demod_voice.formats.hints import EMOTIONS
from demod_voice.formats.prosody import BREAKS, PITCHES, RATES, VOLUMES
from demod_voice.formats.script_data import AUDIO_KEYS, EPISODE_KEYS, LINE_KEYS, SEGMENT_KEYS
from demod_voice.formats.script_file import read_script
from demod_voice.formats.script_markdown import FRONT_KEYS
from demod_voice.formats.show_file import SHOW_KEYS, read_show
from demod_voice.formats.speakers import KEYS
from demod_voice.formats.tags import ELEMENTS, EMPHASES, SAY_AS, STYLES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scripts.md").read_text(encoding="utf-8")
SUFFIXES = {"markdown": ".md", "json": ".json", "yaml": ".yaml"}
EXAMPLES = re.findall(r"^```(markdown|json|yaml)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("form", "text"), EXAMPLES)
def test_an_example_is_a_script(form: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / f"show{SUFFIXES[form]}"
    path.write_text(text, encoding="utf-8")
    assert read_script(path, Limits()).chapters


def test_the_examples_of_a_cast_and_a_show_are_true(tmp_path: Path) -> None:
    cast, show = re.findall(r"^```text\n# (?:cast|show)\.yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for name in ("names.yaml", "music/intro.flac", "music/outro.flac", "cover.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "cast.yaml").write_text(cast)
    (tmp_path / "show.yaml").write_text(show)
    faults: list[Fault] = []
    read = read_show(tmp_path / "show.yaml", (), faults)
    assert (faults, list(read.cast), read.categories) == ([], ["Ada", "Ben"], ("Arts > Books",))


def test_every_form_has_an_example() -> None:
    assert {form for form, _ in EXAMPLES} == set(SUFFIXES)


@pytest.mark.parametrize("key", sorted({*SHOW_KEYS, *FRONT_KEYS, *EPISODE_KEYS, *KEYS, *LINE_KEYS, *SEGMENT_KEYS}))
def test_every_key_is_described(key: str) -> None:
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize(
    "word", [*STYLES, *RATES, *PITCHES, *VOLUMES, *BREAKS, *SAY_AS, *EMPHASES, *EMOTIONS, *AUDIO_KEYS]
)
def test_every_word_of_a_tag_is_described(word: str) -> None:
    assert f"`{word}`" in PAGE or word == "default"


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_tag_is_described(name: str) -> None:
    assert f"`<{name}" in PAGE


def test_the_example_of_faults_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    front = "---\ntitle: A\nspeakers:\n  Ada: a\n  Ben: b\n---\n\n"
    Path("show.md").write_text(front + "Ada: Hello.\nBne: Hello.\n\nAda: Good [laughs] bye.\n")
    with pytest.raises(FaultsError) as error:
        read_script(Path("show.md"), Limits())
    assert str(error.value) in PAGE
