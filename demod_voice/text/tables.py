"""The words of each language that no library has: money, joints of dates and times, abbreviations. For ``normalise``."""

from __future__ import annotations

LANGUAGES = ("en", "de", "fr", "es", "it", "pt")
POINT = {"en": "point", "de": "Punkt", "fr": "point", "es": "punto", "it": "punto", "pt": "ponto"}
DECIMAL = {"en": "point", "de": "Komma", "fr": "virgule", "es": "coma", "it": "virgola", "pt": "vírgula"}
MINUS = {"en": "minus", "de": "minus", "fr": "moins", "es": "menos", "it": "meno", "pt": "menos"}
TO = {"en": "to", "de": "bis", "fr": "à", "es": "a", "it": "a", "pt": "a"}
PERCENT = {
    "en": "percent",
    "de": "Prozent",
    "fr": "pour cent",
    "es": "por ciento",
    "it": "per cento",
    "pt": "por cento",
}
ONE = {
    "en": ("one", "one"),
    "de": ("ein", "eine"),
    "fr": ("un", "une"),
    "es": ("un", "una"),
    "it": ("un", "una"),
    "pt": ("um", "uma"),
}
"""One before a noun: masculine or neuter, feminine."""
FEMININE = frozenset("Minute Minuten livre livres libra libras sterlina sterline minute minutes heure heures".split())
"""Counted nouns that are feminine where the language has genders."""
OF = {"es": " de ", "pt": " de "}
SYMBOLS = {"R$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "USD": "USD", "EUR": "EUR", "GBP": "GBP"}
_REAL = "real reais centavo centavos"
MONEY = {
    "en": {"USD": "dollar dollars cent cents", "EUR": "euro euros cent cents", "GBP": "pound pounds penny pence"},
    "de": {"USD": "Dollar Dollar Cent Cent", "EUR": "Euro Euro Cent Cent", "GBP": "Pfund Pfund Penny Pence"},
    "fr": {"USD": "dollar dollars cent cents", "EUR": "euro euros centime centimes", "GBP": "livre livres penny pence"},
    "es": {
        "USD": "dólar dólares centavo centavos",
        "EUR": "euro euros céntimo céntimos",
        "GBP": "libra libras penique peniques",
    },
    "it": {
        "USD": "dollaro dollari centesimo centesimi",
        "EUR": "euro euro centesimo centesimi",
        "GBP": "sterlina sterline penny pence",
    },
    "pt": {
        "USD": "dólar dólares centavo centavos",
        "EUR": "euro euros cêntimo cêntimos",
        "GBP": "libra libras pêni pence",
    },
}
for _words in MONEY.values():
    _words["BRL"] = _REAL
"""One, many, one hundredth, many hundredths."""
AND = {"en": " and ", "de": " ", "fr": " ", "es": " con ", "it": " e ", "pt": " e "}
"""Between whole money and its hundredths."""
HOURS = {
    "en": ("", ""),
    "de": ("Uhr", "Uhr"),
    "fr": ("heure", "heures"),
    "es": ("", ""),
    "it": ("", ""),
    "pt": ("hora", "horas"),
}
UNITS = {
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
ABBREVIATIONS = {
    "en": {
        "Mr.": "Mister",
        "Mrs.": "Missis",
        "Dr.": "Doctor",
        "e.g.": "for example",
        "i.e.": "that is",
        "vs.": "versus",
    },
    "de": {
        "z. B.": "zum Beispiel",
        "z.B.": "zum Beispiel",
        "d. h.": "das heißt",
        "d.h.": "das heißt",
        "Dr.": "Doktor",
        "Nr.": "Nummer",
        "ca.": "circa",
    },
    "fr": {"M.": "Monsieur", "Mme": "Madame", "p. ex.": "par exemple", "n°": "numéro"},
    "es": {"Sr.": "señor", "Sra.": "señora", "Dr.": "doctor", "p. ej.": "por ejemplo"},
    "it": {"Sig.": "signor", "Dott.": "dottor", "ad es.": "ad esempio"},
    "pt": {"Sr.": "senhor", "Sra.": "senhora", "Dr.": "doutor", "p. ex.": "por exemplo"},
}
AND_SO_ON = {
    "en": ("etc.", "et cetera"),
    "de": ("usw.", "und so weiter"),
    "fr": ("etc.", "et cetera"),
    "es": ("etc.", "etcétera"),
    "it": ("ecc.", "eccetera"),
    "pt": ("etc.", "et cetera"),
}
"""What may end a sentence: its full stop stays there."""
