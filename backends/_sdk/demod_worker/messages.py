"""The fields of every request and result of worker protocol 1, as frozen dataclasses.

Both sides import this file: the core makes requests and reads results, a worker the other way round. ``to_json`` and
``from_json`` are the only way between a dataclass and a frame's ``data``; an unknown key is ignored (a new optional
field is no new version), a missing or ill-typed one raises ``BadMessage`` that names the field.

Python 3.9, standard library only.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Dict, List, Optional, Tuple, Type, TypeVar

PROTOCOL = 1

OPERATIONS = (
    "load",
    "unload",
    "speak",
    "speak_many",
    "embed",
    "detect",
    "transcribe",
    "align",
    "separate",
    "denoise",
    "translate",
    "convert",
    "rate",
    "phonemize",
    "train",
    "export",
)

ERROR_CODES = (
    "bad_request",
    "unsupported",
    "model_missing",
    "licence_required",
    "out_of_memory",
    "engine_error",
    "internal",
)

ENCODINGS = {"pcm_s16le": 2, "pcm_f32le": 4}
"""Sample encodings of audio frames and their bytes per sample."""

T = TypeVar("T")


class BadMessage(ValueError):
    """A field is missing or has the wrong type."""


@dataclass(frozen=True)
class Voice:
    """Which voice speaks. An engine uses the fields that it knows and refuses a voice that it cannot give."""

    preset: Optional[str] = None
    """A voice that the engine itself names (espeak ``en-us+f3``, an XTTS speaker)."""
    model: Optional[str] = None
    """Absolute path of a model file or folder (a Piper ``.onnx``); None = the engine's default model."""
    speaker: Optional[str] = None
    """A speaker inside the model, by name or number as text. ``"0"`` is a speaker."""
    references: Tuple[str, ...] = ()
    """Absolute paths of reference clips, WAV."""
    reference_texts: Tuple[str, ...] = ()
    """Transcripts of the references, in the same order, or empty."""
    adapter: Optional[str] = None
    """Absolute path of an adapter (LoRA) folder."""


@dataclass(frozen=True)
class ContextTurn:
    """An earlier turn of the conversation, given to engines that continue one."""

    text: str
    audio: str
    """Absolute path of a mono PCM_16 WAV at 24 kHz."""
    speaker: str = ""
    """Empty: whoever speaks the item; else a name that tells the others apart."""


@dataclass(frozen=True)
class SpeakItem:
    """One utterance to speak."""

    item: int
    """Number of the item inside its request; audio frames and results name it."""
    text: str
    """Words; for an engine that honours ``phonemes``, IPA in double brackets is spoken as it stands (``[[dʒɪf]]``)."""
    language: str = ""
    """BCP 47 tag, or empty for the voice's own language."""
    voice: Voice = field(default_factory=Voice)
    seed: int = 0
    """0..2**31-1; each item has a random generator of its own."""
    speed: float = 1.0
    """Ratio of the voice's own rate; 2.0 is twice as fast."""
    pitch: float = 1.0
    """Ratio of the voice's own pitch."""
    volume_db: float = 0.0
    """Gain asked of the engine, in dB."""
    phonemes: Optional[str] = None
    """IPA to speak instead of the text, for engines that take it."""
    style: Dict[str, Any] = field(default_factory=dict)
    """What only this engine knows (``noise_scale``, ``pitch_range``), and ``delivery``, one of its engine.toml's styles."""
    target_duration_s: Optional[float] = None
    max_s: Optional[float] = None
    """The engine stops, and says so, when a take grows longer than this."""
    context: Tuple[ContextTurn, ...] = ()
    """Earlier turns, the oldest first."""
    foreign: bool = False
    """The language is not the one of the line that this belongs to: an engine whose voices speak one language each takes
    the nearest voice of that language."""


@dataclass(frozen=True)
class SpeakRequest:
    """``speak_many`` (and ``speak``, with one item)."""

    items: Tuple[SpeakItem, ...]


@dataclass(frozen=True)
class Word:
    """When one word is heard."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class SpeakResult:
    """The result of one item (message ``item-done``)."""

    item: int
    words: Tuple[Word, ...] = ()
    """Word times from the start of the item's audio; empty when the engine has none."""
    model: str = ""
    """Name of the model, never a path."""
    model_revision: str = ""
    """Content hash or hub revision of the model: part of what a take is made of."""
    sample_rate: int = 0
    """Hz, equal to the audio frames' rate."""
    degraded: Tuple[str, ...] = ()
    """What was asked and not honoured, a phrase each (``pitch``, ``style.emotion``). Never the device: see ``notes``."""


@dataclass(frozen=True)
class SpeakDone:
    """The ``done`` of a ``speak_many``."""

    spoken: int
    failed: int = 0
    seconds: float = 0.0
    """Work time: an observation, never part of a result."""


