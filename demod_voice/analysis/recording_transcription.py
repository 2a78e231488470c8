"""What is said in a whole recording: its stretches of speech, each recognized by itself, with times of the whole.

A recording is cut at its pauses (``stretches.speech_stretches``), so ten hours of it need the memory of some stretches, and a
stretch that fails is told and stops no other.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from demod_worker.messages import HeardWord, TranscribeRequest, TranscribeResult

from demod_voice.analysis.listening import listening_slice
from demod_voice.analysis.speech_track import Region, SpeechTrack
from demod_voice.analysis.stretches import speech_stretches
from demod_voice.analysis.transcription import FALLBACK, FALLBACK_LANGUAGE, Recognizer, choose_recognizer
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineCancelled, EngineError
from demod_voice.formats.cues import Cue, SpokenWord
from demod_voice.records.progress import SILENT, Progress

LISTENED = 3
"""The longest stretches, by which the language is found out."""
SENTENCE_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f]+[\"'\u2019\u201d)\]]*$")
LONGEST_S = 300.0
"""Speech without a pause of its own (or music that is taken for it) is divided, so that no request is longer."""
NO_SPEECH = "no speech was found"
PAUSE_S = 1.0
"""A pause between two words at which a cue ends."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One stretch of speech, in the recording's time."""

    start_s: float
    end_s: float
    text: str
    words: tuple[HeardWord, ...] = ()
    """Empty when the engine has no times."""
    confidence: float | None = None
    failure: str = ""
    """Why there is no text."""


@dataclass(frozen=True, slots=True)
class RecordingTranscript:
    """What an engine heard in a recording."""

    passages: tuple[Passage, ...]
    duration_s: float
    language: str
    engine: str
    model: str = ""
    model_revision: str = ""
    degraded: tuple[str, ...] = ()
    """What was asked and not had, a phrase each."""

    @property
    def text(self) -> str:
        """A line for each passage."""
        return "\n".join(each.text for each in self.passages if each.text)

    @property
    def words(self) -> tuple[HeardWord, ...]:
        """All words with times."""
        return tuple(word for each in self.passages for word in each.words)


@dataclass(frozen=True, slots=True)
class _Job:
    """What is the same for all stretches."""

    wav: Path
    folder: Path
    pool: Pool
    chosen: Recognizer


def transcribe_recording(
    wav: Path,
    track: SpeechTrack,
    language: str,
    pool: Pool,
    *,
    scratch: Path,
    engine: str = "",
    jobs: int = 1,
    progress: Progress = SILENT,
) -> RecordingTranscript:
    """The words of a recording of any length.

    Args:
        wav: written by this program, any rate.
        track: its speech.
        language: BCP 47 tag; empty = the one that is heard in its longest stretches.
        pool: runs the engine.
        scratch: a folder for pieces; left as it was.
        engine: empty = whisper where it is installed, else pocketsphinx for English, which says so in ``degraded``.
        jobs: stretches that are heard at once; changes no result.
        progress: told in seconds of speech.

    Raises:
        EngineNotInstalled: no engine can transcribe this language.
        EngineError: the engine failed on every stretch.
        MediaError: the recording cannot be read.
    """
    chosen = choose_recognizer(language or FALLBACK_LANGUAGE, pool, engine)
    stretches = [part for each in speech_stretches(track) for part in divided(each)]
    duration_s = track.duration_s
    if not stretches:
        return RecordingTranscript((), duration_s, language, chosen.engine, degraded=(*track.degraded, NO_SPEECH))
    step = "transcribe"
    progress.start(step, sum(each.duration_s for each in stretches), "s")
    with tempfile.TemporaryDirectory(prefix="hear-", dir=scratch) as folder:
        job = _Job(wav, Path(folder), pool, chosen)
        spoken, notes = (language, ()) if language else _language(job, stretches)
        results = _heard(job, stretches, spoken, jobs, lambda seconds: progress.advance(step, seconds))
    progress.finish(step)
    first = next((each for each in results if isinstance(each, TranscribeResult)), None)
    if first is None:
        raise next(each for each in results if isinstance(each, EngineError))
    degraded = (*track.degraded, *chosen.degraded, *notes, *_degraded(results))
    passages = tuple(_passage(region, found) for region, found in zip(stretches, results, strict=True))
    heard = first.language or spoken
    return RecordingTranscript(
        passages, duration_s, heard, chosen.engine, first.model, first.model_revision, tuple(dict.fromkeys(degraded))
    )


