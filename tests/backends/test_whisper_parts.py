"""What the whisper engine makes of times: pieces that spell a text, and heard words that match it."""

from __future__ import annotations

from types import ModuleType

import pytest
from demod_worker.messages import HeardWord


@pytest.fixture(scope="module")
def matching(engine_part) -> ModuleType:
    return engine_part("whisper", "matching")


def test_words_take_the_times_of_the_pieces_that_spell_them(matching):
    pieces = [
        matching.Timed(" Don", 0.1, 0.2, 0.9),
        matching.Timed("'t", 0.2, 0.4, 0.7),
        matching.Timed(" go", 0.5, 0.9, 1.0),
        matching.Timed(".", 0.9, 5.0, 0.2),
    ]
    words = matching.by_characters(["Don't", "go."], pieces, 2.0)
    assert [(w.text, w.start_s, w.end_s, w.confidence) for w in words] == [
        ("Don't", 0.1, 0.4, pytest.approx(0.82)),
        ("go.", 0.5, 2.0, pytest.approx(0.7333, abs=1e-4)),
    ]


def test_words_without_spaces_between_them_and_times_that_fall_back(matching):
    pieces = [matching.Timed("今日", 1.0, 1.5, 0.5), matching.Timed("は", 0.8, 0.9, 0.5)]
    (word,) = matching.by_characters(["今日は"], pieces, 3.0)
    assert (word.start_s, word.end_s) == (1.0, 1.0)
    rising = matching.by_characters(["今日", "は"], pieces, 3.0)
    assert [each.start_s for each in rising] == [1.0, 1.0]


def test_pieces_that_spell_something_else_are_not_taken(matching):
    assert matching.by_characters(["hello"], [matching.Timed(" hallo", 0, 1, 1)], 2.0) is None
    assert matching.by_characters(["hello"], [], 2.0) is None


def test_words_that_were_not_heard_lie_between_their_neighbours(matching):
    heard = [HeardWord("One,", 0.0, 0.5, 0.9), HeardWord("THREE", 2.0, 2.5, 0.8)]
    words = matching.by_matching(["one", "two", "three!", "four"], heard, 4.0)
    assert [(w.text, w.start_s, w.end_s, w.aligned) for w in words] == [
        ("one", 0.0, 0.5, True),
        ("two", 0.5, 2.0, False),
        ("three!", 2.0, 2.5, True),
        ("four", 2.5, 4.0, False),
    ]
    assert matching.by_matching([], heard, 4.0) == []


def test_a_missing_library_is_named(engine_part, tmp_path, monkeypatch):
    libraries = engine_part("whisper", "cuda_libraries")
    assert set(libraries.preload()) <= {"libcublasLt.so.12", "libcublas.so.12", "libcudnn.so.9"}
    monkeypatch.setattr(libraries, "WANTED", ("none/lib/libnosuchthing.so.12",))
    assert libraries.preload() == ("libnosuchthing.so.12",)
