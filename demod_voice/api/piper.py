"""Speak with a Piper voice straight from its model file: what ``piper infer`` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from demod_worker.messages import Word

from demod_voice.audio.clip import Samples
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.engines.options import with_option
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import UsageError
from demod_voice.media.wav import WavWriter
from demod_voice.records.atomic import abandoned, check_name, output_error, replacing
from demod_voice.records.hashing import seed_from
from demod_voice.records.progress import SILENT, Progress
from demod_voice.text.clean import speakable
from demod_voice.text.sentences import chunk
from demod_voice.voices.resolve import ResolvedVoice, resolve

__all__ = ["PiperFile", "PiperOptions", "infer_piper"]

ENGINE = "piper"
SUFFIX = ".wav"


@dataclass(frozen=True, slots=True)
class PiperOptions:
    """How a voice speaks; None = the voice's own value."""

    speaker: str = ""
    """Name or number; "0" is a speaker; empty = the voice's default."""
    length_scale: float | None = None
    """Greater is slower."""
    noise_scale: float | None = None
    """Variation of the sound."""
    noise_w: float | None = None
    """Variation of the phonemes' lengths."""
    sentence_silence_s: float = 0.0
    """Silence between sentences, seconds."""
    volume_db: float = 0.0
    runtime: str = ""
    """What runs the graph (``onnxruntime``, ``tinygrad``); empty = as the engine's options say."""

    def style(self) -> dict[str, Any]:
        """The engine's style keys that were given."""
        found = {
            "length_scale": self.length_scale,
            "noise_scale": self.noise_scale,
            "noise_w": self.noise_w,
            "sentence_silence": self.sentence_silence_s or None,
        }
        return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class PiperFile:
    """A text that was spoken into a WAV."""

    path: Path
    duration_s: float
    sample_rate: int
    model: str
    model_revision: str
    words: tuple[Word, ...]
    """Word times, where the voice gives them."""
    degraded: tuple[str, ...]
    """What was asked for and not given."""


@dataclass(slots=True)
class _Told:
    """What the pieces of a text say together."""

    num_samples: int = 0
    words: list[Word] = field(default_factory=list)
    degraded: dict[str, None] = field(default_factory=dict)


def infer_piper(
    text: str,
    model: str,
    output: str | Path,
    options: PiperOptions | None = None,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> PiperFile:
    """Speak ``text`` into a WAV (16-bit) at the voice's own rate.

    Args:
        text: what to say; ``[[ phonemes ]]`` are spoken as they stand.
        model: path of a ``.onnx`` with its ``.onnx.json`` beside it, or a voice's name in the voices folder.
        output: a ``.wav``.
        options: speaker, scales, silence.
        settings: seed, device, threads.
        progress: told about every piece of a long text.

    Raises:
        UsageError: text, model or output is wrong; nothing was written.
        EngineError: the engine is not installed, or failed.
        OutputError: the file cannot be written.
    """
    target = Path(output)
    asked = options or PiperOptions()
    check_inside([target], settings.paths.allowed_roots)
    if asked.runtime:
        settings = with_option(settings, ENGINE, "runtime", asked.runtime)
    _check(text, target)
    voice = resolve(settings, engine=ENGINE, model=model, speaker=asked.speaker, style=asked.style())
    requests = list(_requests(text, voice, asked, settings))
    told = _Told()
    progress.start("speak", len(requests), "pieces")
    with Pool(settings, progress=progress) as pool:
        first = pool.speak(ENGINE, requests[0])
        rest = (pool.speak(ENGINE, request) for request in requests[1:])
        gap = round(asked.sentence_silence_s * first.clip.sample_rate)
        with replacing(target) as unfinished, WavWriter(unfinished, first.clip.sample_rate, 1) as writer:
            for samples in _pieces(first, rest, gap, told, progress):
                writer.write(samples)
    progress.finish("speak")
    rate = first.clip.sample_rate
    length = told.num_samples / rate
    return PiperFile(target, length, rate, first.model, first.model_revision, tuple(told.words), tuple(told.degraded))


def _check(text: str, target: Path) -> None:
    if target.suffix.lower() != SUFFIX:
        raise UsageError(
            f"{target}: piper infer writes WAV only", "for other formats use: demod-voice speak --model M -o F"
        )
    if not target.parent.is_dir():
        raise output_error(target, FileNotFoundError(2, "no such folder"))
    check_name(target)
    for left in abandoned(target.parent, target.name):
        left.unlink(missing_ok=True)
    if not speakable(text):
        raise UsageError("there is nothing to speak: no letter or digit in the text", "give --text, or - for stdin")


def _requests(text: str, voice: ResolvedVoice, asked: PiperOptions, settings: Settings) -> Iterator[SpeechRequest]:
    """One request, or several for a text that is longer than the engine takes; each has a seed of its own."""
    pieces = [text] if len(text) <= voice.engine.max_chars else chunk(text, settings.language, voice.engine.max_chars)
    for number, piece in enumerate(pieces):
        yield SpeechRequest(
            text=piece,
            voice=voice.voice,
            seed=settings.seed if number == 0 else seed_from(settings.seed, number),
            speed=voice.speed,
            volume_db=voice.volume_db + asked.volume_db,
            style=dict(voice.style),
        )


def _pieces(first: Speech, rest: Iterable[Speech], gap: int, told: _Told, progress: Progress) -> Iterator[Samples]:
    """The sound piece by piece with ``gap`` samples between, while ``told`` gathers the words."""
    rate = first.clip.sample_rate
    for speech in chain([first], rest):
        if told.num_samples and gap:
            told.num_samples += gap
            yield np.zeros((1, gap), dtype=np.float32)
        start_s = told.num_samples / rate
        told.words += [Word(word.text, start_s + word.start_s, start_s + word.end_s) for word in speech.words]
        told.degraded.update(dict.fromkeys(speech.degraded))
        if float(np.abs(speech.clip.samples).max(initial=0.0)) > 1.0:
            told.degraded["volume: limited to full scale"] = None
        told.num_samples += speech.clip.num_samples
        progress.advance("speak")
        yield speech.clip.samples
