"""IPA as espeak writes it -> the phones of the CMU dictionary, for words that the dictionary lacks."""

from __future__ import annotations

import re

PHONES = {
    # vowels with a glide or an r, longest first by the pattern below
    "aɪə": "AY ER", "aɪɚ": "AY ER", "aʊə": "AW ER", "eɪ": "EY", "aɪ": "AY", "ɔɪ": "OY", "oɪ": "OY", "aʊ": "AW", "oʊ": "OW",
    "əʊ": "OW", "iə": "IY AH", "ɪə": "IH R", "eə": "EH R", "ʊə": "UH R", "ɑːɹ": "AA R", "ɔːɹ": "AO R", "oːɹ": "AO R",
    "ɛɹ": "EH R", "ɪɹ": "IH R", "ʊɹ": "UH R", "əl": "AH L", "ju": "Y UW", "juː": "Y UW",
    # vowels
    "iː": "IY", "i": "IY", "ɪ": "IH", "ᵻ": "IH", "ɨ": "IH", "y": "IY", "e": "EY", "eː": "EY", "ɛ": "EH", "ɛː": "EH", "æ": "AE",
    "a": "AA", "aː": "AA", "ɑ": "AA", "ɑː": "AA", "ɒ": "AA", "ɔ": "AO", "ɔː": "AO", "o": "OW", "oː": "OW", "ʊ": "UH", "u": "UW",
    "uː": "UW", "ʌ": "AH", "ə": "AH", "ɐ": "AH", "ɚ": "ER", "ɝ": "ER", "ɜː": "ER", "ɜ": "ER", "øː": "ER", "œ": "ER",
    # consonants
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "g": "G", "ɡ": "G", "ɾ": "T", "ʔ": "T", "tʃ": "CH", "dʒ": "JH", "f": "F",
    "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "x": "K", "ç": "HH", "m": "M",
    "n": "N", "ŋ": "NG", "ɲ": "N Y", "l": "L", "ɫ": "L", "ɬ": "L", "ɹ": "R", "r": "R", "ʁ": "R", "w": "W", "ʍ": "W", "j": "Y",
    "ts": "T S", "dz": "D Z",
}  # fmt: skip
"""IPA -> phones; a foreign sound has its nearest."""
_NEXT = re.compile("|".join(sorted(map(re.escape, PHONES), key=len, reverse=True)))


def arpabet(ipa: str) -> str:
    """The phones of a word, or nothing when not one of its sounds is known. Stress, length and other marks are left out."""
    return " ".join(PHONES[found] for found in _NEXT.findall(ipa))
