"""A voice that is ready to speak, and the check that its engine really has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from demod_worker.messages import LoadResult, Voice

from demod_voice.engines.types import EngineInfo
from demod_voice.errors import Fault, UsageError
from demod_voice.voices.names import nearest
from demod_voice.voices.saved import PRESET_CONSENT

MOST_LANGUAGES = 24
"""An engine with more is not told language by language."""
SUGGESTIONS = 3
"""So many names are offered in place of one that is not there."""


class Loader(Protocol):
    """What can load a model: ``engines.pool.Pool``."""

    def load(self, engine: str, model: str | None = None) -> LoadResult:
        """Bring the model into memory and tell what it has."""


@dataclass(frozen=True, slots=True)
class ResolvedVoice:
    """Who speaks, and how: a saved voice, a model or a preset, with every default filled in."""

    name: str
    """For people and manifests; never a path."""
    engine: EngineInfo
    voice: Voice
    """What the engine is told."""
    language: str = ""
    """BCP 47, or empty for the line's own."""
    speed: float = 1.0
    pitch: float = 1.0
    volume_db: float = 0.0
    style: Mapping[str, Any] = field(default_factory=dict)
    consent: str = PRESET_CONSENT
    licence: str = ""
    """Licence of the voice or of its model; empty when nobody said."""
    similar: tuple[str, ...] = ()
    """Saved voices that a preset which does not exist may have been meant to be; told first."""

    def verify(self, pool: Loader, language: str = "") -> list[Fault]:
        """Start the engine, load the model, and say what of this voice it does not have.

        Raises:
            EngineError: the engine is not installed, does not start, or cannot load the model.
        """
        loaded = pool.load(self.engine.name, self.voice.model)
        faults = [self._preset_fault(loaded.voices), self._language_fault(language or self.language)]
        return [fault for fault in faults if fault is not None]

    def anchored(self, index: int) -> ResolvedVoice:
        """The voice with one of its anchors alone.

        Args:
            index: which one, from 0.

        Raises:
            UsageError: it has not so many.
        """
        count = len(self.voice.references)
        if not 0 <= index < count:
            known = {0: "it has none", 1: "it has 1: it is 0"}.get(count, f"it has {count}: they are 0 to {count - 1}")
            raise UsageError(f"voice {self.name} has no anchor {index}", known)
        one = slice(index, index + 1)
        voice = replace(
            self.voice,
            references=self.voice.references[one],
            reference_texts=self.voice.reference_texts[one],
        )
        return replace(self, voice=voice)

    def _preset_fault(self, offered: Iterable[str]) -> Fault | None:
        known = list(offered)
        preset = self.voice.preset
        if preset is None or not known or has_preset(preset, known):
            return None
        close = [*self.similar, *_nearest_presets(preset, known)][:SUGGESTIONS]
        see = f"demod-voice voices list --engine {self.engine.name}"
        hint = f"did you mean {', '.join(close)}? All: {see}" if close else f"see: {see}"
        return Fault(None, f"engine {self.engine.name} has no voice {preset!r}", hint)

    def _language_fault(self, language: str) -> Fault | None:
        return unspoken(self.engine, language)


def unspoken(info: EngineInfo, language: str) -> Fault | None:
    """That the engine does not speak a language, with those that it does; None when it does, or does not tell."""
    primary = language.replace("_", "-").split("-")[0].lower()
    spoken = info.languages
    if not primary or not spoken or primary in {each.split("-")[0].lower() for each in spoken}:
        return None
    few = f"it speaks {', '.join(spoken)}" if len(spoken) <= MOST_LANGUAGES else ""
    see = f"demod-voice engines info {info.name}"
    close = [each for each in nearest(primary, spoken) if each[:1] == primary[:1]]
    rest = few or (f"All: {see}" if close else f"see: {see}")
    hint = f"did you mean {', '.join(close)}? {rest}" if close else rest
    return Fault(None, f"engine {info.name} does not speak {language!r}", hint)


def _nearest_presets(preset: str, known: Iterable[str]) -> list[str]:
    """Voices that look like ``preset``; for a known voice with a variant that is not, other variants of it."""
    base, plus, variant = preset.partition("+")
    voices = [each for each in known if not each.startswith("+")]
    if plus and (not base or base in voices):
        return [f"{base}{each}" for each in nearest(f"+{variant}", set(known) - set(voices))]
    return nearest(base, voices)


def model_remedy(info: EngineInfo) -> str:
    """How to come by a voice of an engine that brings none along."""
    source = f" (from {info.model_source})" if info.model_source else ""
    add = f"demod-voice voices add NAME --engine {info.name} --model FILE"
    pull = f"pull one (demod-voice models list --engine {info.name})"
    return f"{pull}, or get a model and the .json that belongs to it{source}, then: {add}"


def has_preset(preset: str, offered: Iterable[str]) -> bool:
    """True when ``preset`` is one of the engine's voices, or a listed voice with a variant (``en-us+f3``)."""
    known = set(offered)
    base, plus, variant = preset.partition("+")
    if preset in known:
        return True
    return bool(plus) and base in known and (f"+{variant}" in known or not any("+" in each for each in known))
