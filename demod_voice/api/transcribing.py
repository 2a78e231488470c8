"""What is said in a recording, and when each word of a known text is said. Foreign files are opened in a child process only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from demod_worker.messages import HeardWord

from demod_voice.analysis.alignment import Alignment, align_recording, recording_aligner
from demod_voice.analysis.recording_transcription import (
    RecordingTranscript,
    cues_of,
    transcribe_recording,
    word_cues,
)
from demod_voice.analysis.speech_detection import detect_speech
from demod_voice.analysis.speech_track import SpeechTrack
from demod_voice.analysis.transcription import choose_recognizer
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.dataset.cleaning.files import jobs_of
from demod_voice.engines.pool import Pool
from demod_voice.errors import Fault, QualityError, UsageError
from demod_voice.formats.cues import Cue, SpokenWord
from demod_voice.formats.foreign_text import read_foreign_text
from demod_voice.formats.textgrid import write_textgrid
from demod_voice.formats.transcript import write_json_transcript, write_srt, write_vtt
from demod_voice.media.foreign import decode
from demod_voice.media.wav import wav_info
from demod_voice.records.atomic import check_output, write_json, write_text
from demod_voice.records.progress import SILENT, Progress

__all__ = ["AlignedFile", "TranscribedFile", "align_file", "require_heard", "transcribe_file"]

RATE = 16000
TRANSCRIPTS = (".txt", ".srt", ".vtt", ".json")
ALIGNMENTS = (".json", ".srt", ".vtt", ".textgrid")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TranscribedFile:
    """The words of one file."""

    source: Path
    transcript: RecordingTranscript
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class AlignedFile:
    """The words of a known text in one file."""

    source: Path
    duration_s: float
    alignment: Alignment
    output: Path | None = None


def transcribe_file(
    file: str | Path,
    output: str | Path | None = None,
    *,
    language: str = "",
    engine: str = "",
    words: bool = False,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> TranscribedFile:
    """The words of a sound or video file of any length.

    Args:
        file: anything that libav reads.
        output: ``.txt``, ``.srt``, ``.vtt`` or ``.json`` (Podcasting 2.0); None = only the result.
        language: BCP 47 tag; empty = the one that is heard.
        engine: empty = whisper where it is installed, else pocketsphinx for English, which says so in ``degraded``.
        words: a cue for each word; in JSON, each word's time.
        settings: limits, device, jobs.
        progress: told in seconds.

    Raises:
        UsageError: the file does not exist, or the output's suffix is none of these.
        MediaError: it cannot be decoded.
        EngineError: no engine can transcribe the language, or it failed on everything.
        OutputError: the output cannot be written.
    """
    source, target = _paths(file, output, TRANSCRIPTS, settings)
    jobs = _jobs(settings)

    def work(wav: Path, scratch: Path, pool: Pool) -> RecordingTranscript:
        track = _speech(wav, scratch, pool, jobs, progress)
        return transcribe_recording(
            wav, track, language, pool, scratch=scratch, engine=engine, jobs=jobs, progress=progress
        )

    with Pool(settings, jobs=jobs, progress=progress) as pool:
        choose_recognizer(language or "en", pool, engine)
        transcript = _decoded(source, settings, lambda wav, scratch: work(wav, scratch, pool))
    if target is not None:
        _write_transcript(target, transcript, words)
    return TranscribedFile(source, transcript, target)


def align_file(
    file: str | Path,
    text: str | Path,
    output: str | Path | None = None,
    *,
    language: str = "",
    engine: str = "",
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> AlignedFile:
    """When each word of a text is said in a file. A word that nobody heard lies between its neighbours, and says so.

    Args:
        file: anything that libav reads.
        text: a file with what is said in it, as plain text.
        output: ``.json``, ``.srt``, ``.vtt`` or ``.TextGrid``; None = only the result.
        language: BCP 47 tag; empty = the settings'.
        engine: empty = pocketsphinx for English, which is given the text beforehand, else whisper.
        settings: limits, device, jobs, language.
        progress: told in seconds.

    Raises:
        UsageError: a file does not exist, the text is empty, or the output's suffix is none of these.
        MediaError: the recording cannot be decoded.
        EngineError: no engine can align the language, or it failed.
        OutputError: the output cannot be written.
    """
    source, target = _paths(file, output, ALIGNMENTS, settings)
    spoken = _text(Path(text), settings)
    jobs = _jobs(settings)

    def work(wav: Path, scratch: Path, pool: Pool) -> tuple[Alignment, float]:
        track = _speech(wav, scratch, pool, jobs, progress)
        found = align_recording(
            wav,
            track,
            spoken,
            language or settings.language,
            pool,
            scratch=scratch,
            jobs=jobs,
            engine=engine,
            progress=progress,
        )
        return found, wav_info(wav).duration_s

    with Pool(settings, jobs=jobs, progress=progress) as pool:
        recording_aligner(language or settings.language, pool, engine)
        alignment, duration_s = _decoded(source, settings, lambda wav, scratch: work(wav, scratch, pool))
    if target is not None:
        _write_alignment(target, alignment, duration_s)
    return AlignedFile(source, round(duration_s, 6), alignment, target)


def require_heard(found: AlignedFile) -> None:
    """Say with an error that most of a text was not heard in its recording.

    Raises:
        QualityError: fewer than half of the words were heard.
    """
    words = found.alignment.words
    lost = sum(not each.aligned for each in words)
    if 2 * lost > len(words):
        raise QualityError(
            f"{lost} of {len(words)} words were not heard: their times are guesses",
            f"is it the text of {found.source}, and its language?",
        )


def _paths(
    file: str | Path, output: str | Path | None, suffixes: Sequence[str], settings: Settings
) -> tuple[Path, Path | None]:
    jobs_of([file])
    source = Path(file)
    if output is None:
        check_inside([source], settings.paths.allowed_roots)
        return source, None
    target = Path(output)
    if target.suffix.lower() not in suffixes:
        raise UsageError(f"{target} must end in one of {', '.join(suffixes)}")
    check_inside([source, target], settings.paths.allowed_roots)
    check_output(target)
    return source, target


def _text(path: Path, settings: Settings) -> str:
    check_inside([path], settings.paths.allowed_roots)
    notes: list[Fault] = []
    text = read_foreign_text(path, "texts", "give a plain text file with what is said", notes)
    if not any(char.isalnum() for char in text):
        raise UsageError(f"{path} holds no word", "give a plain text file with what is said")
    return text


def _jobs(settings: Settings) -> int:
    return settings.jobs or len(os.sched_getaffinity(0))


def _decoded(source: Path, settings: Settings, work: Callable[[Path, Path], _T]) -> _T:
    """Work with a 16 kHz copy of the file's sound."""
    with tempfile.TemporaryDirectory(prefix="demod-voice-") as name:
        wav = Path(name) / "recording.wav"
        decode(source, wav, RATE, settings.limits, encoding="pcm_s16le")
        return work(wav, Path(name))


