"""One recording, from its file to clips and rows: hear, clean, cut, give text, judge.

Its result is kept in ``.demod/recordings/`` under a hash of everything that it depends on, so that it is made once;
until then two steps are kept in a work folder, so that a kill costs at most one of them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demod_voice.dataset.clips import ClipMaker, Recognised
from demod_voice.dataset.cutting.cut import CutResult, Sound, cut
from demod_voice.dataset.given import Given
from demod_voice.dataset.hearing import HEARING, Heard, Workshop, hear
from demod_voice.dataset.judging.measures import Judge
from demod_voice.dataset.sources import Source
from demod_voice.dataset.speakers import TargetSpeakers
from demod_voice.dataset.store import Dataset
from demod_voice.dataset.texting import Said, Texter
from demod_voice.formats.dataset_manifest import Dropped, Recording, Segment, plain_row, row_of
from demod_voice.records.atomic import write_json
from demod_voice.records.hashing import hash_json
from demod_voice.records.steps import RunFolder

VERSION = 1
"""Raised by hand when the same sound is cut, given text or measured otherwise."""


@dataclass(frozen=True, slots=True)
class Task:
    """One recording to be made: a file, or one channel of it."""

    source: Source
    channel: str
    """``mix``, ``left`` or ``right``."""
    id: str
    speaker: str
    given: Given
    """Text, turns and speakers that came with it."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished recording: rows without splits and reasons."""

    recording: Recording
    segments: tuple[Segment, ...]
    dropped: tuple[Dropped, ...]
    reused: bool = False
    """It was found finished: an observation."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The speakers whose segments are kept."""

    speakers: TargetSpeakers
    hashes: tuple[str, ...]
    """Of their clips, and the engine that hears them."""


class Maker:
    """Makes recordings for one dataset."""

    def __init__(self, dataset: Dataset, shop: Workshop, texter: Texter, wanted: Wanted | None = None) -> None:
        self._dataset, self._shop, self._texter, self._wanted = dataset, shop, texter, wanted

    def make(self, task: Task) -> Result:
        """The recording's result; what was finished before is not done again.

        Raises:
            MediaError: the file cannot be used. EngineError: an engine that was asked for failed.
            OutputError: something cannot be written.
        """
        key = self._key(task)
        found = self.stored(key)
        if found is not None:
            return found
        run = RunFolder(self._dataset.hidden / "work" / key[:32], durable=False)
        heard = hear(task.source.path, task.source.sha256, task.channel, run, self._shop)
        made = self._finish(task, heard, run.path)
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, _data(made))
        shutil.rmtree(run.path, ignore_errors=True)
        return made

    def stored(self, key: str) -> Result | None:
        """The result of that key, when it is there whole with all its clips."""
        try:
            data = json.loads(self._path(key).read_text())
            made = Result(
                row_of(Recording, data["recording"], key),
                tuple(row_of(Segment, each, key) for each in data["segments"]),
                tuple(row_of(Dropped, each, key) for each in data["dropped"]),
                reused=True,
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        whole = all(self._dataset.holds(each.sha256) for each in made.segments)
        return made if whole and not self._shop.mended(made.recording.degraded) else None

    def _path(self, key: str) -> Path:
        return self._dataset.hidden / "recordings" / f"{key}.json"

    def _key(self, task: Task) -> str:
        """Hash of everything that the result depends on; gates, splits and anchors are not part of it."""
        dataset = self._shop.settings.dataset
        return hash_json(
            {
                "versions": [VERSION, HEARING, *self._shop.versions()],
                "recording": [task.source.sha256, task.source.name, task.channel, task.id, task.speaker],
                "given": list(task.given.hashes),
                "text": self._texter.key(task.given),
                "speakers": list(self._wanted.hashes) if self._wanted else [],
                "sound": [dataset.sample_rate, dataset.encoding, dataset.lufs, dataset.true_peak_dbtp],
                "clean": plain_row(dataset.clean),
                "segments": plain_row(dataset.segments),
                "clipping_level": dataset.gates.clipping_level,
            }
        )

    def _finish(self, task: Task, heard: Heard, scratch: Path) -> Result:
        """Cut, give text, judge."""
        shop = self._shop
        said = self._texter.before_the_cut(task.given, heard, scratch)
        duration_s = min(heard.info["duration_s"], len(heard.envelope_dbfs) * 0.01)
        sound = Sound(heard.track, heard.envelope_dbfs, duration_s, said.words)
        result: CutResult = cut(sound, shop.settings.dataset.segments, said.lines, task.given.turns)
        judge = Judge(
            heard.clean,
            heard.track,
            heard.clipped,
            heard.info["sample_rate"],
            shop.settings.dataset,
            dc_offset=heard.dc_offset,
        )
        maker = ClipMaker(task.id, heard, judge, self._dataset, scratch, task.speaker, shop.jobs)
        notes = [*said.notes, *result.notes]

        def recognise(clips: Sequence[Path]) -> Sequence[Recognised]:
            heard_texts, more = self._texter.recognise(clips)
            notes.extend(more)
            return heard_texts

        segments = maker.make(result.cuts, recognise if said.recognise else None)
        segments = self._scored([_with_unheard(each, said) for each in segments])
        dropped = tuple(Dropped(task.id, each.start_s, each.end_s, each.reason) for each in result.dropped)
        return Result(self._recording(task, heard, notes), segments, dropped)

    def _scored(self, segments: Sequence[Segment]) -> tuple[Segment, ...]:
        """The segments with how near they are to the speakers that are wanted."""
        if self._wanted is None:
            return tuple(segments)
        clips = [self._dataset.object_path(each.sha256) for each in segments]
        found = self._wanted.speakers.score(clips, self._shop.pool, jobs=self._shop.jobs, progress=self._shop.progress)
        return tuple(
            replace(segment, speaker=each.speaker or segment.speaker, speaker_score=each.score)
            for segment, each in zip(segments, found, strict=True)
        )

    def _recording(self, task: Task, heard: Heard, notes: Sequence[str]) -> Recording:
        info: Mapping[str, Any] = heard.info
        regions = heard.track.regions(self._shop.settings.dataset.segments.speech_threshold)
        return Recording(
            id=task.id,
            name=task.source.name,
            sha256=task.source.sha256,
            duration_s=round(info["duration_s"], 6),
            sample_rate=info["sample_rate"],
            num_channels=info["num_channels"],
            codec=info["codec"],
            container=info["container"],
            bit_rate=info["bit_rate"],
            tags=info["tags"],
            channel=task.channel if info["num_channels"] > 1 else "mix",
            speaker=task.speaker,
            speech_s=round(sum(each.duration_s for each in regions), 3),
            detector=heard.track.detector,
            degraded=(*heard.track.degraded, *notes),
            cleaning=heard.cleaning,
            source={
                "clipped_samples": int(heard.clipped.sum()),
                "dc_offset": heard.dc_offset,
                "notes": [*heard.notes, *task.given.notes],
                "text": task.given.source,
            },
        )


def _with_unheard(segment: Segment, said: Said) -> Segment:
    """The segment with the share of its words that nobody heard."""
    if not said.words:
        return segment
    inside = [each for each in said.words if segment.start_s <= each.start_s and each.end_s <= segment.end_s]
    lost = sum(not each.aligned for each in inside)
    return replace(segment, qc={**segment.qc, "unheard_ratio": round(lost / max(1, len(inside)), 3)})


def _data(made: Result) -> dict[str, Any]:
    return {
        "recording": plain_row(made.recording),
        "segments": [plain_row(each) for each in made.segments],
        "dropped": [plain_row(each) for each in made.dropped],
    }
