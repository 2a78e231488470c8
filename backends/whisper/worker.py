"""The whisper engine: recognition in many languages with word times, and alignment of a known text.

Started by ``demod_voice.engines``; README.md says what it takes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from demod_worker.messages import (
    AlignRequest,
    AlignResult,
    HeardWord,
    LoadRequest,
    LoadResult,
    TranscribeRequest,
    TranscribeResult,
)
from demod_worker.worker import Adapter, BadRequest, Task, run
from matching import Timed, by_characters, by_matching
from model import Model, fault, open_model
from sound import RATE, read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW_S = 30.0
"""What the model hears at once."""
MOST_TOKENS = 440
"""Of a text that is aligned in one window: the model has room for 448."""
SHORTEST_S = 0.05
"""Of less sound nothing is heard."""
DECODING = {
    "temperature": [0.0],
    "condition_on_previous_text": False,
    "word_timestamps": True,
    "vad_filter": False,
}
"""Beam search without sampling, so the same clip gives the same words; each window by itself, so a loop in one does not go on
in the next. The core gives stretches of speech, so nothing is left out here."""


class Whisper(Adapter):
    """One model in memory."""

    name = "whisper"
    version = "1.2.1"
    operations = ("load", "unload", "transcribe", "align")

    def prepare(self) -> None:
        """Import nothing heavy: the worker is ready before CTranslate2 is there."""
        self._model: Model | None = None

    def load(self, request: LoadRequest) -> LoadResult:
        """Load the folder that ``request.model`` names."""
        self._model = None
        self._model = model = open_model(request)
        return LoadResult(model.name, model.revision, model.device, model.languages, notes=model.notes)

    def unload(self) -> None:
        """Let go of the model."""
        self._model = None

    def transcribe(self, request: TranscribeRequest, task: Task) -> TranscribeResult:
        """The words of a clip, in the language that was asked for, or that was heard."""
        model = self._opened()
        language = model.language(request.language)
        samples = read(request.audio)
        segments, heard = _segments(model, samples, language, task)
        words = _words(segments, len(samples) / RATE)
        confidences = [word.confidence for word in words if word.confidence is not None]
        return TranscribeResult(
            "".join(each.text for each in segments).strip(),
            tuple(words),
            heard,
            round(sum(confidences) / len(confidences), 4) if confidences else 0.0,
            _mean_log_prob(segments),
            round(min((float(each.no_speech_prob) for each in segments), default=1.0), 4),
            model.name,
            model.revision,
            ("language model: whisper takes none",) if request.language_model else (),
        )

    def align(self, request: AlignRequest, task: Task) -> AlignResult:
        """When each word of the text is heard: by the model's attention within 30 s, else by recognizing and matching."""
        model = self._opened()
        language = model.language(request.language)
        samples = read(request.audio)
        tokens = request.text.split()
        length_s = len(samples) / RATE
        degraded: tuple[str, ...] = ()
        words: list[HeardWord] | None = None
        if tokens and SHORTEST_S <= length_s <= WINDOW_S:
            words = _attended(model, samples, tokens, language, task)
        if words is None:
            segments, _ = _segments(model, samples, language, task) if tokens else ((), "")
            words = by_matching(tokens, _words(segments, length_s), length_s)
            missing = sum(not each.aligned for each in words)
            if missing:
                degraded = (f"alignment: {missing} of {len(words)} words were not heard",)
        return AlignResult(tuple(words), model.name, model.revision, degraded)

    def _opened(self) -> Model:
        if self._model is None:
            self._model = open_model(LoadRequest())
        return self._model


def _segments(model: Model, samples: NDArray[np.float32], language: str | None, task: Task) -> tuple[list[Any], str]:
    """What is heard, and the language."""
    if len(samples) < SHORTEST_S * RATE:
        return [], language or ""
    segments = []
    try:
        made, info = model.whisper.transcribe(samples, language=language, beam_size=model.beam, **DECODING)
        for each in made:
            segments.append(each)
            task.check()
            task.progress(min(1.0, each.end * RATE / len(samples)), "transcribe")
    except RuntimeError as error:
        raise fault(error, "a window of 30 s") from error
    return segments, str(info.language)


def _words(segments: Any, length_s: float) -> list[HeardWord]:
    """Words with rising times inside the clip."""
    words: list[HeardWord] = []
    for each in (word for segment in segments for word in segment.words or ()):
        if not each.word.strip():
            continue
        start = min(max(float(each.start), words[-1].start_s if words else 0.0), length_s)
        end = min(max(start, float(each.end)), length_s)
        confidence = min(1.0, max(0.0, float(each.probability)))
        words.append(HeardWord(each.word.strip(), round(start, 3), round(end, 3), round(confidence, 4)))
    return words


def _mean_log_prob(segments: list[Any]) -> float | None:
    """Mean over all tokens."""
    tokens = sum(len(each.tokens) for each in segments)
    if not tokens:
        return None
    mean = sum(float(each.avg_logprob) * len(each.tokens) for each in segments) / tokens
    return round(mean, 4) if math.isfinite(mean) else None


def _attended(
    model: Model, samples: NDArray[np.float32], tokens: list[str], language: str | None, task: Task
) -> list[HeardWord] | None:
    """Word times by where the model looks while it is given the text; None when the text is too long for it."""
    from faster_whisper.audio import pad_or_trim
    from faster_whisper.tokenizer import Tokenizer

    whisper = model.whisper
    features = whisper.feature_extractor(samples)
    try:
        code = language or whisper.detect_language(features=features)[0]
        task.check()
        tokenizer = Tokenizer(whisper.hf_tokenizer, whisper.model.is_multilingual, task="transcribe", language=code)
        numbers = tokenizer.encode(" " + " ".join(tokens))
        if len(numbers) > MOST_TOKENS:
            return None
        encoded = whisper.encode(pad_or_trim(features))
        found = whisper.find_alignment(tokenizer, [numbers], encoded, features.shape[-1] - 1)[0]
    except RuntimeError as error:
        raise fault(error, "the alignment") from error
    except IndexError as error:
        raise BadRequest(f"the text cannot be aligned with the sound: {error}") from error
    pieces = [
        Timed(each["word"], float(each["start"]), float(each["end"]), float(each["probability"])) for each in found
    ]
    return by_characters(tokens, pieces, len(samples) / RATE)


if __name__ == "__main__":
    run(Whisper)
