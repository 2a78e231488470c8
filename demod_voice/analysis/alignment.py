"""When each word of a known text is heard: in one clip, or in a long recording that came with a plain transcript.

A long recording is not aligned at once. Each stretch of speech is recognized with a language model made of the transcript
itself; what was heard is matched with what is written (word_matching), and the matches that can be trusted are anchors. They
tell which words each stretch holds (stretches.py), and each stretch is then aligned with its own words. A word that
nobody heard gets a time between its neighbours', and says so.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from demod_worker.messages import AlignRequest, AlignResult, HeardWord, TranscribeRequest, TranscribeResult

from demod_voice.analysis.language_model import arpa
from demod_voice.analysis.listening import listening_copy, listening_slice
from demod_voice.analysis.pronunciation import pronunciations
from demod_voice.analysis.speech_track import Region, SpeechTrack
from demod_voice.analysis.stretches import Heard, Stretch, anchors, speech_stretches, with_words
from demod_voice.analysis.transcription import BEST, FALLBACK, FALLBACK_LANGUAGE, choose_recognizer
from demod_voice.analysis.word_matching import plain_word
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineNotInstalled, EngineRefused
from demod_voice.records.progress import SILENT, Progress

PHRASE_END = re.compile(r"[.,;:!?…。，！？—–-]+[\"'’”)\]]*$")
"""A written word after which a reader pauses."""
FAR_S = 0.4
"""So far may the aligned words of a stretch be from its anchors, in the median; further, and the alignment is wrong."""


_Told = Callable[[float], None]
"""Is told how many seconds are done."""


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """One written word, with its time."""

    text: str
    """As it is written."""
    start_s: float
    end_s: float
    aligned: bool = True
    """False: nobody heard when; the time lies between its neighbours'."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Every word of a text, in its order."""

    words: tuple[AlignedWord, ...]
    engine: str
    model: str = ""
    model_revision: str = ""
    degraded: tuple[str, ...] = ()
    """What was asked and not had, a phrase each."""


@dataclass(frozen=True, slots=True)
class _Job:
    """What is the same for all stretches of a recording."""

    wav: Path
    folder: Path
    language: str
    pool: Pool
    jobs: int
    engine: str
    said: dict[str, str]
    """Pronunciations of words that the engine does not know."""


def align_clip(clip: Path, text: str, language: str, pool: Pool, *, engine: str = "") -> Alignment:
    """When each word of a text is heard in a short clip (up to about a minute).

    Args:
        clip: a WAV that this program wrote, any rate.
        text: what is said in it; words between spaces.
        language: BCP 47 tag.
        pool: runs the engine.
        engine: empty = one that can align this language.

    Raises:
        EngineNotInstalled: no engine can align this language.
        EngineError: the engine failed.
    """
    chosen = engine or aligner(language, pool)
    with tempfile.TemporaryDirectory(prefix="demod-voice-") as folder:
        heard = str(listening_copy(clip, Path(folder) / "clip.wav").absolute())
        found = pool.align(chosen, AlignRequest(heard, text, language))
        if found.unknown:
            said = pronunciations(found.unknown, language, pool)
            found = pool.align(chosen, AlignRequest(heard, text, language, said)) if said else found
    return Alignment(_words(found.words), chosen, found.model, found.model_revision, found.degraded)


def aligner(language: str, pool: Pool) -> str:
    """The engine that aligns a language.

    Raises:
        EngineNotInstalled: there is none.
    """
    if pool.usable(BEST) and "align" in pool.info(BEST).operations:
        return BEST
    if _primary(language) == FALLBACK_LANGUAGE and pool.usable(FALLBACK):
        return FALLBACK
    raise EngineNotInstalled(f"no engine can align words of {language!r}", f"run: demod-voice engines install {BEST}")


def recording_aligner(language: str, pool: Pool, engine: str = "") -> str:
    """The engine that aligns a long recording: pocketsphinx for English, else the best recognizer.

    Raises:
        EngineNotInstalled: there is none; says what to install or to pull.
    """
    own = FALLBACK if _primary(language) == FALLBACK_LANGUAGE else ""
    return choose_recognizer(language, pool, engine or own, task="align").engine


