"""What can be wrong with what an engine made: each take is looked at before it is kept.

Fatal findings are never kept. The others are tried again; when every attempt has one, the best take is kept and says
so among its degradations. ``engines.<name>.guards`` says how strict that is: ``retry`` (as said), ``report`` (the first
take is kept and says so), ``off`` (only fatal findings count).

The measures know no engine: how long a text can take in its language, where sound stops and begins again, how it ends.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Settings
from demod_voice.speech.sounding import LOUD_DB, Sounding, sounding
from demod_voice.units import db_from_gain

RETRY, REPORT, OFF = "retry", "report", "off"
FLAW = "quality: "
"""Begins the degradation that tells a finding."""
SILENT_DBFS = -60.0
CLIPPED_AT = 0.999
CLIPPED_FRACTION = 0.05
"""One sample in twenty at full scale: a waveform cut flat, not a loud syllable (hot masters stay under 1 %)."""
SHORTEST_S_PER_CHAR = 0.005
"""Read English takes about 0.065 s a character; the fastest espeak about 0.015."""
LONGEST_S_PER_CHAR = 0.5
"""Per letter: four times a very slow reader."""
LONGEST_S_PER_SYMBOL = 2.0
"""Per digit, sign, emoji or ideograph: each may be read as several words."""
LONGEST_SPARE_S = 4.0
"""Added to the longest length, for engines that pad short texts."""

S_PER_CHAR = {"ar": 0.085, "fa": 0.085, "he": 0.095, "ur": 0.085, "hi": 0.085, "th": 0.08, "vi": 0.085}
S_PER_LETTER = 0.065
"""Seconds a letter takes in read speech: 15 letters a second, which holds within a fifth for the languages that are
written in Latin, Greek or Cyrillic (about 5 to 7 syllables a second; Pellegrino, Coupé and Marsico, Across-language
perspective on speech information rate, Language 87, 2011). Scripts without most vowels, or with a letter for each
syllable, take longer for each."""
S_PER_IDEOGRAPH = 0.22
S_PER_HANGUL = 0.16
S_PER_KANA = 0.14
FASTEST, SLOWEST = 0.25, 3.0
"""A voice is believed from a quarter of that time (four times as fast) to three times of it."""
SPARE_S = 2.0
"""Added to the longest time: a short text may be said slowly, and with a breath."""
S_PER_SIGN = 2.0
"""Longest time of a digit, a sign, an emoji, or a letter of an abbreviation in capitals that may be spelled."""
FEWEST_LETTERS = 8
"""A shorter text has no shortest time."""

PAUSE_S = 0.7
"""A pause that is heard as one; where no comma or full stop is, a reader makes none."""
LONG_PAUSE_S = 1.5
"""A pause that is longer than any between two sentences."""
TAIL_S = 0.2
"""Shorter sounds after a pause are breath or a click."""
ENOUGH = 0.6
"""Part of the usual time of a text from which on all of it may have been said."""
PLACE_TOLERANCE, LONG_PLACE_TOLERANCE = 0.12, 0.08
"""How far a pause may lie from a boundary of the text, as parts of the whole: syllables are not equally long."""
TRAILING_S = 1.5
"""Soft sound after the last word; a room's echo is below 20 dB under the speech within 0.5 s."""
CUT_DB = -12.0
"""A take that ends near the level it had before was cut; between two pulses of a voice it may also be below."""
CUT_S = 0.3
"""A shorter take has no level before its end to compare with."""

LETTERS_PER_SIGN = 5.0
"""Letters that a digit or a sign is read as: ``1999`` as 18, ``7`` as 5, ``1234567`` as 60."""

