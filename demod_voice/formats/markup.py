"""What may stand inside a spoken line: pauses, Markdown emphasis, escapes. Nothing of it is ever read aloud."""

from __future__ import annotations

import re
from collections.abc import Callable

from demod_voice.formats.document import nearest
from demod_voice.units import parse_duration

LONGEST_PAUSE_S = 600.0
KNOWN_TAGS = ("pause",)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~：])")
"""A backslash before any ASCII punctuation (as CommonMark), and before the wide colon."""
_HELD = 0xE000
"""Private-use characters stand for escaped ones while the rest is read."""
_FREE = re.compile(r"[\uE000-\uE07F\uE080]")
_WIDE_COLON = "\ue080"
_PIECES = re.compile(r"\[(?P<tag>[^\[\]\n]*)\]|<(?P<xml>/?[A-Za-z][^<>\n]*)>|(?P<stray>\[|</?(?=[A-Za-z]))")
_LINK = re.compile(r"!?\[(?P<text>[^\[\]]*+)\]\((?:[^()\n]++|\([^()\n]*+\))*\)")
_EMPHASIS = (
    re.compile(r"\*\*(?=\S)((?:(?!\*\*).)+)(?<=\S)\*\*", re.DOTALL),
    re.compile(r"(?<!\w)__(?=\S)((?:(?!__).)+)(?<=\S)__(?!\w)", re.DOTALL),
    re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+)(?<=\S)\*(?![\w*])"),
    re.compile(r"(?<![\w_])_(?=[^\s_])([^_]+)(?<=\S)_(?![\w_])"),
    re.compile(r"(?<!`)`+([^`]+)`+"),
    re.compile(r"~~(?=\S)((?:(?!~~).)+)(?<=\S)~~", re.DOTALL),
)

OnFault = Callable[[str, str | None, int], None]
"""Called with a message, a hint, and how many rows below the text's first one the fault stands."""


def read_line(text: str, on_fault: OnFault) -> list[tuple[float | None, str]]:
    """A line's pieces: (pause asked for before it in seconds or None, text). A last piece may have no text.

    Args:
        text: as written.
        on_fault: called for each thing that is wrong.
    """
    held = _LINK.sub(lambda match: match["text"], _hold(text))
    pieces: list[tuple[float | None, str]] = []
    pause: float | None = None
    at = rows = counted = 0
    for match in _PIECES.finditer(held):
        before = _plain(held[at : match.start()])
        at = match.end()
        if before:
            pieces.append((pause, before))
            pause = None
        rows, counted = rows + held.count("\n", counted, at), at
        try:
            pause = _pause(match) + (pause or 0.0)
        except _MarkupError as fault:
            on_fault(fault.message, fault.hint, rows)
    rest = _plain(held[at:])
    if rest or pause is not None or not pieces:
        pieces.append((pause, rest))
    return pieces


def plain_text(text: str) -> str:
    """A title without emphasis, links and escapes."""
    return _plain(_LINK.sub(lambda match: match["text"], _hold(text)))


def escape(text: str) -> str:
    """Text in which nothing is markup."""
    return re.sub(r"([\\\[\]<>*_`:：~])", r"\\\1", text)


class _MarkupError(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def _pause(match: re.Match[str]) -> float:
    if match["stray"] is not None:
        mark = match["stray"][0]
        raise _MarkupError(f"a {mark} that belongs to no tag", f"write \\{mark} to say it aloud")
    if match["xml"] is not None:
        raise _MarkupError(f"unknown tag <{_resolved(match['xml'])[:60]}>", "write \\< to say a < aloud")
    tag = _resolved(match["tag"])
    name, _, value = tag.strip().partition(" ")
    if name.lower() not in KNOWN_TAGS:
        near = nearest(name, KNOWN_TAGS, [])
        hint = f"did you mean [{near} ...]?" if near else "known: [pause 800ms]"
        raise _MarkupError(f"unknown tag [{tag[:60]}]", f"{hint}; write \\[ to say it aloud")
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise _MarkupError(f"[{tag[:60]}]: {str(error)[:200]}", "as in [pause 800ms]") from None
    if seconds > LONGEST_PAUSE_S:
        raise _MarkupError(
            f"[{tag[:60]}] is longer than {LONGEST_PAUSE_S:g} s", f"at most [pause {LONGEST_PAUSE_S:g}s]"
        )
    return seconds


def _hold(text: str) -> str:
    """Every escaped character replaced, so that nothing else takes it for markup."""
    held = _FREE.sub("", text)
    return _ESCAPED.sub(lambda match: _WIDE_COLON if match[1] == "：" else chr(_HELD + ord(match[1])), held)


def _resolved(text: str) -> str:
    text = text.replace(_WIDE_COLON, "：")
    return "".join(chr(ord(char) - _HELD) if _HELD <= ord(char) < _HELD + 128 else char for char in text)


def _plain(text: str) -> str:
    """Without emphasis, escapes resolved, spaces folded."""
    for pattern in _EMPHASIS:
        text = pattern.sub(r"\1", text)
    return " ".join(_resolved(text).split())
