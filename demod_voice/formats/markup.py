"""What may stand inside a spoken line: pauses, Markdown emphasis, escapes. Nothing of it is ever read aloud."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from demod_voice.units import parse_duration

LONGEST_PAUSE_S = 600.0
KNOWN_TAGS = ("pause",)
_ESCAPED = re.compile(r"\\([\\\[\]<>*_`:#~&(){}!.+-])")
_HELD = 0xE000
"""Private-use characters stand for escaped ones while the rest is read."""
_PIECES = re.compile(r"\[(?P<tag>[^\[\]\n]*)\](?!\()|<(?P<xml>/?[A-Za-z][^<>\n]*)>")
_LINK = re.compile(r"!?\[(?P<text>[^\[\]\n]*)\]\((?P<url>[^()\s]*)\)")
_EMPHASIS = (
    re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"),
    re.compile(r"(?<![\w*])(\*)(?=[^\s*])([^*]+?)(?<=\S)\1(?![\w*])"),
    re.compile(r"(?<![\w_])(_)(?=[^\s_])([^_]+?)(?<=\S)\1(?![\w_])"),
    re.compile(r"(`+)(.+?)\1"),
    re.compile(r"(~~)(?=\S)(.+?)(?<=\S)\1"),
)

OnFault = Callable[[str, str | None], None]


def read_line(text: str, on_fault: OnFault) -> list[tuple[float | None, str]]:
    """A line's pieces: (pause asked for before it in seconds or None, text). A last piece may have no text.

    Args:
        text: as written.
        on_fault: called with (message, hint) for each thing that is wrong.
    """
    held = _ESCAPED.sub(lambda match: chr(_HELD + ord(match[1])), text)
    held = _LINK.sub(lambda match: match["text"], held)
    pieces: list[tuple[float | None, str]] = []
    pause: float | None = None
    at = 0
    for match in _PIECES.finditer(held):
        before = _plain(held[at : match.start()])
        at = match.end()
        if before:
            pieces.append((pause, before))
            pause = None
        asked = _pause(match, on_fault)
        if asked is not None:
            pause = asked if pause is None else pause + asked
    rest = _plain(held[at:])
    if rest or pause is not None or not pieces:
        pieces.append((pause, rest))
    return pieces


def escape(text: str) -> str:
    """Text in which nothing is markup."""
    return re.sub(r"([\\\[\]<>*_`:~])", r"\\\1", text)


def _pause(match: re.Match[str], on_fault: OnFault) -> float | None:
    if match["xml"] is not None:
        on_fault(f"unknown tag <{match['xml']}>", "write \\< to say a < aloud")
        return None
    words = match["tag"].split(None, 1)
    name = words[0].lower() if words else ""
    if name not in KNOWN_TAGS:
        near = get_close_matches(name, KNOWN_TAGS, n=1)
        hint = f"did you mean [{near[0]} ...]?" if near else "known: [pause 800ms]"
        on_fault(f"unknown tag [{match['tag']}]", f"{hint}; write \\[ to say it aloud")
        return None
    try:
        seconds = parse_duration(words[1] if len(words) > 1 else "")
    except ValueError as error:
        on_fault(f"[{match['tag']}]: {error}", "as in [pause 800ms]")
        return None
    if seconds > LONGEST_PAUSE_S:
        on_fault(f"[{match['tag']}] is longer than {LONGEST_PAUSE_S:g} s", None)
        return None
    return seconds


def _plain(text: str) -> str:
    """Without emphasis, escapes resolved, spaces folded."""
    for pattern in _EMPHASIS:
        text = pattern.sub(lambda match: match[2], text)
    resolved = "".join(chr(ord(char) - _HELD) if _HELD <= ord(char) < _HELD + 128 else char for char in text)
    return " ".join(resolved.split())
