"""Numbers, dates, times, money, units and abbreviations as words, in en, de, fr, es, it and pt.

The wording comes from num2words and Babel; here stands only what a number on paper looks like. Other languages are left
as they are: half a translation would be worse than an engine's own reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache, partial
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "pt")
_COMMA = frozenset({"de", "fr", "es", "it", "pt"})
"""Languages whose decimal mark is a comma."""
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "USD": "USD", "EUR": "EUR", "GBP": "GBP"}
_UNITS = {
    "km/h": "speed-kilometer-per-hour",
    "km": "length-kilometer",
    "cm": "length-centimeter",
    "mm": "length-millimeter",
    "m": "length-meter",
    "kg": "mass-kilogram",
    "g": "mass-gram",
    "°C": "temperature-celsius",
    "°F": "temperature-fahrenheit",
    "GB": "digital-gigabyte",
    "MB": "digital-megabyte",
    "kHz": "frequency-kilohertz",
    "Hz": "frequency-hertz",
    "min": "duration-minute",
    "ms": "duration-millisecond",
    "kW": "power-kilowatt",
    "l": "volume-liter",
}
_ABBREVIATIONS = {
    "en": {
        "Mr.": "Mister",
        "Mrs.": "Missis",
        "Dr.": "Doctor",
        "e.g.": "for example",
        "i.e.": "that is",
        "etc.": "et cetera",
        "vs.": "versus",
        "No.": "number",
    },
    "de": {
        "z. B.": "zum Beispiel",
        "z.B.": "zum Beispiel",
        "d. h.": "das heißt",
        "d.h.": "das heißt",
        "usw.": "und so weiter",
        "Dr.": "Doktor",
        "Nr.": "Nummer",
        "ca.": "circa",
    },
    "fr": {"M.": "Monsieur", "Mme": "Madame", "etc.": "et cetera", "p. ex.": "par exemple", "n°": "numéro"},
    "es": {"Sr.": "señor", "Sra.": "señora", "Dr.": "doctor", "etc.": "etcétera", "p. ej.": "por ejemplo"},
    "it": {"Sig.": "signor", "Dott.": "dottor", "ecc.": "eccetera", "es.": "esempio"},
    "pt": {"Sr.": "senhor", "Sra.": "senhora", "Dr.": "doutor", "etc.": "et cetera", "p. ex.": "por exemplo"},
}
_PERCENT = {
    "en": "percent",
    "de": "Prozent",
    "fr": "pour cent",
    "es": "por ciento",
    "it": "per cento",
    "pt": "por cento",
}
_ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_TIME = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b(?!:)")
_ORDINAL_EN = re.compile(r"\b(\d{1,6})(?:st|nd|rd|th)\b")
_NUMBER = r"\d{1,3}(?:[.,  ’']\d{3})+(?:[.,]\d{1,6})?|\d{1,15}(?:[.,]\d{1,6})?"
_MONEY = re.compile(
    rf"(?:(?P<before>[$€£])\s?(?P<n1>{_NUMBER})|(?<![\d.,])(?P<n2>{_NUMBER})\s?(?P<after>[$€£]|EUR\b|USD\b|GBP\b))"
)
_PERCENTAGE = re.compile(rf"(?<![\w.,])({_NUMBER})\s?%")
_MEASURE = re.compile(rf"(?<![\w.,])({_NUMBER})\s?({'|'.join(map(re.escape, _UNITS))})(?![\w/])")
_PLAIN = re.compile(rf"(?<![\w.,])(-?)({_NUMBER})(?!\w)")
_YEAR = re.compile(r"(?<![\w.,$€£-])(1[1-9]\d\d|20\d\d)(?![\w%]|[.,]\d)")


def normalise(text: str, language: str) -> str:
    """The text with everything that is not words read out; unchanged in a language that is not known here.

    Args:
        text: cleaned text.
        language: BCP 47; the primary tag decides.
    """
    primary = language.replace("_", "-").split("-")[0].lower()
    if primary not in LANGUAGES:
        return text
    for short, long in _ABBREVIATIONS[primary].items():
        text = re.sub(rf"(?<!\w){re.escape(short)}(?!\w)", long, text)
    if not any(char.isdigit() for char in text):
        return text
    for pattern, words in _rules(primary):
        text = pattern.sub(partial(_safely, words), text)
    return text


def _rules(lang: str) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
    def say(number: float | int, to: str = "cardinal") -> str:
        return _say(number, lang, to)

    rules: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
        (_ISO_DATE, lambda m: _date(date(int(m[1]), int(m[2]), int(m[3])), lang)),
        (_TIME, lambda m: _time(int(m[1]), int(m[2]), lang)),
        (_MONEY, lambda m: _money(m, lang)),
        (_PERCENTAGE, lambda m: f"{say(_value(m[1], lang))} {_PERCENT[lang]}"),
        (_MEASURE, lambda m: _measure(_value(m[1], lang), _UNITS[m[2]], lang)),
    ]
    if lang == "en":
        rules += [(_ORDINAL_EN, lambda m: say(int(m[1]), "ordinal")), (_YEAR, lambda m: say(int(m[1]), "year"))]
    rules.append((_PLAIN, lambda m: say(_value(m[2], lang) * (-1 if m[1] else 1))))
    return rules


def _safely(words: Callable[[re.Match[str]], str], match: re.Match[str]) -> str:
    """What is no date, or a number that the library cannot say, stays as it is written."""
    try:
        return words(match)
    except (ValueError, OverflowError, NotImplementedError, KeyError, IndexError):
        return match[0]


@lru_cache(maxsize=4096)
def _say(number: float | int, lang: str, to: str = "cardinal") -> str:
    from num2words import num2words

    return str(num2words(number, lang=lang, to=to))


def _value(text: str, lang: str) -> float | int:
    """The number that is written, by the language's decimal mark; the other mark groups thousands."""
    decimal, group = (",", ".") if lang in _COMMA else (".", ",")
    plain = re.sub(r"[  ’']", "", text)
    if group in plain and re.fullmatch(rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}})+(?:{re.escape(decimal)}\d+)?", plain):
        plain = plain.replace(group, "")
    plain = plain.replace(decimal, ".").replace(group, ".")
    return float(plain) if "." in plain else int(plain)


