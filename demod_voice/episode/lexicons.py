"""The pronunciation lexicons of an episode, and where they apply in a script: what ``lexicon check`` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.sources import NO_SOURCES, outer_of
from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.formats.lexicon_file import read_lexicon
from demod_voice.formats.script import Script
from demod_voice.formats.script_file import scan_script
from demod_voice.text.lexicon import Entry, Lexicon, joined


@dataclass(frozen=True, slots=True)
class Hit:
    """A word of a script that an entry says."""

    script: str
    """As it was given."""
    line: int
    speaker: str
    found: str
    """As written."""
    becomes: str
    """The words or the IPA that are said."""
    entry: str
    """``FILE:LINE`` of the entry."""


@dataclass(frozen=True, slots=True)
class LexiconReport:
    """A lexicon without faults, and what it does."""

    entries: int
    hits: tuple[Hit, ...]
    unused: tuple[str, ...]
    """Entries that no line of the scripts has; empty when there were no scripts."""


def read_lexicons(script: Script, settings: Settings, faults: list[Fault]) -> Lexicon:
    """Every lexicon that holds for an episode: the show's, the script's, then the settings'; the later ones win.

    Args:
        script: what is wrong with the files that it and its show name is put into ``faults``.
        settings: files to read, and where they may lie.
        faults: name the file that they are about.

    Raises:
        UsageError: one of the settings cannot be read, or lies outside the allowed roots.
        FaultsError: everything that is wrong in one of them.
    """
    found = []
    for path in script.lexicons:
        try:
            found.append(read_lexicon(path, settings.limits))
        except FaultsError as error:
            faults += [replace(fault, source=error.source) for fault in error.faults]
        except UsageError as error:
            faults.append(Fault(None, error.message, error.hint))
    paths = [Path(each) for each in settings.episode.lexicons]
    check_inside(paths, settings.paths.allowed_roots)
    return joined([*found, *(read_lexicon(path, settings.limits) for path in paths)])


def check_lexicon(path: Path, scripts: Sequence[Path], settings: Settings) -> LexiconReport:
    """Read a lexicon, and look where it applies in scripts; nothing is spoken and no engine asked.

    Raises:
        UsageError: a file cannot be read, or lies outside the allowed roots.
        FaultsError: everything that is wrong in one.
    """
    check_inside([path, *scripts], settings.paths.allowed_roots)
    lexicon = read_lexicon(path, settings.limits)
    used: set[Entry] = set()
    hits: list[Hit] = []
    for each in scripts:
        for entry, hit in _hits(lexicon, each, settings):
            used.add(entry)
            hits.append(hit)
    unused = [f"{each.source}:{each.line}: {each.written}" for each in lexicon.entries if each not in used]
    return LexiconReport(len(lexicon.entries), tuple(hits), tuple(unused if scripts else ()))


def _hits(lexicon: Lexicon, path: Path, settings: Settings) -> list[tuple[Entry, Hit]]:
    outer, around = outer_of(path, NO_SOURCES, settings)
    script, faults = scan_script(path, settings.limits, outer)
    if faults or around:
        raise FaultsError(str(path), [*around, *faults])
    language = script.language or settings.language
    found = []
    for line in (line for chapter in script.chapters for part in chapter.paragraphs for line in part.lines):
        spoken = script.speakers[line.speaker].language or language
        for match in () if line.recording else lexicon.pronounced(line.text, line.spans, line.speaker, spoken)[2]:
            place = f"{match.entry.source}:{match.entry.line}"
            found.append((match.entry, Hit(str(path), line.line, line.speaker, match.found, match.becomes, place)))
    return found
