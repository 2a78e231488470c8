"""Licences of voices: what they mean, and what an episode with them says."""

from __future__ import annotations

import pytest

from demod_voice.errors import UsageError
from demod_voice.publish.licences import (
    FREE,
    NON_COMMERCIAL,
    NON_COMMERCIAL_IDS,
    NONE,
    UNKNOWN,
    VoiceLicence,
    as_facts,
    check_policy,
    kind_of,
    marking,
    notes,
)

ADA = VoiceLicence("Ada", "piper", "CC-BY-4.0")
BEN = VoiceLicence("Ben", "xtts", "CPML")
CLEO = VoiceLicence("Cleo", "piper", "per voice")
DAN = VoiceLicence("Dan", "espeak", "none")
ALL = (ADA, BEN, CLEO, DAN)


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        *((each, NON_COMMERCIAL) for each in NON_COMMERCIAL_IDS),
        ("cc by-nc-sa 4.0", NON_COMMERCIAL),
        ("Coqui Public Model License 1.0.0", NON_COMMERCIAL),
        ("CC0-1.0", FREE),
        ("CC-BY-4.0", FREE),
        ("CC-BY-SA-4.0", FREE),
        ("CC-BY-ND-4.0", FREE),
        ("MIT", FREE),
        ("Apache-2.0", FREE),
        ("public domain", FREE),
        ("ANCILLARY", FREE),
        ("", UNKNOWN),
        ("per voice", UNKNOWN),
        ("unknown", UNKNOWN),
        ("none", NONE),
        ("GPL-3.0-or-later", NONE),
        ("LGPLv3", NONE),
    ],
)
def test_what_a_licence_means(licence: str, kind: str) -> None:
    assert kind_of(licence) == kind


def test_refuse_names_every_speaker_that_may_not_be_sold() -> None:
    with pytest.raises(UsageError) as caught:
        check_policy(ALL, "refuse")
    assert "Ben: CPML (non-commercial) (xtts); Cleo: unknown (piper)" in caught.value.message
    assert "Ada" not in caught.value.message
    assert "Dan" not in caught.value.message


@pytest.mark.parametrize(("voices", "policy"), [(ALL, "label"), (ALL, "allow"), ((ADA, DAN), "refuse"), ((), "refuse")])
def test_what_is_not_refused(voices: tuple[VoiceLicence, ...], policy: str) -> None:
    check_policy(voices, policy)


def test_label_writes_the_licences_and_allow_does_not() -> None:
    label = marking((ADA, BEN, CLEO, DAN), "label")
    assert label["VOICE_LICENCE"] == (
        "Ada: CC-BY-4.0; Ben: CPML (non-commercial); Cleo: unknown; Dan: no terms on the sound"
    )
    assert label["SYNTHETIC_SPEECH"] == "true"
    assert marking(ALL, "allow") == {"SYNTHETIC_SPEECH": "true"}
    assert notes(ALL, "label") == ["not for commercial use: Ben: CPML (non-commercial)"]
    assert notes(ALL, "allow") == []
    assert [each["kind"] for each in as_facts(ALL)] == [FREE, NON_COMMERCIAL, UNKNOWN, NONE]


def test_an_episode_of_recordings_is_not_marked() -> None:
    assert marking((), "label") == {}
