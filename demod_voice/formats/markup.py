"""What may stand inside a spoken line: tags, Markdown emphasis, escapes, entities. Nothing of it is ever read aloud."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.entities import html5

from demod_voice.formats.pieces import Piece, Pieces
from demod_voice.formats.sounds import read_effect, read_recording
from demod_voice.formats.tags import NORMAL, STYLES, TagError, bracket_pause, parse_xml

BRACKETS = ("pause", "sfx", "audio", *STYLES, NORMAL)
"""The first words of tags in brackets."""
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~：])")
"""A backslash before any ASCII punctuation (as CommonMark), and before the wide colon."""
_ENTITY = re.compile(r"&(?:#(?P<number>\d{1,7})|#[xX](?P<hex>[0-9A-Fa-f]{1,6})|(?P<name>[A-Za-z][A-Za-z0-9]{1,31}));")
_HELD = 0xE000
"""Private-use characters stand for escaped ones while the rest is read."""
_FREE = re.compile(r"[\uE000-\uE081]")
_WIDE_COLON = "\ue080"
_TAG = "\ue081"
"""Stands for a tag while emphasis, which may reach around tags, is taken away."""
_TAGS = re.compile(
    r"\[(?P<bracket>[^\[\]\n]*)\]|<(?P<xml>/?[A-Za-z][^<>]*)>|(?P<stray>\[|<!--|</?(?=[A-Za-z]))",
)
_LINK = re.compile(r"!?\[(?P<text>[^\[\]]*+)\]\((?:[^()\n]++|\([^()\n]*+\))*\)")
_EMPHASIS = (
    re.compile(r"\*\*(?=\S)((?:(?!\*\*).)+)(?<=\S)\*\*", re.DOTALL),
    re.compile(r"(?<!\w)__(?=\S)((?:(?!__).)+)(?<=\S)__(?!\w)", re.DOTALL),
    re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+)(?<=\S)\*(?![\w*])"),
    re.compile(r"(?<![\w_])_(?=[^\s_])([^_]+)(?<=\S)_(?![\w_])"),
    re.compile(r"(?<!`)`+([^`]+)`+"),
    re.compile(r"~~(?=\S)((?:(?!~~).)+)(?<=\S)~~", re.DOTALL),
)

OnFault = Callable[[TagError, int], None]
"""Called with what is wrong and the line in the file."""


def read_line(text: str, line: int, on_fault: OnFault) -> list[Piece]:
    """A line's pieces, divided where silence or an effect stands. A last piece may have no words.

    Args:
        text: as written; line ends in it are rows of the file.
        line: of the file, where the text begins.
        on_fault: called for each thing that is wrong.
    """
    tags: list[tuple[re.Match[str], int]] = []
    row, counted = line, 0

    def noted(match: re.Match[str]) -> str:
        nonlocal row, counted
        row, counted = row + match.string.count("\n", counted, match.start()), match.start()
        tags.append((match, row))
        return _TAG

    held = _TAGS.sub(noted, _LINK.sub(lambda match: match["text"], _hold(text)))
    words = _without_emphasis(held).split(_TAG)
    pieces = Pieces(on_fault)
    pieces.words(_resolved(words[0]))
    for (match, place), after in zip(tags, words[1:], strict=True):
        try:
            _put(match, place, pieces)
        except TagError as error:
            on_fault(error, place)
        pieces.words(_resolved(after))
    return pieces.finish()


def plain_text(text: str) -> str:
    """A title without emphasis, links and escapes."""
    plain = _without_emphasis(_LINK.sub(lambda match: match["text"], _hold(text)))
    return " ".join(_resolved(plain).split())


def escape(text: str) -> str:
    """Text in which nothing is markup."""
    return re.sub(r"([\\\[\]<>*_`:：~&])", r"\\\1", text)


def _put(match: re.Match[str], line: int, pieces: Pieces) -> None:
    """Hand one tag on."""
    if match["stray"] is not None:
        mark = match["stray"][0]
        raise TagError(f"a {mark} that belongs to no tag", f"write \\{mark} to say it aloud")
    if match["xml"] is not None:
        pieces.element(parse_xml(match["xml"], _resolved), line)
        return
    tag = _resolved(match["bracket"]).strip()
    name, _, value = tag.partition(" ")
    name, value = name.lower(), value.strip()
    if name == "pause":
        pieces.pause(bracket_pause(value, tag), line)
    elif name == "sfx":
        pieces.effect(read_effect(value, line), line)
    elif name == "audio":
        pieces.recording(read_recording(value), line)
    elif name in BRACKETS and not value:
        pieces.style(name, line)
    else:
        hint = "known: [pause 800ms], [sfx door.wav], [laugh] and the other styles of docs/scripts.md"
        remedy = "write \\[ to say it aloud"
        raise TagError(f"unknown tag [{tag[:60]}]", hint, name, BRACKETS, "[{}]", remedy)


def _hold(text: str) -> str:
    """Every escaped character and entity replaced, so that nothing else takes it for markup."""
    held = _ESCAPED.sub(lambda match: _held(match[1]), _FREE.sub("", text))
    return _ENTITY.sub(_entity, held)


def _held(char: str) -> str:
    """What stands for a character that is no markup."""
    if char == "：":
        return _WIDE_COLON
    return chr(_HELD + ord(char)) if "!" <= char <= "~" and not char.isalnum() else char


def _entity(match: re.Match[str]) -> str:
    """What ``&amp;`` or ``&#233;`` stands for; one that is not known stays as it is written."""
    if match["name"]:
        found = html5.get(f"{match['name']};", "")
    else:
        code = int(match["number"]) if match["number"] else int(match["hex"], 16)
        found = chr(code) if 0x20 <= code < 0x110000 and not (0x7F <= code < 0xA0 or 0xD800 <= code < 0xF900) else ""
    if not found:
        return match[0]
    return "".join(" " if char.isspace() else _held(char) for char in found)


def _resolved(text: str) -> str:
    text = text.replace(_WIDE_COLON, "：")
    return "".join(chr(ord(char) - _HELD) if _HELD <= ord(char) < _HELD + 128 else char for char in text)


def _without_emphasis(text: str) -> str:
    for pattern in _EMPHASIS:
        text = pattern.sub(r"\1", text)
    return text
