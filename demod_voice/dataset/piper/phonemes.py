"""A text as Piper's training sees it: sentences of phonemes, and their numbers.

The piper engine tells them as they are. The espeak engine tells the IPA clause by clause, without the punctuation that
Piper keeps as a phoneme; the clauses are then brought together with the text's own marks by the rules that espeak
divides by. Its release is older than Piper's, which writes a glide between vowels that this one does not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from demod_voice.dataset.piper.table import BEGIN, END, PAD, PHONEME_IDS
from demod_voice.text.clean import speakable

_MARK = re.compile(r"(?P<mark>\.{3,}|…|[.,;:!?][!?]*|[—–])(?:[\"'”’»)\]]+(?=[\s,;:.]|$)|(?=\s|$))\s*[\"'“‘«(\[]*")
"""What may end a clause: a mark before a space, closing quotes and brackets between."""
_AS_WRITTEN = {"—": ";", "–": ";", "…": ""}
"""What Piper makes of them; three dots leave nothing, not even a space."""
_GOES_ON = ",;:"
_SENTENCE = ".!?"
_FLAG = re.compile(r"\([^)]*\)")
"""A switch to another language's rules, ``(fr)``: no sound."""


@dataclass(frozen=True, slots=True)
class PiperText:
    """A text in Piper's phonemes."""

    phonemes: tuple[tuple[str, ...], ...]
    """Sentence by sentence, a code point each."""
    ids: tuple[int, ...]
    """Of all sentences; each begins and ends with its marks, a pad after every phoneme."""
    unknown: tuple[str, ...]
    """Phonemes that have no number: left out, as Piper leaves them out."""


def told_text(told: Sequence[str]) -> PiperText:
    """The phonemes that the piper engine told, sentence by sentence."""
    phonemes = tuple(tuple(unicodedata.normalize("NFD", _FLAG.sub("", each))) for each in told)
    return PiperText(phonemes, *numbers(phonemes))


def piper_text(text: str, phonemize: Callable[[str], Sequence[str]]) -> PiperText:
    """The phonemes of a text.

    Args:
        text: read out, on one line.
        phonemize: gives the IPA of a text, clause by clause.
    """
    pieces = clauses_of(text)
    spoken = [each.strip() for each in phonemize(text)]
    if len(spoken) != len(pieces):
        spoken = [" ".join(each.strip() for each in phonemize(piece)) for piece, _ in pieces]
    phonemes = sentences([(said, mark) for said, (_, mark) in zip(spoken, pieces, strict=True)])
    return PiperText(phonemes, *numbers(phonemes))


def clauses_of(text: str) -> list[tuple[str, str]]:
    """The clauses that espeak divides a text into, each with the mark that Piper keeps of its end."""
    found: list[tuple[str, str]] = []
    begin = 0
    for match in _MARK.finditer(text):
        mark = match["mark"]
        if mark == "." and text[match.end() :][:1].islower():
            continue  # an abbreviation: e.g. this
        if speakable(text[begin : match.start()]):
            found.append((text[begin : match.end("mark")], _AS_WRITTEN.get(mark, "" if mark[:3] == "..." else mark[0])))
            begin = match.end("mark")
    if speakable(text[begin:]):
        found.append((text[begin:], ""))
    return found


def sentences(clauses: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """(IPA, mark) of each clause as sentences of phonemes: ``. ! ?`` end one, after ``, ; :`` comes a space."""
    made: list[tuple[str, ...]] = []
    open_sentence = ""
    for said, mark in clauses:
        open_sentence += _FLAG.sub("", said) + mark + (" " if mark and mark in _GOES_ON else "")
        if mark and mark in _SENTENCE:
            made.append(tuple(unicodedata.normalize("NFD", open_sentence)))
            open_sentence = ""
    if open_sentence:
        made.append(tuple(unicodedata.normalize("NFD", open_sentence)))
    return tuple(made)


def numbers(phonemes: Sequence[Sequence[str]]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The numbers of sentences, and the phonemes that have none.

    Source: piper-tts 1.8, ``phonemes_to_ids``: begin, pad, then each phoneme and a pad, then end.
    """
    pad, ids, unknown = PHONEME_IDS[PAD], list[int](), dict[str, None]()
    for sentence in phonemes:
        ids += [*PHONEME_IDS[BEGIN], *pad]
        for phoneme in sentence:
            if phoneme in PHONEME_IDS:
                ids += [*PHONEME_IDS[phoneme], *pad]
            else:
                unknown[phoneme] = None
        ids += PHONEME_IDS[END]
    return tuple(ids), tuple(unknown)
