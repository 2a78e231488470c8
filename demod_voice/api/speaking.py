"""Speak a text: to a file of any format, or as a stream of clips while it is made."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.errors import UsageError
from demod_voice.media.encode import FORMATS, encode
from demod_voice.media.tags import Tags
from demod_voice.media.wav import WavWriter, encode_pcm, read_wav
from demod_voice.publish.licences import MARK
from demod_voice.records.atomic import abandoned, check_name, output_error, replacing
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.reading import Reading, SpokenLine, lines_of
from demod_voice.speech.studio import Question, Studio, Turn
from demod_voice.voices.choice import VoiceChoice
from demod_voice.voices.resolve import ResolvedVoice, resolve

__all__ = [
    "Reading",
    "SpokenFile",
    "VoiceChoice",
    "decode_text",
    "pcm_s16le",
    "read_text",
    "speak_to_file",
    "stream_speech",
]

PLAIN = Reading()


@dataclass(frozen=True, slots=True)
class SpokenFile:
    """A text that was spoken into a file."""

    path: Path
    duration_s: float
    sample_rate: int
    engine: str
    voice: str
    takes: int
    """Paragraphs."""
    degraded: tuple[str, ...]
    """What was asked for and not given."""


def speak_to_file(
    text: str,
    output: str | Path,
    choice: VoiceChoice | ResolvedVoice | None = None,
    reading: Reading = PLAIN,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> SpokenFile:
    """Speak ``text`` into one file; its suffix (wav, flac, mp3, m4a, opus) is the format.

    Paragraphs are spoken one by one, so a book needs no more memory than a page.

    Raises:
        UsageError: text, voice or output is wrong; nothing was written.
        EngineError: the engine failed.
        OutputError: the file cannot be written.
    """
    target = Path(output)
    kind = _format(target)
    check_inside([target], settings.paths.allowed_roots)
    if not target.parent.is_dir():
        raise _no_folder(target)
    check_name(target)
    for left in abandoned(target.parent, target.name):
        left.unlink(missing_ok=True)
    lines = lines_of(text, voice_of(choice or VoiceChoice(), settings), reading, settings)
    degraded: dict[str, None] = {}
    progress.start("speak", len(lines), "paragraphs")
    with tempfile.TemporaryDirectory(prefix="demod-voice-") as temporary, Studio(settings, progress=progress) as studio:
        studio.verify([Question(line.job.voice.name, line.job) for line in lines])
        takes = _takes(studio, lines, Path(temporary), degraded, progress)
        with replacing(target) as unfinished:
            wav = unfinished if kind == "wav" else Path(temporary) / "whole.wav"
            rate, num_samples = _write(takes, wav)
            if kind != "wav":
                encode(wav, unfinished, kind, settings.encode, _TAGS, ())
    progress.finish("speak")
    voice = lines[0].job.voice
    length = num_samples / rate
    return SpokenFile(target, length, rate, voice.engine.name, voice.name, len(lines), tuple(degraded))


def stream_speech(
    text: str,
    choice: VoiceChoice | ResolvedVoice | None = None,
    reading: Reading = PLAIN,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> Iterator[Clip]:
    """The sound of ``text`` while it is made, at the engine's own rate.

    The voice and the text are checked by this call; the engine starts when the first clip is asked for.

    Raises:
        UsageError: text or voice is wrong.
        EngineError: the engine failed (while iterating).
    """
    voice = voice_of(choice or VoiceChoice(), settings)
    return _stream(lines_of(text, voice, reading, settings), settings, progress)


def read_text(path: str | Path, *, settings: Settings = DEFAULTS) -> str:
    """A text file to speak: UTF-8, with or without a byte order mark.

    Raises:
        UsageError: it is missing, unreadable, not UTF-8, or outside the allowed roots.
    """
    check_inside([Path(path)], settings.paths.allowed_roots)
    try:
        return decode_text(Path(path).read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def decode_text(data: bytes, name: str) -> str:
    """Bytes as the text that they hold; ``name`` is what an error calls them.

    Raises:
        UsageError: not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text (byte {error.start})", "save it as UTF-8") from error


