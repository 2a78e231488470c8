"""Text as an engine gets it: clean, read out where the engine does not do that itself, and cut to its limit."""

from __future__ import annotations

from demod_voice.engines.types import EngineInfo
from demod_voice.text.clean import clean, speakable, without_pictures
from demod_voice.text.normalise import normalise
from demod_voice.text.sentences import chunk

PREPARE_VERSION = 1
"""Raised by hand when the same text gives other chunks without the chunks showing it (they are in every take's key)."""


def prepare(text: str, language: str, info: EngineInfo) -> tuple[str, ...]:
    """The chunks to speak, each within ``info.max_chars``; empty when nothing in ``text`` can be said.

    Args:
        text: as written.
        language: BCP 47; empty leaves numbers and abbreviations as they are.
        info: the engine. One with ``normalises_text`` gets them raw, so that nothing is read twice differently.
    """
    plain = clean(without_pictures(text))
    if not speakable(plain):
        return ()
    read_out = plain if info.normalises_text or not language else normalise(plain, language)
    pieces = chunk(read_out, language, info.max_chars) if info.max_chars else [read_out]
    return tuple(piece for piece in pieces if speakable(piece))
