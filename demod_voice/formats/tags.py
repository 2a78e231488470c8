"""The tags of a spoken line: ``<emphasis level="strong">`` and ``[laugh]``, each read on its own into what it asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from demod_voice.errors import Fault
from demod_voice.formats.document import LANGUAGE_TAG, nearest
from demod_voice.formats.prosody import BREAKS, LEAST_DB, LEAST_RATIO, MOST_DB, MOST_RATIO, PROSODY
from demod_voice.text.spans import Span
from demod_voice.units import parse_duration

LONGEST_PAUSE_S = 600.0
STYLES = (
    "breath",
    "chuckle",
    "cough",
    "cry",
    "gasp",
    "giggle",
    "groan",
    "hum",
    "laugh",
    "mumble",
    "scream",
    "shout",
    "sigh",
    "sing",
    "sniff",
    "whisper",
    "yawn",
)
"""Wishes for the engine; every other word in brackets is a fault, so that none is read aloud or lost."""
NORMAL = "normal"
"""Ends a style."""
EMPHASES = ("strong", "moderate", "reduced")
SAY_AS = {
    "characters": "characters",
    "spell-out": "characters",
    "verbatim": "characters",
    "digits": "digits",
    "cardinal": "cardinal",
    "number": "cardinal",
    "ordinal": "ordinal",
    "date": "date",
    "time": "time",
    "telephone": "telephone",
}
"""``interpret-as`` -> the reading; SSML processors use several names for the same."""
_TAG = re.compile(r"(?P<close>/?)(?P<name>[A-Za-z][\w.:-]*)")
_ATTRIBUTE = re.compile(r"\s+(?P<key>[A-Za-z_][\w.:-]*)\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')")
_SOUNDS = re.compile(r"[^\W\d_A-Z]|[\s.|‖‿ˈˌːˑʼ˞ꜛꜜ↗↘-]|[\u0300-\u036f\u02b0-\u02ff\u1d00-\u1dbf\ua700-\ua71f]|[⁰-₎]")
"""Anything that IPA is written with: letters but no capitals, marks, modifiers, tone letters."""


class TagError(Exception):
    """A tag that cannot be meant.

    Args:
        message: what is wrong.
        hint: what to write.
        wrong: a word that is not known.
        known: the words that are; the nearest one is told instead of the hint.
        form: how a suggested word is written.
        remedy: added to either.
    """

    def __init__(
        self,
        message: str,
        hint: str,
        wrong: str = "",
        known: Iterable[str] = (),
        form: str = "{}",
        remedy: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self._words = (hint, wrong, tuple(known), form, remedy)

    def hint(self, faults: list[Fault]) -> str:
        """What to write; after many ``faults`` no nearest word is looked for."""
        hint, wrong, known, form, remedy = self._words
        near = nearest(wrong, known, faults) if wrong else ""
        told = f"did you mean {form.format(near)}?" if near else hint
        return "; ".join(filter(None, (told, remedy)))


@dataclass(frozen=True, slots=True)
class XmlTag:
    """``<name key="value">``, ``</name>`` or ``<name/>``."""

    name: str
    """Lower case."""
    attributes: Mapping[str, str]
    closes: bool = False
    alone: bool = False
    """It ends with ``/>``."""
    problem: TagError | None = None
    """It cannot be read."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is known about an element."""

    keys: tuple[str, ...]
    apply: Callable[[Span, XmlTag], Span] | None = None
    """The manner inside it, from the one around it; None = a pause, which holds nothing."""
    whole: bool = False
    """It holds words and nothing else."""
    example: str = ""


def parse_xml(text: str, resolved: Callable[[str], str]) -> XmlTag:
    """The tag between ``<`` and ``>``.

    Args:
        text: as written, escaped signs and entities held.
        resolved: gives held ones back.
    """
    match = _TAG.match(text)
    name = match["name"].lower() if match else ""
    closes, alone = text.startswith("/"), text.endswith("/")
    attributes: dict[str, str] = {}
    problem = None
    try:
        if match is None or name not in ELEMENTS:
            remedy = "write \\< to say a < aloud"
            raise TagError(f"unknown tag <{resolved(text)[:60]}>", "", name, ELEMENTS, "<{}>", remedy)
        attributes = _attributes(name, text.removesuffix("/")[match.end() :], resolved)
        if closes and (attributes or alone):
            raise TagError(f"<{resolved(text)[:60]}> cannot be read", f"as in {ELEMENTS[name].example}")
    except TagError as error:
        problem = error
    return XmlTag(name, attributes, closes, alone, problem)


