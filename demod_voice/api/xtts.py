"""XTTS: a text in the voice of some recordings, or of one of the model's own speakers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from demod_voice.api.references import Prepared, prepared_references
from demod_voice.api.speaking import SpokenFile, speak_to_file, stream_speech
from demod_voice.audio.clip import Clip
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import Fault, FaultsError
from demod_voice.records.progress import SILENT, Progress
from demod_voice.voices.adding import consent_faults, consent_label, number_faults
from demod_voice.voices.refusing import range_faults
from demod_voice.voices.resolve import ResolvedVoice, resolve
from demod_voice.voices.resolved import unspoken
from demod_voice.voices.saved import PRESET_CONSENT

__all__ = ["XttsFile", "XttsSpeakers", "XttsVoice", "stream_xtts", "xtts_speakers", "xtts_zero_shot"]

ENGINE = "xtts"
NUMBERS = {
    "temperature": (0.01, 5.0),
    "top_k": (1, 1024),
    "top_p": (0.01, 1.0),
    "repetition_penalty": (1.0, 100.0),
    "length_penalty": (-10.0, 10.0),
    "num_beams": (1, 8),
    "gpt_cond_len": (1, 60),
}
"""Style key -> least and greatest value, as the engine checks them."""


@dataclass(frozen=True, slots=True)
class XttsVoice:
    """Who speaks, and how; None = the model's own value."""

    references: tuple[Path, ...] = ()
    """Recordings of the voice, 6 to 12 s each are best."""
    speaker: str = ""
    """One of the model's own speakers, in place of recordings."""
    consent: str = ""
    """``self``, ``public-domain``, ``unknown``, or the path of the speaker's statement; needed with recordings."""
    language: str = ""
    """BCP 47; empty: as configured."""
    model: str = ""
    """A model's folder, or its name in the registry; empty: the engine's."""
    speed: float = 1.0
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    length_penalty: float | None = None
    """Only with ``num_beams`` of 2 or more."""
    num_beams: int | None = None
    gpt_cond_len: int | None = None
    """Seconds of the recordings that the transformer listens to."""

    def style(self) -> dict[str, Any]:
        """The engine's style keys that were given."""
        return {name: value for name in NUMBERS if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class XttsFile:
    """A text that was spoken into a file."""

    file: SpokenFile
    consent: str
    """Who agreed that the voice is used: ``self``, ``file sha256:...``; ``preset`` for a speaker of the model."""
    licence: str
    """Licence of the model: it binds what is made with it."""
    warnings: tuple[str, ...] = field(default=())
    """What a person should know of the recordings."""


@dataclass(frozen=True, slots=True)
class XttsSpeakers:
    """The speakers of a model."""

    model: str
    model_revision: str
    speakers: tuple[str, ...]


def xtts_zero_shot(
    text: str,
    output: str | Path,
    voice: XttsVoice,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> XttsFile:
    """Speak ``text`` into a file in the voice of some recordings.

    Raises:
        FaultsError: everything that is wrong with the recordings and the word about consent; nothing was written.
        UsageError: text, language, model or output is wrong; nothing was written.
        MediaError: a recording cannot be decoded.
        EngineError: the engine is not installed, or failed.
        OutputError: the file cannot be written.
    """
    with _ready(voice, settings, progress) as (resolved, warnings):
        made = speak_to_file(text, output, resolved, settings=settings, progress=progress)
    return XttsFile(made, resolved.consent, resolved.licence, warnings)


def stream_xtts(
    text: str, voice: XttsVoice, *, settings: Settings = DEFAULTS, progress: Progress = SILENT
) -> Iterator[Clip]:
    """The sound of ``text`` while it is made, 24 kHz mono; the recordings are looked at when the first clip is asked for.

    Raises:
        FaultsError: everything that is wrong with the recordings and the word about consent (while iterating).
        UsageError: text, language or model is wrong (while iterating).
        MediaError: a recording cannot be decoded (while iterating).
        EngineError: the engine is not installed, or failed (while iterating).
    """
    with _ready(voice, settings, progress) as (resolved, warnings):
        for number, clip in enumerate(stream_speech(text, resolved, settings=settings, progress=progress)):
            for warning in warnings if not number else ():
                progress.note(warning)
            yield clip


def xtts_speakers(model: str = "", *, settings: Settings = DEFAULTS, progress: Progress = SILENT) -> XttsSpeakers:
    """The speakers that a model brings.

    Raises:
        EngineError: the engine or the model is not installed, or it cannot be loaded.
    """
    voice = resolve(settings, engine=ENGINE, model=model) if model else resolve(settings, engine=ENGINE)
    with Pool(settings, progress=progress) as pool:
        loaded = pool.load(ENGINE, voice.voice.model)
    return XttsSpeakers(loaded.model, loaded.model_revision, loaded.voices)


@contextmanager
def _ready(voice: XttsVoice, settings: Settings, progress: Progress) -> Iterator[tuple[ResolvedVoice, tuple[str, ...]]]:
    """The voice as the studio takes it, as long as the block lasts, and what a person should know of it."""
    base = replace(_base(voice, settings), style=MappingProxyType(voice.style()))
    if not voice.references:
        yield base, ()
        return
    consent = consent_label(voice.consent)
    with prepared_references(voice.references, settings, progress) as prepared:
        yield (
            replace(base, voice=_with(base, prepared), consent=consent, name=voice.references[0].stem),
            prepared.warnings,
        )


def _with(base: ResolvedVoice, prepared: Prepared) -> Any:
    return replace(base.voice, preset=None, references=tuple(str(path) for path in prepared.paths))


def _base(voice: XttsVoice, settings: Settings) -> ResolvedVoice:
    """The model, its speaker, language and speed, checked as far as it can be without the engine.

    Raises:
        FaultsError: what is wrong with them.
        UsageError: there is no such model.
    """
    info = find_engine(ENGINE, settings)
    faults = [*_source_faults(voice), *number_faults(voice.speed, 1.0, 0.0), *range_faults(voice.style(), NUMBERS)]
    faults += [*_language_faults(info, voice, settings)]
    faults += consent_faults(voice.consent or None) if voice.references else ()
    faults += [
        Fault(None, f"reference {path} does not exist" if not path.exists() else f"{path} is not a file")
        for path in voice.references
        if not path.is_file()
    ]
    if faults:
        raise FaultsError("the voice", faults)
    found = resolve(settings, engine=ENGINE, model=voice.model, language=voice.language, speed=voice.speed)
    consent = PRESET_CONSENT if voice.speaker else found.consent
    named = replace(found.voice, preset=voice.speaker or None)
    return replace(found, voice=named, name=voice.speaker or found.name, consent=consent, licence=info.model_licence)


def _language_faults(info: EngineInfo, voice: XttsVoice, settings: Settings) -> list[Fault]:
    """The language is none of the engine's; says which flag or setting names it."""
    fault = unspoken(info, voice.language or settings.language)
    if fault is None:
        return []
    return [replace(fault, message=f"{'--' if voice.language else 'setting '}language: {fault.message}")]


def _source_faults(voice: XttsVoice) -> list[Fault]:
    if bool(voice.references) != bool(voice.speaker):
        return []
    what = "both recordings and a speaker of the model" if voice.speaker else "neither recordings nor a speaker"
    return [Fault(None, f"{what} are given", "give --reference FILE, or --speaker NAME (demod-voice xtts speakers)")]
