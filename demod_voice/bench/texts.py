"""What ``demod-voice bench`` has spoken: fixed sentences, or somebody's own, prepared as every line is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from demod_voice.config.settings import Settings
from demod_voice.engines.types import SpeechRequest
from demod_voice.speech.job import LineJob
from demod_voice.speech.line import Line, requests
from demod_voice.speech.pieces import pieces_of
from demod_voice.voices.resolve import ResolvedVoice

LANGUAGE = "en"
LINES: tuple[str, ...] = (
    "The old bridge was closed for repairs, so the whole village took the long way around the lake.",
    "She wrote down every word that he said, and read it back to him in the evening.",
    "Nobody knew where the music came from, but all of them had stopped to listen.",
    "If the weather holds, we shall leave before sunrise and reach the coast by noon.",
    "A narrow path led up the hill, past the orchard, to a house with green shutters.",
    "He had never seen so many books in one room, and he wanted to read all of them.",
)
"""About five seconds each."""
ROWS: tuple[str, ...] = (
    "Please hold the line.",
    "Your order has been sent.",
    "The doors are closing.",
    "Turn left at the corner.",
    "The battery is almost empty.",
    "Welcome back.",
    "Nothing was found.",
    "Try again in a moment.",
    "The meeting begins at nine.",
    "You have a new message.",
    "This lane is closed today.",
    "Thank you for waiting.",
    "The next train is late.",
    "Say your name, please.",
    "Your turn is next.",
    "The oven is hot now.",
    "Good morning to everyone.",
    "The shop opens at ten.",
    "All seats are taken.",
    "Rain is likely tonight.",
    "The file has been saved.",
    "Mind the step.",
    "We will call you back.",
    "That was the last one.",
)
"""One to two seconds each, as the rows of a batch are."""
QUICK_LINES, QUICK_ROWS = 2, 8
"""So many of them in a quick run."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What is spoken: requests, as the engine gets them."""

    lines: tuple[SpeechRequest, ...]
    """Of ordinary length, one after the other."""
    rows: tuple[tuple[SpeechRequest, ...], ...]
    """Short lines, as of a batch; one whose text is longer than the engine takes is several requests."""


def measured_texts(
    voice: ResolvedVoice, lines: Sequence[str], rows: Sequence[str], language: str, settings: Settings
) -> Texts:
    """Texts as the voice's engine gets them; one in which nothing can be said is left out.

    Args:
        voice: who speaks.
        lines: of ordinary length.
        rows: short ones.
        language: BCP 47, of a voice that has none of its own.
        settings: the seed.
    """
    spoken = voice.language or language
    asked = [_requests(f"line-{number}", text, voice, spoken, settings) for number, text in enumerate(lines)]
    short = [_requests(f"row-{number}", text, voice, spoken, settings) for number, text in enumerate(rows)]
    return Texts(tuple(each for some in asked for each in some), tuple(some for some in short if some))


def sentences(texts: Iterable[str]) -> tuple[SpeechRequest, ...]:
    """English sentences for the recording that engines hear."""
    return tuple(SpeechRequest(text, LANGUAGE) for text in texts)


def _requests(
    name: str, text: str, voice: ResolvedVoice, language: str, settings: Settings
) -> tuple[SpeechRequest, ...]:
    job = LineJob(name, text, voice, language, settings.seed)
    return tuple(requests(Line(job, pieces_of(job), {}), 0))