def _attributes(name: str, body: str, resolved: Callable[[str], str]) -> dict[str, str]:
    kind, at = ELEMENTS[name], 0
    attributes: dict[str, str] = {}
    while found := _ATTRIBUTE.match(body, at):
        key, at = found["key"].lower(), found.end()
        if key not in kind.keys:
            hint = f"known: {', '.join(kind.keys)}, as in {kind.example}"
            raise TagError(f"<{name}>: unknown attribute {key[:60]}", hint, key, kind.keys)
        if key in attributes:
            raise TagError(f"<{name}>: the attribute {key} stands twice", "write it once")
        attributes[key] = resolved(found["double"] if found["double"] is not None else found["single"]).strip()
    if body[at:].strip():
        raise TagError(f"<{name}{resolved(body)[:60]}> cannot be read", f"as in {kind.example}")
    return attributes


def odd_sign(sounds: str) -> str:
    """The first sign that no IPA is written with, or nothing."""
    return next((char for char in sounds if not _SOUNDS.fullmatch(char)), "")


def known(tag: XmlTag) -> bool:
    """True of an element of a script."""
    return tag.name in ELEMENTS


def is_pause(tag: XmlTag) -> bool:
    """True of ``<pause>`` and ``<break>``."""
    return ELEMENTS[tag.name].apply is None


def is_whole(tag: XmlTag) -> bool:
    """True of a tag that holds words and nothing else (``<sub>``)."""
    return ELEMENTS[tag.name].whole


def applied(tag: XmlTag, around: Span) -> Span:
    """The manner inside a tag: ratios multiply, decibels add, the rest replaces.

    Raises:
        TagError: a value that cannot be.
    """
    apply = ELEMENTS[tag.name].apply
    inside = around if apply is None else apply(around, tag)
    if not LEAST_RATIO <= inside.rate <= MOST_RATIO or not LEAST_RATIO <= inside.pitch <= MOST_RATIO:
        raise TagError(
            f"<{tag.name}>: with the tags around it over {LEAST_RATIO:g} to {MOST_RATIO:g} times", "take some away"
        )
    if not LEAST_DB <= inside.volume_db <= MOST_DB:
        raise TagError(f"<{tag.name}>: with the tags around it over {LEAST_DB:g} to {MOST_DB:g} dB", "take some away")
    return inside


def pause_of(tag: XmlTag) -> float:
    """Seconds of a ``<pause>`` or ``<break>``.

    Raises:
        TagError: no length that can be.
    """
    example = ELEMENTS[tag.name].example
    if len(tag.attributes) > 1:
        raise TagError(f"<{tag.name}>: more than one length", f"as in {example}")
    for key, value in tag.attributes.items():
        if key == "strength":
            if value not in BREAKS:
                raise _unknown(tag, key, tuple(BREAKS))
            return BREAKS[value]
        return _seconds(
            f"{value}ms" if key == "ms" else value, f'<{tag.name} {key}="{value[:60]}">', f"as in {example}"
        )
    if tag.name == "pause":
        raise TagError("<pause> without a length", f"as in {example}")
    return BREAKS["medium"]


def bracket_pause(value: str, tag: str) -> float:
    """Seconds of ``[pause value]``.

    Raises:
        TagError: no length that can be.
    """
    return _seconds(value, f"[{tag[:60]}]", "as in [pause 800ms]")


def _seconds(value: str, shown: str, hint: str) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise TagError(f"{shown}: {str(error)[:200]}", hint) from None
    if seconds > LONGEST_PAUSE_S:
        thousandths = f"; for milliseconds write {value.strip()}ms" if value.strip().isdigit() else ""
        most = f"at most [pause {LONGEST_PAUSE_S:g}s]{thousandths}"
        raise TagError(f"{shown} is longer than {LONGEST_PAUSE_S:g} s", most)
    return seconds


