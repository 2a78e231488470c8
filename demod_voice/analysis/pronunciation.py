"""How words sound that a recognizer does not know: asked of the embedded synthesizer."""

from __future__ import annotations

from collections.abc import Iterable

from demod_worker.messages import PhonemizeRequest

from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineError

ENGINE = "espeak"
MOST = 2000
"""Words that are asked for; a text with more of them is in another language."""


def pronunciations(words: Iterable[str], language: str, pool: Pool) -> dict[str, str]:
    """Word -> IPA, as espeak would read it; a word that it cannot tell is left out, and all of them where it is missing.

    Args:
        words: plain words.
        language: BCP 47 tag.
        pool: runs the engine.
    """
    found: dict[str, str] = {}
    for word in list(dict.fromkeys(words))[:MOST]:
        try:
            heard = pool.phonemize(ENGINE, PhonemizeRequest(word, language))
        except EngineError:
            return found
        sounds = "".join(heard.phonemes).replace(" ", "")
        if sounds:
            found[word] = sounds
    return found
