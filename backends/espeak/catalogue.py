"""Which voice is meant: language tags, voice names, identifiers and variants, and the nearest names of an unknown one.

A preset is a base and a variant, ``en-us+f3``; either may stand alone (``+f3`` is the language's own voice in that
variant). Without a preset the language decides. The library's own languages and priorities are the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DEFAULT_LANGUAGE = "en"
SUGGESTIONS = 3

ALIASES = {
    "zh-cn": "cmn", "zh-sg": "cmn", "zh-hans": "cmn", "zh-tw": "cmn", "zh-hant": "cmn", "zh-hk": "yue", "zh-mo": "yue",
    "iw": "he", "in": "id", "mo": "ro", "nn": "nb", "sh": "hr", "chr": "chr-us-qaaa-x-west",
}  # fmt: skip
"""BCP 47 tags that the library does not know under that name -> one that it does (nn: the nearest that it has)."""
LATIN_AMERICA = "es-419"


class UnknownVoice(Exception):
    """There is no such language, voice or variant; ``nearest`` are the names that come closest."""

    def __init__(self, what: str, name: str, nearest: Sequence[str]) -> None:
        super().__init__(f"espeak has no {what} {name!r}")
        self.nearest = tuple(nearest)


@dataclass(frozen=True)
class Entry:
    """One voice of the library."""

    name: str
    identifier: str
    """File below the data's lang folder (``gmw/en-US``): what the library is asked for."""
    tags: tuple[tuple[str, int], ...]
    """(language tag in lower case, priority, lower is better)."""
    offered: str
    """The name that it is listed under: its own tag, or its file's name where another voice has that tag."""


@dataclass(frozen=True)
class Choice:
    """The voice to load."""

    identifier: str
    """With the variant after ``+``."""
    entry: Entry
    variant: str
    """File name of the variant, or empty."""
    approximated: str = ""
    """``en-au as en-gb`` when the language was only met roughly."""


class Catalogue:
    """The voices and variants of one library.

    Args:
        voices: as ``Espeak.voices`` gives them.
        variants: as ``Espeak.variants`` gives them.
    """

    def __init__(self, voices: Iterable[tuple[str, Iterable[tuple[str, int]], str]], variants: Iterable[Sequence[str]]):
        rows = [
            (name, identifier, tuple((tag.lower(), rank) for tag, rank in tags)) for name, tags, identifier in voices
        ]
        rows.sort(key=lambda row: (row[2][0][0] if row[2] else "", len(row[1]), row[1]))
        self.entries: list[Entry] = []
        self._languages: dict[str, tuple[int, Entry]] = {}
        self._names: dict[str, Entry] = {}
        for row in rows:
            self._add(*row)
        self._variants: dict[str, str] = {}
        for name, file in variants:
            self._variants.setdefault(name.lower(), file)
        self._variants.update({file.lower(): file for _, file in variants})
        self.variants = tuple(sorted({file for _, file in variants}))

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language tag that a voice can be had by."""
        return tuple(sorted(self._languages))

    @property
    def presets(self) -> tuple[str, ...]:
        """Every voice, and every variant after a ``+``."""
        return (*sorted(entry.offered for entry in self.entries), *(f"+{variant}" for variant in self.variants))

    @property
    def titles(self) -> dict[str, str]:
        """Voice -> the library's name of it, as ``English (America)``."""
        return {entry.offered: entry.name for entry in self.entries}

    def choose(self, preset: str, language: str) -> Choice:
        """The voice for a preset (may be empty) and a language (may be empty).

        Raises:
            UnknownVoice: with the nearest names.
        """
        base, plus, variant = preset.partition("+")
        file = self._variant(variant) if plus else ""
        approximated = ""
        if base.strip():
            entry = self._named(base)
        else:
            entry, approximated = self._speaking(language or DEFAULT_LANGUAGE)
        return Choice(f"{entry.identifier}+{file}" if file else entry.identifier, entry, file, approximated)

    def _add(self, name: str, identifier: str, tags: tuple[tuple[str, int], ...]) -> None:
        file = identifier.rpartition("/")[2].lower()
        own = tags[0][0] if tags else file
        taken = any(entry.offered == own for entry in self.entries)
        entry = Entry(name, identifier, tags, file if taken else own)
        self.entries.append(entry)
        for tag, rank in tags:
            if tag not in self._languages or rank < self._languages[tag][0]:
                self._languages[tag] = (rank, entry)
        for known in (name, identifier, file, entry.offered):
            self._names.setdefault(known.lower(), entry)

    def _named(self, base: str) -> Entry:
        key = base.strip().lower()
        tag = key.replace("_", "-")
        found = self._names.get(key) or self._names.get(tag)
        if found is None and ALIASES.get(tag, tag) in self._languages:
            found = self._languages[ALIASES.get(tag, tag)][1]
        if found is None:
            raise UnknownVoice("voice", base, _nearest(key, [*self._names, *self._languages]))
        return found

    def _speaking(self, language: str) -> tuple[Entry, str]:
        tag = language.strip().replace("_", "-").lower()
        for candidate in _widened(tag):
            if candidate in self._languages:
                entry = self._languages[candidate][1]
                exact = (
                    candidate == ALIASES.get(tag, tag) or entry.tags[0][0] == candidate or candidate == LATIN_AMERICA
                )
                return entry, "" if exact else f"{language} as {entry.offered}"
        raise UnknownVoice("language", language, _nearest(tag, self._languages))

    def _variant(self, variant: str) -> str:
        found = self._variants.get(variant.strip().lower())
        if found is None:
            raise UnknownVoice("variant", variant, [f"+{each}" for each in _nearest(variant.lower(), self._variants)])
        return found


def _widened(tag: str) -> Iterable[str]:
    """The tag itself, then with one subtag less each time (RFC 4647, lookup)."""
    parts = tag.split("-")
    while parts:
        name = "-".join(parts)
        yield ALIASES.get(name, name)
        if parts[0] == "es" and len(parts) == 2 and parts[1] != "es":
            yield LATIN_AMERICA
        parts.pop()


def _nearest(word: str, known: Iterable[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(word, sorted(set(known)), n=SUGGESTIONS, cutoff=0.4)
