"""A whole recording cleaned: high-pass, hum, clicks, noise, loudness; each step measured, none done without a reason.

The recording is read in slabs that lie at fixed places of the time line, so its bytes depend on nothing but the
recording, the speech track and the settings; the memory that is needed does not grow with its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.audio.filters import filtered, high_pass, settling_s
from demod_voice.config.settings import Dataset
from demod_voice.dataset.cleaning_report import CleaningReport, StepReport
from demod_voice.dataset.cleaning_sound import Frames, Levels, Mono, Slab, Sound, slabs
from demod_voice.dataset.levelling import envelope, level
from demod_voice.media.wav import WavWriter
from demod_voice.mix.ahead import in_order
from demod_voice.mix.behind import Listener
from demod_voice.mix.loudness import Heard, Meter, report
from demod_voice.records.progress import SILENT, Progress

VERSION = 1
"""Raised by hand when the same recording, track and settings give other bytes."""
SLAB_S = 64
MOST_THREADS = 4
"""More would need more memory than they save time."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What every slab is worked on with."""

    sound: Sound
    settings: Dataset
    threads: int

    @property
    def slab(self) -> int:
        """Samples of a slab."""
        return SLAB_S * self.sound.sample_rate


def clean_recording(
    source: Path,
    out: Path,
    track: SpeechTrack,
    settings: Dataset,
    *,
    scratch: Path,
    jobs: int = 2,
    progress: Progress = SILENT,
) -> CleaningReport:
    """Clean a recording.

    Args:
        source: mono float WAV at the dataset's rate.
        out: written in place (use a temporary name); mono WAV in the dataset's encoding, as long as ``source``.
        track: where speech was found.
        settings: ``dataset.clean``, loudness and encoding.
        scratch: folder for a float WAV as long as ``source``; removed again.
        jobs: threads. The result does not depend on it.
        progress: told how many seconds are done.

    Raises:
        MediaError: ``source`` cannot be read. OutputError: a file cannot be written.
    """
    premix = scratch / f"{out.name}.premix"
    with Sound(source) as sound:
        work = _Work(sound, settings, min(max(1, jobs), MOST_THREADS))
        frames = Frames.of(track, sound.num_samples, sound.sample_rate)
        try:
            heard, powers = _process(work, premix, progress)
            loudness = level(premix, out, heard, settings)
        finally:
            premix.unlink(missing_ok=True)
    steps = (_high_pass_report(settings), loudness)
    written = envelope(out, FRAME_S)
    after = frames.measures(10.0 ** (written / 10.0))
    return CleaningReport(steps, frames.measures(powers), after, envelope(out))


def _process(work: _Work, premix: Path, progress: Progress) -> tuple[Heard, Mono]:
    sound = work.sound
    meter = Meter(sound.sample_rate, 1)
    before = Levels(FRAME_S, sound.sample_rate)
    progress.start("clean", sound.num_samples / sound.sample_rate, "s")
    with WavWriter(premix, sound.sample_rate, 1, "pcm_f32le") as writer, Listener(meter) as listener:
        pieces = slabs(sound.num_samples, work.slab)
        for raw, made in in_order(lambda slab: _worked(work, slab), pieces, work.threads):
            before.push(raw)
            writer.write(made.reshape(1, -1))
            listener.push(made.reshape(1, -1))
            progress.advance("clean", len(made) / sound.sample_rate)
    progress.finish("clean")
    return Heard(report(meter, sound.num_samples / sound.sample_rate), meter.hops()), before.powers()


def _worked(work: _Work, slab: Slab) -> tuple[Mono, Mono]:
    """A slab as it was, and cleaned."""
    end = min(slab.end, work.sound.num_samples)
    corner = work.settings.clean.high_pass_hz
    if corner <= 0.0:
        raw = work.sound.read(slab.start, end)
        return raw, raw
    sections = high_pass(corner, work.sound.sample_rate)
    warm = round(settling_s(sections))
    samples = work.sound.read(slab.start - warm, end)
    return samples[warm:], filtered(sections, samples)[warm:].astype(np.float32)


def _high_pass_report(settings: Dataset) -> StepReport:
    corner = settings.clean.high_pass_hz
    return StepReport("high_pass", corner > 0.0, "" if corner else "switched off", details={"corner_hz": corner})
