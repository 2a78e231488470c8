"""Text as engines get it: read out, cut into chunks, and as phonemes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demod_worker.messages import PhonemizeRequest

from demod_voice.api.speaking import VoiceChoice, voice_of
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import FaultsError, UsageError
from demod_voice.formats.lexicon_file import read_lexicon
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.prepare import prepare
from demod_voice.text.clean import speakable

__all__ = ["NormalizedText", "PhonemeText", "normalize_text", "text_phonemes"]

NO_ENGINE = EngineInfo("", "", Path(), "", 0, ())
"""An engine that reads nothing out itself and has no limit: all that the core does is seen."""


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """What an engine is given."""

    language: str
    engine: str
    """Empty = none in particular."""
    chunks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhonemeText:
    """How an engine would say a text."""

    language: str
    engine: str
    voice: str
    phonemes: tuple[str, ...]
    """IPA, clause by clause."""
    degraded: tuple[str, ...]
    """What was asked for and not given."""


def normalize_text(
    text: str,
    language: str = "",
    *,
    engine: str = "",
    lexicon: str | Path | None = None,
    settings: Settings = DEFAULTS,
) -> NormalizedText:
    """The chunks of a text as an engine gets them; one that reads numbers itself gets them raw.

    Args:
        text: as written.
        language: BCP 47; empty = the configured one.
        engine: its name; empty = one without a limit that reads nothing out itself.
        lexicon: pronunciations, applied first.
        settings: the default language, and where engines are.

    Raises:
        UsageError: no such engine, a fault in the lexicon, or nothing in the text can be said.
    """
    language = language or settings.language
    info = find_engine(engine, settings) if engine else NO_ENGINE
    if lexicon is not None:
        text = _pronounced(text, language, info, Path(lexicon), settings)
    _need_words(text)
    return NormalizedText(language, engine, prepare(text, language, info))


def text_phonemes(
    text: str, choice: VoiceChoice | None = None, *, settings: Settings = DEFAULTS, progress: Progress = SILENT
) -> PhonemeText:
    """The IPA of a text, by an engine that tells it (``espeak``, ``piper``).

    Raises:
        UsageError: the voice does not exist, the engine tells no phonemes, or nothing in the text can be said.
        EngineError: the engine failed.
    """
    _need_words(text)
    voice = voice_of(choice or VoiceChoice(), settings)
    name = voice.engine.name
    if "phonemize" not in voice.engine.operations:
        raise UsageError(f"engine {name} does not tell phonemes", "try: --engine espeak")
    language = voice.language or settings.language
    with Pool(settings, progress=progress) as pool:
        faults = voice.verify(pool, language)
        if faults:
            raise FaultsError("the voice", faults)
        told = pool.phonemize(name, PhonemizeRequest(text, language, voice.voice))
    return PhonemeText(language, name, voice.name, told.phonemes, told.degraded)


def _pronounced(text: str, language: str, info: EngineInfo, path: Path, settings: Settings) -> str:
    """The text with the lexicon's words in the place of the written ones."""
    check_inside([path], settings.paths.allowed_roots)
    _, spans, _ = read_lexicon(path, settings.limits).pronounced(text, (), "", language)
    takes_ipa = "phonemes" in info.honours
    said = (f"[[{span.phonemes}]]" if span.phonemes and takes_ipa else span.alias or span.text for span in spans)
    return "".join(said) if spans else text


def _need_words(text: str) -> None:
    if not speakable(text):
        raise UsageError("no letter or digit is in the text", "give a text, --file F, or - for stdin")
