"""The pocketsphinx engine: offline English recognition and forced alignment, with the model that comes along.

Started by ``demod_voice.engines``; README.md says what it takes.
"""

from __future__ import annotations

import array
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

from demod_worker.messages import (
    AlignRequest,
    AlignResult,
    HeardWord,
    LoadRequest,
    LoadResult,
    TranscribeRequest,
    TranscribeResult,
)
from demod_worker.worker import Adapter, BadRequest, EngineFault, Task, run
from dictionary_words import Token, phones, plain, token
from sound import RATE, dithered, pieces, read

MODEL = "cmusphinx-en-us"
FRAME_S = 0.01
LONGEST_ALIGNED_S = 120.0
"""An alignment is one call that cannot be left, and its memory grows with length times words."""
VARIANT = re.compile(r"\(\d+\)$")
"""The mark of a second pronunciation: ``the(2)``."""
FILLERS = ("<", "[", "+")
ENTRY = "~"
"""Divides a word from its phones in the name of an entry that a request brings along: no later request finds it by
accident."""


class PocketSphinx(Adapter):
    """Decoders are made when they are first needed; each request begins with the same state."""

    name = "pocketsphinx"
    version = "5.1.1"
    operations = ("load", "unload", "transcribe", "align")

    def prepare(self) -> None:
        """Import nothing heavy."""
        self.unload()

    def load(self, request: LoadRequest) -> LoadResult:
        """Load the aligner; the large language model waits for the first ``transcribe`` that needs it."""
        if request.model:
            raise BadRequest("pocketsphinx has no other models to load", "leave out the model")
        self._dictionary()
        return LoadResult(MODEL, _revision(), "cpu", languages=("en",))

    def unload(self) -> None:
        """Let go of the models."""
        self._aligner: Any = None
        self._general: Any = None
        self._special: _Special | None = None

    def transcribe(self, request: TranscribeRequest, task: Task) -> TranscribeResult:
        """The words of a clip, by the large language model or by the one that the request names."""
        _refuse_foreign(request.language)
        samples = read(request.audio)
        decoder, unknown = self._recognizer(request)
        words: list[HeardWord] = []
        for begin, end in pieces(samples):
            task.check()
            words += _heard(decoder, samples[begin:end], begin / RATE)
            task.progress(end / max(1, len(samples)), "transcribe")
        confidence = _mean([word.confidence or 0.0 for word in words]) if words else 0.0
        degraded = _not_known(unknown)
        text = " ".join(word.text for word in words)
        return TranscribeResult(
            text,
            tuple(words),
            "en",
            confidence,
            model=MODEL,
            model_revision=_revision(),
            degraded=degraded,
            unknown=unknown,
        )

    def align(self, request: AlignRequest, task: Task) -> AlignResult:
        """When each word of the text is heard; a word without a pronunciation lies between its neighbours."""
        _refuse_foreign(request.language)
        samples = read(request.audio)
        length_s = len(samples) / RATE
        if length_s > LONGEST_ALIGNED_S:
            raise BadRequest(
                f"{request.audio} is {length_s:.0f} s long, more than {LONGEST_ALIGNED_S:g} s can be aligned"
            )
        decoder = self._dictionary()
        tokens = [self._token(decoder, text, phones(request.pronunciations)) for text in request.text.split()]
        entries = [entry for each in tokens for entry in each.entries]
        times = _aligned(decoder, entries, samples)
        degraded = () if times or not entries else ("alignment: the text does not fit the sound",)
        words = _timed(tokens, times, length_s)
        unknown = tuple(dict.fromkeys(part for each in tokens for part in each.unknown))
        return AlignResult(words, MODEL, _revision(), (*degraded, *_not_known(unknown)), unknown)

    def _dictionary(self) -> Any:
        if self._aligner is None:
            self._aligner = _decoder(lm=None)
        return self._aligner

    def _token(self, decoder: Any, text: str, said: Mapping[str, str]) -> Token:
        """The dictionary's words for one written word; what it lacks is entered when the request says how it sounds."""

        def knows(word: str) -> object:
            return word in said or decoder.lookup_word(word)

        found = token(text, knows)
        return Token(text, tuple(_entered(decoder, entry, said) for entry in found.entries), found.unknown)

    def _recognizer(self, request: TranscribeRequest) -> tuple[Any, tuple[str, ...]]:
        """The decoder for a request, and the words of its language model that have no pronunciation."""
        if request.language_model is None:
            if self._general is None:
                self._general = _decoder()
            return self._general, ()
        path = Path(request.language_model)
        said = phones(request.pronunciations)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(f"{path} cannot be read: {error}") from error
        key = (text, tuple(sorted(said.items())))
        if self._special is None or self._special.key != key:
            self._special = None
            self._special = _special(self._dictionary(), key, path, said)
        return self._special.decoder, self._special.unknown


class _Special(NamedTuple):
    """A decoder with a language model of its own."""

    key: tuple[object, ...]
    decoder: Any
    unknown: tuple[str, ...]
    """Words of the model without a pronunciation."""


def _decoder(**options: Any) -> Any:
    from pocketsphinx import Decoder

    return Decoder(samprate=RATE, loglevel="FATAL", **options)


