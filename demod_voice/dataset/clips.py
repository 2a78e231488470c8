"""From cuts to clips: exact slices of the cleaned recording, each judged, each kept by its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.dataset.cutting.cut import Cut
from demod_voice.dataset.hearing import Heard
from demod_voice.dataset.judging.measures import Judge
from demod_voice.dataset.store import Dataset
from demod_voice.formats.dataset_manifest import Segment
from demod_voice.media.wav import WavInfo, WavWriter, read_span, wav_info


@dataclass(frozen=True, slots=True)
class Recognised:
    """The text of a clip."""

    text: str
    source: str
    """Engine that heard it."""
    confidence: float | None = None


Recognise = Callable[[Sequence[Path]], Sequence[Recognised]]
"""Gives each clip its text."""


@dataclass(frozen=True, slots=True)
class ClipMaker:
    """What makes one recording's clips."""

    recording: str
    """Id."""
    heard: Heard
    judge: Judge
    dataset: Dataset
    scratch: Path
    speaker: str
    jobs: int

    def make(self, cuts: Sequence[Cut], recognise: Recognise | None = None) -> tuple[Segment, ...]:
        """The rows of the cuts, without split and reasons; their clips are kept in the dataset.

        Args:
            cuts: in the order of time.
            recognise: gives the clips their texts; None = those of the cuts.

        Raises:
            OutputError: a clip cannot be written. Whatever ``recognise`` raises passes through.
        """
        info = wav_info(self.heard.clean)
        with ThreadPoolExecutor(max(1, self.jobs)) as pool:
            rows = list(pool.map(lambda each: self._kept(each, info), cuts))
            confidences: dict[str, float | None] = {}
            if recognise is not None and rows:
                said = recognise([self.dataset.object_path(each.sha256) for each in rows])
                confidences = {row.id: each.confidence for row, each in zip(rows, said, strict=True)}
                pairs = zip(rows, said, strict=True)
                rows = [replace(row, text=each.text, text_source=each.source) for row, each in pairs]
            judged = pool.map(lambda row: self._judged(row, info.sample_rate), rows)
            return tuple(_sure(row, confidences) for row in judged)

    def _kept(self, cut: Cut, info: WavInfo) -> Segment:
        rate = info.sample_rate
        first = max(0, round(cut.start_s * rate))
        last = min(info.num_samples, round(cut.end_s * rate))
        name = f"{self.recording}_{round(first * 1000 / rate):08d}"
        made = self.scratch / f".tmp-{name}.wav"
        with WavWriter(made, rate, 1, info.encoding) as writer:
            writer.write(read_span(self.heard.clean, first, last, info))
        return Segment(
            id=name,
            source=self.recording,
            start_s=round(first / rate, 6),
            end_s=round(last / rate, 6),
            duration_s=round((last - first) / rate, 6),
            text=cut.text,
            speaker=cut.speaker or self.speaker,
            split="",
            sha256=self.dataset.keep(made),
            text_source=cut.text_source,
            label=cut.label,
        )

    def _judged(self, row: Segment, rate: int) -> Segment:
        first = round(row.start_s * rate)
        return replace(row, qc=self.judge.measure(first, first + round(row.duration_s * rate), row.text))


def _sure(row: Segment, confidences: Mapping[str, float | None]) -> Segment:
    """The row with how sure the recogniser was of its text."""
    found = confidences.get(row.id)
    return row if found is None else replace(row, qc={**row.qc, "text_confidence": round(found, 3)})
