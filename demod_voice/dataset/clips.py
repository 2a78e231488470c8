"""From cuts to clips: exact slices of the cleaned recording, each judged, each kept by its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.dataset.cutting import Cut
from demod_voice.dataset.hearing import Heard
from demod_voice.dataset.measures import Judge
from demod_voice.dataset.store import Dataset
from demod_voice.formats.dataset_manifest import Segment
from demod_voice.media.wav import WavInfo, WavWriter, read_span, wav_info

Texts = Callable[[Sequence[Path]], Sequence[tuple[str, str]]]
"""Gives each clip its text and the name of where it is from."""


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

    def make(self, cuts: Sequence[Cut], texts: Texts | None = None) -> tuple[Segment, ...]:
        """The rows of the cuts, without split and reasons; their clips are kept in the dataset.

        Args:
            cuts: in the order of time.
            texts: recognises the clips; None = the texts of the cuts.

        Raises:
            OutputError: a clip cannot be written.
        """
        info = wav_info(self.heard.clean)
        with ThreadPoolExecutor(max(1, self.jobs)) as pool:
            rows = list(pool.map(lambda each: self._kept(each, info), cuts))
            if texts is not None:
                said = texts([self.dataset.object_path(each.sha256) for each in rows])
                rows = [replace(row, text=text, text_source=by) for row, (text, by) in zip(rows, said, strict=True)]
            return tuple(pool.map(lambda row: self._judged(row, info.sample_rate), rows))

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
