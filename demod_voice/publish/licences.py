"""Licences of voices: which of them forbid selling what was spoken, and what an episode says about them.

A licence of *software* (GPL, for espeak-ng) binds who copies the program; it says nothing about the sound that the
program makes, so it is never written into a file as the licence of a voice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from demod_voice.errors import UsageError

REFUSE, LABEL, ALLOW = "refuse", "label", "allow"
POLICIES = (REFUSE, LABEL, ALLOW)
FREE, NON_COMMERCIAL, UNKNOWN, NONE = "free", "non-commercial", "unknown", "none"
"""Kinds of licences; ``none``: no terms on the sound."""
MARK = {"SYNTHETIC_SPEECH": "true"}
"""Machine-readable marking of speech that a machine made. Source: Regulation (EU) 2024/1689, article 50(2)."""

NON_COMMERCIAL_IDS = (
    *(
        f"CC-BY-{form}-{version}"
        for form in ("NC", "NC-SA", "NC-ND")
        for version in ("1.0", "2.0", "2.5", "3.0", "4.0")
    ),
    "CC-BY-ND-NC-1.0",
    "PolyForm-Noncommercial-1.0.0",
    "CPML",
    "Coqui-Public-Model-License",
    "Fish-Audio-Research-License",
    "FAIR-Noncommercial-Research-License",
    "research-only",
    "non-commercial",
)
"""SPDX identifiers where there is one (CC, PolyForm), else what the models' authors call it; CPML is that of XTTS.
Sources: https://spdx.org/licenses and the models' own pages."""
_NON_COMMERCIAL = re.compile(
    r"(^|-)NC(-|$)|NON-?COMMERCIAL|(^|-)CPML(-|$)|COQUI-PUBLIC-MODEL|FISH-AUDIO-RESEARCH|RESEARCH-ONLY|BLIZZARD"
)
_SOFTWARE = re.compile(r"^(A|L)?GPL(-|V|$)")
_UNSAID = ("", "UNKNOWN", "PER-VOICE")


@dataclass(frozen=True, slots=True)
class VoiceLicence:
    """Whose voice speaks, and under which licence its model stands."""

    speaker: str
    engine: str
    licence: str
    """As it was given; empty when nobody said."""

    @property
    def kind(self) -> str:
        """``free``, ``non-commercial``, ``unknown`` or ``none``."""
        return kind_of(self.licence)

    @property
    def text(self) -> str:
        """For a tag: the licence, and what it forbids."""
        if self.kind in (UNKNOWN, NONE):
            return f"{self.speaker}: {'unknown' if self.kind == UNKNOWN else 'no terms on the sound'}"
        return f"{self.speaker}: {self.licence}{' (non-commercial)' if self.kind == NON_COMMERCIAL else ''}"


def kind_of(licence: str) -> str:
    """What a licence means for a show that earns money."""
    name = re.sub(r"[\s_]+", "-", licence.strip()).upper()
    if name in _UNSAID:
        return UNKNOWN
    if name == "NONE" or _SOFTWARE.search(name):
        return NONE
    return NON_COMMERCIAL if _NON_COMMERCIAL.search(name) else FREE


def check_policy(voices: Sequence[VoiceLicence], policy: str) -> None:
    """Refuse voices that may not be sold, where that is the policy. A licence that nobody knows counts as such.

    Raises:
        UsageError: names each speaker with its licence.
    """
    barred = [each for each in voices if each.kind in (NON_COMMERCIAL, UNKNOWN)]
    if policy != REFUSE or not barred:
        return
    named = "; ".join(f"{each.text} ({each.engine})" for each in barred)
    raise UsageError(
        f"the licence policy is {REFUSE}, and these voices are not free for commercial use: {named}",
        "choose other voices, say an unknown licence (voices add --licence), or render with --license-policy label",
    )


def marking(voices: Sequence[VoiceLicence], policy: str) -> dict[str, str]:
    """The tags of an episode in which these voices speak; none when no line is synthetic."""
    if not voices:
        return {}
    licences = "; ".join(each.text for each in voices)
    return {**MARK, **({"VOICE_LICENCE": licences} if policy != ALLOW else {})}


def notes(voices: Iterable[VoiceLicence], policy: str) -> list[str]:
    """What the manifest says in words: an episode with these voices is not for sale. Not a warning."""
    if policy == ALLOW:
        return []
    return [f"not for commercial use: {each.text}" for each in voices if each.kind == NON_COMMERCIAL]


def as_facts(voices: Iterable[VoiceLicence]) -> list[Mapping[str, str]]:
    """For a manifest."""
    return [
        {"speaker": each.speaker, "engine": each.engine, "licence": each.licence, "kind": each.kind} for each in voices
    ]
