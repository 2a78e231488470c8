"""Sound files: look at them, convert, clean and normalise them. Foreign files are opened in a child process only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from demod_voice.analysis.speech_detection import SpeechDetector, detect_speech
from demod_voice.analysis.speech_track import FRAME_S
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.dataset.cleaning.chain import clean_recording
from demod_voice.dataset.cleaning.files import FileResult, Job, SoundError, failed, jobs_of, require_all, run_jobs
from demod_voice.dataset.cleaning.pauses import shorten_pauses
from demod_voice.dataset.cleaning.sound import Frames, Levels
from demod_voice.engines.pool import Pool
from demod_voice.errors import UsageError
from demod_voice.media.encode import LOSSY, encode
from demod_voice.media.foreign import MediaInfo, decode, probe
from demod_voice.media.tags import Tags
from demod_voice.media.wav import read_blocks, wav_info
from demod_voice.mix.loudness import BLOCK, Meter, report
from demod_voice.mix.master import Goal, bring_to
from demod_voice.publish.export import ExportReport, Master, export
from demod_voice.records.atomic import replacing
from demod_voice.records.hashing import hash_file
from demod_voice.records.progress import SILENT, Progress
from demod_voice.units import format_duration

__all__ = [
    "CleanOptions",
    "FileResult",
    "SoundError",
    "SoundInfo",
    "audio_info",
    "clean_audio",
    "convert_audio",
    "failed",
    "format_duration",
    "normalize_audio",
    "require_all",
]


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """What a sound file is, and what was measured in it."""

    path: Path
    media: MediaInfo
    """What the file says of itself."""
    duration_s: float
    """As decoded."""
    lufs: float
    true_peak_dbtp: float
    lra_lu: float
    sample_peak_dbfs: float
    noise_floor_dbfs: float | None
    """Median of the pauses; None where there are none."""
    speech_dbfs: float | None
    snr_db: float | None
    speech_s: float
    """Seconds of speech that were found."""
    detector: str
    """What found it."""
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CleanOptions:
    """What ``clean_audio`` does besides the settings ``dataset.clean.*``."""

    remove_silence: bool = False
    longest_pause_s: float = 1.0
    """Pauses up to this length are left alone."""
    pause_s: float = 0.5
    """What is left of a longer one."""


def audio_info(
    files: Sequence[str | Path], *, settings: Settings = DEFAULTS, progress: Progress = SILENT
) -> list[FileResult]:
    """Look at sound files; each result's ``report`` is a ``SoundInfo``.

    Raises:
        UsageError: a file or pattern does not exist. What is wrong with a file's content is in its result.
    """
    with Pool(settings, jobs=_threads(settings)) as pool:
        return run_jobs(jobs_of(files), partial(_look, settings=settings, pool=pool), progress)


def convert_audio(
    files: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    out_dir: str | Path | None = None,
    to: str = "",
    sample_rate: int = 0,
    channels: str = "keep",
    encoding: str = "pcm_s16le",
    force: bool = False,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> list[FileResult]:
    """Convert sound files to wav, flac, mp3, m4a, opus or ogg; tags are kept. Each ``report`` is a ``MediaInfo``.

    Args:
        files: files and patterns.
        output: one file's output; its suffix is the format.
        out_dir: folder of the outputs of several; made when missing.
        to: format in ``out_dir``.
        sample_rate: Hz; 0 keeps it (up to 48 kHz).
        channels: ``keep`` or ``mono``.
        encoding: of a WAV: ``pcm_s16le``, ``pcm_s24le``, ``pcm_f32le``.
        force: outputs that exist are replaced.
        settings: bit rates and limits.
        progress: told how many files are done.

    Raises:
        UsageError: files, outputs or options are wrong; nothing was started.
    """
    if channels not in ("keep", "mono"):
        raise UsageError(f"channels are kept or mixed to mono, not {channels!r}", "choose keep or mono")
    jobs = jobs_of(files, output, out_dir, to or "wav", force, settings)
    work = partial(_convert, settings=settings, rate=sample_rate, channels=int(channels == "mono"), encoding=encoding)
    return run_jobs(jobs, work, progress)


def clean_audio(
    files: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    out_dir: str | Path | None = None,
    to: str = "",
    options: CleanOptions | None = None,
    force: bool = False,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> list[FileResult]:
    """Clean recordings as ``dataset build`` does (``dataset.clean.*``, ``dataset.lufs``), to mono.

    Each result's ``report`` is a mapping: ``before``, ``after``, ``steps`` and, where pauses were shortened, ``silence``.

    Raises:
        UsageError: files, outputs or options are wrong; nothing was started.
    """
    chosen = options or CleanOptions()
    if not 0.0 <= chosen.pause_s <= chosen.longest_pause_s:
        raise UsageError(
            f"a pause of over {chosen.longest_pause_s:g} s cannot be shortened to {chosen.pause_s:g} s",
            "the length that is left must be from 0 to the longest pause",
        )
    jobs = jobs_of(files, output, out_dir, to or "wav", force, settings)
    with Pool(settings, jobs=_threads(settings)) as pool:
        work = partial(_clean, settings=settings, options=chosen, pool=pool, progress=progress)
        return run_jobs(jobs, work, progress)


def normalize_audio(
    files: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    out_dir: str | Path | None = None,
    to: str = "",
    lufs: float | None = None,
    true_peak_dbtp: float | None = None,
    force: bool = False,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> list[FileResult]:
    """Bring sound files to one loudness under a true peak, measured again after a lossy encode.

    Args:
        files: files and patterns.
        output: one file's output; its suffix is the format.
        out_dir: folder of the outputs of several; made when missing.
        to: format in ``out_dir``.
        lufs: target (default: ``loudness.mono_lufs`` or ``loudness.stereo_lufs``).
        true_peak_dbtp: ceiling (default: ``loudness.true_peak_dbtp``).
        force: outputs that exist are replaced.
        settings: defaults, bit rates and limits.
        progress: told how many files are done.

    Raises:
        UsageError: files, outputs or options are wrong; nothing was started.
    """
    for name, value, lowest, highest in (("lufs", lufs, -40, -5), ("true_peak_dbtp", true_peak_dbtp, -20, 0)):
        if value is not None and not lowest <= value <= highest:
            raise UsageError(f"{name}: {value:g} is out of range: {lowest} to {highest}")
    jobs = jobs_of(files, output, out_dir, to or "wav", force, settings)
    ceiling = settings.loudness.true_peak_dbtp if true_peak_dbtp is None else true_peak_dbtp
    return run_jobs(jobs, partial(_normalize, settings=settings, lufs=lufs, ceiling=ceiling), progress)


def _threads(settings: Settings) -> int:
    return settings.jobs or len(os.sched_getaffinity(0))


def _look(job: Job, *, settings: Settings, pool: Pool) -> SoundInfo:
    media = probe(job.source, settings.limits)
    with tempfile.TemporaryDirectory(prefix="demod-voice-") as name:
        scratch = Path(name)
        wav = scratch / "sound.wav"
        decode(job.source, wav, 0, settings.limits, channels=0)
        info = wav_info(wav)
        meter, levels = Meter(info.sample_rate, info.num_channels), Levels(FRAME_S, info.sample_rate)
        with SpeechDetector(info.sample_rate, scratch, pool, jobs=_threads(settings)) as detector:
            for block in read_blocks(wav, BLOCK):
                meter.push(block)
                mixed = block.mean(axis=0)
                levels.push(mixed)
                detector.push(mixed)
            track = detector.finish()
    heard = report(meter, info.duration_s)
    found = Frames.of(track, info.num_samples, info.sample_rate).measures(levels.powers())
    return SoundInfo(
        job.source,
        media,
        heard.duration_s,
        heard.lufs,
        heard.true_peak_dbtp,
        heard.lra_lu,
        heard.sample_peak_dbfs,
        found.get("noise_floor_dbfs"),
        found.get("speech_dbfs"),
        found.get("snr_db"),
        round(sum(each.duration_s for each in track.regions()), 3),
        track.detector,
        track.degraded,
    )


def _convert(job: Job, *, settings: Settings, rate: int, channels: int, encoding: str) -> MediaInfo:
    media = probe(job.source, settings.limits)
    with tempfile.TemporaryDirectory(prefix="demod-voice-") as name:
        wav = Path(name) / "sound.wav"
        decode(job.source, wav, rate, settings.limits, channels, encoding if job.format == "wav" else "pcm_s16le")
        with replacing(job.target) as unfinished:
            encode(wav, unfinished, job.format, settings.encode, _tags(media), ())
        duration_s = wav_info(wav).duration_s
    return replace(probe(job.target, settings.limits), duration_s=round(duration_s, 6))


def _clean(job: Job, *, settings: Settings, options: CleanOptions, pool: Pool, progress: Progress) -> dict[str, Any]:
    media = probe(job.source, settings.limits)
    dataset = settings.dataset if job.format == "wav" else replace(settings.dataset, encoding="pcm_s16le")
    with tempfile.TemporaryDirectory(prefix="demod-voice-") as name:
        scratch = Path(name)
        source, wav = scratch / "source.wav", scratch / "clean.wav"
        decode(job.source, source, dataset.sample_rate, settings.limits)
        threads = _threads(settings)
        track = detect_speech(source, scratch, pool, jobs=threads, progress=progress)
        cleaned = clean_recording(source, wav, track, dataset, scratch=scratch, jobs=threads, progress=progress)
        facts = cleaned.facts()
        facts["detector"], facts["degraded"] = track.detector, list(track.degraded)
        if options.remove_silence:
            shorter = scratch / "shorter.wav"
            facts["silence"] = shorten_pauses(wav, shorter, track, options.longest_pause_s, options.pause_s)
            wav = shorter
        loudness = cleaned.step("loudness").after
        levels = (loudness["lufs"], loudness["true_peak_dbtp"], dataset.lufs, dataset.true_peak_dbtp)
        _write(job, wav, levels, settings, _tags(media))
    return facts


def _normalize(job: Job, *, settings: Settings, lufs: float | None, ceiling: float) -> dict[str, Any]:
    media = probe(job.source, settings.limits)
    with tempfile.TemporaryDirectory(prefix="demod-voice-") as name:
        premix, wav = Path(name) / "premix.wav", Path(name) / "master.wav"
        decode(job.source, premix, 0, settings.limits, channels=0)
        stereo = wav_info(premix).num_channels > 1
        target = lufs if lufs is not None else settings.loudness.stereo_lufs if stereo else settings.loudness.mono_lufs
        done, limited = bring_to(Goal(target, ceiling), premix, wav, settings.seed)
        exported = _write(job, wav, (done.lufs, done.true_peak_dbtp, target, ceiling), settings, _tags(media))
    return {
        "target_lufs": target,
        "lufs": exported.lufs if exported else done.lufs,
        "true_peak_dbtp": exported.true_peak_dbtp if exported else done.true_peak_dbtp,
        "gain_db": done.gain_db,
        "limited_samples": limited,
        "on_target": done.on_target and (exported is None or exported.within),
    }


def _write(
    job: Job, wav: Path, levels: tuple[float, float, float, float], settings: Settings, tags: Tags
) -> ExportReport | None:
    """Encode; a lossy file is heard again, and encoded again where its loudness was missed.

    Args:
        job: what is written.
        wav: the finished sound.
        levels: its loudness and true peak, and those that were asked for.
        settings: bit rates.
        tags: of the source.
    """
    lufs, peak, target, ceiling = levels
    with replacing(job.target) as unfinished:
        if job.format not in LOSSY:
            encode(wav, unfinished, job.format, settings.encode, tags, ())
            return None
        meant = replace(settings, loudness=replace(settings.loudness, true_peak_dbtp=ceiling))
        master = Master(wav, lufs, peak, target, hash_file(wav))
        return export(master, unfinished, job.format, meant, tags, ())


def _tags(media: MediaInfo) -> Tags:
    """The tags that every format has a place for."""
    found = {key.lower(): value for key, value in media.tags.items()}
    return Tags(
        title=found.get("title", ""),
        artist=found.get("artist", ""),
        album=found.get("album", ""),
        date=found.get("date", ""),
        comment=found.get("comment", ""),
        genre=found.get("genre", ""),
    )
