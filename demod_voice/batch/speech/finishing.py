"""A row's sound becomes its output: loudness, format, tags, the file, and what is recorded of it. Always on one machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.batch.speech.speaking import told
from demod_voice.batch.speech.voices import RowVoice
from demod_voice.batch.types import DONE, FAILED, SKIPPED, Failure, Finished, Job, Spoken, Timing
from demod_voice.config.settings import Settings
from demod_voice.media.encode import LOSSY, encode
from demod_voice.media.tags import Tags
from demod_voice.media.wav import wav_bytes, write_wav
from demod_voice.publish.licences import marking
from demod_voice.records.atomic import output_error, replacing
from demod_voice.records.hashing import hash_bytes, hash_file

WAV = "wav"
NO_LUFS = -190.0
"""Below this there is no loudness that could be brought up: silence, or less than 0.4 s."""
LIMITED = "volume: limited to full scale"


@dataclass(frozen=True, slots=True)
class _Written:
    """An output, looked at before it had its place: whoever writes that too is noticed."""

    sha256: str
    num_bytes: int
    mtime_ns: int
    notes: tuple[str, ...] = ()


class Finisher:
    """Writes outputs. Safe for threads.

    Args:
        settings: bit rates, loudness, licence policy, seed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def finish(self, outcome: Spoken | Failure) -> tuple[Finished, Timing]:
        """Write the output of a row, or tell why there is none.

        Raises:
            DemodError: it cannot be written, or not in that format.
        """
        if isinstance(outcome, Failure):
            return _failed(outcome)
        job, clip = outcome.job, outcome.clip
        if clip is None:
            raise ValueError("a spoken row has a sound")
        plain = job.facts["format"] == WAV and job.facts["loudness"] is None
        written = self._plain(job, clip, outcome.encoding) if plain else self._encoded(job, clip)
        voice: RowVoice = job.facts["voice"]
        record = Finished(
            job.row.number,
            job.key,
            DONE,
            job.shown,
            written.sha256,
            written.num_bytes,
            written.mtime_ns,
            round(clip.duration_s, 6),
            job.engine,
            outcome.model,
            outcome.model_revision,
            notes="; ".join((*outcome.degraded, *written.notes)),
            best_of=outcome.best_of,
            facts={"voice": voice.facts()},
        )
        return record, Timing(job.row.number, outcome.seconds, outcome.attempts, outcome.worker, outcome.cached)

    def _plain(self, job: Job, clip: Clip, encoding: str) -> _Written:
        """A WAV of the engine's own samples, hashed before it is written."""
        data = wav_bytes(clip, encoding)
        with _replacing(job.output) as unfinished:
            unfinished.write_bytes(data)
            mtime_ns = unfinished.stat().st_mtime_ns
        return _Written(hash_bytes(data), len(data), mtime_ns)

    def _encoded(self, job: Job, clip: Clip) -> _Written:
        """Any other format, and any loudness."""
        with _scratch() as scratch, _replacing(job.output) as unfinished:
            if job.facts["loudness"] is not None:
                notes = self._loud(job, clip, scratch, unfinished)
            else:
                whole = scratch / "whole.wav"
                write_wav(whole, clip)
                encode(whole, unfinished, job.facts["format"], self._settings.encode, self._tags(job), ())
                notes = (LIMITED,) if float(np.abs(clip.samples).max(initial=0.0)) > 1.0 else ()
            sha256, seen = hash_file(unfinished), unfinished.stat()
        return _Written(sha256, seen.st_size, seen.st_mtime_ns, notes)

    def _loud(self, job: Job, clip: Clip, scratch: Path, out: Path) -> tuple[str, ...]:
        """The sound at its loudness under the true peak; what could not be reached is told."""
        from demod_voice.mix.master import Goal, bring_to
        from demod_voice.publish.export import Master, export

        target, ceiling = float(job.facts["loudness"]), self._settings.loudness.true_peak_dbtp
        kind, premix, wav = job.facts["format"], scratch / "premix.wav", scratch / "master.wav"
        write_wav(premix, clip, "pcm_f32le")
        done, _ = bring_to(Goal(target, ceiling), premix, wav, job.facts["seed"])
        lufs, peak, within = done.lufs, done.true_peak_dbtp, done.on_target
        if kind == WAV:
            out.write_bytes(wav.read_bytes())
        elif kind not in LOSSY:
            encode(wav, out, kind, self._settings.encode, self._tags(job), ())
        else:
            master = Master(wav, done.lufs, done.true_peak_dbtp, target, hash_file(wav))
            exported = export(master, out, kind, self._settings, self._tags(job), ())
            lufs, peak, within = exported.lufs, exported.true_peak_dbtp, within and exported.within
        if done.lufs <= NO_LUFS:
            return ("loudness: too short or too quiet to be measured",)
        return () if within else (f"loudness: {lufs:.1f} LUFS at {peak:.1f} dBTP in place of {target:g} LUFS",)

    def _tags(self, job: Job) -> Tags:
        """The marking of synthetic speech, and the licence where the policy says so."""
        voice: RowVoice = job.facts["voice"]
        return Tags(extra=marking([voice.licence], self._settings.publish.licence_policy))


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for what becomes the output; that it cannot be made is said as of any other disk."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="demod-voice-", ignore_cleanup_errors=True)
    except OSError as error:
        raise output_error(Path(tempfile.gettempdir()) / "scratch", error) from error
    with folder as name:
        yield Path(name)


@contextmanager
def _replacing(output: Path) -> Iterator[Path]:
    """A temporary path beside the output, whose folder is made."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(output, error) from error
    with replacing(output, flushed=False) as unfinished:
        yield unfinished


def _failed(failure: Failure) -> tuple[Finished, Timing]:
    job = failure.job
    record = Finished(
        job.row.number,
        job.key,
        FAILED if failure.recorded else SKIPPED,
        job.shown,
        engine=job.engine,
        error=told(failure.message, job),
        hint=told(failure.hint, job),
        kind=failure.kind,
    )
    return record, Timing(job.row.number, failure.seconds, failure.attempts, failure.worker)
