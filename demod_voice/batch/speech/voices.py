"""Whose voice speaks a row: from its cells, and from the flags where they are empty. Each combination is found once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from demod_voice.batch.options import BatchOptions
from demod_voice.batch.speech.references import References
from demod_voice.batch.table.columns import speed_of
from demod_voice.batch.table.paths import Places
from demod_voice.batch.types import Row
from demod_voice.config.settings import Settings
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.locate import find_engines
from demod_voice.engines.options import audible_options, options_of
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import DemodError, EngineNotInstalled, Fault, UsageError
from demod_voice.publish.licences import VoiceLicence, check_policy
from demod_voice.records.hashing import hash_json
from demod_voice.speech.guards import guards_of
from demod_voice.speech.identity import ContentHashes
from demod_voice.voices.adding import consent_faults, consent_label, language_fault, number_faults
from demod_voice.voices.choice import VoiceChoice
from demod_voice.voices.resolve import ResolvedVoice, resolve
from demod_voice.voices.resolved import unspoken

CLONING = "xtts"
"""The engine of a row that names a recording and no engine, where the default one does not clone."""
MOST_KEPT = 4096
"""Combinations of cells that are remembered; beyond that they are found again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The cells that name a voice, with the defaults in the place of the empty ones."""

    engine: str
    voice: str
    model: str
    speaker: str
    language: str
    speed: float
    reference: Path | None = None


@dataclass(frozen=True, slots=True)
class RowVoice:
    """Who speaks a row."""

    voice: ResolvedVoice
    """A voice taken from a recording names the clip that is made of it, which need not be there yet."""
    language: str
    """BCP 47, of its lines."""
    identity: str
    """Hash of all that makes it sound, and of what is told about it: equal voices speak alike."""
    reference: Path | None = None
    """The recording that it is taken from."""
    reference_sha256: str = ""

    @property
    def info(self) -> EngineInfo:
        """The engine that speaks."""
        return self.voice.engine

    @property
    def licence(self) -> VoiceLicence:
        """For tags, the policy and the manifest."""
        return VoiceLicence(self.voice.name, self.info.name, self.voice.licence)

    def facts(self) -> dict[str, Any]:
        """For the manifest: never a path."""
        licence = self.licence
        found = {
            "name": self.voice.name,
            "engine": self.info.name,
            "consent": self.voice.consent,
            "licence": licence.licence,
            "licence_kind": licence.kind,
        }
        return found | ({"reference": self.reference_sha256} if self.reference_sha256 else {})


def check_flags(options: BatchOptions, settings: Settings) -> None:
    """Refuse flags that are wrong whatever the rows say, once, and not at each of them.

    Raises:
        UsageError: a number is out of range, a language is none, there is no such engine, or it has no such option.
    """
    voice = options.voice
    for fault in number_faults(voice.speed, voice.pitch, voice.volume_db):
        raise UsageError(fault.message, fault.hint)
    tag = language_fault(voice.language)
    if tag is not None:
        raise UsageError(tag)
    try:
        options_of(find_engine(voice.engine or settings.engines.default, settings), settings)
    except EngineNotInstalled as error:
        raise UsageError(error.message, error.hint) from error


class RowVoices:
    """Finds voices. Safe for threads.

    Args:
        settings: engines, voices, language, seed, guards, licence policy.
        options: the defaults of empty cells, and the word about consent.
        places: where references lie.
        references: their clips.
    """

    def __init__(self, settings: Settings, options: BatchOptions, places: Places, references: References) -> None:
        self._settings = settings
        self._options = options
        self._places = places
        self._references = references
        self._hashes = ContentHashes()
        self._known: dict[tuple[Asked, str], RowVoice | DemodError] = {}
        self._bases: dict[Asked, ResolvedVoice] = {}
        """Voices that lack only a recording, of which a table may name a hundred thousand."""
        self._cloning = ""
        self._consent: str | None = None

    def of(self, row: Row) -> RowVoice:
        """The voice of a row. That its engine has it is not looked at.

        Raises:
            UsageError: what is wrong with it.
            ModelMissing: a file of it is gone.
        """
        asked = self.asked(row)
        return self._kept(asked, self._references.sha256(asked.reference) if asked.reference is not None else "")

    def seen(self, row: Row) -> RowVoice:
        """As ``of``, without reading the recording: its identity says nothing.

        Raises:
            UsageError, ModelMissing: as of ``of``.
        """
        return self._kept(self.asked(row), "")

    def _kept(self, asked: Asked, sha256: str) -> RowVoice:
        key = (asked, sha256)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            found = self._known[key] = self._found(asked, sha256)
        if isinstance(found, DemodError):
            raise found.with_traceback(None)
        return found

    def asked(self, row: Row) -> Asked:
        """What a row's cells say of its voice.

        Raises:
            UsageError: a number or a path in them is wrong.
        """
        defaults = self._options.voice
        reference = self._places.reference_of(row)
        engine, voice, model, speaker = (row.cell(each) for each in ("engine", "voice", "model", "speaker"))
        speed = speed_of(row)
        chosen = engine or (defaults.engine if reference is None else self._cloning_engine(defaults))
        own = not (voice or model) and (chosen == defaults.engine or chosen == self._flags_engine)
        plain = own and reference is None
        return Asked(
            chosen,
            voice or (defaults.voice if plain else ""),
            model or (defaults.model if own else ""),
            speaker or (defaults.speaker if plain else ""),
            row.cell("language") or defaults.language,
            defaults.speed if speed is None else speed,
            reference,
        )

    @cached_property
    def _flags_engine(self) -> str:
        """The engine of the voice that the flags name, where they do not name the engine too."""
        flags = self._options.voice
        try:
            return resolve(self._settings, engine=flags.engine, voice=flags.voice, model=flags.model).engine.name
        except DemodError:
            return flags.engine

    def _cloning_engine(self, defaults: VoiceChoice) -> str:
        """The engine of a row with a recording that names none; the same for all."""
        if not self._cloning:
            name = defaults.engine or self._settings.engines.default
            try:
                self._cloning = name if find_engine(name, self._settings).clones else CLONING
            except EngineNotInstalled:
                self._cloning = name
        return self._cloning

    def _found(self, asked: Asked, sha256: str) -> RowVoice | DemodError:
        try:
            found = self._cloned(asked, sha256) if asked.reference is not None else self._plain(asked)
            check_policy([found.licence], self._settings.publish.licence_policy)
            language = unspoken(found.info, found.language)
            if language is not None:
                raise UsageError(language.message, language.hint)
        except DemodError as error:
            return error
        return found

    def _plain(self, asked: Asked) -> RowVoice:
        """A saved voice, a model or a preset."""
        speaker, preset = asked.speaker, asked.voice
        if speaker and not preset and self._has_own_speakers(asked.engine):
            speaker, preset = "", speaker
        if preset and asked.model and not asked.voice:
            base = self._resolved(asked, voice="", model=asked.model, speaker="")
            voice = replace(base, voice=replace(base.voice, preset=preset), name=preset)
        else:
            voice = self._resolved(asked, voice=preset, model=asked.model, speaker=speaker)
        if voice.engine.name == CLONING and not (voice.voice.preset or voice.voice.references):
            raise UsageError(
                f"engine {CLONING} is given neither a reference nor a speaker",
                "name a recording in the column reference, or one of: demod-voice xtts speakers",
            )
        if voice.voice.speaker and not (voice.voice.model or voice.engine.default_model):
            raise UsageError(
                f"engine {voice.engine.name} has no speakers (the row names {voice.voice.speaker})",
                "name a voice in the column voice; a speaker is one of those inside a model",
            )
        return self._row_voice(voice, None, "")

    def _has_own_speakers(self, engine: str) -> bool:
        """True where a speaker is a voice that the engine's model brings, and not one inside a chosen model."""
        return (engine or self._settings.engines.default) == CLONING

    def _cloned(self, asked: Asked, sha256: str) -> RowVoice:
        """A voice taken from a recording; what the column ``speaker`` says is its name."""
        if asked.reference is None:
            raise ValueError("there is no recording")
        base = self._base(replace(asked, reference=None, speaker=""))
        clip = str(self._references.clip(sha256))
        voice = replace(
            base,
            name=asked.speaker or asked.reference.stem,
            voice=replace(base.voice, preset=None, references=(clip,)),
            consent=self._consent_label(),
        )
        return self._row_voice(voice, asked.reference, sha256)

    def _base(self, asked: Asked) -> ResolvedVoice:
        """The voice before it has a recording and a name; found once."""
        known = self._bases.get(asked)
        if known is not None:
            return known
        faults = list(self._clone_faults(asked))
        if faults:
            raise UsageError(
                "; ".join(each.message for each in faults), next((each.hint for each in faults if each.hint), None)
            )
        if len(self._bases) >= MOST_KEPT:
            self._bases.clear()
        found = self._bases[asked] = self._resolved(asked, voice="", model=asked.model, speaker="")
        return found

    def _clone_faults(self, asked: Asked) -> Iterator[Fault]:
        if asked.voice:
            yield Fault(None, f"both a voice ({asked.voice}) and a reference are given", "give one of the two")
        try:
            info = find_engine(asked.engine, self._settings)
        except EngineNotInstalled as error:
            raise UsageError(error.message, error.hint) from error
        if not info.clones:
            able = [name for name, each in find_engines(self._settings).items() if each.clones and not each.context]
            yield Fault(
                None, f"engine {info.name} cannot clone a voice from a reference", f"these can: {', '.join(able)}"
            )
        elif info.context:
            yield Fault(
                None,
                f"engine {info.name} needs the words of each reference, and a row has no place for them",
                f"save the voice once (demod-voice voices add NAME --engine {info.name} --reference FILE --text WORDS) "
                "and name it in the column voice",
            )
        yield from consent_faults(self._options.consent or None)

    def _consent_label(self) -> str:
        """The word about consent as saved voices have it; a statement is read once."""
        if self._consent is None:
            self._consent = consent_label(self._options.consent)
        return self._consent

    def _resolved(self, asked: Asked, *, voice: str, model: str, speaker: str) -> ResolvedVoice:
        defaults = self._options.voice
        return resolve(
            self._settings,
            engine=asked.engine,
            voice=voice,
            model=model,
            speaker=speaker,
            language=asked.language,
            speed=asked.speed,
            pitch=defaults.pitch,
            volume_db=defaults.volume_db,
            style=defaults.style,
        )

    def _row_voice(self, voice: ResolvedVoice, reference: Path | None, sha256: str) -> RowVoice:
        language = voice.language or self._settings.language
        known = replace(voice, voice=replace(voice.voice, references=())) if reference is not None else voice
        return RowVoice(voice, language, self._identity(known, language, sha256), reference, sha256)

    def _identity(self, voice: ResolvedVoice, language: str, sha256: str) -> str:
        """Content only: the clip of a reference by the hash of its recording."""
        info, settings = voice.engine, self._settings
        limits = [info.max_chars, dict(info.language_chars), info.normalises_text, info.max_batch]
        return hash_json(
            {
                "engine": [info.name, info.output_version, settings.engines.threads, *limits],
                "options": audible_options(info, settings),
                "voice": self._hashes.of_voice(voice.voice),
                "reference": sha256,
                "manner": [voice.speed, voice.pitch, voice.volume_db, dict(voice.style), language],
                "tries": [settings.attempts, guards_of(settings, info.name)],
                "told": [voice.name, voice.consent, voice.licence, settings.publish.licence_policy],
            }
        )
