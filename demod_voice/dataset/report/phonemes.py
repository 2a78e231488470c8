"""Which sounds of its language a dataset's texts hold, and how often: as an engine would say them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from demod_worker.messages import PhonemizeRequest

from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineError
from demod_voice.formats.dataset_manifest import Segment

ENGINE = "espeak"
MOST_TEXTS = 2000
"""Texts that are looked at, spread evenly over the dataset: sounds are counted, and more change the shares little."""
TOGETHER = 40
"""Texts in one request."""
_STRESS = frozenset("ˈˌ.|‖-")


@dataclass(frozen=True, slots=True)
class Coverage:
    """The sounds of some of the texts."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """IPA letter with its marks -> how often; the most frequent first."""
    texts: int = 0
    """Texts that were looked at."""
    of: int = 0
    """Texts that there are."""
    missing: str = ""
    """Why nothing was counted, as a sentence."""


def coverage_of(kept: Sequence[Segment], language: str, pool: Pool | None) -> Coverage:
    """Count the sounds of the clips that are kept; what keeps it from counting is told, never raised."""
    texts = [each.text for each in kept if each.text.strip()]
    if not texts:
        return Coverage(missing="The clips have no texts.")
    if pool is None:
        return Coverage(missing="No engine was asked: the page was made without engines.")
    chosen = (
        [texts[place * len(texts) // MOST_TEXTS] for place in range(MOST_TEXTS)] if len(texts) > MOST_TEXTS else texts
    )
    counts: Counter[str] = Counter()
    try:
        for at in range(0, len(chosen), TOGETHER):
            request = PhonemizeRequest("\n\n".join(chosen[at : at + TOGETHER]), language)
            for each in pool.phonemize(ENGINE, request).phonemes:
                counts.update(sounds(each))
    except EngineError as error:
        return Coverage(missing=f"Engine {ENGINE} tells no sounds of language {language!r}: {error.message}.")
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return Coverage(dict(ordered), len(chosen), len(texts))


def sounds(ipa: str) -> list[str]:
    """IPA as letters, each with the marks that follow it (length, breath, a tie); stress and breaks left out."""
    found: list[str] = []
    tied = False
    for letter in unicodedata.normalize("NFD", ipa):
        kind = unicodedata.category(letter)
        if letter in _STRESS or kind.startswith(("Z", "P", "C")):
            tied = False
        elif found and (tied or kind in ("Mn", "Lm", "Sk")):
            found[-1] += letter
            tied = letter in "\u0361\u035c"
        elif kind.startswith("L"):
            found.append(letter)
    return found