def _special(dictionary: Any, key: tuple[object, ...], model: Path, said: Mapping[str, str]) -> _Special:
    """A decoder for a language model, with a dictionary of its words alone.

    With the whole dictionary it would take seconds to make: PocketSphinx enters each of its words into a table that is as
    large as the model's vocabulary.

    Raises:
        BadRequest: the model cannot be read.
    """
    rows, unknown = [], []
    for word in _vocabulary(str(key[0])):
        sounds = list(_sounds(dictionary, word)) or ([said[word]] if word in said else [])
        rows += [
            f"{word}({number}) {sound}" if number > 1 else f"{word} {sound}" for number, sound in enumerate(sounds, 1)
        ]
        unknown += [] if sounds else [word]
    if not rows:
        raise BadRequest(f"{model} is no language model in ARPA form, or has no word that is known")
    with NamedTemporaryFile("w", encoding="utf-8", suffix=".dict") as file:
        file.write("\n".join(rows) + "\n")
        file.flush()
        try:
            decoder = _decoder(dict=file.name, lm=str(model))
        except (RuntimeError, ValueError) as error:
            raise BadRequest(f"{model} is no language model in ARPA form: {error}") from error
    return _Special(key, decoder, tuple(unknown))


def _sounds(dictionary: Any, word: str) -> Iterator[str]:
    """Every pronunciation that the dictionary has for a word."""
    number, name = 1, word
    while sound := dictionary.lookup_word(name):
        yield sound
        number += 1
        name = f"{word}({number})"


def _vocabulary(text: str) -> Iterator[str]:
    """The words of an ARPA file."""
    rows = text.partition("\\1-grams:\n")[2].partition("\n\\")[0].splitlines()
    words = (row.split()[1] for row in rows if len(row.split()) > 1)
    return (word for word in words if not word.startswith(FILLERS))


def _entered(decoder: Any, word: str, said: Mapping[str, str]) -> str:
    """The dictionary's name of a word; one that the request brings along is entered under a name of its own."""
    if word not in said:
        return word
    name = f"{word}{ENTRY}{said[word].replace(' ', '-')}"
    if not decoder.lookup_word(name):
        decoder.add_word(name, said[word], False)
    return name


def _heard(decoder: Any, samples: array.array[int], start_s: float) -> list[HeardWord]:
    """What is said in one piece."""
    segments = _segments(decoder, samples)
    return [
        HeardWord(
            VARIANT.sub("", each.word),
            round(start_s + each.start_frame * FRAME_S, 3),
            round(start_s + (each.end_frame + 1) * FRAME_S, 3),
            round(min(1.0, max(0.0, float(each.prob))), 4),
        )
        for each in segments
    ]


def _segments(decoder: Any, samples: array.array[int]) -> list[Any]:
    """The words that the decoder finds, without its fillers. Nothing of an earlier request is left in its front end."""
    decoder.reinit_feat()
    decoder.start_utt()
    try:
        decoder.process_raw(dithered(samples).tobytes(), full_utt=True)
    finally:
        decoder.end_utt()
    return [each for each in decoder.seg() if not each.word.startswith(FILLERS)] if decoder.hyp() else []


def _aligned(decoder: Any, entries: list[str], samples: array.array[int]) -> list[tuple[float, float]]:
    """(start, end) of each entry in seconds; nothing when they do not fit the sound."""
    if not entries or not samples:
        return []
    try:
        decoder.set_align_text(" ".join(entries))
        found = _segments(decoder, samples)
    except RuntimeError:
        return []
    if [VARIANT.sub("", each.word) for each in found] != [VARIANT.sub("", entry) for entry in entries]:
        return []
    return [(each.start_frame * FRAME_S, (each.end_frame + 1) * FRAME_S) for each in found]


def _timed(tokens: list[Token], times: list[tuple[float, float]], length_s: float) -> tuple[HeardWord, ...]:
    """Each token with its time; those without share the time between their neighbours by their length."""
    spans: list[tuple[float, float] | None] = []
    at = 0
    for each in tokens:
        mine = times[at : at + len(each.entries)]
        at += len(each.entries)
        spans.append((mine[0][0], min(mine[-1][1], length_s)) if mine else None)
    words: list[HeardWord] = []
    number = 0
    while number < len(tokens):
        span = spans[number]
        if span is not None:
            words.append(HeardWord(tokens[number].text, round(span[0], 3), round(span[1], 3)))
            number += 1
            continue
        end = next((n for n in range(number, len(tokens)) if spans[n] is not None), len(tokens))
        after = spans[end] if end < len(tokens) else None
        words += _between(tokens[number:end], words[-1].end_s if words else 0.0, after[0] if after else length_s)
        number = end
    return tuple(words)


def _between(tokens: list[Token], begin_s: float, end_s: float) -> Iterator[HeardWord]:
    whole = sum(len(each.text) for each in tokens)
    length_s, done = max(0.0, end_s - begin_s), 0
    for each in tokens:
        start, done = begin_s + length_s * done / whole, done + len(each.text)
        yield HeardWord(each.text, round(start, 3), round(begin_s + length_s * done / whole, 3), aligned=False)


def _refuse_foreign(language: str) -> None:
    if language and plain(language).replace("_", "-").split("-")[0] != "en":
        raise BadRequest(f"pocketsphinx knows English only, not {language!r}", "use engine whisper")


def _not_known(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        return ()
    shown = ", ".join(words[:10]) + (f" and {len(words) - 10} more" if len(words) > 10 else "")
    return (f"words that are not in the dictionary: {shown}",)


def _mean(numbers: list[float]) -> float:
    return round(sum(numbers) / len(numbers), 4)


def _revision() -> str:
    """The package's version: the model comes with it."""
    from importlib import metadata

    try:
        return metadata.version("pocketsphinx")
    except metadata.PackageNotFoundError as error:
        raise EngineFault(
            "the package pocketsphinx is not there", "run: demod-voice engines install pocketsphinx"
        ) from error


if __name__ == "__main__":
    run(PocketSphinx)
