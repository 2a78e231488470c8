"""How a whole line is said and when it begins: ``Ada: (overlap 300ms, pace fast) ...``, and the same keys in data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from demod_voice.formats.document import Place, nearest, shown
from demod_voice.formats.prosody import LEAST_DB, LEAST_RATIO, MOST_DB, MOST_RATIO, PROSODY
from demod_voice.formats.tags import LONGEST_PAUSE_S, TagError
from demod_voice.text.spans import Span
from demod_voice.units import parse_duration

EMOTIONS = (
    "afraid",
    "angry",
    "bored",
    "calm",
    "cheerful",
    "confident",
    "curious",
    "disgusted",
    "excited",
    "happy",
    "hopeful",
    "neutral",
    "nervous",
    "proud",
    "sad",
    "sarcastic",
    "serious",
    "surprised",
    "tender",
    "tired",
    "worried",
)
"""Wishes for the engine."""
LONGEST_OVERLAP_S = 60.0
MOST_ANCHOR = 999
MANNER_KEYS = ("emotion", "pace", "prosody", "anchor_idx")
"""Keys of a line, and of the segment or chapter that it inherits them from."""
TIMING_KEYS = ("overlap_ms", "interrupt", "backchannel")
"""Keys of a line alone."""
_PARENTHESIS = re.compile(r"\((?P<inside>[^()\n]{1,200})\)[ \t]*")
_MOST_PARTS = 8
_LONGEST_NEAR = 30
"""Characters of a hint that is looked at for a near miss."""
_FORMS = (
    "overlap 300ms, interrupt, backchannel, pause 800ms, emotion happy, pace slow, pitch +2st, volume -3dB, anchor 2"
)
_REMEDY = "write \\( to say it aloud"


@dataclass(frozen=True, slots=True)
class Hints:
    """What is asked for a line; None = not said."""

    emotion: str | None = None
    rate: float | None = None
    pitch: float | None = None
    volume_db: float | None = None
    anchor_idx: int | None = None
    overlap_s: float | None = None
    interrupt: bool | None = None
    backchannel: bool | None = None
    pause_s: float | None = None

    def over(self, outer: Hints) -> Hints:
        """These, and where they say nothing the manner of what is around."""
        manner = {name: getattr(outer, name) for name in _MANNER if getattr(self, name) is None}
        return replace(self, **manner)

    @property
    def over_another(self) -> bool:
        """The line is heard while the one before it is."""
        return bool(self.overlap_s or self.interrupt or self.backchannel)

    @property
    def timed(self) -> bool:
        """Something is said about when the line begins."""
        return self.over_another or self.pause_s is not None

    @property
    def untimed(self) -> Hints:
        """What also holds for the parts of a line after the first one."""
        return replace(self, overlap_s=None, interrupt=None, backchannel=None, pause_s=None)

    @property
    def shaped(self) -> bool:
        """Something is said about how the line is said."""
        return any(getattr(self, name) is not None for name in _MANNER)

    def values(self) -> dict[str, Any]:
        """The hints that engines get, as JSON."""
        named = {"anchor_idx": self.anchor_idx, "emotion": self.emotion}
        return {name: value for name, value in named.items() if value is not None}

    def shape(self, spans: tuple[Span, ...]) -> tuple[Span, ...]:
        """Spans with this rate, pitch and volume on top of their own, kept within what spans may have."""
        if self.rate is None and self.pitch is None and self.volume_db is None:
            return spans
        return tuple(
            replace(
                span,
                rate=_within(span.rate * (self.rate or 1.0), LEAST_RATIO, MOST_RATIO),
                pitch=_within(span.pitch * (self.pitch or 1.0), LEAST_RATIO, MOST_RATIO),
                volume_db=_within(span.volume_db + (self.volume_db or 0.0), LEAST_DB, MOST_DB),
            )
            for span in spans
        )


NOTHING = Hints()
_MANNER = ("emotion", "rate", "pitch", "volume_db", "anchor_idx")


def split_hints(text: str) -> tuple[Hints, str]:
    """The hints in parentheses at the start of a turn, and the rest of it.

    A parenthesis that is no hint belongs to the text. One that nearly is raises: it is not read aloud by chance.

    Raises:
        TagError: a hint that cannot be meant.
    """
    match = _PARENTHESIS.match(text)
    hints = read_hints(match["inside"]) if match else None
    return (hints, text[match.end() :]) if match and hints is not None else (NOTHING, text)


def row_hints(row: str, bare: bool) -> Hints | None:
    """The hints of a row that holds nothing else, or None.

    Args:
        row: without spaces around it.
        bare: an emotion without the word ``emotion`` is one here.

    Raises:
        TagError: a hint that cannot be meant.
    """
    match = _PARENTHESIS.fullmatch(row)
    return read_hints(match["inside"], bare) if match else None


def read_hints(inside: str, bare: bool = True) -> Hints | None:
    """The hints between parentheses; None when they are ordinary words.

    Raises:
        TagError: a hint that cannot be meant.
    """
    parts = [" ".join(part.split()) for part in inside.split(",")]
    if len(parts) > _MOST_PARTS:
        return None
    read = [_part(part) for part in parts]
    sure = any(each is not None and each.sure for each in read)
    if not sure and not (bare and all(read)):
        return None
    values: dict[str, Any] = {}
    for part, each in zip(parts, read, strict=True):
        if each is None:
            raise TagError(f"({inside}): {part[:60]!r} is no hint", f"known: {_FORMS}", remedy=_REMEDY)
        if each.field in values:
            raise TagError(f"({inside}): two hints of the same kind", "write one of them", remedy=_REMEDY)
        if each.problem:
            raise TagError(f"({inside}): {each.problem}", each.hint, remedy=_REMEDY)
        values[each.field] = each.value
    hints = Hints(**values)
    problem = contradiction(hints)
    if problem:
        raise TagError(f"({inside}): {problem}", "write one of them", remedy=_REMEDY)
    return hints


def contradiction(hints: Hints) -> str:
    """Why hints cannot go together, or nothing."""
    if hints.interrupt and hints.backchannel:
        return "a line that interrupts is no backchannel"
    if hints.pause_s is not None and hints.over_another:
        return "a pause before a line that speaks over another"
    return ""


def data_hints(place: Place, keys: tuple[str, ...]) -> Hints:
    """The hints of a mapping in JSON or YAML; what is wrong goes to the place's faults."""
    values: dict[str, Any] = {}
    if place.values.get("emotion") is not None:
        values["emotion"] = _data_emotion(place)
    if place.values.get("pace") is not None:
        values["rate"] = _data_prosody(place, "pace", "rate")
    prosody = place.inner("prosody")
    if prosody is not None:
        prosody.only(PROSODY)
        if "rate" in prosody.values and "rate" in values:
            place.fault("prosody", f"{place.path('pace')} and {prosody.path('rate')} are the same", "write one of them")
        for key in (each for each in PROSODY if prosody.values.get(each) is not None):
            values["volume_db" if key == "volume" else key] = _data_prosody(prosody, key, key)
    if place.values.get("anchor_idx") is not None:
        values["anchor_idx"] = place.whole("anchor_idx", 0, MOST_ANCHOR)
    if "overlap_ms" in keys:
        values |= _data_timing(place)
    hints = Hints(**values)
    problem = contradiction(hints)
    if problem:
        place.fault("interrupt", f"{place.name}: {problem}", "write one of them")
    return hints


