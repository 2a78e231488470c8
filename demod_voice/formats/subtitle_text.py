"""What is said in a cue of subtitles: without styles, sounds, songs, names and lines that are shown twice.

- Tags of HTML, WebVTT and ASS (``<i>``, ``<c.red>``, ``{\\an8}``) go, their text stays; entities become characters.
- ``[door slams]`` is a sound and goes; ``(laughs)`` goes when it is a line of its own or in capitals.
- A line with a note sign (♪) is sung and goes.
- Dialogue dashes go; two of them mean that two people speak.
- A name before the text is its speaker when it is in capitals (``ANNA:``), or when more than half of the file's cues have
  one; a voice tag always.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from demod_voice.text.clean import clean, speakable

TOUCHING_S = 0.2
"""Captions that roll follow each other with less between them."""
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|</?>|<[\d:.,]+>")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]+)>", re.IGNORECASE)
_STYLE = re.compile(r"\{\\[^{}]*\}|\{[A-Za-z]:[^{}]*\}")
_BREAK = re.compile(r"\\[Nnh]")
_SOUND = re.compile(r"\[[^\[\]]*\]|［[^［］]*］|【[^【】]*】")
_ASIDE = re.compile(r"\(([^()]*)\)|（([^（）]*)）")
_DASH = re.compile(r"(?:[-‐‑–—−]|>>+)(?:\s+(?=\S)|(?=[^\W\d]|[\"'“‘«¿¡…(]))")
_NAME = re.compile(r"([^\W\d_][\w.'’ -]{0,30}?)\s?[:：]\s+(?=\S)")
_HUGE = re.compile(r"&#[xX]?[0-9A-Fa-f]{9,};?")
_SUNG = "♪♫♬♩"

Shown = tuple[float, float, tuple[str, ...]]
"""Start and end in seconds, and the lines of a cue."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is said in a cue."""

    text: str
    speaker: str = ""
    mixed: bool = False


def read_text(lines: Sequence[str]) -> Spoken:
    """The words of a cue's lines, its voice tag, and whether two people speak."""
    voices = list(dict.fromkeys(clean(_unescaped(name)) for line in lines for name in _VOICE.findall(line)))
    plain = [found for line in lines for found in _BREAK.sub("\n", _untagged(line)).split("\n")]
    said, dashes = [], 0
    for line in plain:
        words = _without_sounds(line)
        if _DASH.match(words):
            words, dashes = _DASH.sub("", words, count=1), dashes + 1
        if speakable(words):
            said.append(words)
    speaker = voices[0] if len(voices) == 1 else ""
    return Spoken(clean(" ".join(said)), speaker, len(voices) > 1 or (dashes > 1 and len(said) > 1))


def _untagged(line: str) -> str:
    return _unescaped(_TAG.sub("", _STYLE.sub("", line)))


def _unescaped(text: str) -> str:
    """Entities as characters; one of more than eight digits is none, and Python refuses one of thousands."""
    return html.unescape(_HUGE.sub("", text)) if "&" in text else text


def _without_sounds(line: str) -> str:
    if any(sign in line for sign in _SUNG):
        return ""
    line = _SOUND.sub(" ", line).strip()
    if _ASIDE.fullmatch(line):
        return ""
    return clean(_ASIDE.sub(lambda found: " " if (found[1] or found[2] or "a").isupper() else found[0], line))


def names_before_text(texts: Sequence[Spoken]) -> list[Spoken]:
    """Names that stand before the text become speakers."""
    names = [_NAME.match(each.text) for each in texts]
    counts = Counter(name[1] for name in names if name)
    usual = sum(counts.values()) * 2 > sum(bool(each.text) for each in texts) and max(counts.values(), default=0) > 1
    found = []
    for each, name in zip(texts, names, strict=True):
        if name and not each.speaker and (usual or (name[1].isupper() and len(name[1]) > 1)):
            each = replace(each, text=each.text[name.end() :], speaker=name[1])
        found.append(each)
    return found


def unrolled(cues: Sequence[Shown]) -> list[Shown] | None:
    """Captions that roll, each line taken where it is shown first; None when they do not roll.

    They do when three cues, and a third of them all, begin with what the cue before, still touching, ended with.
    """
    plain = [(start, end, _shown(lines)) for start, end, lines in cues]
    again = sum(_kept(before, cue) > 0 for before, cue in pairwise(plain))
    if again < 3 or again * 3 < len(plain) - 1:
        return None
    found: list[Shown] = list(plain[:1])
    for before, cue in pairwise(plain):
        fresh = cue[2][_kept(before, cue) :]
        if fresh and before[2] and _grows(before, cue, fresh):
            fresh = (fresh[0][len(before[2][-1]) :].strip(), *fresh[1:])
        found.append((cue[0], cue[1], fresh))
    return found


def _shown(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(line for each in lines if (line := clean(_untagged(each))))


def _kept(before: Shown, cue: Shown) -> int:
    """So many lines of a cue are the last ones of the cue before."""
    if cue[0] - before[1] > TOUCHING_S:
        return 0
    most = min(len(before[2]), len(cue[2]), 8)
    return next((count for count in range(most, 0, -1) if before[2][-count:] == cue[2][:count]), 0)


def _grows(before: Shown, cue: Shown, fresh: Sequence[str]) -> bool:
    """True when a line goes on where the line before ended: one more word each time."""
    return cue[0] - before[1] <= TOUCHING_S and fresh[0].startswith(before[2][-1] + " ")
