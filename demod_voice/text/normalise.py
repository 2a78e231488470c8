"""Numbers, dates, times, money, units and abbreviations as words, in en, de, fr, es, it and pt.

The wording comes from num2words and Babel; here stands only what a number on paper looks like. Other languages are left
as they are: half a translation would be worse than an engine's own reading. Web and mail addresses stay, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial

from demod_voice.text import dates
from demod_voice.text.money import many_of, measure_words, money_words
from demod_voice.text.numbers import digits, say, written
from demod_voice.text.tables import ABBREVIATIONS, AND_SO_ON, LANGUAGES, MINUS, PERCENT, POINT, TO, UNITS

_ADDRESS = re.compile(r"((?<!\w)(?:https?://|www\.)\S++|(?<![\w.+-])[\w.+-]++@\w[\w.-]*+)")
_PHONE = re.compile(
    r"(?<![\w.,])(?:\+[0-9][0-9 ()/-]{5,30}[0-9]|0[0-9]{1,5}(?:[ /-][0-9]{2,}){1,6}|[0-9]{3}-[0-9]{3}-[0-9]{4})(?![\w-])"
)
_VERSION = re.compile(r"(?<![0-9.])[0-9]++(?:\.[0-9]++){2,}")
_GROUPED = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+")
_LARGE = "thousand|[mb]illion|trillion|Millionen|Milliarden|millions|milliards|mill?ones|milioni|miliardi|milhões"
_YEAR = r"(?:1[1-9][0-9]{2}|20[0-9]{2})"

Words = Callable[[re.Match[str]], str]
Rule = tuple[re.Pattern[str], Words]


def normalise(text: str, language: str) -> str:
    """The text with everything that is not words read out; unchanged in a language that is not known here.

    Args:
        text: cleaned text.
        language: BCP 47; the primary tag decides.
    """
    primary = language.replace("_", "-").split("-")[0].lower()
    if primary not in LANGUAGES:
        return text
    pieces = _ADDRESS.split(text)
    last = len(pieces) - 1
    return "".join(
        piece if number % 2 else _apart(piece, primary, number > 0, number < last)
        for number, piece in enumerate(pieces)
    )


def _apart(piece: str, lang: str, after_address: bool, before_address: bool) -> str:
    """What stands between two addresses, read out; words that were signs do not grow together with an address."""
    said = _read_out(piece, lang)
    before = " " if after_address and said[:1].isalnum() and not piece[:1].isalnum() else ""
    after = " " if before_address and said[-1:].isalnum() and not piece[-1:].isalnum() else ""
    return f"{before}{said}{after}"


def _read_out(text: str, lang: str) -> str:
    text = _write_out(text, lang)
    if not re.search("[0-9]", text):
        return text
    for pattern, words in _rules(lang):
        text = pattern.sub(partial(_safely, words), text)
    return _write_out(text, lang)  # again: a number may have stood against one


def _write_out(text: str, lang: str) -> str:
    for pattern, long in _abbreviations(lang):
        text = pattern.sub(long, text)
    return text


def _safely(words: Words, match: re.Match[str]) -> str:
    """The words, apart from letters beside them; what is no date stays, for the rules that follow."""
    try:
        said = words(match)
    except (ValueError, OverflowError):
        return match[0]
    text, start, end = match.string, match.start(), match.end()
    before = " " if start and text[start - 1].isalnum() and said[:1].isalnum() else ""
    after = " " if end < len(text) and text[end].isalnum() and said[-1:].isalnum() else ""
    return f"{before}{said}{after}"


@lru_cache(maxsize=8)
def _abbreviations(lang: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    rules = [(rf"(?<!\w){re.escape(short)}(?!\w)", long) for short, long in ABBREVIATIONS[lang].items()]
    short, long = AND_SO_ON[lang]
    rules.append((rf"(?<!\w){re.escape(short)}(?=\s*$|\s+[A-ZÀ-Þ])", f"{long}."))
    rules.append((rf"(?<!\w){re.escape(short)}(?!\w)", long))
    if lang == "en":
        rules.append((r"(?<!\w)No\.(?= ?[0-9])", "number"))
    return tuple((re.compile(pattern), words) for pattern, words in rules)


@lru_cache(maxsize=8)
def _rules(lang: str) -> tuple[Rule, ...]:
    return (*_of_dates(lang), *_of_quantities(lang), *_of_ordinals(lang), *_of_numbers(lang))


def _of_dates(lang: str) -> list[Rule]:
    def time(match: re.Match[str]) -> str:
        return dates.time_words(match[1], match[2] or "", lang, (match[3] if match.re is dates.TIME else "") or "")

    rules: list[Rule] = [
        (dates.ISO, lambda m: dates.day_words(int(m[1]), int(m[2]), int(m[3]), lang, m)),
        (dates.LOCAL, lambda m: dates.local_day(m, lang)),
        (dates.TIME, time),
    ]
    names = "|".join(map(re.escape, sorted(dates.months(lang), key=len, reverse=True)))
    year = rf"(?P<year>{_YEAR})"
    if lang == "en":
        pattern = rf"\b(?P<month>{names})\b\.? (?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?!\w)(?:,? {year}\b)?"
        rules.append((re.compile(pattern), lambda m: _named_day(m, lang)))
        rules.append((dates.CLOCK_ONLY, lambda m: dates.time_words(m[1], "", lang, m[2])))
    else:
        of = r"(?: de)?" if lang in ("es", "pt") else ""
        dot = r"\." if lang == "de" else "(?:er|°|º)?"
        pattern = rf"(?<![\w.,])(?P<day>[0-9]{{1,2}}){dot}{of} (?P<month>{names})\b(?:{of} {year}\b)?"
        rules.append((re.compile(pattern, re.IGNORECASE), lambda m: _named_day(m, lang)))
    if lang == "fr":
        rules.append((dates.FRENCH_TIME, lambda m: dates.time_words(m[1], m[2] or "", lang)))
    if lang == "de":
        rules.append((dates.OCLOCK, lambda m: "ein" if int(m[1]) == 1 else say(str(int(m[1])), lang)))
    return rules


def _named_day(match: re.Match[str], lang: str) -> str:
    day = int(match["day"])
    if not 1 <= day <= 31:
        raise ValueError(day)
    year = dates.year_words(match["year"], lang) if match["year"] else ""
    if lang == "en":
        month = dates.months(lang)[match["month"]]
        return f"{month} {say(str(day), lang, 'ordinal')}" + (f", {year}" if year else "")
    of = " de " if lang in ("es", "pt") else " "
    return f"{dates.day_of_month(day, lang, match)}{of}{match['month']}" + (f"{of}{year}" if year else "")


def _of_quantities(lang: str) -> list[Rule]:
    number = written(lang)
    units = "|".join(map(re.escape, UNITS))
    start = r"(?<![\w.,])"
    rules: list[Rule] = [
        (_PHONE, lambda m: ", ".join(digits(part, lang) for part in re.findall("[0-9]+", m[0]))),
        (_VERSION, lambda m: _version(m[0], lang)),
        (re.compile(rf"{start}({number})(?:[-–—]|\s[-–—]\s)(?={number}(?![\w–—-]))"), lambda m: f"{m[1]} {TO[lang]} "),
        (re.compile(r"(?:(?<=\s)|^)[-−](?=[$€£]?[0-9])"), lambda _: f"{MINUS[lang]} "),
        (
            re.compile(rf"(R\$|[$€£])\s?({number}) ({_LARGE})\b"),
            lambda m: f"{say(m[2], lang)} {m[3]} {many_of(m[1], lang)}",
        ),
        (re.compile(rf"(R\$|[$€£])\s?({number})"), lambda m: money_words(m[2], m[1], lang)),
        (re.compile(rf"{start}({number})\s?([$€£]|(?:EUR|USD|GBP)\b)"), lambda m: money_words(m[1], m[2], lang)),
        (re.compile(rf"{start}({number})\s?%"), lambda m: f"{_before_percent(m[1], lang)} {PERCENT[lang]}"),
        (re.compile(rf"{start}({number})\s?({units})(?![\w/])"), lambda m: measure_words(m[1], UNITS[m[2]], lang)),
    ]
    return rules


def _before_percent(number: str, lang: str) -> str:
    return "ein" if (number, lang) == ("1", "de") else say(number, lang)


def _version(number: str, lang: str) -> str:
    if lang != "en" and _GROUPED.fullmatch(number):
        raise ValueError(number)
    return f" {POINT[lang]} ".join(say(part, lang) for part in number.split("."))


def _of_ordinals(lang: str) -> list[Rule]:
    ends = {
        "en": "st|nd|rd|th",
        "fr": "er|re|ère|e|ème|nd|nde",
        "es": "[ºª]|\\.[ºª]|er",
        "it": "[º°ª]",
        "pt": "[ºª]|\\.[ºª]",
    }
    rules: list[Rule] = []
    if lang in ends:
        pattern = re.compile(rf"(?<![\w.,])([0-9]{{1,6}})({ends[lang]})(?!\w)")
        rules.append((pattern, lambda m: _ordinal(m[1], m[2], lang)))
    if lang == "de":
        pattern = re.compile(r"\b([Dd](?:er|ie|as|em|en)|[Ii]m|[Aa]m|[Zz]um|[Vv]om|[Zz]ur) ([0-9]{1,3})\.(?= \w)")
        rules.append((pattern, lambda m: f"{m[1]} {say(m[2], lang, 'ordinal')}{'' if m[1].lower() in _WEAK else 'n'}"))
    return rules


_WEAK = ("der", "die", "das")


def _ordinal(number: str, end: str, lang: str) -> str:
    said = say(number, lang, "ordinal")
    if lang == "fr" and number == "1":
        return "première" if end in ("re", "ère") else "premier"
    if end.endswith("ª"):
        return re.sub(r"o\b", "a", said)
    return said[:-1] if lang == "es" and end == "er" and number in ("1", "3") else said


def _of_numbers(lang: str) -> list[Rule]:
    number = written(lang)
    rules: list[Rule] = []
    if lang in ("en", "de"):
        pattern = re.compile(rf"(?<![\w.,])({_YEAR})(?![\w%]|[.,][0-9])")
        rules.append((pattern, lambda m: dates.year_words(m[1], lang)))
    if lang != "en":
        pattern = re.compile(r"(?<![\w.,])([0-9]++)\.([0-9]{1,2})(?!\w)")
        rules.append((pattern, lambda m: f"{say(m[1], lang)} {POINT[lang]} {digits(m[2], lang)}"))
    rules.append((re.compile(rf"(?<![\w.,]){number}(?!\w)"), lambda m: say(m[0], lang)))
    rules.append((re.compile("[0-9]++"), lambda m: say(m[0], lang)))
    return rules
