"""A text is cut to what its engine takes, in its language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from demod_voice.config.settings import DEFAULTS
from demod_voice.engines.locate import engine
from demod_voice.speech.prepare import limit_chars, prepare

ENGLISH = "This is a sentence of some length, and it has a comma. " * 8
JAPANESE = "今日はとても良い天気ですから、散歩に行きましょう。" * 8
LIMITED = replace(engine("espeak", DEFAULTS), max_chars=60, language_chars={"en": 120, "ja": 30}, normalises_text=True)


@pytest.mark.parametrize(
    ("language", "limit"), [("en", 120), ("en-GB", 120), ("EN_us", 120), ("ja", 30), ("fr", 60), ("", 60)]
)
def test_a_language_may_have_a_limit_of_its_own(language: str, limit: int) -> None:
    assert limit_chars(language, LIMITED) == limit


@pytest.mark.parametrize(("language", "text"), [("en", ENGLISH), ("ja", JAPANESE), ("fr", ENGLISH)])
def test_chunks_are_within_the_limit_and_lose_nothing(language: str, text: str) -> None:
    chunks = prepare(text, language, LIMITED)
    limit = limit_chars(language, LIMITED)
    assert limit / 2 < max(map(len, chunks)) <= limit
    assert "".join("".join(chunks).split()) == "".join(text.split())


def test_xtts_takes_longer_texts_in_some_languages_than_in_others() -> None:
    xtts = engine("xtts", DEFAULTS)
    assert max(map(len, prepare(ENGLISH, "en", xtts))) > 200
    assert max(map(len, prepare(JAPANESE, "ja", xtts))) <= 71
