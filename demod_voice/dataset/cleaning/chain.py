"""A whole recording cleaned: high-pass, hum, clicks, noise, loudness; each step measured, none done without a reason.

The recording is read in slabs that lie at fixed places of the time line, so its bytes depend on nothing but the
recording, the speech track and the settings; the memory that is needed does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.audio.wiener import reduced, untouched
from demod_voice.config.settings import Dataset
from demod_voice.dataset.cleaning.levelling import envelopes, level
from demod_voice.dataset.cleaning.report import CleaningReport
from demod_voice.dataset.cleaning.sound import Frames, Levels, Mono, Slab, Sound
from demod_voice.dataset.cleaning.steps import declick_report, high_pass_report, hum_report, noise_report
from demod_voice.dataset.cleaning.survey import NoisePlan, find_hum, plan_noise
from demod_voice.dataset.cleaning.work import Work, hum_of, hum_windows, prepared
from demod_voice.media.wav import WavWriter
from demod_voice.mix.ahead import in_order
from demod_voice.mix.behind import Listener
from demod_voice.mix.loudness import Heard, Meter, report
from demod_voice.records.progress import SILENT, Progress

VERSION = 3
"""Raised by hand when the same recording, track and settings give other bytes."""
MOST_THREADS = 4
"""More would need more memory than they save time."""


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
        frames = Frames.of(track, sound.num_samples, sound.sample_rate)
        work = Work(sound, frames, settings, min(max(1, jobs), MOST_THREADS))
        work = find_hum(work, progress)
        plan = plan_noise(work, progress)
        try:
            done = _process(work, plan, premix, progress)
            loudness = level(premix, out, done.heard, settings)
        finally:
            premix.unlink(missing_ok=True)
    before = frames.measures(done.before)
    steps = (
        high_pass_report(settings, done.offset),
        hum_report(work, done.hum_left),
        declick_report(work, done.clicks, done.clicks_left),
        noise_report(work, plan, frames.measures(done.ready), frames.measures(done.after)),
        loudness,
    )
    envelope, by_frame = envelopes(out)
    return CleaningReport(steps, before, frames.measures(10.0 ** (by_frame / 10.0)), envelope)


@dataclass(frozen=True, slots=True)
class _Done:
    """What came out of the slabs, all together."""

    heard: Heard
    before: Mono
    """Mean power of each frame of the track, as it came in."""
    ready: Mono
    """The same before noise was taken out."""
    after: Mono
    """The same of the cleaned sound, before its loudness was changed."""
    offset: float
    """Mean of the samples that came in."""
    hum_left: Sequence[float]
    """Of each window of a region with hum, after the notches, dB."""
    clicks: int
    clicks_left: int


@dataclass(frozen=True, slots=True)
class _Made:
    """One slab, done."""

    raw: Mono
    ready: Mono
    """After every step before the one that takes noise out."""
    clean: Mono
    """From ``hop`` samples ahead of the slab to its end; see ``audio.wiener.reduced``."""
    hum_left: tuple[float, ...]
    clicks: int
    clicks_left: int


def _process(work: Work, plan: NoisePlan, premix: Path, progress: Progress) -> _Done:
    length = work.sound.num_samples
    meter = Meter(work.rate, 1)
    before, ready, after = (Levels(FRAME_S, work.rate) for _ in range(3))
    hum_left: list[float] = []
    total, clicks, clicks_left = 0.0, 0, 0
    seam = _Seam(work.grid.hop, length)
    progress.start("clean", length / work.rate, "s")
    with WavWriter(premix, work.rate, 1, "pcm_f32le") as writer, Listener(meter) as listener:

        def give(samples: Mono) -> None:
            after.push(samples)
            writer.write(samples.reshape(1, -1))
            listener.push(samples.reshape(1, -1))

        for made in in_order(lambda slab: _made(work, plan, slab), work.slabs(), work.threads):
            before.push(made.raw)
            ready.push(made.ready)
            total += float(made.raw.sum(dtype=np.float64))
            hum_left += made.hum_left
            clicks, clicks_left = clicks + made.clicks, clicks_left + made.clicks_left
            give(seam.join(made.clean))
            progress.advance("clean", len(made.raw) / work.rate)
        give(seam.rest())
    progress.finish("clean")
    heard = Heard(report(meter, length / work.rate), meter.hops())
    return _Done(
        heard, before.powers(), ready.powers(), after.powers(), total / max(1, length), hum_left, clicks, clicks_left
    )


class _Seam:
    """Joins slabs whose first and last samples overlap, and cuts the result to the recording.

    Args:
        hop: samples of the overlap.
        length: samples of the recording.
    """

    def __init__(self, hop: int, length: int) -> None:
        self._hop, self._left = hop, length
        self._tail = np.zeros(hop, np.float32)
        self._first = True

    def join(self, samples: Mono) -> Mono:
        """What is whole after this slab: up to ``hop`` samples before its end."""
        samples[: self._hop] += self._tail
        self._tail = samples[-self._hop :].copy()
        begin = self._hop if self._first else 0
        self._first = False
        return self._cut(samples[begin : len(samples) - self._hop])

    def rest(self) -> Mono:
        """What is left at the end."""
        return self._cut(self._tail)

    def _cut(self, samples: Mono) -> Mono:
        given = samples[: self._left]
        self._left -= len(given)
        return given


def _made(work: Work, plan: NoisePlan, slab: Slab) -> _Made:
    """A slab as it was, and cleaned."""
    grid = work.grid
    ready = prepared(work, slab.start - grid.before, slab.end, slab.start)
    share = plan.share(work, slab)
    if plan.noise is None or not share.any():
        clean = untouched(grid, ready.samples)
    else:
        clean = reduced(grid, ready.samples, plan.noise.of(slab.number), work.settings.clean.denoise_db, share)
    raw = work.sound.read(slab.start, slab.start + work.length(slab))
    left = _hum_left(work, slab, ready.samples[grid.before :])
    ready_here = ready.samples[grid.before : grid.before + work.length(slab)]
    return _Made(raw, ready_here, clean, left, ready.clicks, ready.clicks_left)


def _hum_left(work: Work, slab: Slab, samples: Mono) -> tuple[float, ...]:
    """Hum in the slab's windows that lie in a region, after the notches."""
    return tuple(
        hum_of(work, samples[start - slab.start : end - slab.start], start).db
        for start, end in hum_windows(work, slab)
        if any(each.start <= start < each.end for each in work.regions)
    )