def _date(day: date, lang: str) -> str:
    from babel.dates import format_date

    words = format_date(day, "MMMM", locale=lang)
    year = _say(day.year, lang, "year") if lang in ("en", "de") else _say(day.year, lang)
    if lang == "en":
        return f"{words} {_say(day.day, lang, 'ordinal')}, {year}"
    number = _say(day.day, lang, "ordinal") if lang == "de" else _say(day.day, lang)
    of = {"es": " de ", "pt": " de "}.get(lang, " ")
    return f"{number}{of}{words}{of}{year}"


def _time(hours: int, minutes: int, lang: str) -> str:
    hour, minute = _say(hours, lang), _say(minutes, lang)
    if lang == "en":
        return f"{hour} o'clock" if not minutes else f"{hour} {'oh ' if minutes < 10 else ''}{minute}"
    joint = {"de": " Uhr", "fr": " heures", "es": "", "it": "", "pt": " horas"}[lang]
    return f"{hour}{joint}" if not minutes else f"{hour}{joint} {minute}"


def _money(match: re.Match[str], lang: str) -> str:
    from num2words import num2words

    code = _CURRENCIES[match["before"] or match["after"]]
    value = _value(match["n1"] or match["n2"], lang)
    if float(value).is_integer():
        return f"{_say(int(value), lang)} {_currency(int(value), code, lang)}"
    return str(num2words(value, lang=lang, to="currency", currency=code)).replace(",", "")


def _currency(value: int, code: str, lang: str) -> str:
    from babel.numbers import get_currency_name

    return str(get_currency_name(code, count=value, locale=lang)).removeprefix("US ")


def _measure(value: float | int, unit: str, lang: str) -> str:
    from babel.units import format_unit

    written: Any = format_unit(value, unit, length="long", locale=lang)
    return re.sub(r"-?\d[\d.,\s ]*", f"{_say(value, lang)} ", written, count=1).replace("  ", " ").strip()
