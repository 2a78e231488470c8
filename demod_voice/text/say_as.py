"""Text read in a way that markup asks for: letter by letter, as a number, as a date. For ``speech``."""

from __future__ import annotations

import re

from demod_voice.text.clean import clean, speakable
from demod_voice.text.normalise import normalise
from demod_voice.text.numbers import digits, say, written
from demod_voice.text.tables import LANGUAGES, MINUS

KINDS = ("characters", "digits", "cardinal", "ordinal", "date", "time", "telephone")
_GROUPS = re.compile("[0-9]+")


def read_as(text: str, kind: str, language: str) -> str | None:
    """The words of ``text`` read as ``kind``; None when they are not known here, or it is no such thing.

    Args:
        text: as written.
        kind: one of ``KINDS``.
        language: BCP 47. Letters and single digits are taken apart in every language; the rest needs its words.
    """
    text = clean(text)
    primary = language.replace("_", "-").split("-")[0].lower()
    if not speakable(text):
        return None
    if kind == "characters":
        return _spelled(text, primary)
    if kind in ("digits", "telephone"):
        return _by_digits(text, primary, ", " if kind == "telephone" else " ")
    if primary not in LANGUAGES:
        return None
    if kind in ("cardinal", "ordinal"):
        return _number(text, kind, primary)
    said = normalise(text, primary) if kind in ("date", "time") else text
    return said if said != text else None


def _spelled(text: str, lang: str) -> str:
    """Capitals with spaces between: engines take a small ``a`` for a word."""
    letters = (digits(char, lang) if _is_digit(char, lang) else char.upper() for char in text if char.isalnum())
    return " ".join(letters)


def _is_digit(char: str, lang: str) -> bool:
    return char in "0123456789" and lang in LANGUAGES


def _by_digits(text: str, lang: str, between: str) -> str | None:
    groups = _GROUPS.findall(text)
    if not groups:
        return None
    plus = "plus " if text.startswith("+") and between != " " else ""
    return plus + between.join(digits(group, lang) if lang in LANGUAGES else " ".join(group) for group in groups)


def _number(text: str, kind: str, lang: str) -> str | None:
    """The words of a number, never as a year; an ordinal's own ending (``3rd``) does no harm."""
    found = re.match(rf"(?P<sign>[-−+]?)(?P<number>{written(lang)})(?P<rest>.*)", text, re.DOTALL)
    if found is None or (kind == "cardinal" and found["rest"].strip()):
        return None
    minus = f"{MINUS[lang]} " if found["sign"] in "-−" and found["sign"] else ""
    return minus + say(found["number"], lang, kind)
