"""Which segments stand for a voice."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from demod_voice.dataset.anchors import choose_anchors
from demod_voice.formats.dataset_manifest import Segment

CLEAN = {"snr_db": 40.0, "rms_dbfs": -19.0, "syllables_per_s": 4.0, "clipping_ratio": 0.0, "hum_db": 0.0}


def segment(
    number: int, source: str = "a", seconds: float = 8.0, qc: dict[str, float | None] | None = None, **more: Any
) -> Segment:
    values: dict[str, Any] = {"text": "words", "speaker": "anna", "split": "train", "sha256": f"{number}", **more}
    return Segment(
        f"{source}_{number:08d}", source, float(number), number + seconds, seconds, qc={**CLEAN, **(qc or {})}, **values
    )


def ids(segments: list[Segment], count: int = 1) -> list[str]:
    return [each.id for each in choose_anchors(segments, count)]


@pytest.mark.parametrize(
    "worse",
    [
        {"seconds": 3.0},
        {"seconds": 15.0},
        {"qc": {"snr_db": 15.0}},
        {"qc": {"snr_db": None}},
        {"qc": {"clipping_ratio": 0.002}},
        {"qc": {"hum_db": 12.0}},
        {"qc": {"rms_dbfs": -30.0}},
        {"qc": {"syllables_per_s": 7.0}},
        {"text": ""},
        {"speaker_score": 0.3},
    ],
)
def test_the_cleaner_and_more_typical_one_is_chosen(worse):
    usual = [segment(number, speaker_score=0.8) for number in range(2, 8)]
    assert ids([segment(1, **{"speaker_score": 0.8, **worse}), *usual]) == ["a_00000002"]


def test_recordings_take_turns():
    made = [segment(number, source) for source in "abc" for number in range(4)]
    assert sorted(each.source for each in choose_anchors(made, 3)) == ["a", "b", "c"]


def test_only_from_train_and_never_from_quarantine():
    made = [
        segment(1, split="val"),
        segment(2, split="test"),
        segment(3, reasons=("snr",)),
        segment(4, review="rejected"),
    ]
    assert ids(made, 4) == []
    assert ids([*made, segment(5, seconds=2.0, text="")], 4) == ["a_00000005"]


def test_each_speaker_has_anchors_and_the_one_who_speaks_most_comes_first():
    made = [segment(number, speaker="ben") for number in range(5)]
    made += [segment(number + 10, speaker="", label="S2") for number in range(3)]
    assert [each.speaker or each.label for each in choose_anchors(made, 2)] == ["ben", "ben", "S2", "S2"]


def test_the_order_of_rows_changes_nothing():
    made = [segment(n, "ab"[n % 2], 5.0 + n % 9, {"snr_db": 20.0 + n % 7}) for n in range(40)]
    chosen = choose_anchors(made, 6)
    random.Random(1).shuffle(made)
    assert choose_anchors(made, 6) == chosen
    assert choose_anchors([replace(each, qc={}) for each in made], 6)


def test_none():
    assert choose_anchors([], 4) == ()
    assert choose_anchors([segment(1)], 0) == ()