@dataclass(frozen=True)
class LoadRequest:
    """``load``: bring a model into memory before the first line."""

    model: Optional[str] = None
    device: str = "cpu"
    """``cpu`` or ``cuda:N``."""
    threads: int = 1
    memory_fraction: Optional[float] = None
    """Most of the GPU's memory that this process may take, 0..1; for engines whose framework can hold to it."""
    memory_mb: Optional[int] = None
    """The same in MiB, for frameworks that count so."""
    cache: Optional[str] = None
    """Absolute path of a folder where the engine keeps what it can make again (speaker latents), by content hash. It
    may vanish at any moment."""
    options: Dict[str, str] = field(default_factory=dict)
    """The engine's own settings, as its engine.toml lists them (``dtype``, ``runtime``); each has a value."""


@dataclass(frozen=True)
class LoadResult:
    """What was loaded."""

    model: str = ""
    model_revision: str = ""
    device: str = "cpu"
    languages: Tuple[str, ...] = ()
    voices: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()
    """What a person should know of this run alone, such as a device that could not be used."""
    titles: Dict[str, str] = field(default_factory=dict)
    """Voice -> what a person calls it, as ``English (America)``; for those that have more than their name."""


@dataclass(frozen=True)
class PhonemizeRequest:
    """``phonemize``: how a text would be said, without a sound."""

    text: str
    language: str = ""
    """BCP 47 tag, or empty for the voice's own language."""
    voice: Voice = field(default_factory=Voice)


@dataclass(frozen=True)
class PhonemizeResult:
    """The ``done`` of a ``phonemize``."""

    phonemes: Tuple[str, ...]
    """IPA, clause by clause, words divided by spaces."""
    degraded: Tuple[str, ...] = ()
    """What was asked and not honoured, a phrase each."""


@dataclass(frozen=True)
class DetectRequest:
    """``detect``: where a recording holds speech."""

    audio: str
    """Absolute path of a mono 16 kHz PCM_16 WAV."""
    probabilities: str
    """Absolute path of the file that the worker writes: little-endian float32, one number 0..1 for each frame."""


@dataclass(frozen=True)
class DetectResult:
    """The ``done`` of a ``detect``."""

    frames: int
    """Numbers in the file; the last frame may reach beyond the end of the sound."""
    frame_s: float = 0.032
    """Seconds of a frame."""
    model: str = ""
    model_revision: str = ""
    """Content hash or hub revision of the model."""
    degraded: Tuple[str, ...] = ()


@dataclass(frozen=True)
class HeardWord:
    """One word of a recording, as an engine heard it."""

    text: str
    start_s: float
    end_s: float
    confidence: Optional[float] = None
    """0..1, on the engine's own scale; None when it has none."""
    aligned: bool = True
    """False: nobody heard when; the time lies between the neighbours'."""


@dataclass(frozen=True)
class TranscribeRequest:
    """``transcribe``: the words of one clip."""

    audio: str
    """Absolute path of a mono 16 kHz PCM_16 WAV."""
    language: str = ""
    """BCP 47 tag, or empty: the engine finds it out, or takes its own."""
    language_model: Optional[str] = None
    """Absolute path of an ARPA n-gram file in lower case: what is likely to be said, for engines that can use one."""
    pronunciations: Dict[str, Any] = field(default_factory=dict)
    """Word -> IPA, for words that the engine may not know."""


@dataclass(frozen=True)
class TranscribeResult:
    """The ``done`` of a ``transcribe``."""

    text: str
    words: Tuple[HeardWord, ...] = ()
    """From the start of the clip; empty when the engine has no times."""
    language: str = ""
    """The language that was heard, or that was taken."""
    confidence: Optional[float] = None
    """0..1, on the engine's own scale."""
    mean_log_prob: Optional[float] = None
    """Natural logarithm of a token's probability, on average; for engines that have one."""
    no_speech: Optional[float] = None
    """Probability 0..1 that the clip holds no speech."""
    model: str = ""
    model_revision: str = ""
    degraded: Tuple[str, ...] = ()
    """What was asked and not honoured, a phrase each."""
    unknown: Tuple[str, ...] = ()
    """Words that the engine has no pronunciation for, in lower case: with ``pronunciations`` it can be asked again."""


@dataclass(frozen=True)
class AlignRequest:
    """``align``: when each word of a known text is heard in a short clip."""

    audio: str
    """Absolute path of a mono 16 kHz PCM_16 WAV."""
    text: str
    """What is said, words between spaces."""
    language: str = ""
    """BCP 47 tag, or empty for the engine's own."""
    pronunciations: Dict[str, Any] = field(default_factory=dict)
    """Word -> IPA, for words that the engine may not know."""


@dataclass(frozen=True)
class AlignResult:
    """The ``done`` of an ``align``."""

    words: Tuple[HeardWord, ...]
    """One for each word of the text, in its order and with its spelling."""
    model: str = ""
    model_revision: str = ""
    degraded: Tuple[str, ...] = ()
    """What was asked and not honoured, a phrase each (words that are not in the dictionary)."""
    unknown: Tuple[str, ...] = ()
    """Words that the engine has no pronunciation for, in lower case: with ``pronunciations`` it can be asked again."""