def align_recording(
    wav: Path,
    track: SpeechTrack,
    text: str,
    language: str,
    pool: Pool,
    *,
    scratch: Path,
    jobs: int,
    engine: str = "",
    progress: Progress = SILENT,
) -> Alignment:
    """When each word of a plain transcript is heard in a long recording.

    Speech that the transcript lacks is left alone; words that were not said get times between their neighbours' and
    ``aligned=False``.

    Args:
        wav: the recording, written by this program, any rate.
        track: its speech.
        text: the whole transcript; words between spaces.
        language: BCP 47 tag.
        pool: runs the engines.
        scratch: a folder for pieces; left as it was.
        jobs: pieces that are heard at once; changes no result.
        engine: empty = pocketsphinx for English, which is given the text beforehand, else the best recognizer.
        progress: told in seconds of speech.

    Raises:
        EngineNotInstalled: no engine can do this for the language.
        EngineError: the engine failed.
        MediaError: the recording cannot be read.
    """
    tokens = text.split()
    stretches = speech_stretches(track)
    engine = recording_aligner(language, pool, engine)
    if not tokens or not stretches or not any(map(plain_word, tokens)):
        return Alignment(_spread(tokens, track.duration_s), engine, degraded=_nothing(tokens, "there is no speech"))
    with tempfile.TemporaryDirectory(prefix="align-", dir=scratch) as folder:
        job = _Job(wav, Path(folder), language, pool, max(1, jobs), engine, {})
        return _aligned_recording(job, stretches, tokens, track.duration_s, progress)


def _aligned_recording(
    job: _Job, stretches: Sequence[Region], tokens: Sequence[str], length_s: float, progress: Progress
) -> Alignment:
    step = "align"

    def told(seconds: float) -> None:
        progress.advance(step, seconds)

    progress.start(step, 2 * sum(each.duration_s for each in stretches), "s")
    model = _language_model(tokens, job.folder / "text.arpa") if job.engine == FALLBACK else None
    job = _with_pronunciations(job, stretches[0], model)
    results = _recognized(job, stretches, model, told)
    heard = [_heard(result, region) for result, region in zip(results, stretches, strict=True)]
    first = results[0]
    found = anchors(tokens, heard)
    parts = with_words(tokens, stretches, found)
    known: dict[int, tuple[float, float]] = {place: (word.start_s, word.end_s) for place, word in found.items()}
    if "align" in job.pool.info(job.engine).operations:
        for part, words in zip(parts, _each_part(job, parts, tokens, told), strict=True):
            known.update(_trusted(part, words, known))
    progress.finish(step)
    words = _placed(tokens, known, length_s)
    degraded = _nothing(tokens, "nothing of the text was heard") if not known else ()
    missing = sum(not each.aligned for each in words)
    if known and missing:
        degraded = (f"alignment: {missing} of {len(words)} words lie between their neighbours", *degraded)
    return Alignment(words, job.engine, first.model, first.model_revision, degraded)


def _language_model(tokens: Sequence[str], path: Path) -> Path:
    """The transcript as a language model, in phrases."""
    phrases: list[list[str]] = [[]]
    for token in tokens:
        phrases[-1] += [part for part in re.split(r"[-–—/]", plain_word(token)) if part]
        if PHRASE_END.search(token):
            phrases.append([])
    path.write_text(arpa(phrases), encoding="utf-8")
    return path


def _with_pronunciations(job: _Job, region: Region, model: Path | None) -> _Job:
    """Ask which words of the model the engine does not know, and how they sound."""
    if model is None:
        return job
    piece = listening_slice(job.wav, region.start_s, min(region.end_s, region.start_s + 1.0), job.folder / "first.wav")
    found = job.pool.transcribe(job.engine, TranscribeRequest(str(piece), job.language, str(model)))
    return replace(job, said=pronunciations(found.unknown, job.language, job.pool)) if found.unknown else job