def _speech(wav: Path, scratch: Path, pool: Pool, jobs: int, progress: Progress) -> SpeechTrack:
    return detect_speech(wav, scratch, pool, jobs=jobs, progress=progress)


def _write_transcript(path: Path, transcript: RecordingTranscript, words: bool) -> None:
    suffix = path.suffix.lower()
    if suffix == ".txt":
        rows = [each.text for each in transcript.words] if words else [transcript.text]
        write_text(path, "\n".join(rows) + "\n")
    elif suffix == ".json":
        cues = cues_of(transcript)
        write_json_transcript(path, cues if words else [Cue(each.start_s, each.end_s, "", each.text) for each in cues])
    else:
        write = write_srt if suffix == ".srt" else write_vtt
        write(path, word_cues(transcript.words) if words else cues_of(transcript))


def _write_alignment(path: Path, alignment: Alignment, duration_s: float) -> None:
    suffix = path.suffix.lower()
    if suffix == ".json":
        rows = [
            {"text": each.text, "start_s": each.start_s, "end_s": each.end_s, "aligned": each.aligned}
            for each in alignment.words
        ]
        about = {"engine": alignment.engine, "model": alignment.model, "model_revision": alignment.model_revision}
        write_json(
            path, {"duration_s": round(duration_s, 6), **about, "degraded": list(alignment.degraded), "words": rows}
        )
    elif suffix == ".textgrid":
        write_textgrid(path, [SpokenWord(each.text, each.start_s, each.end_s) for each in alignment.words], duration_s)
    else:
        words = tuple(HeardWord(each.text, each.start_s, each.end_s) for each in alignment.words)
        (write_srt if suffix == ".srt" else write_vtt)(path, word_cues(words))