def _unknown(tag: XmlTag, key: str, known: tuple[str, ...]) -> TagError:
    value = tag.attributes[key]
    return TagError(f'<{tag.name} {key}="{value[:60]}">: unknown {key}', f"known: {', '.join(known)}", value, known)


def _needed(tag: XmlTag, key: str) -> str:
    value = tag.attributes.get(key, "")
    if not value:
        raise TagError(f"<{tag.name}> without {key}", f"as in {ELEMENTS[tag.name].example}")
    return value


def _emphasis(around: Span, tag: XmlTag) -> Span:
    level = tag.attributes.get("level", "moderate")
    if level not in (*EMPHASES, "none"):
        raise _unknown(tag, "level", (*EMPHASES, "none"))
    return replace(around, emphasis="" if level == "none" else level)


def _prosody(around: Span, tag: XmlTag) -> Span:
    _needed(tag, next(iter(tag.attributes), "rate"))
    values = {}
    for key, value in tag.attributes.items():
        try:
            values[key] = PROSODY[key](value)
        except ValueError as error:
            raise TagError(f'<prosody {key}="{value[:60]}">: unknown {key}', f"known: {error}") from None
    return replace(
        around,
        rate=around.rate * values.get("rate", 1.0),
        pitch=around.pitch * values.get("pitch", 1.0),
        volume_db=around.volume_db + values.get("volume", 0.0),
    )


def _say_as(around: Span, tag: XmlTag) -> Span:
    reading = _needed(tag, "interpret-as")
    if reading not in SAY_AS:
        raise _unknown(tag, "interpret-as", tuple(SAY_AS))
    return replace(around, say_as=SAY_AS[reading])


def _sub(around: Span, tag: XmlTag) -> Span:
    return replace(around, alias=" ".join(_needed(tag, "alias").split()))


def _phoneme(around: Span, tag: XmlTag) -> Span:
    sounds = " ".join(_needed(tag, "ph").split())
    if tag.attributes.get("alphabet", "ipa").lower() != "ipa":
        raise TagError(f'<phoneme alphabet="{tag.attributes["alphabet"][:60]}">: unknown alphabet', "write IPA")
    odd = odd_sign(sounds)
    if odd:
        raise TagError(f"<phoneme>: {odd!r} is no sign of IPA", f"as in {ELEMENTS['phoneme'].example}")
    return replace(around, phonemes=sounds)


def _lang(around: Span, tag: XmlTag) -> Span:
    language = _needed(tag, next(iter(tag.attributes), "xml:lang"))
    if not LANGUAGE_TAG.fullmatch(language):
        raise TagError(f"<lang>: {language[:60]!r} is no language tag", "as en or pt-BR")
    return replace(around, language=language)


ELEMENTS: Mapping[str, _Kind] = {
    "pause": _Kind(("ms", "time"), example='<pause ms="500"/>'),
    "break": _Kind(("time", "strength"), example='<break time="500ms"/>'),
    "emphasis": _Kind(("level",), _emphasis, example='<emphasis level="strong">words</emphasis>'),
    "prosody": _Kind(("rate", "pitch", "volume"), _prosody, example='<prosody rate="slow">words</prosody>'),
    "say-as": _Kind(("interpret-as",), _say_as, True, '<say-as interpret-as="digits">42</say-as>'),
    "sub": _Kind(("alias",), _sub, True, '<sub alias="World Wide Web">WWW</sub>'),
    "phoneme": _Kind(("ph", "alphabet"), _phoneme, True, '<phoneme ph="ˈtʃɛloʊ">cello</phoneme>'),
    "lang": _Kind(("xml:lang", "lang"), _lang, example='<lang xml:lang="de">Worte</lang>'),
}
"""Every element of a spoken line. Source: SSML 1.1 (W3C, 2010), sections 3.1 and 3.2; ``pause`` is A078's."""
