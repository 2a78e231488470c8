"""Pronunciation lexicons in YAML: words and patterns, and how they are said. Described in docs/pronunciation.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from demod_voice.config.settings import Limits
from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.formats.document import Place, load_yaml, place_of, shown
from demod_voice.formats.tags import odd_sign
from demod_voice.text.clean import clean, speakable
from demod_voice.text.lexicon import Entry, Lexicon
from demod_voice.units import format_size, parse_size

KEYS = ("language", "words", "patterns")
ENTRY_KEYS = ("say", "ipa", "speaker", "language", "case")
CASES = ("any", "exact")
_REFERENCE = re.compile(r"\\(?:([1-9][0-9]?)|g<(\w+)>|(.?))")
_FORM = "as in  GIF: jif  or  GIF: {ipa: dʒɪf, say: jif}"


def read_lexicon(path: Path, limits: Limits) -> Lexicon:
    """The lexicon in a file.

    Raises:
        UsageError: it does not exist, is too large or no text.
        FaultsError: everything that is wrong in it, with lines.
    """
    text = _text(path, limits)
    faults: list[Fault] = []
    loaded = load_yaml(text, 0, faults)
    if loaded is not None and not isinstance(loaded, dict):
        faults.append(Fault(1, "a lexicon must be a mapping with words, patterns or both", "see docs/pronunciation.md"))
    entries = list(_entries(place_of(loaded, faults), path.name)) if isinstance(loaded, dict) else []
    _twice(entries, faults)
    if not entries and not faults:
        faults.append(Fault(None, "there are no words and no patterns in it", "see docs/pronunciation.md"))
    if faults:
        raise FaultsError(str(path), faults)
    return Lexicon(tuple(entries))


def _entries(root: Place, source: str) -> Iterator[Entry]:
    root.only(KEYS)
    language = root.language("language")
    for section, pattern in (("words", False), ("patterns", True)):
        place = root.inner(section) or Place({}, {}, None, root.faults)
        forms = ((written, inner) for written in place.values for inner in _forms(place, written))
        for written, inner in forms:
            found = _entry(inner, written, pattern, language, source)
            if found is not None:
                yield found


def _forms(place: Place, written: str) -> Iterator[Place]:
    """What stands behind a word: a text, a mapping, or a list of them."""
    value = place.values[written]
    line = place.line_of(written)
    for each in value if isinstance(value, list) else [value]:
        name = place.path(written)
        if isinstance(each, dict):
            inner = place_of(each, place.faults, name, line)
            inner.line = line
            inner.only(ENTRY_KEYS)
            yield inner
        elif each is None or isinstance(each, bool):
            place.faults.append(Fault(line, f"{name} must be words, got {shown(each)}", _FORM))
        else:
            yield Place({"say": str(each)}, {}, line, place.faults, name)


def _entry(place: Place, written: str, pattern: bool, language: str, source: str) -> Entry | None:
    before = len(place.faults)
    say, ipa = " ".join(place.text("say").split()), " ".join(place.text("ipa").split())
    exact = place.choice("case", CASES[0], CASES) == CASES[1]
    if not say and not ipa:
        place.fault("say", f"{place.name} says neither say nor ipa", _FORM)
    if say and not pattern and not speakable(say):
        place.fault("say", f"{place.path('say')}: nothing can be said in {say[:40]!r}", _FORM)
    odd = odd_sign(ipa)
    if odd:
        place.fault("ipa", f"{place.path('ipa')}: {odd!r} is no sign of IPA", "as in həˈloʊ")
    entry = Entry(
        written if pattern else clean(written),
        say,
        ipa,
        place.text("speaker"),
        place.language("language") or language,
        exact,
        pattern,
        source,
        place.line,
    )
    if pattern:
        _check_pattern(entry, place)
    elif not speakable(written):
        place.fault(written, f"{place.name}: there is no letter or digit in the word", _FORM)
    return entry if len(place.faults) == before else None


def _check_pattern(entry: Entry, place: Place) -> None:
    """It compiles, its template fits, and it does not match nothing at all."""
    import regex

    try:
        made = regex.compile(entry.written)
        if made.fullmatch("", timeout=1.0) is not None:
            place.fault("say", f"the pattern {shown(entry.written)} matches an empty text", "let it match words")
    except (regex.error, TimeoutError) as error:
        place.fault("say", f"the pattern {shown(entry.written)} cannot be read: {error}", "as in '\\bv(\\d+)\\b'")
        return
    for digits, name, other in _REFERENCE.findall(entry.say):
        known = name in made.groupindex if name else bool(digits) and int(digits) <= made.groups
        if not known:
            what = f"\\{digits or other}" if not name else f"\\g<{name}>"
            place.fault(
                "say", f"{place.name}: {what} in {shown(entry.say)} is no group of the pattern", "as in 'version \\1'"
            )


def _twice(entries: list[Entry], faults: list[Fault]) -> None:
    """The same word for the same speaker and language, two times."""
    seen: dict[tuple[str, ...], Entry] = {}
    for each in entries:
        written = each.written if each.pattern or each.exact else each.written.casefold()
        key = (written, each.speaker.casefold(), each.language.lower(), f"{each.pattern}{each.exact}")
        first = seen.setdefault(key, each)
        if first is not each:
            hint = "keep one, or give them a speaker or a language each"
            faults.append(Fault(each.line, f"{shown(each.written)} stands twice (first in line {first.line})", hint))


def _text(path: Path, limits: Limits) -> str:
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"the lexicon {path} is no file", "give the lexicon's file")
        size = path.stat().st_size
        if size > parse_size(limits.script_size):
            raise UsageError(
                f"{path} is {format_size(size)}, too large for a lexicon", "limits.script_size says how large"
            )
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"the lexicon {path} does not exist") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"the lexicon {path} is not UTF-8 (byte offset {error.start})", "save it as UTF-8") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"the lexicon {path} cannot be read: {getattr(error, 'strerror', error)}") from error
