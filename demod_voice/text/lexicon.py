"""Pronunciation lexicons: how a show, a speaker or a language says certain words. Read by ``formats.lexicon_file``.

A line is looked through once: whole words first, the longest before the shorter, then patterns on what is left. What was
replaced is not looked at again, and what markup pronounces already is left alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from demod_voice.errors import UsageError
from demod_voice.text.spans import Span

LONGEST_S = 1.0
"""Time that a pattern may take on one line; one that backtracks for ever is a fault, not a hang."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One word or pattern, and how it is said."""

    written: str
    """The word, or a regular expression."""
    say: str = ""
    """Words that are said; of a pattern a template (``version \\1``)."""
    ipa: str = ""
    """IPA that is said where the engine takes it; else ``say``."""
    speaker: str = ""
    """Only for this speaker; empty = for all."""
    language: str = ""
    """Only in this language, or this variety of it (``en-GB``); empty = in all."""
    exact: bool = False
    """Upper and lower case must be the same."""
    pattern: bool = False
    source: str = ""
    """The lexicon's file name."""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A place where an entry applies."""

    entry: Entry
    found: str
    """As it stands in the text."""
    becomes: str
    """The words or the IPA that are said."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Entries of one or several files; of two for one word the more particular wins, then the one that comes first."""

    entries: tuple[Entry, ...] = ()
    _made: dict[tuple[str, str], _Matcher] = field(default_factory=dict, compare=False, repr=False)

    def pronounced(
        self, text: str, spans: Sequence[Span], speaker: str, language: str
    ) -> tuple[str, tuple[Span, ...], tuple[Match, ...]]:
        """The line's text and spans with this lexicon in them, and where it applied; unchanged when it did not.

        Args:
            text: as written.
            spans: its stretches, or nothing.
            speaker: who says it.
            language: BCP 47, of the line.

        Raises:
            UsageError: a pattern takes too long on this text.
        """
        if not self.entries:
            return text, tuple(spans), ()
        found: list[Match] = []
        made: list[Span] = []
        for span in spans or (Span(text),):
            if span.alias or span.phonemes or span.say_as:
                made.append(span)
                continue
            plain = replace(span, text=unicodedata.normalize("NFC", span.text))
            for part, match in self._matcher(speaker, span.language or language).parts(plain.text):
                if match is None:
                    made.append(replace(plain, text=part))
                    continue
                found.append(match)
                ipa = match.entry.ipa
                made.append(
                    replace(plain, text=part, alias=match.becomes if not ipa else match.entry.say, phonemes=ipa)
                )
        if not found:
            return text, tuple(spans), ()
        return unicodedata.normalize("NFC", text), tuple(made), tuple(found)

    def _matcher(self, speaker: str, language: str) -> _Matcher:
        key = (speaker.casefold(), language.replace("_", "-").lower())
        if key not in self._made:
            self._made[key] = _Matcher([each for each in self.entries if _applies(each, *key)])
        return self._made[key]


def joined(lexicons: Sequence[Lexicon]) -> Lexicon:
    """One lexicon of several; the later ones win."""
    return Lexicon(tuple(entry for each in reversed(lexicons) for entry in each.entries))


def _applies(entry: Entry, speaker: str, language: str) -> bool:
    wanted = entry.language.replace("_", "-").lower()
    spoken = not wanted or language == wanted or language.startswith(f"{wanted}-")
    return spoken and entry.speaker.casefold() in ("", speaker)


class _Matcher:
    """The entries that hold for one speaker in one language."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        import regex

        ranked = [
            (-len(each.written), not each.speaker, -len(each.language), number, each)
            for number, each in enumerate(entries)
            if not each.pattern
        ]
        self._words = [each for *_, each in sorted(ranked, key=lambda row: row[:4])]
        groups = "|".join(_word(each, number) for number, each in enumerate(self._words))
        self._any_word = regex.compile(rf"(?<!\w)(?:{groups})(?!\w)") if groups else None
        self._patterns = [(each, _compiled(each)) for each in entries if each.pattern]

    def parts(self, text: str) -> Iterator[tuple[str, Match | None]]:
        """The text in parts, in order, each with what applies to it."""
        at = 0
        for match in self._any_word.finditer(text) if self._any_word is not None else ():
            entry = self._words[int(str(match.lastgroup)[1:])]
            yield from self._by_patterns(text, at, match.start(), 0)
            yield match[0], Match(entry, match[0], entry.ipa or entry.say)
            at = match.end()
        yield from self._by_patterns(text, at, len(text), 0)

    def _by_patterns(self, text: str, begin: int, end: int, number: int) -> Iterator[tuple[str, Match | None]]:
        """A stretch through the patterns from ``number`` on; each sees the whole text around its stretch."""
        if begin == end:
            return
        if number == len(self._patterns):
            yield text[begin:end], None
            return
        entry, pattern = self._patterns[number]
        at = begin
        for match in _matches(entry, pattern, text, begin, end):
            yield from self._by_patterns(text, at, match.start(), number + 1)
            yield match[0], Match(entry, match[0], entry.ipa or " ".join(match.expand(entry.say).split()))
            at = match.end()
        yield from self._by_patterns(text, at, end, number + 1)


def _word(entry: Entry, number: int) -> str:
    import regex

    words = r"\s+".join(regex.escape(part) for part in unicodedata.normalize("NFC", entry.written).split())
    return f"(?P<w{number}>{words if entry.exact else f'(?i:{words})'})"


def _compiled(entry: Entry) -> Any:
    import regex

    return regex.compile(entry.written, 0 if entry.exact else regex.IGNORECASE)


def _matches(entry: Entry, pattern: Any, text: str, begin: int, end: int) -> list[Any]:
    """What a pattern finds in a stretch, but for empty matches and what reaches out of it."""
    try:
        found = list(pattern.finditer(text, timeout=LONGEST_S))
    except TimeoutError:
        raise UsageError(
            f"{entry.source}:{entry.line}: the pattern {entry.written!r} takes too long on {text[:40]!r}",
            "make it simpler: no repeat inside a repeat",
        ) from None
    return [match for match in found if match[0] and begin <= match.start() and match.end() <= end]
