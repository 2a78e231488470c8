"""Dates and times of day as words. For ``normalise``."""

from __future__ import annotations

import re
from datetime import date

from demod_voice.text.numbers import count, say
from demod_voice.text.tables import HOURS, OF

ISO = re.compile(r"(?<![\w-])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![\w-])")
LOCAL = re.compile(r"(?<![\w/.])([0-9]{1,2})([./])([0-9]{1,2})\2([0-9]{4})(?![\w/])")
TIME = re.compile(
    r"(?<![\w:.])([01]?[0-9]|2[0-3])(?::([0-5][0-9])(?::[0-5][0-9])?)(?![\w:])(?: ?Uhr\b| ?([ap])\.?m\b\.?)?",
    re.IGNORECASE,
)
FRENCH_TIME = re.compile(r"(?<![\w:.,])([01]?[0-9]|2[0-3]) ?h ?([0-5][0-9])?(?!\w)")
CLOCK_ONLY = re.compile(r"(?<![\w:.,])(1[0-2]|[1-9]) ?([ap])\.?m\b\.?", re.IGNORECASE)
OCLOCK = re.compile(r"(?<![\w:.,])([01]?[0-9]|2[0-4])(?= Uhr\b)")

_ENDINGS = {"der": "", "am": "n", "vom": "n", "zum": "n", "beim": "n", "dem": "n", "den": "n", "des": "n"}
"""The end of a German ordinal after a word."""


def day_words(year: int, month: int, day: int, lang: str, match: re.Match[str] | None = None) -> str:
    """A date's words.

    Raises:
        ValueError: there is no such day.
    """
    from babel.dates import format_date

    name = format_date(date(year, month, day), "MMMM", locale=lang)
    spoken_year = year_words(str(year), lang)
    if lang == "en":
        return f"{name} {say(str(day), lang, 'ordinal')}, {spoken_year}"
    of = OF.get(lang, " ")
    return f"{day_of_month(day, lang, match)}{of}{name}{of}{spoken_year}"


def day_of_month(day: int, lang: str, match: re.Match[str] | None = None) -> str:
    """The day before a month's name: an ordinal in German (by the word before it), and the first in French and Italian."""
    if lang == "de":
        before = match.string[max(0, match.start() - 8) : match.start()].lower().split() if match else []
        ending = _ENDINGS.get(before[-1] if before else "", "r")
        return say(str(day), lang, "ordinal") + ending
    if day == 1 and lang in ("fr", "it"):
        return {"fr": "premier", "it": "primo"}[lang]
    return say(str(day), lang)


def year_words(year: str, lang: str) -> str:
    """A year; in English and German by hundreds."""
    return say(year, lang, "year" if lang in ("en", "de") else "cardinal")


def local_day(match: re.Match[str], lang: str) -> str:
    """``21.11.2026``, ``21/11/2026``; in English the month stands first."""
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    if lang == "en" and match[2] == "/" and first <= 12:
        first, second = second, first
    return day_words(year, second, first, lang, match)


def months(lang: str) -> dict[str, str]:
    """Names of months in text -> full name."""
    from babel.dates import get_month_names

    found: dict[str, str] = {}
    for width in ("abbreviated", "wide") if lang == "en" else ("wide",):
        for number, name in get_month_names(width, locale=lang).items():
            found[name.rstrip(".")] = get_month_names("wide", locale=lang)[number]
    return found


def time_words(hour: str, minute: str, lang: str, half: str = "") -> str:
    """A time of day."""
    noun = HOURS[lang][0 if int(hour) in (0, 1) else 1]
    said = count(str(int(hour)), noun, lang) if noun else say(str(int(hour)), lang)
    after = f" {half[0].lower()} m" if half else ""
    if not int(minute or 0):
        whole = " o'clock" if lang == "en" and not half else ""
        return f"{said} {noun}".strip() + whole + after
    minutes = say(str(int(minute)), lang)
    zero = "oh " if lang == "en" and minute[0] == "0" else ""
    return " ".join(f"{said} {noun} {zero}{minutes}{after}".split())