_IDEOGRAPHS = 0x2E80
_KANA = range(0x3040, 0x3100)
_HANGUL = range(0xAC00, 0xD7A4)
_BOUNDARY = re.compile(r"[.,;:!?…()\[\]\"“”«»\n。，、；：！？।॥؟،؛۔–—]|\s-\s")
_SIGNS = re.compile(
    r"\d|[\U0001d400-\U0001d7ff]|[^\w\s.,;:!?…()\[\]\"“”«»„‘’'。，、；：！？।॥؟،؛۔–—-]|(?<=\w)[^\w\s’'](?=\w)|_"
)
"""Digits, letters of formulas, signs that are read, and punctuation inside a word (a point, a dot, a dash)."""
_SPELLED = re.compile(r"(?<!\w)[A-Z]{2,5}(?!\w)|(?<!\w)(?:[A-Za-z]\.){2,}")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a take."""

    what: str
    """A phrase: ``all silent``."""
    fatal: bool
    """True when such a take is never kept."""
    badness: float = 0.0
    """To compare takes that are not fatal: smaller is better."""


def guards_of(settings: Settings, engine: str) -> str:
    """``retry``, ``report`` or ``off``, as set for an engine."""
    named = settings.engines.named.get(engine)
    return named.guards if named is not None else RETRY


def tries(settings: Settings, engine: str) -> int:
    """How many attempts a flawed take of an engine must be the best of to be left as it is."""
    return settings.attempts if guards_of(settings, engine) == RETRY else 1


def examine(clip: Clip, text: str, speed: float = 1.0, language: str = "") -> Finding | None:
    """The worst thing that is wrong with ``clip`` as a reading of ``text``, or None.

    Args:
        clip: what the engine made.
        text: what it was given.
        speed: the rate that was asked of the engine, as a ratio.
        language: BCP 47, or empty.
    """
    if clip.num_samples == 0:
        return Finding("empty", fatal=True)
    peak = peak_of(clip)
    if not math.isfinite(peak):
        return Finding("not a number in its samples", fatal=True)
    if db_from_gain(peak) < SILENT_DBFS:
        return Finding("all silent", fatal=True)
    return max(_flaws(clip, peak, text, speed, language), key=lambda found: found.badness, default=None)


def peak_dbfs(clip: Clip) -> float:
    """Level of the largest sample, dBFS."""
    return db_from_gain(peak_of(clip))


def peak_of(clip: Clip) -> float:
    """The largest sample's magnitude; not a number, or infinite, where a sample is."""
    samples = clip.samples
    return max(abs(float(samples.max())), abs(float(samples.min()))) if samples.size else 0.0


def length_bounds_s(text: str, speed: float = 1.0) -> tuple[float, float]:
    """Shortest and longest length of any engine's reading of ``text`` in seconds; the longest is where it is stopped."""
    letters = sum(each.isalpha() and ord(each) < _IDEOGRAPHS for each in text)
    spoken = sum(not each.isspace() for each in text)
    longest = LONGEST_SPARE_S + LONGEST_S_PER_CHAR * letters + LONGEST_S_PER_SYMBOL * (spoken - letters)
    return SHORTEST_S_PER_CHAR * letters / max(speed, 1.0), longest / min(speed, 1.0)


def usual_s(text: str, language: str = "") -> float:
    """Seconds that the letters of a text usually take at speed 1; digits and signs count as nothing."""
    own = S_PER_CHAR.get(language.replace("_", "-").split("-")[0].lower(), S_PER_LETTER)
    return sum(_usual(ord(sign), own) for sign in text if sign.isalpha())


def pace_bounds_s(text: str, speed: float = 1.0, language: str = "") -> tuple[float, float]:
    """Fewest and most seconds of sound, pauses left out, of a believable reading of ``text``."""
    letters = sum(each.isalpha() for each in text)
    signs = sum(len(found[0]) for pattern in (_SIGNS, _SPELLED) for found in pattern.finditer(text))
    usual = usual_s(text, language)
    fewest = FASTEST * usual / max(speed, 1.0) if letters >= FEWEST_LETTERS else 0.0
    return fewest, (SPARE_S + SLOWEST * usual + S_PER_SIGN * signs) / min(speed, 1.0)


