"""Lexicon files: every form, every fault at once with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from demod_voice.config.settings import DEFAULTS
from demod_voice.errors import FaultsError, UsageError
from demod_voice.formats.lexicon_file import read_lexicon
from demod_voice.text.lexicon import Entry

GOOD = r"""
language: en
words:
  Demod: dee-mod
  GIF: {ipa: dʒɪf, say: jif}
  Nguyen:
    - {say: win, speaker: Ada}
    - {say: wen, language: fr}
  lead: {say: led, case: exact}
  42: the answer
patterns:
  '\bv(\d+)\b': 'version \1'
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "show.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(tmp_path: Path, text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(FaultsError) as caught:
        read_lexicon(written(tmp_path, text), DEFAULTS.limits)
    return [(fault.line, f"{fault.message} {fault.hint or ''}") for fault in caught.value.faults]


def test_every_form(tmp_path: Path) -> None:
    entries = read_lexicon(written(tmp_path, GOOD), DEFAULTS.limits).entries
    common = {"language": "en", "source": "show.yaml"}
    assert entries == (
        Entry("Demod", "dee-mod", line=4, **common),
        Entry("GIF", "jif", "dʒɪf", line=5, **common),
        Entry("Nguyen", "win", speaker="Ada", line=6, **common),
        Entry("Nguyen", "wen", language="fr", line=6, source="show.yaml"),
        Entry("lead", "led", exact=True, line=9, **common),
        Entry("42", "the answer", line=10, **common),
        Entry(r"\bv(\d+)\b", r"version \1", pattern=True, line=12, **common),
    )


def test_every_fault_at_once_with_its_line(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        r"""
words:
  GIF: {ipa: dʒɪf, sya: jif}
  lead: {say: led, case: exakt}
  Demod: dee-mod
  demod: x
  W3C: {}
  bad: {ipa: DZIf}
  odd: true
  "!": x
  mute: "..."
patterns:
  '(a': b
  'x(1)': '\2'
  'a*': b
wrods: {}
""",
    )
    expected = [
        (3, "did you mean say"),
        (4, "did you mean exact"),
        (6, "stands twice (first in line 5)"),
        (7, "neither say nor ipa"),
        (8, "'D' is no sign of IPA"),
        (9, "must be words, got"),
        (10, "no letter or digit"),
        (11, "nothing can be said"),
        (13, "cannot be read: missing )"),
        (14, r"\2 in"),
        (15, "matches an empty text"),
        (16, "did you mean words"),
    ]
    assert len(found) == len(expected)
    for line, words in expected:
        assert any(place == line and words in message for place, message in found), (line, words, found)


@pytest.mark.parametrize(
    ("text", "words"), [("", "no words and no patterns"), ("- a\n", "must be a mapping"), ("words: [", "YAML")]
)
def test_what_is_no_lexicon(tmp_path: Path, text: str, words: str) -> None:
    assert words in faults(tmp_path, text)[0][1]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("words: {ü: ue}".encode("latin-1"))
    for name, words in (("none.yaml", "does not exist"), ("latin.yaml", "not UTF-8"), ("", "is no file")):
        with pytest.raises(UsageError, match=words):
            read_lexicon(tmp_path / name, DEFAULTS.limits)