def _recognized(job: _Job, stretches: Sequence[Region], model: Path | None, told: _Told) -> list[TranscribeResult]:
    """The words of each stretch."""

    def one(number: int) -> TranscribeResult:
        region = stretches[number]
        path = job.folder / f"hear-{number}.wav"
        listening_slice(job.wav, region.start_s, region.end_s, path)
        asked = TranscribeRequest(str(path), job.language, str(model) if model else None, dict(job.said))
        found = job.pool.transcribe(job.engine, asked)
        path.unlink()
        told(region.duration_s)
        return found

    with ThreadPoolExecutor(job.jobs) as threads:
        return list(threads.map(one, range(len(stretches))))


def _heard(result: TranscribeResult, region: Region) -> list[Heard]:
    """The words of a stretch, in the recording's time."""
    at = region.start_s
    return [
        Heard(
            plain_word(each.text),
            at + each.start_s,
            at + each.end_s,
            1.0 if each.confidence is None else each.confidence,
        )
        for each in result.words
        if plain_word(each.text)
    ]


def _each_part(
    job: _Job, parts: Sequence[Stretch], tokens: Sequence[str], told: _Told
) -> list[tuple[AlignedWord, ...]]:
    """Align each part with its words."""

    def one(number: int) -> tuple[AlignedWord, ...]:
        part = parts[number]
        path = job.folder / f"align-{number}.wav"
        listening_slice(job.wav, part.start_s, part.end_s, path)
        text = " ".join(tokens[part.first : part.last])
        try:
            found = job.pool.align(job.engine, AlignRequest(str(path), text, job.language, dict(job.said)))
        except EngineRefused:
            found = AlignResult(())
        path.unlink()
        told(part.end_s - part.start_s)
        return _words(found.words, part.start_s)

    with ThreadPoolExecutor(job.jobs) as threads:
        return list(threads.map(one, range(len(parts))))


def _trusted(
    part: Stretch, words: Sequence[AlignedWord], known: dict[int, tuple[float, float]]
) -> dict[int, tuple[float, float]]:
    """The times of a part's words, unless they contradict what was recognized there."""
    if len(words) != part.last - part.first:
        return {}
    times = {part.first + n: (each.start_s, each.end_s) for n, each in enumerate(words) if each.aligned}
    apart = sorted(abs(start - known[place][0]) for place, (start, _) in times.items() if place in known)
    return {} if apart and apart[len(apart) // 2] > FAR_S else times


def _placed(tokens: Sequence[str], known: dict[int, tuple[float, float]], length_s: float) -> tuple[AlignedWord, ...]:
    """Every token with a time; those without share what is between their neighbours by their length."""
    words: list[AlignedWord] = []
    at = 0
    while at < len(tokens):
        if at in known:
            start, end = known[at]
            start = max(start, words[-1].start_s) if words else start
            words.append(AlignedWord(tokens[at], round(start, 3), round(max(start, end), 3)))
            at += 1
            continue
        last = next((place for place in range(at, len(tokens)) if place in known), len(tokens))
        begin_s = words[-1].end_s if words else 0.0
        end_s = max(begin_s, known[last][0] if last < len(tokens) else length_s)
        words += _between(tokens[at:last], begin_s, end_s)
        at = last
    return tuple(words)


def _between(tokens: Sequence[str], begin_s: float, end_s: float) -> Iterable[AlignedWord]:
    whole, done = max(1, sum(map(len, tokens))), 0
    for token in tokens:
        start, done = begin_s + (end_s - begin_s) * done / whole, done + len(token)
        yield AlignedWord(token, round(start, 3), round(begin_s + (end_s - begin_s) * done / whole, 3), aligned=False)


def _spread(tokens: Sequence[str], length_s: float) -> tuple[AlignedWord, ...]:
    return tuple(_between(tokens, 0.0, length_s))


def _nothing(tokens: Sequence[str], why: str) -> tuple[str, ...]:
    return (f"alignment: {why}; no time is more than a guess",) if tokens else ()


def _words(words: Iterable[HeardWord], start_s: float = 0.0) -> tuple[AlignedWord, ...]:
    return tuple(AlignedWord(w.text, start_s + w.start_s, start_s + w.end_s, w.aligned) for w in words)


def _primary(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()
