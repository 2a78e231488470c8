"""Japanese in Latin letters, as the model was taught it: words between spaces, Hepburn, ``wa`` and ``e`` for particles.

The library does this with cutlet, whose dictionary has no wheel; here Sudachi reads the words, and the rest is below.
Pure but for ``Romaji``, which needs sudachipy and its small dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

SYLLABLES = dict(
    zip(
        "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヰヱヲン"
        "ガギグゲゴザジズゼゾダヂヅデドバビブベボパピプペポヴ",
        (
            "a i u e o ka ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no ha hi fu he ho ma mi mu me mo "
            "ya yu yo ra ri ru re ro wa i e wo n ga gi gu ge go za ji zu ze zo da ji zu de do ba bi bu be bo "
            "pa pi pu pe po vu"
        ).split(),
        strict=True,
    )
)
SMALL_Y = {"ャ": "a", "ュ": "u", "ョ": "o"}
SMALL_VOWELS = {"ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o"}
DOUBLED, LONG = "ッ", "ー"
PARTICLES = {"ハ": "ワ", "ヘ": "エ"}
"""Particles that are not said as they are written."""
READINGS = {"私": "ワタシ"}
"""Said otherwise than the dictionary has it."""
HONOURED = {"母": "カア", "父": "トウ", "兄": "ニイ", "姉": "ネエ"}
"""Relatives after a prefix: okaasan."""
ATTACHED = ("助動詞", "接尾辞")
"""Parts of speech that belong to the word before: auxiliaries, suffixes."""
PREFIX, VERBS, PARTICLE, MARK = "接頭辞", ("動詞", "形容詞", "助動詞"), "助詞", "補助記号"
JOINING = ("テ", "デ")
MARKS = {"。": ".", "、": ",", "！": "!", "？": "?", "…": "...", "：": ":", "；": ";"}
_DIGITS = re.compile(r"\d+")
_HIRAGANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


class Morpheme(NamedTuple):
    """A part of a word."""

    surface: str
    reading: str
    """In katakana."""
    part: str
    """Of speech."""


class Romaji:
    """Stands in for ``cutlet.Cutlet`` in the library's tokenizer."""

    def __init__(self) -> None:
        self._reader: Any = None

    def romaji(self, text: str) -> str:
        """A Japanese text in Latin letters.

        Raises:
            ImportError: sudachipy or its small dictionary is not installed.
        """
        if self._reader is None:
            from sudachipy import Dictionary

            self._reader = Dictionary(dict="small").create()
        read = self._reader.tokenize(_DIGITS.sub(_number, text))
        return written(Morpheme(each.surface(), each.reading_form(), each.part_of_speech()[0]) for each in read)


def _number(found: re.Match[str]) -> str:
    from num2words import num2words

    return str(num2words(int(found[0]), lang="ja"))


def written(morphemes: Iterable[Morpheme]) -> str:
    """Morphemes as words between spaces; marks stand at the word before them."""
    line = ""
    for kana, mark in _words(morphemes):
        line += mark if mark else (" " if line else "") + hepburn(kana)
    return line


def _words(morphemes: Iterable[Morpheme]) -> Iterator[tuple[str, str]]:
    """(katakana, "") of each word and ("", sign) of each mark."""
    word, before = "", ""
    for each in morphemes:
        if each.part == MARK or not each.surface.strip():
            if word:
                yield word, ""
            word, before = "", ""
            if each.surface in MARKS or each.surface in MARKS.values():
                yield "", MARKS.get(each.surface, each.surface)
            continue
        kana = _reading(each, before)
        if each.part == PARTICLE:
            kana = PARTICLES.get(kana, kana)
        joins = each.part in ATTACHED or before == PREFIX or (before in VERBS and kana in JOINING)
        if word and not joins:
            yield word, ""
            word = ""
        word, before = word + kana, each.part
    if word:
        yield word, ""


def _reading(each: Morpheme, before: str) -> str:
    own = {**READINGS, **(HONOURED if before == PREFIX else {})}.get(each.surface)
    if own is None and each.reading in ("", "キゴウ"):
        return each.surface.translate(_HIRAGANA)
    return own or each.reading


def hepburn(kana: str) -> str:
    """Katakana in Latin letters; what is no katakana stays as it is."""
    out: list[str] = []
    doubled = False
    for sign in kana:
        if sign == DOUBLED:
            doubled = True
            continue
        if sign == LONG:
            out += [out[-1][-1]] if out else []
            continue
        if sign in SMALL_Y and out:
            out[-1] = _palatal(out[-1], SMALL_Y[sign])
            continue
        if sign in SMALL_VOWELS and out:
            out[-1] = ("w" if out[-1] == "u" else out[-1].rstrip("aiueo")) + SMALL_VOWELS[sign]
            continue
        syllable = SYLLABLES.get(sign, sign)
        out.append(("t" if syllable.startswith("ch") else syllable[0]) + syllable if doubled else syllable)
        doubled = False
    return "".join(out)


def _palatal(syllable: str, vowel: str) -> str:
    """ki + a = kya, shi + a = sha, de + u = dyu."""
    stem = syllable.rstrip("aiueo")
    return stem + ("" if stem.endswith(("sh", "ch", "j")) else "y") + vowel
