"""A line in pieces: one request each, with its words, its manner, and how it follows the piece before.

Neighbouring spans that are said alike become one stretch, and a stretch one piece, or several where the engine's limit
asks for it. A stretch that another one follows in the middle of a sentence gets a comma, so that the voice does not
fall there, and no pause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from demod_worker.messages import Word

from demod_voice.engines.types import EngineInfo
from demod_voice.speech.job import LineJob
from demod_voice.speech.joining import CHUNK_GAP_S
from demod_voice.speech.manner import Manner, manner_of, plain_manner
from demod_voice.speech.prepare import prepare
from demod_voice.text.clean import clean, speakable, without_pictures
from demod_voice.text.say_as import read_as
from demod_voice.text.spans import Span

CLAUSE_GAP_S = 0.0
"""Added where a comma or the like stands between two stretches: the 50 + 150 ms that trimming leaves are right there."""
GOES_ON = ","
_ENDS = re.compile(r"[.!?…。！？।॥؟۔][\"'”’»)\]」』]*$")
_CLAUSE = re.compile(r"[,;:،؛、，；：–—][\"'”’»)\]」』]*$")


@dataclass(frozen=True, slots=True)
class Piece:
    """One request of a line."""

    text: str
    """As the engine gets it."""
    manner: Manner
    gap_s: float | None = CHUNK_GAP_S
    """Silence added before it; None: it runs on in the middle of a clause, without the silence at its edge."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Words that are said, and what is written in their place; neither is empty."""

    spoken: str
    written: str


@dataclass(frozen=True, slots=True)
class Pieces:
    """A line, ready to be spoken."""

    pieces: tuple[Piece, ...]
    units: tuple[Unit, ...] = ()
    """All of the line's words; empty when they are the text's own."""
    wanting: tuple[str, ...] = ()
    """What its spans ask for and do not get."""


@dataclass(slots=True)
class _Stretch:
    """Neighbouring spans of one manner."""

    manner: Manner
    units: list[Unit] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(unit.spoken for unit in self.units)

    def add(self, unit: Unit, apart: bool) -> None:
        """A unit after the others, or grown together with the last one where no space stands between."""
        if apart or not self.units:
            self.units.append(unit)
        else:
            last = self.units[-1]
            self.units[-1] = Unit(last.spoken + unit.spoken, last.written + unit.written)


def pieces_of(job: LineJob) -> Pieces:
    """The pieces of a line; none when nothing in it can be said."""
    info = job.voice.engine
    if not job.spans:
        manner = plain_manner(job.voice, job.language)
        return Pieces(tuple(Piece(text, manner) for text in prepare(job.text, job.language, info)))
    stretches, wanting = _stretches(job)
    pieces: list[Piece] = []
    before: float | None = CHUNK_GAP_S
    for number, stretch in enumerate(stretches):
        after = _gap(stretch.text)
        if after is None and number + 1 < len(stretches):
            last = stretch.units[-1]
            stretch.units[-1] = replace(last, spoken=last.spoken + GOES_ON)
        for text in prepare(stretch.text, stretch.manner.language, info):
            pieces.append(Piece(text, stretch.manner, before))
            before = CHUNK_GAP_S
        before = after
    return Pieces(tuple(pieces), tuple(unit for stretch in stretches for unit in stretch.units), wanting)


def as_written(words: Sequence[Word], units: Sequence[Unit]) -> tuple[Word, ...]:
    """Word times with the written words in the place of the spoken ones; unchanged where they do not meet.

    Args:
        words: as the engine told them.
        units: of the whole line.
    """
    tokens = [(_bare(token), number) for number, unit in enumerate(units) for token in unit.spoken.split()]
    found: dict[int, Word] = {}
    at = 0
    for word in words:
        at = next((place for place in range(at, len(tokens)) if tokens[place][0] == _bare(word.text)), -1)
        if at < 0:
            return tuple(words)
        number = tokens[at][1]
        begin_s = found[number].start_s if number in found else word.start_s
        found[number] = Word(units[number].written, begin_s, word.end_s)
        at += 1
    return tuple(found.values())


def _bare(token: str) -> str:
    """A word without the signs around it, which not every engine keeps."""
    heard = [place for place, sign in enumerate(token) if sign.isalnum()]
    return token[heard[0] : heard[-1] + 1] if heard else token


def _gap(before: str) -> float | None:
    """The silence after a stretch that ends so."""
    if _ENDS.search(before):
        return CHUNK_GAP_S
    return CLAUSE_GAP_S if _CLAUSE.search(before) else None


def _stretches(job: LineJob) -> tuple[list[_Stretch], tuple[str, ...]]:
    found: list[_Stretch] = []
    wanting: dict[str, None] = {}
    apart = True
    for before, span in _placed(job):
        manner, missing = manner_of(span, job.voice, job.language)
        wanting.update(dict.fromkeys(missing))
        apart = apart or before
        for spoken, written, ends in _units(span, manner.language, job.voice.engine, wanting):
            _stretch_for(manner, spoken, found).add(Unit(spoken, written), apart)
            apart = ends
    return [stretch for stretch in found if speakable(stretch.text)], tuple(wanting)


def _stretch_for(manner: Manner, spoken: str, found: list[_Stretch]) -> _Stretch:
    """Where words go: what cannot be said (punctuation) to what is before it, else to what comes after it."""
    if found and (found[-1].manner == manner or not speakable(spoken)):
        return found[-1]
    if found and not speakable(found[-1].text):
        found[-1].manner = manner
    else:
        found.append(_Stretch(manner))
    return found[-1]


def _placed(job: LineJob) -> Iterator[tuple[bool, Span]]:
    """Each span, and whether a space stands before it; the line's text decides where the spans do not say."""
    at = 0
    for span in job.spans:
        core = span.text.strip()
        place = job.text.find(core, at)
        between = job.text[at:place] if place >= 0 else " "
        yield between != between.strip() or span.text[:1].isspace(), span
        at = place + len(core) if place >= 0 else at


def _units(span: Span, language: str, info: EngineInfo, wanting: dict[str, None]) -> Iterator[tuple[str, str, bool]]:
    """(spoken, written, whether a space follows) of each unit of a span; one whose words are replaced is one unit."""
    text = clean(without_pictures(span.text))
    ends = span.text[-1:].isspace()
    said = _said(span, language, info, wanting)
    if said is not None:
        yield clean(said), text or clean(said), ends
        return
    tokens = text.split()
    for number, token in enumerate(tokens):
        yield token, token, ends if number + 1 == len(tokens) else True


def _said(span: Span, language: str, info: EngineInfo, wanting: dict[str, None]) -> str | None:
    """The words that are said instead of the text, or None: the text."""
    if span.phonemes:
        if "phonemes" in info.honours:
            return f"[[{' '.join(span.phonemes.split())}]]"
        if not span.alias:
            wanting["phonemes"] = None
    if span.alias:
        return span.alias
    if span.say_as:
        said = read_as(span.text, span.say_as, language)
        if said is None:
            wanting[f"say_as.{span.say_as}"] = None
        return said
    return None
