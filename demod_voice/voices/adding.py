"""What a new voice is made of, and everything that can be wrong with it, said at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demod_voice.config.settings import Settings
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.locate import find_engines
from demod_voice.errors import EngineError, Fault
from demod_voice.records.hashing import hash_file
from demod_voice.units import counted
from demod_voice.voices.names import name_fault
from demod_voice.voices.resolved import model_remedy
from demod_voice.voices.saved import CONSENT_FILE, CONSENT_WORDS, UNSAID_CONSENT

RATIO_RANGE = (0.25, 4.0)
"""Speed and pitch beyond this are typing mistakes."""
VOLUME_RANGE_DB = (-60.0, 40.0)
LARGEST_CONSENT = 20 * 1024 * 1024
"""Bytes of a consent statement: a scan or a short recording."""
CONSENT_REMEDY = "say whose voice it is: --consent self, --consent FILE (their statement), public-domain or unknown"
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class NewVoice:
    """A voice to be saved."""

    name: str
    engine: str
    preset: str | None = None
    model: Path | None = None
    speaker: str | None = None
    references: tuple[Path, ...] = ()
    texts: tuple[str, ...] = ()
    """Transcripts of the references, in their order, or none."""
    adapter: Path | None = None
    language: str = ""
    speed: float = 1.0
    pitch: float = 1.0
    volume_db: float = 0.0
    style: Mapping[str, Any] = field(default_factory=dict)
    consent: str | None = None
    """``self``, ``public-domain``, ``unknown``, or the path of a statement; None = nothing was said."""
    licence: str = ""

    @property
    def cloned(self) -> bool:
        """True when it is taken from somebody's recordings."""
        return bool(self.references) or self.adapter is not None

    @property
    def consent_file(self) -> Path | None:
        """The statement's path, when one was given."""
        said = self.consent
        return Path(said).expanduser() if said is not None and said not in CONSENT_WORDS else None


def faults(new: NewVoice, settings: Settings) -> list[Fault]:
    """Everything that is wrong with ``new`` as far as it can be seen without decoding its clips."""
    return [*_name(new), *_engine(new, settings), *_made_of(new, settings), *_consent(new), *_defaults(new)]


def number_faults(speed: float, pitch: float, volume_db: float) -> Iterator[Fault]:
    """What is wrong with the speed and pitch ratios and the gain in dB."""
    low, high = RATIO_RANGE
    for label, value in (("speed", speed), ("pitch", pitch)):
        if not low <= value <= high:
            yield Fault(None, f"{label} {value:g} is outside {low:g} to {high:g}", "1 is the voice's own")
    low, high = VOLUME_RANGE_DB
    if not low <= volume_db <= high:
        yield Fault(None, f"volume {volume_db:g} dB is outside {low:g} to {high:g}", "0 is the voice's own")


def language_fault(language: str) -> str | None:
    """What is wrong with a language tag, or None."""
    if language and _LANGUAGE.fullmatch(language) is None:
        return f"{language!r} is not a language tag (examples: en, pt-BR)"
    return None


def _name(new: NewVoice) -> Iterator[Fault]:
    wrong = name_fault(new.name)
    if wrong is not None:
        yield Fault(None, wrong)


def _engine(new: NewVoice, settings: Settings) -> Iterator[Fault]:
    try:
        info = find_engine(new.engine, settings)
    except EngineError as error:
        yield Fault(None, error.message, error.hint)
        return
    if new.cloned and not info.clones:
        yield Fault(None, f"engine {info.name} cannot clone a voice", _cloning_engines(settings))
    if not {"speak", "speak_many"} & set(info.operations):
        yield Fault(None, f"engine {info.name} does not speak", "choose another engine: demod-voice engines list")


def _cloning_engines(settings: Settings) -> str:
    names = [name for name, info in sorted(find_engines(settings).items()) if info.clones]
    return f"these can: {', '.join(names)}" if names else "no engine on this machine can"


def _made_of(new: NewVoice, settings: Settings) -> Iterator[Fault]:
    info = find_engines(settings).get(new.engine)
    if new.preset is not None and info is not None and info.needs_model:
        yield Fault(None, f"engine {info.name} has no presets", f"leave out --preset; {model_remedy(info)}")
    if new.preset is None and new.model is None and not new.cloned:
        yield Fault(None, "nothing says what the voice is made of", "give --preset, --model, --reference or --adapter")
    if new.preset is not None and (new.cloned or new.model is not None):
        yield Fault(None, "a preset voice takes no model, reference or adapter", "leave out --preset, or the others")
    if new.texts and len(new.texts) != len(new.references):
        counts = f"{counted(len(new.references), 'reference')}, {counted(len(new.texts), 'text')}"
        yield Fault(None, f"one --text for each --reference, in the same order: got {counts}")
    if info is not None and info.context and new.references and not all(text.strip() for text in new.texts or ("",)):
        yield Fault(None, f"engine {info.name} needs the words of each reference", "give a --text for each --reference")
    for label, path in (("model", new.model), ("adapter", new.adapter)):
        if path is not None and not path.exists():
            yield Fault(None, f"{label} {path} does not exist")
    for path in new.references:
        if not path.is_file():
            yield Fault(None, f"reference {path} does not exist" if not path.exists() else f"{path} is not a file")


def _consent(new: NewVoice) -> Iterator[Fault]:
    if new.cloned or new.consent is not None:
        yield from consent_faults(new.consent)


def consent_faults(consent: str | None) -> Iterator[Fault]:
    """What is wrong with what was said about a voice that is taken from somebody's recordings; None = nothing was."""
    if consent is None:
        yield Fault(None, "a cloned voice needs a word about consent", CONSENT_REMEDY)
    if consent is None or consent in CONSENT_WORDS:
        return
    path = Path(consent).expanduser()
    if not path.is_file():
        yield Fault(None, f"consent {consent!r} is neither a file nor one of {', '.join(CONSENT_WORDS)}")
    elif path.stat().st_size > LARGEST_CONSENT or path.stat().st_size == 0:
        yield Fault(None, f"consent file {path} holds {path.stat().st_size} bytes: it must be 1 byte to 20 MB")


def consent_label(consent: str | None) -> str:
    """What was said, as saved voices have it: a word, or the statement by its content; nothing said is ``unknown``."""
    if consent is None or consent in CONSENT_WORDS:
        return consent or UNSAID_CONSENT
    return f"{CONSENT_FILE} sha256:{hash_file(Path(consent).expanduser())}"


def _defaults(new: NewVoice) -> Iterator[Fault]:
    yield from number_faults(new.speed, new.pitch, new.volume_db)
    wrong = language_fault(new.language)
    if wrong is not None:
        yield Fault(None, wrong)
