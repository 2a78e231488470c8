"""Numbers as written, and their words. The words come from num2words. For ``normalise``."""

from __future__ import annotations

import re
from functools import lru_cache

from demod_voice.text.tables import DECIMAL, FEMININE, ONE

_LONGEST = 15
"""Whole numbers of more digits are read digit by digit."""
_OF_MILLIONS = {"fr": "de", "es": "de", "it": "di", "pt": "de"}


def written(lang: str) -> str:
    """The pattern of a number: digits in groups of three or not, and a decimal part."""
    group, mark = ("[,\u00a0\u202f\u2009]", r"\.") if lang == "en" else ("[. \u00a0\u202f\u2009’']", ",")
    grouped = rf"[0-9]{{1,3}}(?:{group}[0-9]{{3}}){{1,6}}(?!{group}[0-9]{{3}}|[0-9])"
    return rf"(?:{grouped}|[0-9]++)(?:{mark}[0-9]++|(?!{mark}[0-9]))"


def parts(number: str, lang: str) -> tuple[str, str]:
    """(whole digits, decimal digits or nothing)."""
    whole, _, rest = number.partition("." if lang == "en" else ",")
    return re.sub("[^0-9]", "", whole), rest


def say(number: str, lang: str, to: str = "cardinal") -> str:
    """The words of a written number; leading zeros and very long ones digit by digit."""
    whole, rest = parts(number, lang)
    plain = len(whole) <= _LONGEST and (len(whole) == 1 or whole[0] != "0")
    said = _words(int(whole), lang, to) if plain else digits(whole, lang)
    return f"{said} {DECIMAL[lang]} {digits(rest, lang)}" if rest else said


def digits(number: str, lang: str) -> str:
    """Every digit on its own."""
    return " ".join(_words(int(each), lang, "cardinal") for each in number)


def count(number: str, noun: str, lang: str) -> str:
    """The number before a noun: ``ein``, ``une``, ``veintiún``."""
    said = say(number, lang)
    feminine = noun.split()[0] in FEMININE if noun.split() else False
    if parts(number, lang) == ("1", ""):
        return ONE[lang][feminine]
    if re.fullmatch("[1-9][0-9]*0{6}", "".join(parts(number, lang))) and lang in _OF_MILLIONS:
        return f"{said} {_OF_MILLIONS[lang]}"
    if lang == "es":
        said = re.sub("veintiuno$", "veintiuna" if feminine else "veintiún", said)
        return re.sub(r"\buno$", ONE[lang][feminine], said)
    if lang == "pt" and feminine:
        return re.sub(r"\bdois$", "duas", re.sub(r"\bum$", "uma", said))
    return said


def is_one(number: str, lang: str) -> bool:
    """The noun after it is singular."""
    whole, rest = parts(number, lang)
    return (whole == "1" and not rest) or (lang == "fr" and whole in ("0", "1"))


@lru_cache(maxsize=4096)
def _words(number: int, lang: str, to: str) -> str:
    from num2words import num2words

    return str(num2words(number, lang=lang, to=to)).replace(",", "")
