"""The first two steps of a recording: decoded and searched for speech at once, then cleaned as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speech_detection import ENGINE, SpeechDetector
from demod_voice.analysis.speech_track import SpeechTrack
from demod_voice.config.settings import Settings
from demod_voice.dataset.cleaning.chain import VERSION as CLEANING
from demod_voice.dataset.cleaning.chain import clean_recording
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineError
from demod_voice.media.recording import Target, ingest, plain
from demod_voice.media.wav import HEADER_BYTES
from demod_voice.records.progress import Progress
from demod_voice.records.steps import RunFolder, Step, StepRecord

HEARING = 1
"""Raised by hand when the same file gives another sound, count or track."""
BLOCK_BYTES = 1 << 22
"""Of the growing WAV, read at once."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every recording of a build is made with."""

    settings: Settings
    pool: Pool
    progress: Progress
    jobs: int
    """Threads and workers for one recording; no result depends on it."""
    check: Callable[[], None] = lambda: None
    """Called now and then; raises when the work is to end."""

    def versions(self) -> list[str | int]:
        """Of everything that a recording's sound and track are made with."""
        info = self.pool.info(ENGINE)
        return [CLEANING, info.name, info.output_version]

    def mended(self, degraded: Sequence[str]) -> bool:
        """A fallback stands among them, and the engine that it took the place of works now."""
        if not any(each.startswith(f"{ENGINE}:") for each in degraded):
            return False
        try:
            self.pool.probe(ENGINE)
        except EngineError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording, decoded, searched and cleaned."""

    info: Mapping[str, Any]
    """As ``MediaInfo``."""
    notes: tuple[str, ...]
    clean: Path
    """Mono WAV in the dataset's encoding."""
    track: SpeechTrack
    envelope_dbfs: NDArray[np.float32]
    """Level of each 10 ms of ``clean``."""
    clipped: NDArray[np.int64]
    """Clipped samples of each 10 ms of the file, at its own rate."""
    dc_offset: float
    cleaning: Mapping[str, Any]
    """What each step measured."""


def hear(path: Path, sha256: str, channel: str, run: RunFolder, shop: Workshop) -> Heard:
    """Decode, search and clean a recording; what is finished in ``run`` is not done again.

    Args:
        path: the foreign file.
        sha256: of its bytes.
        channel: ``mix``, ``left`` or ``right``.
        run: the recording's work folder.
        shop: settings, engines, progress.

    Raises:
        MediaError: the file cannot be used. OutputError: something cannot be written.
    """
    dataset = shop.settings.dataset
    params = {"rate": dataset.sample_rate, "clipping_level": dataset.gates.clipping_level, "channel": channel}
    first = Step("hear", HEARING, ("source.wav", "clipped.u16", "speech.f32"), {"recording": sha256}, params)
    heard = run.run(first, lambda temporary: _listen(path, channel, temporary, shop, run.path))
    track = _track(run, heard)
    second = Step(
        "clean",
        CLEANING,
        ("clean.wav", "envelope.f32"),
        dict(heard.hashes),
        {"clean": _values(dataset.clean), "lufs": dataset.lufs, "peak": dataset.true_peak_dbtp, "to": dataset.encoding},
    )
    cleaned = run.run(second, lambda temporary: _clean(run, track, temporary, shop))
    return Heard(
        heard.facts["info"],
        tuple(heard.facts["notes"]),
        run.path / "clean.wav",
        track,
        np.fromfile(run.path / "envelope.f32", "<f4"),
        np.fromfile(run.path / "clipped.u16", "<u2").astype(np.int64),
        heard.facts["dc_offset"],
        cleaned.facts,
    )


def _values(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def _listen(
    path: Path, channel: str, temporary: Mapping[str, Path], shop: Workshop, scratch: Path
) -> Mapping[str, Any]:
    """Decode, and look for speech in what is there already."""
    wav, clipped, speech = (temporary[name] for name in ("source.wav", "clipped.u16", "speech.f32"))
    rate = shop.settings.dataset.sample_rate
    with SpeechDetector(rate, scratch, shop.pool, jobs=shop.jobs) as detector:
        tail = _Tail(wav, detector)

        def watch() -> None:
            shop.check()
            tail.read()

        found = ingest(
            path,
            [Target(channel, wav, clipped)],
            rate,
            shop.settings.limits,
            clipping_level=shop.settings.dataset.gates.clipping_level,
            watch=watch,
        )
        tail.read()
        track = detector.finish()
    track.probabilities.astype("<f4").tofile(speech)
    return {
        "info": plain(found.info),
        "notes": list(found.notes),
        "dc_offset": found.dc_offset[0],
        "clipped": found.clipped_samples[0],
        "detector": track.detector,
        "model": track.model,
        "revision": track.revision,
        "degraded": list(track.degraded),
    }


class _Tail:
    """Hands a detector what a growing WAV has more than before."""

    def __init__(self, wav: Path, detector: SpeechDetector) -> None:
        self._wav, self._detector, self._read = wav, detector, HEADER_BYTES

    def read(self) -> None:
        """All whole samples that are there now."""
        if not self._wav.exists():
            return
        with self._wav.open("rb") as file:
            file.seek(self._read)
            while data := file.read(BLOCK_BYTES):
                whole = data[: len(data) // 4 * 4]
                if not whole:
                    return
                self._read += len(whole)
                self._detector.push(np.frombuffer(whole, "<f4"))
                file.seek(self._read)


def _track(run: RunFolder, heard: StepRecord) -> SpeechTrack:
    facts = heard.facts
    probabilities = np.fromfile(run.path / "speech.f32", "<f4")
    return SpeechTrack(probabilities, facts["detector"], facts["model"], facts["revision"], tuple(facts["degraded"]))


def _clean(run: RunFolder, track: SpeechTrack, temporary: Mapping[str, Path], shop: Workshop) -> Mapping[str, Any]:
    report = clean_recording(
        run.path / "source.wav",
        temporary["clean.wav"],
        track,
        shop.settings.dataset,
        scratch=run.path,
        jobs=shop.jobs,
        progress=shop.progress,
    )
    report.envelope_dbfs.astype("<f4").tofile(temporary["envelope.f32"])
    return report.facts()
