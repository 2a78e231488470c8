"""Where one speaker follows another, noise is a pause unless it is heard as speech."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.config.settings import Segments
from demod_voice.dataset.cutting.cut import CutResult, Sound, cut
from demod_voice.dataset.cutting.turns import CHANGE, changes
from demod_voice.formats.rttm import Turn

TURNS = (Turn(1.0, 7.0, "anna"), Turn(7.4, 14.0, "ben"))


def noisy(in_the_pause: float) -> Sound:
    """Two people, and between them noise 30 dB under the speech, far over that of the pauses around."""
    envelope = np.full(1500, -80.0, np.float32)
    envelope[100:1400] = -20.0
    envelope[700:740] = -50.0
    chances = np.full(int(15 / FRAME_S) + 1, 0.02, np.float32)
    chances[round(1 / FRAME_S) : round(14 / FRAME_S)] = 0.95
    chances[round(7 / FRAME_S) : round(7.4 / FRAME_S)] = in_the_pause
    return Sound(SpeechTrack(chances, "test"), envelope, 15.0)


def labelled(result: CutResult) -> list[str]:
    return [each.label for each in result.cuts]


def test_noise_between_two_speakers_is_a_pause():
    result = cut(noisy(0.3), Segments(), turns=TURNS)
    assert labelled(result) == ["anna", "ben"]
    assert 7.0 <= result.cuts[0].end_s <= result.cuts[1].start_s <= 7.4
    assert result.dropped == ()


def test_what_is_heard_as_speech_between_two_speakers_is_none():
    result = cut(noisy(0.9), Segments(), turns=TURNS)
    assert labelled(result) == []
    assert [each.reason for each in result.dropped] == [CHANGE]


def test_one_speaker_goes_on_over_it():
    (only,) = cut(noisy(0.3), Segments(), turns=[replace(each, speaker="anna") for each in TURNS]).cuts
    assert only.label == "anna"


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([(1.0, 7.0, "a"), (8.0, 9.0, "b")], [(7415, 7585)]),
        ([(1.0, 7.0, "a"), (7.0, 9.0, "b")], [(6915, 7085)]),
        ([(8.0, 9.0, "b"), (1.0, 7.0, "a")], [(7415, 7585)]),
        ([(1.0, 7.0, "a"), (6.5, 9.0, "b")], []),
        ([(1.0, 9.0, "a"), (3.0, 4.0, "b"), (9.2, 10.0, "a")], []),
        ([(1.0, 7.0, "a"), (8.0, 9.0, "a")], []),
        ([], []),
    ],
)
def test_speakers_change_in_the_middle_between_their_turns(turns, expected):
    assert changes([Turn(*each) for each in turns]) == expected
