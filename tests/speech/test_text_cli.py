"""``demod-voice text``: what an engine is given."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from demod_voice.cli import main

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = "A sentence that is here."
pytestmark = pytest.mark.usefixtures("fake_engine", "odd_engine")


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (["It costs $5.20."], "It costs five dollars and twenty cents.\n"),
        (["Es kostet 3,50 €.", "--language", "de"], "Es kostet drei Euro fünfzig Cent.\n"),
        (["It costs $5.20.", "--engine", "fake"], "It costs $5.20.\n"),
        (["A sentence that is here. " * 3, "--engine", "odd"], f"{SENTENCE} {SENTENCE}\n{SENTENCE}\n"),
    ],
)
def test_normalize(arguments: list[str], out: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["text", "normalize", *arguments]) == 0
    assert capsys.readouterr().out == out


def test_normalize_with_a_lexicon_from_a_file_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.txt").write_text("A GIF of v2.")
    (tmp_path / "words.yaml").write_text("words: {GIF: jif}\npatterns: {'\\bv(\\d+)\\b': 'version \\1'}\n")
    command = ["text", "normalize", "--file", tmp_path / "text.txt", "--lexicon", tmp_path / "words.yaml", "--json"]
    assert main([str(each) for each in command]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {"language": "en", "engine": "", "chunks": ["A jif of version two."]}


def test_phonemes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["text", "phonemes", "Hello There", "--engine", "fake", "--voice", "low", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["engine"], report["phonemes"]) == ("fake", ["hello there"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["normalize", "..."], "no letter or digit"),
        (["normalize"], "neither TEXT nor --file"),
        (["normalize", "Hi", "--engine", "espaek"], "espeak"),
        (["phonemes", "Hi", "--engine", "odd"], "does not tell phonemes"),
        (["phonemes", "Hi", "--engine", "fake", "--voice", "hihg"], "did you mean high"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["text", *arguments]) in (2, 4)
    assert words in capsys.readouterr().err


def test_the_page_says_what_the_engines_say() -> None:
    page = (ROOT / "docs" / "pronunciation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (.*?) \| ?(.*?) ?\| (yes|no) \|$", page, re.MULTILINE)
    found = {}
    for path in sorted((ROOT / "backends").glob("*/engine.toml")):
        capabilities = tomllib.loads(path.read_text())["capabilities"]
        if "speak" in capabilities["operations"]:
            tells = "yes" if "phonemize" in capabilities["operations"] else "no"
            found[path.parent.name] = (
                ", ".join(capabilities.get("honours", ())),
                ", ".join(capabilities.get("styles", ())),
                tells,
            )
    assert {name: tuple(said) for name, *said in rows} == found
