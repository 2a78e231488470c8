"""Text read out in six languages: what is heard for what is written."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from demod_voice.text.normalise import normalise
from demod_voice.text.tables import LANGUAGES

SAID = {
    "en": {
        "11/21/2026": "November twenty-first, twenty twenty-six",
        "Nov 21, 2026": "November twenty-first, twenty twenty-six",
        "2026-11-21": "November twenty-first, twenty twenty-six",
        "2:30 pm": "two thirty p m",
        "9:00": "nine o'clock",
        "14:05": "fourteen oh five",
        "10-20 km": "ten to twenty kilometers",
        "1990–1995": "nineteen ninety to nineteen ninety-five",
        "$3.50": "three dollars and fifty cents",
        "$1": "one dollar",
        "£2": "two pounds",
        "$0.01": "one cent",
        "$3.5 million": "three point five million dollars",
        "1%": "one percent",
        "1 km": "one kilometer",
        "-5 °C": "minus five degrees Celsius",
        "3.11.2": "three point eleven point two",
        "1,234.05": "one thousand two hundred and thirty-four point zero five",
        "007": "zero zero seven",
        "3D and mp3": "three D and mp three",
        "No. 5? No.": "number five? No.",
        "etc. Then": "et cetera. Then",
        "etc., then": "et cetera, then",
        "the 2nd": "the second",
        "Louis XIV": "Louis XIV",
        "555-123-4567": "five five five, one two three, four five six seven",
        "see https://a.b/c1?d=2 or a1@b2.org": "see https://a.b/c1?d=2 or a1@b2.org",
        "COVID-19": "COVID-nineteen",
    },
    "de": {
        "am 21.11.2026": "am einundzwanzigsten November zweitausendsechsundzwanzig",
        "der 21. November": "der einundzwanzigste November",
        "14:30 Uhr": "vierzehn Uhr dreißig",
        "14 Uhr": "vierzehn Uhr",
        "3,50 €": "drei Euro fünfzig Cent",
        "1 €": "ein Euro",
        "1 min": "eine Minute",
        "1.000.000": "eine Million",
        "10\u202f000": "zehntausend",
        "am 3. Tag": "am dritten Tag",
        "1,5 km/h": "eins Komma fünf Kilometer pro Stunde",
        "Nr. 5, z. B.": "Nummer fünf, zum Beispiel",
    },
    "fr": {
        "21/11/2026": "vingt et un novembre deux mille vingt-six",
        "1er mai": "premier mai",
        "14h30": "quatorze heures trente",
        "1 £": "une livre",
        "2e": "deuxième",
        "10 000 km": "dix mille kilomètres",
        "1,5 km": "un virgule cinq kilomètre",
    },
    "es": {
        "21/11/2026": "veintiuno de noviembre de dos mil veintiséis",
        "21 €": "veintiún euros",
        "1,50 €": "un euro con cincuenta céntimos",
        "1.000.000 €": "un millón de euros",
        "3ª": "tercera",
        "3,5": "tres coma cinco",
    },
    "it": {"2,50 €": "due euro e cinquanta centesimi", "1 £": "una sterlina", "3º": "terzo", "10-20": "dieci a venti"},
    "pt": {
        "2 £": "duas libras",
        "R$ 1": "um real",
        "5 de maio": "cinco de maio",
        "1 km": "um quilômetro",
        "2,50 €": "dois euros e cinquenta cêntimos",
    },
}
ROWS = [(language, written, said) for language, rows in SAID.items() for written, said in rows.items()]


@pytest.mark.parametrize(("language", "written", "said"), ROWS)
def test_what_is_written_is_said(language: str, written: str, said: str) -> None:
    assert normalise(written, language) == said
    assert normalise(said, language) == said


@pytest.mark.parametrize("language", ["ja", "", "xx-YY"])
def test_another_language_is_left_as_it_is(language: str) -> None:
    assert normalise("3 km, Dr. X", language) == "3 km, Dr. X"


PIECES = [
    "1",
    "12",
    "345",
    "1995",
    "007",
    ".",
    ",",
    ":",
    "/",
    "-",
    "–",
    " ",
    " ",
    "$",
    "€",
    "R$",
    "%",
    "km",
    "h",
    "°C",
    "m",
    "l",
]
PIECES += [
    "Uhr",
    "pm",
    "st",
    "e",
    "º",
    "ª",
    "er",
    "No.",
    "etc.",
    "Nov",
    "mai",
    "de",
    "am",
    "word",
    "@",
    "www.",
    "+",
    "million",
]
ANY = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=40)


@given(ANY, st.sampled_from(LANGUAGES))
@example("1$www.1", "en")
@example("1etc.", "en")
def test_reading_out_twice_changes_nothing(text: str, language: str) -> None:
    once = normalise(text, language)
    assert normalise(once, language) == once


@given(
    st.lists(st.sampled_from(["apple", "7", "3,5", "$4", "9%", "12:30", "sun"]), max_size=9), st.sampled_from(LANGUAGES)
)
def test_no_word_is_lost(words: list[str], language: str) -> None:
    said = normalise(" ".join(words), language).split()
    assert [word for word in said if word in ("apple", "sun")] == [word for word in words if word in ("apple", "sun")]
    assert not any(char.isdigit() for word in said for char in word)


@pytest.mark.parametrize(
    "unit", ["1", "1,", "1.", "1 ", "$", "0-", "+1 ", "a", "1:", "a.", "1/", "111 ", "-", "1º", "Nov "]
)
def test_a_long_line_takes_linear_time(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    started = time.perf_counter()
    for language in ("en", "de"):
        normalise(text, language)
    assert time.perf_counter() - started < 10  # quadratic work would take a minute and more
