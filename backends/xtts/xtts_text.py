"""A text as the model's tokens."""

from __future__ import annotations

import re
from typing import Any

from demod_worker.worker import BadRequest

HINDI_DIGITS = ("शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ")
HINDI_POINT = "दशमलव"
_HINDI_NUMBER = re.compile(r"[0-9०-९][0-9०-९.,]*")


def tokens_of(tokenizer: Any, text: str, language: str) -> list[int]:
    """The tokens of a text, read out as the library does it: numbers, abbreviations, signs, and romanised where the
    model wants that (Chinese, Japanese, Korean).

    Raises:
        BadRequest: the library cannot read it, or nothing of it is left.
    """
    try:
        return list(tokenizer.encode(readable(text.strip().lower(), language), lang=language))
    except MemoryError:
        raise
    except Exception as error:
        what = f"{text[:40]!r} cannot be read as {language}: {type(error).__name__}: {error}"
        raise BadRequest(what, "write its numbers and signs as words") from error


def readable(text: str, language: str) -> str:
    """The text without what the library cannot read: it has no Hindi numbers, so they are read digit by digit."""
    return _HINDI_NUMBER.sub(lambda number: _digit_by_digit(number[0]), text) if language == "hi" else text


def _digit_by_digit(number: str) -> str:
    """As 12.5: one, two, point, five; commas only divide groups."""
    words = [HINDI_POINT if sign == "." else HINDI_DIGITS[int(sign)] for sign in number.rstrip(".,") if sign != ","]
    end = number[len(number.rstrip(".,")) :]
    return " ".join(words) + end


def halves(text: str) -> tuple[str, str]:
    """A text in two, at the space that is nearest to its middle, else in its middle.

    Raises:
        BadRequest: it is one character.
    """
    middle = len(text) // 2
    if middle == 0:
        raise BadRequest(f"{text!r} is more than the model takes")
    spaces = [at for at, sign in enumerate(text) if sign.isspace() and 0 < at < len(text) - 1]
    at = min(spaces, key=lambda each: abs(each - middle), default=middle)
    return text[:at], text[at:]
