"""What an item asks for, as a conversation: its anchors, the turns before it, and the words to say. Pure Python.

A CSM model goes on with a conversation. Everybody in it has a number; the voice that speaks has 0, or the number that its
adapter was trained with. A turn is somebody's words and how they sounded: the anchors of a voice are turns of its own.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_worker.failures import BadRequest
from demod_worker.messages import SpeakItem

OWN = "0"
TEMPERATURE = 0.7
"""Of the first codebook and of the others."""
TOP_K = 50
STYLES = {
    "temperature": (0.0, 2.0),
    "depth_decoder_temperature": (0.0, 2.0),
    "top_k": (1.0, 2048.0),
    "max_length": (0.1, 600.0),
}
"""Style key -> least and greatest value; ``max_length`` in seconds."""
MOST_CHARS = 400
"""A longer text is spoken sentence by sentence, each with the same anchors and turns."""
SECONDS_PER_CHAR, SPARE_S = 0.25, 4.0
"""Longest reading of a text when nobody says how long it may be: four times a slow reader, and a breath."""
_SENTENCE = re.compile(r"[^.!?]+[.!?]+[\"'”’)\]]*\s*|[^.!?]+$|[.!?]+\s*")
_MARK = re.compile(r"<\|")
SAME_LANGUAGE = ("", "en")


@dataclass(frozen=True)
class Turn:
    """What somebody said before, and how it sounded."""

    role: str
    """Number of the speaker, as text."""
    text: str
    audio: str
    """Absolute path of a WAV."""


@dataclass(frozen=True)
class Sampling:
    """How the codes of a frame are drawn."""

    temperature: float = TEMPERATURE
    """0: the likeliest code, always."""
    depth_temperature: float = TEMPERATURE
    top_k: int = TOP_K
    max_length_s: float | None = None


@dataclass(frozen=True)
class Asked:
    """An item, checked."""

    item: SpeakItem
    role: str
    anchors: tuple[Turn, ...]
    turns: tuple[Turn, ...]
    """Earlier turns of the conversation, the oldest first."""
    pieces: tuple[str, ...]
    sampling: Sampling

    @property
    def longest_s(self) -> float:
        """Seconds after which the sound is cut."""
        given = [each for each in (self.item.max_s, self.sampling.max_length_s) if each is not None]
        return min(given, default=SPARE_S + SECONDS_PER_CHAR * len(self.item.text))

    def seed(self, piece: int) -> int:
        """Seed of a piece: the item's, and for those after the first one a function of it."""
        if piece == 0:
            return self.item.seed
        return int(hashlib.sha256(f"{self.item.seed} {piece}".encode()).hexdigest()[:8], 16) & 0x7FFFFFFF


def read_item(item: SpeakItem) -> Asked:
    """What an item asks for.

    Raises:
        BadRequest: a voice or a style that CSM cannot have, or a clip that is not there.
    """
    voice = item.voice
    if voice.preset is not None:
        raise BadRequest(f"csm has no voices of its own, such as {voice.preset!r}", "save one: demod-voice voices add")
    role = voice.speaker or OWN
    if not (role.isascii() and role.isdigit()):
        raise BadRequest(f"speakers of csm are numbers, not {role!r}", "leave it out, or give the one of the training")
    text = plain(item.phonemes if item.phonemes is not None else item.text)
    return Asked(item, role, _anchors(item, role), _turns(item, role), pieces_of(text), read_style(item.style))


def plain(text: str) -> str:
    """Text that holds none of the tokenizer's own marks (``<|AUDIO|>``) and is valid Unicode."""
    return _MARK.sub("< |", text).encode("utf-8", "replace").decode()


def pieces_of(text: str, most: int = MOST_CHARS) -> tuple[str, ...]:
    """A text in pieces of at most ``most`` characters, cut at ends of sentences, then at spaces; at least one."""
    found = [""]
    for sentence in _SENTENCE.findall(text) if len(text) > most else [text]:
        for part in _cut(sentence, most):
            if len(found[-1]) + len(part) <= most:
                found[-1] += part
            else:
                found.append(part)
    return tuple(each.strip() for each in found if each.strip()) or ("",)


