"""The espeak engine: a formant synthesizer of 100 languages, embedded, deterministic to the byte.

Started by ``demod_voice.engines``; README.md says how it does what it does.
"""

from __future__ import annotations

import array
import os
import sys
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from alphabet import BLOCK, Table, names, questions, spelled, table
from catalogue import Catalogue, Choice, UnknownVoice
from demod_worker.messages import (
    LoadRequest,
    LoadResult,
    PhonemizeRequest,
    PhonemizeResult,
    SpeakItem,
    SpeakResult,
    Word,
)
from demod_worker.worker import Adapter, AudioOut, BadRequest, EngineFault, Task, run
from espeak_library import EspeakError, Event, Job, Question
from prosody import Prosody, prosody
from speaking_server import AUDIO, DONE, EVENT, EVENTS, FAILED, ServerGone, SpeakingServer
from word_times import word_times

MODEL = "espeak-ng"
STYLES = ("pitch_range", "delivery")
WHISPERS = ("whisper", "whisperf")
"""Variants of the library for a man's whisper and a woman's."""
NOT_SPOKEN = {code: " " for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r"}
"""Control characters: NUL would end the text, and 0x01 begins one of the library's embedded commands."""
MOST_WORD_BYTES = 900_000
"""Word times above this do not fit into one message (its limit is 1 MiB)."""
WORD_BYTES = 48
"""Size of a word's message without its text, at most."""


class Espeak(Adapter):
    """Speaks each utterance in a freshly forked process."""

    name = "espeak"
    version = "1.52.0"
    operations = ("load", "unload", "speak", "speak_many", "phonemize")

    def prepare(self) -> None:
        """Fork the speaking server while this process has one thread."""
        library, data_parent = _installed()
        self._server = SpeakingServer(library, data_parent)
        self._catalogue: Catalogue | None = None
        self._alphabets: dict[str, Table] = {}

    def load(self, request: LoadRequest) -> LoadResult:
        """Tell what there is; the library is initialised already."""
        if request.model:
            raise BadRequest("espeak has no models to load", "leave out the model, or use engine piper")
        hello, catalogue = self._hello()
        return LoadResult(MODEL, hello.version, "cpu", catalogue.languages, catalogue.presets, titles=catalogue.titles)

    def speak(self, item: SpeakItem, out: AudioOut, task: Task) -> SpeakResult:
        """Speak one utterance and tell when each word is heard."""
        hello, catalogue = self._hello()
        _refuse_foreign(item)
        choice = _choice(catalogue, item)
        asked = prosody(item, _data(), choice)
        written = _text(item)
        text, missing = self._spelled(written, choice, task)
        limit = 0 if item.max_s is None else max(1, int(item.max_s * hello.sample_rate))
        job = Job(text, choice.identifier, asked.rate, asked.pitch, asked.pitch_range, limit, text != written)
        events, stopped = self._perform(job, item.volume_db, out, task)
        words = word_times(text, events, hello.sample_rate, out.num_frames, whole=not stopped)
        if text != written:
            own = dict(enumerate(written.split()))
            tokens = {token: own[number] for number, token in enumerate(text.split())}
            words = tuple(replace(word, text=tokens.get(word.text, word.text)) for word in words)
        degraded = [*(f"phonemes: no sound for {sign}" for sign in missing)]
        degraded += [*_degraded(item, choice, asked), *(["max_s: the text was cut short"] if stopped else [])]
        if _size(words) > MOST_WORD_BYTES:
            words = ()
            degraded.append("word times: the text is too long for them")
        return SpeakResult(item.item, words, MODEL, hello.version, hello.sample_rate, tuple(degraded))

    def phonemize(self, request: PhonemizeRequest, task: Task) -> PhonemizeResult:
        """The library's own IPA of a text."""
        _, catalogue = self._hello()
        item = SpeakItem(0, request.text, request.language, request.voice)
        _refuse_foreign(item)
        choice = _choice(catalogue, item)
        text = request.text.translate(NOT_SPOKEN)
        clauses = self._ask(Question([text], choice.entry.identifier), task)[0]
        return PhonemizeResult(tuple(each for each in clauses if each), tuple(_degraded_language(choice)))

    def close(self) -> None:
        """End the server."""
        self._server.close()

    def _spelled(self, text: str, choice: Choice, task: Task) -> tuple[str, tuple[str, ...]]:
        """The text with the library's names in its ``[[ ]]`` blocks, and the signs of them that have no sound."""
        if not BLOCK.search(text):
            return text, ()
        voice = choice.entry.identifier
        if voice not in self._alphabets:
            sounds = names(_data(), voice, choice.entry.tags[0][0])
            said = self._ask(Question(questions(sounds), voice, phonemes=True), task)
            self._alphabets[voice] = table(sounds, [" ".join(clauses) for clauses in said])
        return spelled(text, self._alphabets[voice])

    def _ask(self, question: Question, task: Task) -> list[list[str]]:
        try:
            found = self._server.ask(question, lambda: task.cancelled)
        except EspeakError as error:
            raise EngineFault(str(error)) from error
        except ServerGone:
            _end_worker()
        task.check()
        return found

    def _hello(self) -> tuple[Any, Catalogue]:
        try:
            hello = self._server.hello
        except EspeakError as error:
            raise EngineFault(str(error), "repair it with: demod-voice engines install espeak") from error
        except ServerGone:
            _end_worker()
        if self._catalogue is None:
            self._catalogue = Catalogue(hello.voices, hello.variants)
        return hello, self._catalogue

    def _perform(self, job: Job, volume_db: float, out: AudioOut, task: Task) -> tuple[list[Event], bool]:
        """Send the sound on as it comes; returns the events, and whether the work stopped before the text's end."""
        gain = 10.0 ** (volume_db / 20.0)
        out.start(self._server.hello.sample_rate, "pcm_s16le" if gain == 1.0 else "pcm_f32le")
        events: list[Event] = []
        stopped = False
        messages = self._server.speak(job, lambda: task.cancelled)
        try:
            for kind, payload in messages:
                if kind == AUDIO:
                    out.write(payload if gain == 1.0 else _amplified(payload, gain))
                elif kind == EVENTS:
                    events.extend(EVENT.iter_unpack(payload))
                elif kind == DONE:
                    stopped = payload == b"1"
                elif kind == FAILED:
                    raise EspeakError(payload.decode())
        except EspeakError as error:
            raise EngineFault(str(error)) from error
        except ServerGone:
            _end_worker()
        finally:
            messages.close()  # type: ignore[attr-defined]
        task.check()
        return events, stopped


@lru_cache(maxsize=1)
def _installed() -> tuple[Path, Path]:
    """The library's file and the folder of its data, without importing the package."""
    found = find_spec("espeakng_loader")
    if found is None or found.origin is None:
        raise EngineFault("the package espeakng-loader is not in this environment")
    folder = Path(found.origin).parent
    suffix = "dylib" if sys.platform == "darwin" else "so"
    return folder / f"libespeak-ng.{suffix}", folder


def _text(item: SpeakItem) -> str:
    """What is to be said, without spaces at the edges of its ``[[ ]]`` blocks."""
    text = item.text if item.phonemes is None else f"[[{item.phonemes}]]"
    return BLOCK.sub(lambda match: f"[[{match[1].strip()}]]", text.translate(NOT_SPOKEN))


def _refuse_foreign(item: SpeakItem) -> None:
    voice = item.voice
    for what in ("model", "speaker", "references", "adapter"):
        if getattr(voice, what):
            raise BadRequest(f"espeak voices have no {what}", "name a voice such as en-us+f3")


def _data() -> Path:
    return _installed()[1] / "espeak-ng-data"


def _choice(catalogue: Catalogue, item: SpeakItem) -> Choice:
    base, plus, variant = (item.voice.preset or "").partition("+")
    if item.foreign:
        base = ""
    delivery = item.style.get("delivery", "")
    if delivery == "whisper":
        plus, variant = "+", WHISPERS[_is_female(variant)]
    elif delivery:
        raise BadRequest(f"style.delivery {delivery!r} is none of espeak's", "it has: whisper")
    try:
        return catalogue.choose(f"{base}{plus}{variant}", item.language)
    except UnknownVoice as error:
        close = ", ".join(error.nearest)
        hint = f"did you mean {close}?" if close else "see: demod-voice voices list --engine espeak"
        raise BadRequest(f"{error}{f' (nearest: {close})' if close else ''}", hint) from error


def _is_female(variant: str) -> bool:
    """True of a woman's variant, by its own file."""
    file = _data() / "voices" / "!v" / variant
    return bool(variant) and file.is_file() and "gender female" in file.read_text(errors="replace")


def _amplified(data: bytes, gain: float) -> bytes:
    """Signed 16-bit samples as floats times ``gain``: exact, and nothing is cut off above full scale."""
    scale = gain / 32768.0
    return array.array("f", [sample * scale for sample in array.array("h", data)]).tobytes()


def _degraded(item: SpeakItem, choice: Choice, asked: Prosody) -> list[str]:
    found = _degraded_language(choice)
    found += asked.degraded
    found += [f"style.{key}" for key in sorted(item.style) if key not in STYLES]
    found += [what for what in ("target_duration_s", "context") if getattr(item, what)]
    return found


def _degraded_language(choice: Choice) -> list[str]:
    return [f"language: {choice.approximated}"] if choice.approximated else []


def _size(words: tuple[Word, ...]) -> int:
    return sum(len(word.text.encode()) + WORD_BYTES for word in words)


def _end_worker() -> NoReturn:
    """A process with threads cannot fork a new server safely: end, and be started again."""
    try:
        print("espeak: the speaking server has ended; this worker ends too", file=sys.stderr, flush=True)  # noqa: T201
    finally:
        os._exit(1)


if __name__ == "__main__":
    run(Espeak)
