"""What an item asks for, checked: its language, its style, and how its voice is taken from recordings.

Pure: needs nothing of the engine's environment.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from demod_worker.messages import SpeakItem
from demod_worker.worker import BadRequest

LANGUAGES = ("ar", "cs", "de", "en", "es", "fr", "hi", "hu", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh")
SAME_LANGUAGE = {"cmn": "zh", "yue": ""}
"""Other primary tags -> the library's; empty: it has none (Cantonese is another language)."""
NUMBERS = {
    "temperature": (0.01, 5.0),
    "top_k": (1, 1024),
    "top_p": (0.01, 1.0),
    "repetition_penalty": (1.0, 100.0),
    "length_penalty": (-10.0, 10.0),
    "num_beams": (1, 8),
}
"""Style key -> least and greatest value. A whole number stands where both are whole."""
VOICE_NUMBERS = {"gpt_cond_len": (1, 60), "gpt_cond_chunk_len": (1, 60), "max_ref_len": (1, 60)}
"""The same, seconds, of how a voice is taken from recordings."""
SWITCHES = ("sound_norm_refs",)
SPEEDS = (0.25, 4.0)
"""A voice's speed times that of a stretch of a line may be beyond; then it is brought back, and told."""


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn."""

    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    length_penalty: float = 1.0
    num_beams: int = 1
    """More than 1: the whole text is searched at once, so no sound comes before its end."""


@dataclass(frozen=True)
class Taking:
    """How a voice is taken from recordings; seconds."""

    gpt_cond_len: int
    """Of the recordings together, for the transformer."""
    gpt_cond_chunk_len: int
    """Length of the pieces whose latents are averaged."""
    max_ref_len: int
    """Of each recording, for the decoder."""
    sound_norm_refs: bool = False
    """Bring each recording to a peak of 0.75 first."""


@dataclass(frozen=True)
class Wishes:
    """Everything of one item but its text and its voice."""

    language: str
    speed: float
    sampling: Sampling
    taking: Taking
    degraded: tuple[str, ...] = field(default=())
    """What is asked and not honoured."""


def wishes_of(item: SpeakItem, config: Any) -> Wishes:
    """The wishes of an item over a model's own defaults (``config``, an ``XttsConfig`` or anything with its fields).

    Raises:
        BadRequest: a language that the model does not have, or a value of the wrong type or out of bounds.
    """
    style = _style(item.style)
    if not math.isfinite(item.speed) or item.speed <= 0:
        raise BadRequest(f"speed must be a positive number, got {item.speed!r}")
    sampling = Sampling(**{name: style.get(name, getattr(config, name, 1)) for name in NUMBERS})
    taking = Taking(**{name: style.get(name, getattr(config, name)) for name in (*VOICE_NUMBERS, *SWITCHES)})
    if taking.gpt_cond_chunk_len > taking.gpt_cond_len:
        raise BadRequest(
            f"style.gpt_cond_chunk_len ({taking.gpt_cond_chunk_len} s) is longer than gpt_cond_len "
            f"({taking.gpt_cond_len} s)"
        )
    return Wishes(language_of(item.language), _kept(item.speed), sampling, taking, tuple(_degraded(item, sampling)))


def language_of(tag: str) -> str:
    """The library's language of a BCP 47 tag; English for an empty one.

    Raises:
        BadRequest: it has none; those that it has are named.
    """
    primary = tag.replace("_", "-").split("-")[0].lower()
    found = SAME_LANGUAGE.get(primary, primary) or tag
    if not primary:
        return "en"
    if found not in LANGUAGES:
        raise BadRequest(f"XTTS does not speak {tag!r}", f"it speaks {', '.join(LANGUAGES)}")
    return found


def _kept(speed: float) -> float:
    return min(max(speed, SPEEDS[0]), SPEEDS[1])


def _style(style: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in style.items():
        if key in SWITCHES:
            if not isinstance(value, bool):
                raise BadRequest(f"style.{key} must be true or false, got {value!r}")
            found[key] = value
        elif key in NUMBERS or key in VOICE_NUMBERS:
            found[key] = _number(key, value)
    return found


def _number(key: str, value: Any) -> float:
    least, most = {**NUMBERS, **VOICE_NUMBERS}[key]
    whole = isinstance(least, int)
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        what = "a whole number" if whole else "a number"
        raise BadRequest(f"style.{key} must be {what} from {least:g} to {most:g}, got {value!r}")
    return value if whole else float(value)


def _degraded(item: SpeakItem, sampling: Sampling) -> Iterator[str]:
    kept = _kept(item.speed)
    if kept != item.speed:
        yield f"speed: {kept:g} in place of {item.speed:g}"
    for what in ("pitch", "volume_db"):
        if getattr(item, what) != (1.0 if what == "pitch" else 0.0):
            yield what
    known = {*NUMBERS, *VOICE_NUMBERS, *SWITCHES}
    yield from (f"style.{key}" for key in sorted(item.style) if key not in known)
    if sampling.num_beams == 1 and "length_penalty" in item.style:
        yield "style.length_penalty: it is for num_beams of 2 or more"
    yield from (what for what in ("phonemes", "target_duration_s", "context") if getattr(item, what))