def read_style(style: dict[str, Any]) -> Sampling:
    """The style keys that are known here.

    Raises:
        BadRequest: a value of the wrong type or out of bounds.
    """
    found: dict[str, float] = {}
    for key, value in style.items():
        if key not in STYLES:
            continue
        least, most = STYLES[key]
        number = not isinstance(value, bool) and isinstance(value, (int, float))
        if not number or not least <= value <= most or (key == "top_k" and value != int(value)):
            raise BadRequest(f"style.{key} must be a number from {least:g} to {most:g}, got {value!r}")
        found[key] = float(value)
    temperature = found.get("temperature", TEMPERATURE)
    return Sampling(
        temperature,
        found.get("depth_decoder_temperature", temperature),
        int(found.get("top_k", TOP_K)),
        found.get("max_length"),
    )


def degraded(asked: Asked, forgotten: int, cut: bool) -> tuple[str, ...]:
    """What the take lacks.

    Args:
        asked: the item.
        forgotten: turns that the model has no room for.
        cut: the sound was ended before the model ended it.
    """
    item = asked.item
    found = []
    if item.language.replace("_", "-").split("-")[0].lower() not in SAME_LANGUAGE:
        found.append("language: CSM speaks English")
    found += [name for name in ("speed", "pitch") if getattr(item, name) != 1.0]
    found += ["volume"] if item.volume_db else []
    found += ["phonemes"] if item.phonemes is not None else []
    found += ["target_duration_s"] if item.target_duration_s is not None else []
    found += [f"style.{key}" for key in sorted(item.style) if key not in STYLES]
    if not (asked.anchors or asked.turns or item.voice.adapter):
        found.append("voice: without an anchor or an adapter each line sounds like somebody else")
    if forgotten:
        found.append(f"context: the oldest {forgotten} turns do not fit")
    if cut and asked.longest_s == asked.sampling.max_length_s:
        found.append(f"max_length: the text was cut at {asked.longest_s:g} s, the length that was asked for")
    elif cut:
        found.append("max_s: the text was cut short")
    return tuple(found)


def most_frames(seconds: float, frame_rate: float) -> int:
    """Frames of so many seconds, at least one."""
    return max(1, math.floor(seconds * frame_rate))


def _anchors(item: SpeakItem, role: str) -> tuple[Turn, ...]:
    voice = item.voice
    if not voice.references:
        return ()
    if len(voice.reference_texts) != len(voice.references) or not all(each.strip() for each in voice.reference_texts):
        raise BadRequest(
            "csm needs the words of each reference clip",
            "add the voice with a --text for each --reference, or give each --anchor its --anchor-text",
        )
    pairs = zip(voice.reference_texts, voice.references, strict=True)
    return tuple(Turn(role, plain(text), _there(path)) for text, path in pairs)


def _turns(item: SpeakItem, role: str) -> tuple[Turn, ...]:
    """Earlier turns: whoever is nobody by name is the voice itself, the others get the free numbers as they come."""
    numbers = {"": role}
    free = (str(number) for number in range(len(item.context) + 2) if str(number) != role)
    for turn in item.context:
        if turn.speaker not in numbers:
            numbers[turn.speaker] = next(free)
    return tuple(Turn(numbers[turn.speaker], plain(turn.text), _there(turn.audio)) for turn in item.context)


def _there(path: str) -> str:
    if not Path(path).is_file():
        raise BadRequest(f"the clip {path} does not exist", "put it back, or add the voice again")
    return path


def _cut(sentence: str, most: int) -> list[str]:
    """A sentence in parts of at most ``most`` characters, at spaces where there are any."""
    found = []
    while len(sentence) > most:
        at = sentence.rfind(" ", 1, most)
        at = most if at <= 0 else at + 1
        found.append(sentence[:at])
        sentence = sentence[at:]
    return [*found, sentence]