def _data_timing(place: Place) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if place.values.get("overlap_ms") is not None:
        values["overlap_s"] = place.number("overlap_ms", 0.0, 0.0, LONGEST_OVERLAP_S * 1000.0) / 1000.0
    for key in ("interrupt", "backchannel"):
        if place.flag(key, False):
            values[key] = True
    return values


def _data_emotion(place: Place) -> str | None:
    emotion = place.text("emotion")
    if emotion in EMOTIONS:
        return emotion
    near = nearest(emotion, EMOTIONS, place.faults)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(EMOTIONS)}"
    place.fault("emotion", f"{place.path('emotion')}: unknown emotion {shown(emotion)}", hint)
    return None


def _data_prosody(place: Place, key: str, kind: str) -> float | None:
    written = place.text(key)
    if kind == "volume" and not isinstance(place.values[key], str):
        written += "dB"
    try:
        return PROSODY[kind](written)
    except ValueError as error:
        place.fault(key, f"{place.path(key)} is {shown(place.values[key])}", f"known: {error}")
        return None


@dataclass(frozen=True, slots=True)
class _Part:
    """One hint between commas."""

    field: str
    value: Any = None
    problem: str = ""
    hint: str = ""
    sure: bool = True
    """It can be nothing but a hint."""


def _anchor(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_ANCHOR):
        raise ValueError(f"a whole number from 0 to {MOST_ANCHOR}")
    return int(text)


def _duration(most_s: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        seconds = parse_duration(text.removeprefix("before ").strip())
        if seconds > most_s:
            raise ValueError(f"at most {most_s:g}s")
        return seconds

    return read


def _emotion(text: str) -> str:
    if text not in EMOTIONS:
        raise ValueError(", ".join(EMOTIONS))
    return text


_VALUED: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "overlap": ("overlap_s", _duration(LONGEST_OVERLAP_S)),
    "pause": ("pause_s", _duration(LONGEST_PAUSE_S)),
    "emotion": ("emotion", _emotion),
    "pace": ("rate", PROSODY["rate"]),
    "pitch": ("pitch", PROSODY["pitch"]),
    "volume": ("volume_db", PROSODY["volume"]),
    "anchor": ("anchor_idx", _anchor),
}
"""Hint -> field of ``Hints``, and who reads its value."""
_BARE = ("interrupt", "backchannel")


def _part(part: str) -> _Part | None:
    """One hint; one with a problem where it cannot be meant, None where it is ordinary words."""
    word, _, value = part.partition(" ")
    if part in _BARE:
        return _Part(part, True)
    if part in EMOTIONS:
        return _Part("emotion", part, sure=False)
    if word in _VALUED:
        field, read = _VALUED[word]
        try:
            return _Part(field, read(value))
        except ValueError as error:
            few = len(value.removeprefix("before ").split()) <= 1
            return _Part(field, problem=f"{part!r} cannot be read", hint=f"known: {error}") if few else None
    return _near(part, word, value)


def _near(part: str, word: str, value: str) -> _Part | None:
    """A word that is nearly a hint, with a value that the hint could have (or with none, where it has none)."""
    if len(part) > _LONGEST_NEAR:
        return None
    if not value:
        near = nearest(part, _BARE, [], cutoff=0.8) if len(part) > 6 else ""
        return _Part(near, problem=f"unknown hint {part!r}", hint=f"did you mean ({near})?") if near else None
    near = nearest(word, _VALUED, [], cutoff=0.75)
    if not near:
        return None
    field, read = _VALUED[near]
    try:
        read(value)
    except ValueError:
        return None
    return _Part(field, problem=f"unknown hint {word!r}", hint=f"did you mean ({near} {value})?")


def _within(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
