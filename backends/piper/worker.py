"""The Piper engine: neural voices from ``.onnx`` files, spoken sentence by sentence.

Started by ``demod_voice.engines``; README.md says what it takes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from demod_worker.messages import (
    LoadRequest,
    LoadResult,
    PhonemizeRequest,
    PhonemizeResult,
    SpeakItem,
    SpeakResult,
    Word,
)
from demod_worker.worker import Adapter, AudioOut, BadRequest, Cancelled, EngineFault, Task, run
from phoneme_words import Heard, heard_words, word_times
from voice_files import OpenVoice, open_voice

STYLES = {
    "length_scale": (0.05, 20.0),
    "noise_scale": (0.0, 10.0),
    "noise_w": (0.0, 10.0),
    "noise_w_scale": (0.0, 10.0),
    "sentence_silence": (0.0, 60.0),
}
"""Style key -> least and greatest value. ``noise_w_scale`` is Piper's newer name of ``noise_w``."""
SWITCHES = ("normalize_audio",)
NOT_SPOKEN = {code: " " for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r"}
"""Control characters: the phonemizer refuses NUL, and 0x01 begins one of its embedded commands."""
SAME_LANGUAGE = {"zh": "cmn", "no": "nb", "iw": "he"}
MOST_WORD_BYTES = 900_000
WORD_BYTES = 48


@dataclass(frozen=True)
class _Spoken:
    """What an item gave besides its sound."""

    heard: list[Heard]
    limited: int
    """Samples that Piper cut off at full scale."""
    cut: bool
    """The sound was ended at ``max_s``."""


class Piper(Adapter):
    """Speaks with one voice at a time, kept in memory."""

    name = "piper"
    version = "1.8.0"
    operations = ("load", "unload", "speak", "speak_many", "phonemize")

    def prepare(self) -> None:
        """Go to Piper's folder: its espeak-ng cannot take a data path of more than about 160 characters."""
        found = find_spec("piper")
        if found is not None and found.origin is not None:
            os.chdir(Path(found.origin).parent)
        self._open: OpenVoice | None = None
        self._request = LoadRequest()

    def load(self, request: LoadRequest) -> LoadResult:
        """Load the voice of ``request.model``; without one, only remember device and threads."""
        self._request = request
        if request.model is None:
            self._open = None
            return LoadResult("", "", request.device)
        voice = self._voice(request.model, again=True)
        return LoadResult(voice.name, voice.revision, voice.device, (voice.language,), voice.speakers, voice.notes)

    def unload(self) -> None:
        """Let go of the voice."""
        self._open = None

    def speak(self, item: SpeakItem, out: AudioOut, task: Task) -> SpeakResult:
        """Speak one utterance, a piece of sound for each sentence."""
        voice = self._voice(item.voice.model)
        _refuse_foreign(item)
        text = _text(item)
        asked = _config(item, voice)
        rate = voice.voice.config.sample_rate
        voice.session.begin(item.seed, lambda: _give_sign(task))
        out.start(rate, "pcm_f32le")
        spoken = _perform(voice, text, asked, item, out, task)
        words = word_times(text, spoken.heard, voice.voice.phonemize, rate)
        if spoken.cut:
            words = _within(words, out.num_frames / rate)
        degraded = _degraded(item, voice, spoken)
        if sum(len(word.text.encode()) + WORD_BYTES for word in words) > MOST_WORD_BYTES:
            words = ()
            degraded.append("word times: the text is too long for them")
        return SpeakResult(item.item, words, voice.name, voice.revision, rate, tuple(degraded))

    def phonemize(self, request: PhonemizeRequest, task: Task) -> PhonemizeResult:
        """What the voice's phonemizer makes of a text, sentence by sentence; without a voice, that of the language."""
        text = request.text.translate(NOT_SPOKEN)
        if request.voice.model is None and request.language:
            return PhonemizeResult(_phonemes_of(request.language.lower(), text))
        voice = self._voice(request.voice.model)
        sentences = ["".join(each).strip() for each in voice.voice.phonemize(text)]
        return PhonemizeResult(tuple(each for each in sentences if each))

    def _voice(self, model: str | None, again: bool = False) -> OpenVoice:
        path = model or (str(self._open.path) if self._open else None)
        if path is None:
            raise BadRequest("piper needs a voice", "name the .onnx file of a voice: --model VOICE.onnx")
        if self._open is None or again or str(self._open.path) != path:
            self._open = None
            self._open = open_voice(replace(self._request, model=path))
        return self._open


def _phonemes_of(language: str, text: str) -> tuple[str, ...]:
    """As training sees a text: sentences with their marks, as espeak's voice of that name reads them."""
    from piper.phonemize_espeak import EspeakPhonemizer

    try:
        sentences = EspeakPhonemizer("espeak-ng-data").phonemize(language, text)
    except RuntimeError as error:
        raise BadRequest(f"{language}: {error}", "name a voice of espeak-ng: en-us, de, fr, pt-br ...") from error
    return tuple("".join(each) for each in sentences if each)


def _refuse_foreign(item: SpeakItem) -> None:
    for what in ("preset", "references", "adapter"):
        if getattr(item.voice, what):
            raise BadRequest(f"a Piper voice has no {what}", "name its .onnx file as the model, and a speaker")


def _text(item: SpeakItem) -> str:
    """The text as Piper's phonemizer takes it; an item's phonemes stand in a ``[[ ]]`` block."""
    if item.phonemes is None:
        return item.text.translate(NOT_SPOKEN).encode("utf-8", "replace").decode()
    if "]]" in item.phonemes or "[[" in item.phonemes:
        raise BadRequest("phonemes must not hold [[ or ]]")
    return f"[[ {item.phonemes} ]]"


def _config(item: SpeakItem, voice: OpenVoice) -> Any:
    """``piper.SynthesisConfig``: the style over the voice's own values, and the speed over both."""
    from piper import SynthesisConfig

    style = _style(item)
    if not math.isfinite(item.speed) or item.speed <= 0:
        raise BadRequest(f"speed must be a positive number, got {item.speed!r}")
    config = voice.voice.config
    return SynthesisConfig(
        speaker_id=voice.speaker_id(item.voice.speaker),
        length_scale=style.get("length_scale", config.length_scale) / item.speed,
        noise_scale=style.get("noise_scale", config.noise_scale),
        noise_w_scale=style.get("noise_w", style.get("noise_w_scale", config.noise_w_scale)),
        normalize_audio=style.get("normalize_audio", True),
    )


def _style(item: SpeakItem) -> dict[str, Any]:
    """The style keys that are known here.

    Raises:
        BadRequest: a value of the wrong type or out of bounds.
    """
    found: dict[str, Any] = {}
    for key, value in item.style.items():
        if key in SWITCHES:
            if not isinstance(value, bool):
                raise BadRequest(f"style.{key} must be true or false, got {value!r}")
            found[key] = value
        elif key in STYLES:
            least, most = STYLES[key]
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
                raise BadRequest(f"style.{key} must be a number from {least:g} to {most:g}, got {value!r}")
            found[key] = float(value)
    return found


def _perform(voice: OpenVoice, text: str, asked: Any, item: SpeakItem, out: AudioOut, task: Task) -> _Spoken:
    """Speak and send every sentence as soon as it is made."""
    rate = voice.voice.config.sample_rate
    limit = math.inf if item.max_s is None else max(1, int(item.max_s * rate))
    silence = round(_style(item).get("sentence_silence", 0.0) * rate)
    heard: list[Heard] = []
    limited = 0
    for number, chunk in enumerate(_chunks(voice, text, asked)):
        task.check()
        if number and silence:
            out.write(bytes(4 * int(min(silence, limit - out.num_frames))))
        if chunk.phoneme_id_samples is not None:
            lengths = [int(each) for each in chunk.phoneme_id_samples.reshape(-1)]
            heard += heard_words(chunk.phonemes, lengths, voice.voice.config.phoneme_id_map, out.num_frames)
        samples = chunk.audio_float_array.reshape(-1)
        if not asked.normalize_audio:
            limited += int((abs(samples) >= 1.0).sum())
        samples = samples[: int(min(len(samples), limit - out.num_frames))]
        out.write(_amplified(samples, item.volume_db))
        if out.num_frames >= limit:
            return _Spoken([each for each in heard if each.begin < limit], limited, cut=True)
    return _Spoken(heard, limited, cut=False)


def _give_sign(task: Task) -> None:
    """In a long run of the graph: end it when nobody wants it any more, else tell that it goes on."""
    task.check()
    task.progress(0.0, "computing")


def _chunks(voice: OpenVoice, text: str, asked: Any) -> Iterator[Any]:
    try:
        yield from voice.voice.synthesize(text, asked, include_alignments=True)
    except (MemoryError, Cancelled):
        raise
    except Exception as error:
        raise EngineFault(f"voice {voice.name} failed: {type(error).__name__}: {error}") from error


def _within(words: Iterable[Word], length_s: float) -> tuple[Word, ...]:
    """The words that are heard before a cut."""
    heard = (word for word in words if word.start_s < min(word.end_s, length_s))
    return tuple(replace(word, end_s=min(word.end_s, length_s)) for word in heard)


def _amplified(samples: Any, volume_db: float) -> bytes:
    """Float samples times the gain; nothing is cut off above full scale."""
    import numpy as np

    gain = np.float32(10.0 ** (volume_db / 20.0))
    data: bytes = (samples if volume_db == 0 else samples * gain).astype("<f4").tobytes()
    return data


def _degraded(item: SpeakItem, voice: OpenVoice, spoken: _Spoken) -> list[str]:
    """What this take lacks; the device, which no take depends on, is told by ``load``."""
    found = []
    language = item.language.replace("_", "-").split("-")[0].lower()
    own = voice.language.split("-")[0].lower()
    if language and SAME_LANGUAGE.get(language, language) != SAME_LANGUAGE.get(own, own):
        found.append(f"language: the voice speaks {voice.language}")
    if item.pitch != 1.0:
        found.append("pitch")
    found += [f"style.{key}" for key in sorted(item.style) if key not in STYLES and key not in SWITCHES]
    found += [what for what in ("target_duration_s", "context") if getattr(item, what)]
    if spoken.limited:
        found.append(f"level: {spoken.limited} samples limited to full scale")
    if spoken.cut:
        found.append("max_s: the text was cut short")
    return found


if __name__ == "__main__":
    run(Piper)