def _usual(point: int, own: float) -> float:
    if point < _IDEOGRAPHS:
        return own
    if point in _KANA:
        return S_PER_KANA
    return S_PER_HANGUL if point in _HANGUL else S_PER_IDEOGRAPH


def _flaws(clip: Clip, peak: float, text: str, speed: float, language: str) -> Iterator[Finding]:
    heard = sounding(clip)
    yield from _pace(heard, text, speed, language)
    yield from _tail(heard, text, speed, language)
    yield from _noise(heard)
    yield from _cut(heard, clip)
    if peak >= CLIPPED_AT:
        yield from _clipping(clip)


def _pace(heard: Sounding, text: str, speed: float, language: str) -> Iterator[Finding]:
    """Truncated, or going on long after the text: babble, a loop, a hum."""
    fewest, most = pace_bounds_s(text, speed, language)
    length = heard.active_s
    told = f"{length:.2g} s of sound for {len(text)} characters"
    if length < fewest:
        yield Finding(f"too short: {told}", fatal=False, badness=fewest / max(length, 0.001))
    if length > most:
        yield Finding(f"too long: {told}", fatal=False, badness=length / most)


def _tail(heard: Sounding, text: str, speed: float, language: str) -> Iterator[Finding]:
    """Sound after a pause that the text does not explain, when all of the text may have been said before it."""
    pauses = [each for each in heard.pauses if each[1] >= PAUSE_S / min(speed, 1.0) and each[2] >= TAIL_S]
    if not pauses:
        return
    signs = LETTERS_PER_SIGN * sum(map(_is_sign, text))
    enough = ENOUGH * (usual_s(text, language) + S_PER_LETTER * signs) / max(speed, 1.0)
    boundaries = _boundaries(text)
    unsure = 0.5 * signs / max(1.0, sum(map(_weight, text)))
    for before, pause, after in pauses:
        long = pause >= LONG_PAUSE_S / min(speed, 1.0)
        if before < enough:
            continue
        tolerance = LONG_PLACE_TOLERANCE if long else PLACE_TOLERANCE
        place = before / (before + after)
        if not any(abs(place - each) <= tolerance + unsure for each in boundaries):
            yield Finding(f"{after:.2g} s of sound after a pause of {pause:.2g} s", fatal=False, badness=1.0 + after)
            return


def _boundaries(text: str) -> list[float]:
    """Where a reader may pause, 0..1 of what is said of a text, in letters."""
    spoken = [0.0]
    for sign in text:
        spoken.append(spoken[-1] + _weight(sign))
    whole = max(1.0, spoken[-1])
    return [part for part in (spoken[found.start()] / whole for found in _BOUNDARY.finditer(text)) if 0.0 < part < 1.0]


def _weight(sign: str) -> float:
    """As how many letters a sign is read."""
    return LETTERS_PER_SIGN if _is_sign(sign) else float(sign.isalpha())


def _is_sign(sign: str) -> bool:
    """A digit, or a sign that is read as a word; how long it takes is not known from the text."""
    return sign.isdigit() or sign in "%&@#+=°" or unicodedata.category(sign) == "Sc"


def _noise(heard: Sounding) -> Iterator[Finding]:
    if heard.trailing_s > TRAILING_S:
        what = f"{heard.trailing_s:.2g} s of noise after its last word ({LOUD_DB:.0f} dB or more below it)"
        yield Finding(what, fatal=False, badness=1.0 + heard.trailing_s / TRAILING_S / 10)


def _cut(heard: Sounding, clip: Clip) -> Iterator[Finding]:
    if heard.end_db > CUT_DB and clip.duration_s > CUT_S:
        yield Finding("cut off: it ends at full level", fatal=False, badness=1.05)


def _clipping(clip: Clip) -> Iterator[Finding]:
    clipped = float(np.mean(np.abs(clip.samples) >= CLIPPED_AT))
    if clipped > CLIPPED_FRACTION:
        yield Finding(f"clipped: {clipped:.0%} of its samples are at full scale", fatal=False, badness=1.0 + clipped)
