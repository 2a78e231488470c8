"""What is said in clips: the best recognizer that is there, and a word about it when that is not the good one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from demod_worker.messages import HeardWord, TranscribeRequest

from demod_voice.analysis.listening import listening_copy
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineCancelled, EngineError, EngineNotInstalled, EngineStartFailed
from demod_voice.records.progress import SILENT, Progress

BEST = "whisper"
FALLBACK, FALLBACK_LANGUAGE = "pocketsphinx", "en"
FALLBACK_NOTE = "many of its words are wrong"


@dataclass(frozen=True, slots=True)
class Transcript:
    """What an engine heard in one clip."""

    text: str
    words: tuple[HeardWord, ...]
    """From the clip's start; empty when the engine has no times."""
    confidence: float | None
    """0..1, on the engine's own scale."""
    engine: str
    language: str = ""
    model: str = ""
    model_revision: str = ""
    degraded: tuple[str, ...] = ()
    """What was asked and not had, a phrase each (the fallback)."""
    failure: str = ""
    """Why there is no text; the other clips have theirs."""


@dataclass(frozen=True, slots=True)
class Recognizer:
    """An engine that was chosen."""

    engine: str
    degraded: tuple[str, ...] = ()


def transcribe(
    clips: Sequence[Path],
    language: str,
    pool: Pool,
    *,
    engine: str = "",
    jobs: int,
    progress: Progress = SILENT,
) -> list[Transcript]:
    """The words of each clip, in their order. A clip that fails says why and stops no other.

    Args:
        clips: WAVs that this program wrote, any rate.
        language: BCP 47 tag.
        pool: runs the engine.
        engine: empty = whisper where it is installed, else pocketsphinx for English, which says so in ``degraded``.
        jobs: clips that are heard at once; changes no result.
        progress: told clip by clip.

    Raises:
        EngineNotInstalled: no engine can transcribe this language.
        EngineError: the engine failed on every clip.
        MediaError: a clip cannot be read.
    """
    if not clips:
        return []
    chosen = choose_recognizer(language, pool, engine)
    step = "transcribe"
    progress.start(step, len(clips), "clips")
    failures: dict[int, EngineError] = {}

    def one(number: int) -> Transcript:
        try:
            found = _transcript(clips[number], Path(folder) / f"{number}.wav", language, pool, chosen)
        except EngineCancelled:
            raise
        except EngineError as error:
            failures[number] = error
            found = Transcript("", (), None, chosen.engine, language, degraded=chosen.degraded, failure=error.message)
        progress.advance(step)
        return found

    with tempfile.TemporaryDirectory(prefix="demod-voice-") as folder, ThreadPoolExecutor(max(1, jobs)) as threads:
        made = list(threads.map(one, range(len(clips))))
    if len(failures) == len(clips):
        raise failures[0]
    progress.finish(step)
    return made


def choose_recognizer(language: str, pool: Pool, engine: str = "", *, task: str = "transcribe") -> Recognizer:
    """The engine that transcribes a language.

    Args:
        language: BCP 47 tag.
        pool: runs the engine.
        engine: empty = whisper where it is installed, else pocketsphinx for English.
        task: what is asked for, as an error calls it.

    Raises:
        EngineNotInstalled: there is none; says what to install or to pull.
        EngineError: the user has configured whisper, and it does not work so.
    """
    if engine:
        return Recognizer(engine)
    reason, remedy = f"{BEST} is not installed", ""
    if pool.usable(BEST):
        try:
            pool.load(BEST)
            return Recognizer(BEST)
        except EngineCancelled:
            raise
        except EngineError as error:
            if _configured(error, pool):
                raise
            reason, remedy = f"{BEST}: {error.message.splitlines()[0]}", error.hint or ""
    if language.replace("_", "-").split("-")[0].lower() == FALLBACK_LANGUAGE and pool.usable(FALLBACK):
        better = f" ({remedy})" if remedy else ""
        return Recognizer(FALLBACK, (f"{reason}{better}; transcribed by {FALLBACK}, and {FALLBACK_NOTE}",))
    raise EngineNotInstalled(
        f"no engine can {task} {language!r}: {reason}", remedy or f"run: demod-voice engines install {BEST}"
    )


def _configured(error: EngineError, pool: Pool) -> bool:
    """True for what the user has set and what does not work so: no other engine takes its place silently."""
    own = pool.settings.engines.named.get(BEST)
    if own is None:
        return False
    return bool(own.model) or (bool(own.python) and isinstance(error, EngineStartFailed))


def _transcript(clip: Path, scratch: Path, language: str, pool: Pool, chosen: Recognizer) -> Transcript:
    heard = pool.transcribe(chosen.engine, TranscribeRequest(str(listening_copy(clip, scratch).absolute()), language))
    scratch.unlink(missing_ok=True)
    return Transcript(
        heard.text.strip(),
        heard.words,
        heard.confidence,
        chosen.engine,
        heard.language or language,
        heard.model,
        heard.model_revision,
        (*chosen.degraded, *heard.degraded),
    )
