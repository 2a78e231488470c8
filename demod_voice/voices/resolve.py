"""From the words of a script or a command line to the voice that speaks: a saved one, a model, or a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from demod_worker.messages import Voice

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.engines.default_model import find_model
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineNotInstalled, Fault, FaultsError, ModelMissing, UsageError
from demod_voice.models.catalogue import find_entries
from demod_voice.models.installed import InstalledModel, find_installed, installed
from demod_voice.models.record import read_record
from demod_voice.voices.adding import language_fault, number_faults
from demod_voice.voices.names import meant, nearest
from demod_voice.voices.resolved import ResolvedVoice, model_remedy
from demod_voice.voices.saved import PRESET_CONSENT, UNSAID_CONSENT, SavedVoice
from demod_voice.voices.store import MODEL_SUFFIX, VoiceStore

__all__ = ["ResolvedVoice", "resolve"]

MODEL_ENGINE = "piper"
"""The engine of a model that names none: ``.onnx`` voices are Piper's."""
NOTHING_STYLE: Mapping[str, Any] = MappingProxyType({})


def resolve(
    settings: Settings,
    *,
    engine: str = "",
    voice: str = "",
    model: str = "",
    speaker: str = "",
    language: str = "",
    speed: float = 1.0,
    pitch: float = 1.0,
    volume_db: float = 0.0,
    style: Mapping[str, Any] = NOTHING_STYLE,
) -> ResolvedVoice:
    """The voice that is meant. Starts no engine: that a preset exists is ``ResolvedVoice.verify``'s to say.

    A saved voice's name comes first, then a model (a path, a ``.onnx`` in the voices folder, or one that was pulled), then
    a preset of the engine. Speed and pitch are ratios of the voice's own, so they multiply a saved voice's; volumes in
    dB add up.

    Args:
        settings: where voices and engines are looked for, and the default engine.
        engine: engine's name, or empty for the saved voice's, the model's, or the default.
        voice: a saved voice's name, a model's path, or a preset.
        model: a model's path, a saved voice's name, or a model's name in the voices folder or of ``models list``.
        speaker: a speaker inside the model; ``"0"`` is one.
        language: BCP 47, or empty for the voice's own.
        speed: ratio, 0.25 to 4.
        pitch: ratio, 0.25 to 4.
        volume_db: gain in dB.
        style: engine-specific settings, added to a saved voice's.

    Raises:
        UsageError: everything that is wrong with the request, with the nearest names.
        ModelMissing: the model is one of the registry, and it was not pulled.
    """
    wrong = list(number_faults(speed, pitch, volume_db))
    tag = language_fault(language)
    if tag is not None:
        wrong.append(Fault(None, tag))
    found: ResolvedVoice | None = None
    try:
        found = _find(settings, engine, voice, model)
    except UsageError as error:
        wrong.insert(0, Fault(None, error.message, error.hint))
    if found is None or wrong:
        raise UsageError(
            "; ".join(each.message for each in wrong), next((each.hint for each in wrong if each.hint), None)
        )
    return replace(
        found,
        voice=replace(found.voice, speaker=speaker or found.voice.speaker),
        language=language or found.language,
        speed=found.speed * speed,
        pitch=found.pitch * pitch,
        volume_db=found.volume_db + volume_db,
        style=MappingProxyType({**found.style, **style}),
    )


def _find(settings: Settings, engine: str, voice: str, model: str) -> ResolvedVoice:
    store = VoiceStore(settings)
    if voice and model:
        raise UsageError(f"both a voice ({voice}) and a model ({model}) are given", "give one of the two")
    asked = voice or model
    saved = store.find(asked) if asked else None
    if saved is not None:
        return _saved(settings, saved, engine)
    path = _model_path(store, asked, is_model=bool(model))
    if path is not None:
        return _model(settings, path, engine)
    pulled = installed(asked, settings) if asked else None
    if pulled is not None and (model or engine in ("", pulled.record.engine)):
        return _installed(settings, pulled, engine)
    if asked and can_be_pulled(asked, settings):
        raise ModelMissing(f"model {asked} is not on this machine", f"run: demod-voice models pull {asked}")
    if model:
        raise UsageError(f"model {model} does not exist", meant(model, _known(store)) or _model_hint(engine, settings))
    info = _info(engine or settings.engines.default, settings)
    if info.needs_model:
        raise _no_model(info, voice, store)
    return replace(_preset(info, voice, settings), similar=tuple(nearest(voice, _known(store))) if voice else ())


def _model_hint(engine: str, settings: Settings) -> str:
    """What names a model: of an engine that has a default one, a folder."""
    what = "a folder" if engine and _info(engine, settings).default_model else "the path of a model file"
    return f"give {what}, or a name of: demod-voice models list{f' --engine {engine}' if engine else ''}"


