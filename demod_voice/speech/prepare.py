"""Text as an engine gets it: clean, read out where the engine does not do that itself, and cut to its limit."""

from __future__ import annotations

from demod_voice.engines.types import EngineInfo
from demod_voice.text.clean import clean, speakable, without_pictures
from demod_voice.text.normalise import normalise
from demod_voice.text.sentences import chunk

PREPARE_VERSION = 1
"""Raised by hand when the same text gives other chunks without the chunks showing it (they are in every take's key)."""


def prepare(text: str, language: str, info: EngineInfo) -> tuple[str, ...]:
    """The chunks to speak, each within the engine's limit for the language; empty when nothing in ``text`` can be said.

    Args:
        text: as written.
        language: BCP 47; empty leaves numbers and abbreviations as they are.
        info: the engine. One with ``normalises_text`` gets them raw, so that nothing is read twice differently.
    """
    plain = clean(without_pictures(text))
    if not speakable(plain):
        return ()
    read_out = plain if info.normalises_text or not language else normalise(plain, language)
    limit = limit_chars(language, info)
    pieces = chunk(read_out, language, limit) if limit else [read_out]
    return tuple(piece for piece in pieces if speakable(piece))


def limit_chars(language: str, info: EngineInfo) -> int:
    """The longest text of one utterance in a language (its primary tag counts), in characters; 0 = no limit."""
    own = info.language_chars.get(language.replace("_", "-").split("-")[0].lower())
    return own or info.max_chars
