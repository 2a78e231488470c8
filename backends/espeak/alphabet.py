"""IPA as the library's own phoneme names (``həlˈoʊ`` -> ``h|@|l|'oU``), for the ``[[ ]]`` blocks of a text.

The library takes its own names only. Which names a voice has stands in its data (``phontab``), and what each is in IPA
the library says itself, so the table is made for every voice from what the voice can say: no list is kept here.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Mapping
from pathlib import Path

BLOCK = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
PARTED = "|"
"""Keeps two names apart that could be read as another one."""
LENGTH = ":"
"""The library's name of a sound that makes the one before it longer."""
_MODIFIERS = "ˑʰʲʷˠˤⁿˡ˞"
_HEAD_BYTES, _ENTRY_BYTES, _TYPE_AT = 36, 16, 11
_VOWEL, _CONSONANTS = 2, range(3, 9)
_MARKS = {"ˈ": "'", "ˌ": ",", "'": "'", "‖": "", ".": "", "‿": "", "-": "", "|": ""}
_TIES = {0x0361: None, 0x035C: None}
_NEAREST = {
    "g": "ɡ", "ɹ": "r", "r": "ɹ", "ɾ": "ɹ", "ʁ": "ɹ", "ʀ": "ʁ", "ɒ": "ɑ", "ɑ": "a", "a": "æ", "æ": "a", "ɐ": "ə",
    "ɨ": "ɪ", "ᵻ": "ɪ", "ɪ": "i", "ʊ": "u", "ɯ": "u", "ø": "œ", "œ": "ɜ", "y": "i", "ʏ": "y", "ɜ": "ə", "ɚ": "ə",
    "ɝ": "ɚ", "ɘ": "ə", "ɤ": "ʌ", "ʌ": "ɐ", "ɔ": "o", "e": "ɛ", "ɛ": "e", "o": "ɔ", "x": "h", "χ": "x", "ç": "ʃ",
    "ʝ": "j", "ɲ": "n", "ŋ": "n", "ɱ": "m", "ʎ": "l", "ɭ": "l", "ɫ": "l", "ʈ": "t", "ɖ": "d", "ʂ": "ʃ", "ʐ": "ʒ",
    "ɕ": "ʃ", "ʑ": "ʒ", "β": "v", "ɸ": "f", "ɣ": "ɡ", "q": "k", "ʔ": "", "ɥ": "w", "ʋ": "v", "ð": "z", "θ": "s",
    "u": "ʊ", "i": "ɪ", "ħ": "h", "ʕ": "", "ɬ": "l", "c": "k", "ɟ": "ɡ",
}  # fmt: skip
"""A sound that a voice does not have -> one that comes close; tried one after the other."""
_MOST_STEPS = 4

Table = Mapping[str, str]
"""IPA -> name."""


def names(data: Path, identifier: str, language: str) -> list[tuple[str, bool]]:
    """(name, is a vowel) of every sound that a voice has.

    Args:
        data: the library's data folder.
        identifier: of the voice, below the data's lang folder.
        language: the voice's first tag.
    """
    tables = _tables((data / "phontab").read_bytes())
    file = data / "lang" / identifier
    named = (
        re.search(r"^\s*phonemes\s+(\S+)", file.read_text(errors="replace"), re.MULTILINE) if file.is_file() else None
    )
    wanted = [named[1] if named else language, language.partition("-")[0], "base1"]
    order = list(tables)
    found: dict[str, int] = {}
    number = next(order.index(each) for each in wanted if each in tables) + 1
    while number:
        number, entries = tables[order[number - 1]]
        for name, kind in entries:
            found.setdefault(name, kind)
    return [(name, kind == _VOWEL) for name, kind in found.items() if kind == _VOWEL or kind in _CONSONANTS]


def questions(sounds: list[tuple[str, bool]]) -> list[str]:
    """The blocks whose IPA ``table`` wants to know, in its order.

    Every sound stands in its surroundings: a last consonant loses its voice in German, a last vowel its length elsewhere.
    """
    return ["[[a]]", "[[t]]", *(f"[[{name}{PARTED}{'t' if vowel else 'a'}]]" for name, vowel in sounds)]


def table(sounds: list[tuple[str, bool]], said: list[str]) -> dict[str, str]:
    """IPA -> name; the shortest name where several sound alike.

    Args:
        sounds: as ``names`` gives them.
        said: what the library says of each of ``questions``.
    """
    made: dict[str, str] = {}
    plain = [unicodedata.normalize("NFC", each.replace("ˈ", "")) for each in said]
    for number, (name, vowel) in enumerate(sounds):
        sound = plain[number + 2].removesuffix(plain[1] if vowel else plain[0]).strip()
        if sound and " " not in sound and len(name) < len(made.get(sound, "     ")):
            made[sound] = name
    return made


def spelled(text: str, known: Table) -> tuple[str, tuple[str, ...]]:
    """A text whose ``[[ ]]`` blocks are IPA, with the library's names in them, and the signs that have no sound here.

    Every word of a block becomes a block, so that the text keeps as many words.
    """
    missing: dict[str, None] = {}

    def block(match: re.Match[str]) -> str:
        return " ".join(f"[[{_names(word, known, missing)}]]" for word in match[1].split())

    return BLOCK.sub(block, text), tuple(missing)


def _names(word: str, known: Table, missing: dict[str, None]) -> str:
    word = unicodedata.normalize("NFC", word.translate(_TIES))
    found: list[str] = []
    stress = ""
    at = 0
    while at < len(word):
        if word[at] in _MARKS:
            stress += _MARKS[word[at]]
            at += 1
            continue
        length = next((each for each in (5, 4, 3, 2) if word[at : at + each] in known), 1)
        name = _near(word[at : at + length], known, word[at + 1 : at + 2] == "ː")
        if name is None:
            if word[at] == "ː":
                found.append(LENGTH)
            elif unicodedata.category(word[at]) != "Mn" and word[at] not in _MODIFIERS:
                missing[word[at]] = None
        elif name:
            found.append(stress + name)
            stress = ""
        at += length
    return PARTED.join(found)


def _near(sound: str, known: Table, long: bool) -> str | None:
    """The name of a sound, or of one that comes close; None when there is none."""
    for _ in range(_MOST_STEPS):
        for form in (f"{sound}ː", sound) if long else (sound, f"{sound}ː"):
            if form in known:
                return known[form]
        if sound not in _NEAREST:
            return None
        sound = _NEAREST[sound]
        if not sound:
            return ""
    return None


def _tables(data: bytes) -> dict[str, tuple[int, list[tuple[str, int]]]]:
    """Name -> (number of the table that it builds on, 0 = none; [(phoneme's name, kind)]).

    Source: LoadPhData and the structures of phoneme.h in espeak-ng 1.52.
    """
    found: dict[str, tuple[int, list[tuple[str, int]]]] = {}
    at = 4
    for _ in range(data[0]):
        count, base = struct.unpack_from("BB", data, at)
        title = data[at + 4 : at + _HEAD_BYTES].split(b"\0")[0].decode("latin-1")
        at += _HEAD_BYTES
        entries = []
        for _ in range(count):
            name = data[at : at + 4].rstrip(b"\0").decode("latin-1")
            if name and name.isascii():
                entries.append((name, data[at + _TYPE_AT]))
            at += _ENTRY_BYTES
        found[title] = (base, entries)
    return found