def _no_model(info: EngineInfo, voice: str, store: VoiceStore) -> UsageError:
    """The error for an engine that has no voice of its own, and is not told which saved one or which model."""
    message = f"there is no voice {voice!r} for engine {info.name}" if voice else f"engine {info.name} needs a voice"
    near = meant(voice, _known(store)) if voice else ""
    return UsageError(message, f"{near} {model_remedy(info)}".strip())


def _saved(settings: Settings, saved: SavedVoice, engine: str) -> ResolvedVoice:
    record = saved.record
    if engine and engine != record.engine:
        raise UsageError(
            f"voice {saved.name} is saved for engine {record.engine}, and engine {engine} is asked for",
            "leave out the engine, or choose another voice",
        )
    gone = saved.missing_files()
    if gone:
        raise UsageError(f"voice {saved.name} has lost {', '.join(gone)}", "put it back, or add the voice again")
    info = _info(record.engine, settings)
    spoken = _with_default_model(saved.for_engine(), info, settings)
    return ResolvedVoice(
        name=saved.name,
        engine=info,
        voice=spoken,
        language=record.language,
        speed=record.speed,
        pitch=record.pitch,
        volume_db=record.volume_db,
        style=record.style,
        consent=record.consent.label,
        licence=record.licence or _licence(info, spoken),
    )


def _licence(info: EngineInfo, voice: Voice) -> str:
    """Licence of the model that speaks: of the one that was pulled, else what the engine says of its models."""
    path = Path(voice.model) if voice.model else None
    for folder in (path, path.parent) if path is not None else ():
        record = read_record(folder)
        if record is not None and record.licence:
            return record.licence
    return info.model_licence


def _model(settings: Settings, path: Path, engine: str) -> ResolvedVoice:
    info = _info(engine or MODEL_ENGINE, settings)
    voice = Voice(model=str(path))
    return ResolvedVoice(
        name=path.stem, engine=info, voice=voice, consent=UNSAID_CONSENT, licence=_licence(info, voice)
    )


def _installed(settings: Settings, model: InstalledModel, engine: str) -> ResolvedVoice:
    """The voice of a model that ``models pull`` or ``models import`` brought, under its own licence."""
    record = model.record
    if engine and engine != record.engine:
        raise UsageError(
            f"model {record.name} is of engine {record.engine}, and engine {engine} is asked for",
            "leave out the engine",
        )
    voice = Voice(model=str(model.path))
    info = _info(record.engine, settings)
    return ResolvedVoice(
        name=record.name, engine=info, voice=voice, consent=PRESET_CONSENT, licence=_licence(info, voice)
    )


def can_be_pulled(name: str, settings: Settings) -> bool:
    """True for a model of the registry. A registry that is wrong is told by ``models list``, not by every voice."""
    try:
        return name in find_entries(settings)
    except FaultsError:
        return False


def _preset(info: EngineInfo, voice: str, settings: Settings) -> ResolvedVoice:
    spoken = _with_default_model(Voice(preset=voice or None), info, settings)
    return ResolvedVoice(name=voice or "default", engine=info, voice=spoken, licence=_licence(info, spoken))


def _with_default_model(voice: Voice, info: EngineInfo, settings: Settings) -> Voice:
    """The voice with the model that its engine will load, so that the model is part of what a take is made of.

    One that is nowhere is left out here and told when the voice is verified.
    """
    found = None if voice.model else find_model(info, settings)
    return replace(voice, model=str(found)) if found is not None and found.exists() else voice


def _model_path(store: VoiceStore, asked: str, is_model: bool) -> Path | None:
    """The model that ``asked`` names: a path (of anything, when it was given as a model), or a file of the store."""
    if not asked or "\0" in asked:
        return None
    path = Path(asked).expanduser()
    if asked.endswith(MODEL_SUFFIX) or is_model:
        if path.name != asked or path.exists():
            _check_allowed(path, store)
        if path.exists():
            return path.resolve()
        if asked.endswith(MODEL_SUFFIX) and not is_model and path.name != asked:
            raise UsageError(f"model {asked} does not exist", meant(path.stem, _known(store)) or None)
    name = asked.removesuffix(MODEL_SUFFIX)
    beside = store.root / (name + MODEL_SUFFIX)
    return beside.resolve() if Path(name).name == name and beside.is_file() else None


def _check_allowed(path: Path, store: VoiceStore) -> None:
    """A model lies in the voices folder, or where this program may read: also one that a script names."""
    if not path.resolve().is_relative_to(store.root.resolve()):
        check_inside([path], store.settings.paths.allowed_roots)


def _known(store: VoiceStore) -> list[str]:
    contents = store.contents()
    found = [each.name for each in contents.voices] + [path.stem for path in contents.models]
    return found + list(find_installed(store.settings))


def _info(engine: str, settings: Settings) -> EngineInfo:
    try:
        return find_engine(engine, settings)
    except EngineNotInstalled as error:
        raise UsageError(error.message, error.hint) from error