def divided(region: Region) -> list[Region]:
    """A stretch in equal parts of at most ``LONGEST_S``."""
    count = max(1, math.ceil(region.duration_s / LONGEST_S))
    edges = [region.start_s + region.duration_s * number / count for number in range(count)] + [region.end_s]
    return [Region(begin_s, end_s) for begin_s, end_s in pairwise(edges)]


def cues_of(transcript: RecordingTranscript) -> list[Cue]:
    """The transcript as cues: a sentence each, ended by a pause too."""
    return [cue for each in transcript.passages for cue in _cues(each) if cue.text]


def word_cues(words: Sequence[HeardWord]) -> list[Cue]:
    """A cue for each word; a word without any length is shown until the next one, or for a moment."""
    return [Cue(word.start_s, max(word.end_s, word.start_s + 0.05), "", word.text, (_spoken(word),)) for word in words]


def _cues(passage: Passage) -> Iterator[Cue]:
    if not passage.words:
        yield Cue(passage.start_s, passage.end_s, "", passage.text)
        return
    places = _places(passage)
    begin = 0
    for number, word in enumerate(passage.words, 1):
        last = number == len(passage.words)
        if last or SENTENCE_END.search(word.text) or passage.words[number].start_s - word.end_s >= PAUSE_S:
            part = passage.words[begin:number]
            text = passage.text[places[begin] : places[number]].strip()
            yield Cue(part[0].start_s, part[-1].end_s, "", text, tuple(map(_spoken, part)))
            begin = number


def _places(passage: Passage) -> list[int]:
    """Where each word begins in the text (which may have no spaces), and the text's end."""
    places, at = [], 0
    for word in passage.words:
        found = passage.text.find(word.text, at)
        places.append(found if found >= 0 else at)
        at = found + len(word.text) if found >= 0 else at
    return [*places, len(passage.text)]


def _spoken(word: HeardWord) -> SpokenWord:
    return SpokenWord(word.text, word.start_s, word.end_s)


def _language(job: _Job, stretches: Sequence[Region]) -> tuple[str, tuple[str, ...]]:
    """The language of the longest stretches, and a note where nobody could find it out."""
    if job.chosen.engine == FALLBACK:
        return FALLBACK_LANGUAGE, (f"language: {FALLBACK} knows {FALLBACK_LANGUAGE} only, and took it for that",)
    longest = sorted(range(len(stretches)), key=lambda number: -stretches[number].duration_s)[:LISTENED]
    seconds: dict[str, float] = {}
    for number in longest:
        found = _one(job, stretches[number], number, "")
        if isinstance(found, TranscribeResult) and found.language:
            seconds[found.language] = seconds.get(found.language, 0.0) + stretches[number].duration_s
    return max(sorted(seconds), key=lambda each: seconds[each], default=""), ()


def _heard(
    job: _Job, stretches: Sequence[Region], language: str, jobs: int, told: Callable[[float], None]
) -> list[TranscribeResult | EngineError]:
    def one(number: int) -> TranscribeResult | EngineError:
        found = _one(job, stretches[number], number, language)
        told(stretches[number].duration_s)
        return found

    with ThreadPoolExecutor(max(1, jobs)) as threads:
        return list(threads.map(one, range(len(stretches))))


def _one(job: _Job, region: Region, number: int, language: str) -> TranscribeResult | EngineError:
    """One stretch; an engine that fails on it is told there, a cancel ends everything."""
    path = listening_slice(job.wav, region.start_s, region.end_s, job.folder / f"{number}.wav")
    try:
        return job.pool.transcribe(job.chosen.engine, TranscribeRequest(str(path), language))
    except EngineCancelled:
        raise
    except EngineError as error:
        return error
    finally:
        path.unlink(missing_ok=True)


def _passage(region: Region, found: TranscribeResult | EngineError) -> Passage:
    start_s, end_s = round(region.start_s, 3), round(region.end_s, 3)
    if isinstance(found, EngineError):
        return Passage(start_s, end_s, "", failure=found.message)
    words = tuple(
        HeardWord(
            each.text,
            round(region.start_s + each.start_s, 3),
            round(region.start_s + each.end_s, 3),
            each.confidence,
            each.aligned,
        )
        for each in found.words
    )
    return Passage(start_s, end_s, found.text.strip(), words, found.confidence)


def _degraded(results: Sequence[TranscribeResult | EngineError]) -> Iterator[str]:
    failed = [each for each in results if isinstance(each, EngineError)]
    if failed:
        yield f"{len(failed)} of {len(results)} stretches have no text: {failed[0].message.splitlines()[0]}"
    for each in results:
        if isinstance(each, TranscribeResult):
            yield from each.degraded