@dataclass(frozen=True)
class SeparateRequest:
    """``separate``: a recording as its stems."""

    audio: str
    """Absolute path of a WAV of one or two channels, PCM_16 or 32-bit float, at the rate that engine.toml names."""
    folder: str
    """Absolute path of the folder that the stems are written to."""
    shifts: int = 0
    """How many shifted passes are averaged; more takes longer and sounds a little better."""
    seed: int = 0
    """Of the shifts."""


@dataclass(frozen=True)
class SeparateResult:
    """The ``done`` of a ``separate``."""

    stems: Dict[str, str]
    """Name -> file name in the folder: 32-bit float WAVs, as long as the recording and with its channels. Always
    ``dialogue`` and ``background``, which sum up to the recording."""
    sample_rate: int = 0
    """Hz."""
    model: str = ""
    model_revision: str = ""
    """Content hash or hub revision of the model."""
    degraded: Tuple[str, ...] = ()


@dataclass(frozen=True)
class EmbedRequest:
    """``embed``: a vector for the voice of each clip."""

    audio: Tuple[str, ...]
    """Absolute paths of mono 16 kHz PCM_16 WAVs."""
    vectors: str
    """Absolute path of the file that the worker writes: little-endian float32, shape (clips, dimension), each row of
    length 1. A clip that has no vector is a row of NaN."""


@dataclass(frozen=True)
class EmbedResult:
    """The ``done`` of an ``embed``."""

    dimension: int
    """Numbers of one vector."""
    model: str = ""
    model_revision: str = ""
    same_speaker: Optional[float] = None
    """Cosine from which two clips are one speaker's, calibrated for this model; None when nobody has measured it."""
    reasons: Tuple[str, ...] = ()
    """For each clip why it has no vector, empty where it has one; or nothing at all when every clip has one."""
    degraded: Tuple[str, ...] = ()


def to_json(message: Any) -> Any:
    """A dataclass (or a list, tuple or dict of them) as what ``json.dumps`` takes."""
    kind: Any = type(message)
    if kind in _SCALARS:
        return message
    if dataclasses.is_dataclass(message) and kind is not type:
        return {name: to_json(getattr(message, name)) for name in _names(kind)}
    if isinstance(message, (list, tuple)):
        return [to_json(each) for each in message]
    if isinstance(message, dict):
        return {key: to_json(each) for key, each in message.items()}
    return message


def from_json(cls: Type[T], data: Any, place: str = "") -> T:
    """Build ``cls`` from a frame's ``data``.

    Raises:
        BadMessage: a field is missing or has the wrong type; the message names it.
    """
    where = place or cls.__name__
    if not isinstance(data, dict):
        raise BadMessage(f"{where}: expected an object, got {type(data).__name__}")
    values: Dict[str, Any] = {}
    for name, hint, simple, needed in _fields(typing.cast(Any, cls)):
        if name in data:
            value = data[name]
            values[name] = value if type(value) is simple else _value(hint, value, f"{where}.{name}")
        elif needed:
            raise BadMessage(f"{where}.{name} is missing")
    return cls(**values)


_SCALARS = frozenset({str, int, float, bool, type(None)})


@cache
def _names(cls: Type[Any]) -> Tuple[str, ...]:
    return tuple(each.name for each in dataclasses.fields(cls))


@cache
def _fields(cls: Type[Any]) -> Tuple[Tuple[str, Any, Any, bool], ...]:
    """(name, type, the type whose values need no further look, whether it must be there) of each field."""
    hints = typing.get_type_hints(cls)
    return tuple(
        (
            each.name,
            hints[each.name],
            hints[each.name] if hints[each.name] in _SCALARS else None,
            each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING,
        )
        for each in dataclasses.fields(cls)
    )


def _value(hint: Any, value: Any, place: str) -> Any:
    origin = typing.get_origin(hint)
    if origin is typing.Union or origin is getattr(types, "UnionType", object()):
        if value is None:
            return None
        inner = [each for each in typing.get_args(hint) if each is not type(None)]
        return _value(inner[0], value, place)
    if origin in (tuple, list):
        if not isinstance(value, (list, tuple)):
            raise BadMessage(f"{place}: expected a list, got {type(value).__name__}")
        inner_hint = typing.get_args(hint)[0]
        items: List[Any] = [_value(inner_hint, each, f"{place}[{n}]") for n, each in enumerate(value)]
        return tuple(items) if origin is tuple else items
    if origin is dict:
        if not isinstance(value, dict):
            raise BadMessage(f"{place}: expected an object, got {type(value).__name__}")
        return dict(value)
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast(Type[Any], hint), value, place)
    return _plain(hint, value, place)


def _plain(hint: Any, value: Any, place: str) -> Any:
    if hint is Any:
        return value
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, bool):
        raise BadMessage(f"{place}: expected int, got bool")
    if not isinstance(value, hint):
        raise BadMessage(f"{place}: expected {hint.__name__}, got {type(value).__name__}")
    return value
