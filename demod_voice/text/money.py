"""Money and measures as words. For ``normalise``."""

from __future__ import annotations

import re

from demod_voice.text.numbers import count, is_one, parts, say
from demod_voice.text.tables import AND, MONEY, SYMBOLS


def many_of(symbol: str, lang: str) -> str:
    """The plural of a currency."""
    return MONEY[lang][SYMBOLS[symbol]].split()[1]


def money_words(number: str, symbol: str, lang: str) -> str:
    """An amount; two decimals are hundredths."""
    one, many, cent, cents = MONEY[lang][SYMBOLS[symbol]].split()
    whole, rest = parts(number, lang)
    if len(rest) not in (0, 2):
        return f"{count(number, many, lang)} {many}"
    if rest and len(whole) > 15:
        return f"{say(number, lang)} {many}"
    main = f"{count(whole, many, lang)} {one if is_one(whole, lang) else many}"
    if not int(rest or 0):
        return main
    small = str(int(rest))
    part = f"{count(small, cents, lang)} {cent if is_one(small, lang) else cents}"
    return part if not int(whole) else f"{main}{AND[lang]}{part}"


def measure_words(number: str, unit: str, lang: str) -> str:
    """A number with a unit, the unit's name in the number that the language asks for."""
    from babel.units import format_unit

    shape = 1 if is_one(number, lang) else 2
    noun = re.sub(r"[\s0-9]+", " ", str(format_unit(shape, unit, length="long", locale=lang))).strip()
    return f"{count(number, noun, lang)} {noun}"
