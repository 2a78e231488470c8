"""Which engines are measured, and with which voice: those that were named, or all that can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from demod_voice.bench.figures import LeftOut
from demod_voice.bench.hearing import OPERATIONS
from demod_voice.config.settings import Settings
from demod_voice.engines.default_model import model_for
from demod_voice.engines.environments import USABLE, python_for, state
from demod_voice.engines.interpreter import check_interpreter
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.locate import find_engines
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineError, UsageError
from demod_voice.models.installed import find_installed
from demod_voice.records.progress import Progress
from demod_voice.voices.resolve import ResolvedVoice, resolve
from demod_voice.voices.store import VoiceStore


@dataclass(slots=True)
class Choice:
    """What will be measured."""

    speaking: list[ResolvedVoice] = field(default_factory=list)
    """A voice of each engine."""
    hearing: list[tuple[EngineInfo, str]] = field(default_factory=list)
    """Engine and operation."""
    left_out: list[LeftOut] = field(default_factory=list)


def choose(names: Sequence[str], voice: str, model: str, settings: Settings, progress: Progress) -> Choice:
    """What will be measured; an engine that nobody named, and that cannot be, is left out with what would change that.

    Args:
        names: engines; empty = all.
        voice: who speaks, where one engine is measured: a saved voice, a model, or a voice of the engine.
        model: the same as a model.
        settings: where engines and voices are.
        progress: told about installs.

    Raises:
        UsageError: there is no such voice, or none for an engine that was named.
        EngineError: an engine that was named is not installed, or lacks its model.
    """
    named = _named(names, voice, model, settings)
    choice = Choice()
    for info in [find_engine(name, settings) for name in named] or find_engines(settings).values():
        try:
            _check(info, settings, progress, asked=bool(named))
            if {"speak", "speak_many"} & set(info.operations):
                choice.speaking.append(_voice(info, voice, model, settings))
            else:
                choice.hearing += [(info, each) for each in OPERATIONS if each in info.operations]
        except (EngineError, UsageError) as error:
            if named:
                raise
            choice.left_out.append(LeftOut(info.name, error.message.splitlines()[0], error.hint or ""))
    return choice


def _named(names: Sequence[str], voice: str, model: str, settings: Settings) -> Sequence[str]:
    """The engines that were asked for, each once; a voice has an engine of its own."""
    once = list(dict.fromkeys(names))
    if not (voice or model):
        return once
    if len(once) > 1:
        raise UsageError("a voice belongs to one engine, and several are named", "give --engine once, or no voice")
    return [resolve(settings, engine="".join(once), voice=voice, model=model).engine.name]


def _check(info: EngineInfo, settings: Settings, progress: Progress, asked: bool) -> None:
    """Refuse an engine that is not installed, or whose model is not here.

    One that was asked for is installed where it installs itself, and its interpreter is looked at; another one tells
    what is wrong with it when it is measured.

    Raises:
        EngineError: it cannot be measured; the hint says what helps.
    """
    if asked or not (info.embedded or state(info, settings) in USABLE):
        python_for(info, settings, progress)
        check_interpreter(info, settings)
    model_for(info, settings)


def _voice(info: EngineInfo, voice: str, model: str, settings: Settings) -> ResolvedVoice:
    """Who speaks: the voice that was asked for, or any that this engine has.

    Raises:
        UsageError: there is none.
        ModelMissing: its model is not here.
    """
    if voice or model:
        return resolve(settings, engine=info.name, voice=voice, model=model)
    return resolve(settings, engine=info.name, voice=next(_voices(info, settings), "") if info.needs_model else "")


def _voices(info: EngineInfo, settings: Settings) -> Iterator[str]:
    """Models that were pulled for the engine, then saved voices, by name."""
    yield from (name for name, each in find_installed(settings).items() if each.record.engine == info.name)
    yield from (each.name for each in VoiceStore(settings).contents().voices if each.record.engine == info.name)