def pcm_s16le(clip: Clip) -> bytes:
    """A clip as interleaved signed 16-bit little-endian samples; what is beyond full scale is limited to it."""
    return encode_pcm(clip.samples, "pcm_s16le")


_TAGS = Tags(extra=MARK)


def _stream(lines: list[SpokenLine], settings: Settings, progress: Progress) -> Iterator[Clip]:
    rate = 0
    with Studio(settings, progress=progress) as studio:
        studio.verify([Question(line.job.voice.name, line.job) for line in lines])
        wanting = dict.fromkeys(what for line in lines for what in studio.degradations(line.job))
        for what in wanting:
            progress.note(f"{lines[0].job.voice.engine.name} does not honour {what}")
        for line in lines:
            if rate:
                yield _gap(line.gap_s, rate)
            for clip in studio.stream(line.job):
                rate = clip.sample_rate
                yield clip


def voice_of(choice: VoiceChoice | ResolvedVoice, settings: Settings) -> ResolvedVoice:
    """The voice that is meant.

    Raises:
        UsageError: there is no such voice or engine.
    """
    if isinstance(choice, ResolvedVoice):
        return choice
    return resolve(
        settings,
        engine=choice.engine,
        voice=choice.voice,
        model=choice.model,
        speaker=choice.speaker,
        language=choice.language,
        speed=choice.speed,
        pitch=choice.pitch,
        volume_db=choice.volume_db,
        style=choice.style,
    )


def _takes(
    studio: Studio, lines: Iterable[SpokenLine], folder: Path, degraded: dict[str, None], progress: Progress
) -> Iterator[tuple[float, Clip]]:
    """The silence before each line, and its sound."""
    before: list[Turn] = []
    for line in lines:
        turns = min(line.job.turns, len(before)) if line.job.voice.engine.context else 0
        take = studio.speak(replace(line.job, context=tuple(before[len(before) - turns :])), folder)
        before.append(Turn(line.job.text, "", take.sha256, take.path))
        degraded.update(dict.fromkeys(take.degraded))
        clip = read_wav(take.path)
        if float(np.abs(clip.samples).max(initial=0.0)) > 1.0:
            degraded["volume: limited to full scale"] = None
        yield line.gap_s, clip
        if not line.job.turns:
            take.path.unlink(missing_ok=True)
        progress.advance("speak")


def _write(clips: Iterator[tuple[float, Clip]], wav: Path) -> tuple[int, int]:
    """Write the clips one after the other with their gaps between; returns sample rate and length in samples."""
    _, first = next(clips)
    rate, num_samples = first.sample_rate, first.num_samples
    with WavWriter(wav, rate, first.num_channels) as writer:
        writer.write(first.samples)
        for gap_s, clip in clips:
            gap = _gap(gap_s, rate, first.num_channels)
            writer.write(gap.samples)
            writer.write(clip.samples)
            num_samples += gap.num_samples + clip.num_samples
    return rate, num_samples


def _gap(length_s: float, sample_rate: int, num_channels: int = 1) -> Clip:
    return Clip(np.zeros((num_channels, round(length_s * sample_rate)), dtype=np.float32), sample_rate)


def _format(target: Path) -> str:
    kind = target.suffix.lower().lstrip(".")
    if not kind:
        raise UsageError(f"the output {target} has no extension", f"add one that says the format, as in {target}.wav")
    if kind not in FORMATS:
        raise UsageError(
            f"{target}: unknown audio format {kind!r}", f"choose one of {', '.join(FORMATS)}, or - for raw PCM"
        )
    return kind


def _no_folder(target: Path) -> Exception:
    return output_error(target, FileNotFoundError(2, "no such folder"))
