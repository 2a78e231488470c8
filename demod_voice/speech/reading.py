"""A text as the lines that ``speak`` says: a paragraph each, with markup and pronunciations where they are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.formats.lexicon_file import read_lexicon
from demod_voice.formats.markup import read_line
from demod_voice.formats.tags import TagError
from demod_voice.speech.job import LineJob
from demod_voice.text.clean import speakable
from demod_voice.text.lexicon import Lexicon
from demod_voice.text.spans import Span
from demod_voice.voices.resolve import ResolvedVoice

PARAGRAPH_GAP_S = 0.6
"""Silence between two paragraphs of a text that is read out."""
_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n\s*")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text is read."""

    markup: bool = False
    """``<prosody>``, ``[pause 1s]`` and the other tags of a script's lines are obeyed; else they are words."""
    lexicon: str | Path | None = None
    """A file of pronunciations."""
    turns: int = 0
    """Each paragraph goes on from so many before it, where the engine continues a conversation."""


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """One line, and the silence before it."""

    job: LineJob
    gap_s: float = PARAGRAPH_GAP_S


def lines_of(text: str, voice: ResolvedVoice, reading: Reading, settings: Settings) -> list[SpokenLine]:
    """The lines of a text, at least one.

    Raises:
        UsageError: nothing in it can be said, or a file cannot be read.
        FaultsError: everything that is wrong with the markup, or with the lexicon.
    """
    return lines_with(lexicon_of(reading, settings), text, voice, reading, settings)


def lines_with(
    lexicon: Lexicon, text: str, voice: ResolvedVoice, reading: Reading, settings: Settings, id: str = "speak"
) -> list[SpokenLine]:
    """As ``lines_of``, with a lexicon that was read before; each line is called ``id`` and its number.

    Raises:
        UsageError: nothing in it can be said.
        FaultsError: everything that is wrong with the markup.
    """
    language = voice.language or settings.language
    parts = list(_marked(text) if reading.markup else _plain(text))
    if not parts:
        raise UsageError(
            "there is nothing to speak: no letter or digit in the text", "give a text, --file F, or - for stdin"
        )
    lines = []
    for number, (gap_s, words, spans) in enumerate(parts):
        words, spans, _ = lexicon.pronounced(words, spans, "", language)
        job = LineJob(f"{id}-{number}", words, voice, language, settings.seed, spans=spans, turns=reading.turns)
        lines.append(SpokenLine(job, gap_s))
    return lines


def lexicon_of(reading: Reading, settings: Settings) -> Lexicon:
    """The pronunciations that a text is read with; none where none are named.

    Raises:
        UsageError: the file cannot be read.
        FaultsError: everything that is wrong in it.
    """
    if reading.lexicon is None:
        return Lexicon()
    check_inside([Path(reading.lexicon)], settings.paths.allowed_roots)
    return read_lexicon(Path(reading.lexicon), settings.limits)


def _plain(text: str) -> Iterator[tuple[float, str, tuple[Span, ...]]]:
    """(silence before, words, no spans) of each paragraph that can be said."""
    for part in _PARAGRAPHS.split(text):
        if speakable(part):
            yield PARAGRAPH_GAP_S, part, ()


def _marked(text: str) -> list[tuple[float, str, tuple[Span, ...]]]:
    """(silence before, words, spans) of each piece between pauses that can be said."""
    faults: list[Fault] = []
    found: list[tuple[float, str, tuple[Span, ...]]] = []
    row, at = 1, 0
    for match in [*_PARAGRAPHS.finditer(text), None]:
        part = text[at : match.start() if match else len(text)]
        _read(part, row, found, faults)
        at = match.end() if match else len(text)
        row += text.count("\n", at - len(part) - (len(match[0]) if match else 0), at)
    if faults:
        raise FaultsError("the text", faults)
    return found


def _read(part: str, row: int, found: list[tuple[float, str, tuple[Span, ...]]], faults: list[Fault]) -> None:
    gap_s = PARAGRAPH_GAP_S
    asked = 0.0

    def put(error: TagError, line: int) -> None:
        faults.append(Fault(line, error.message, error.hint(faults)))

    for piece in read_line(part, row, put):
        if piece.effects or piece.recording:
            faults.append(
                Fault(row, "sound files have no place in a text that is spoken", "use a script: episode render")
            )
        asked += piece.pause_s or 0.0
        if piece.speakable:
            plain = all(span.plain for span in piece.spans)
            found.append((asked or gap_s, piece.text, () if plain else piece.spans))
            gap_s = asked = 0.0
