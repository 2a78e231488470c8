"""A task for the tests of batches that needs no engine, but goes every way that a real one goes.

A row's text is written into its output; a text may ask for more: ``fail`` (it fails), ``slow 0.05``, ``crash`` (speaking
raises what nobody meant), ``silent`` (nothing comes of it), ``skip`` (its engine was given up), ``flawed 2``.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.batch.types import DONE, FAILED, SKIPPED, Failure, Finished, Job, Row, Spoken, Timing, Unit
from demod_voice.errors import EngineFailed, UsageError
from demod_voice.records.atomic import output_error
from demod_voice.records.hashing import hash_bytes, hash_json

RATE = 24000


class PlainTask:
    """Writes texts. ``together`` = so many rows are one batch, whose hash is in their bytes.

    Args:
        folder: where outputs go.
        together: 0 = each row is for itself.
        size: rows of a unit.
    """

    name = "plain"
    columns = frozenset({"text", "output", "id"})
    required = frozenset({"text", "output"})

    def __init__(self, folder: Path, together: int = 0, size: int = 4) -> None:
        self.folder, self.together, self.size = folder, together, size
        self.spoken: Counter[int] = Counter()
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def faults(self, row: Row) -> list[tuple[str, str]]:
        return [] if row.cell("text") else [("it has no text", "write one")]

    def job(self, row: Row) -> Job:
        if not row.cell("text"):
            raise UsageError(f"{self.folder}/{row.cell('output')}: nothing is said", "write a text")
        shown = row.cell("output")
        key = hash_json([row.cell("text"), shown, row.cell("id")])
        return Job(row, key, self.folder / shown, shown, engine="plain")

    def plan(self, jobs: Sequence[Job]) -> list[Job]:
        if not self.together:
            return list(jobs)
        return [job for group in self._groups(jobs) for job in _in_batch(group)]

    def units(self, jobs: Sequence[Job], wanted: frozenset[int]) -> list[Unit]:
        if self.together:
            groups = [group for group in self._groups(jobs) if _numbers(group) & wanted]
            return [Unit(tuple(each), "plain", each[0].facts["batch"], _numbers(each) & wanted) for each in groups]
        chosen = sorted(
            (job for job in jobs if job.row.number in wanted),
            key=lambda job: (len(job.row.cell("text")), job.row.number),
        )
        groups = [chosen[at : at + self.size] for at in range(0, len(chosen), self.size)]
        return [Unit(tuple(group), "plain", wanted=_numbers(group)) for group in groups]

    def _groups(self, jobs: Sequence[Job]) -> list[Sequence[Job]]:
        return [jobs[at : at + self.together] for at in range(0, len(jobs), self.together)]

    def speak(self, unit: Unit) -> Iterator[Spoken | Failure]:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            for job in unit.jobs:
                yield from self._say(job, unit)
        finally:
            with self._lock:
                self.at_once -= 1

    def _say(self, job: Job, unit: Unit) -> Iterator[Spoken | Failure]:
        word, _, value = job.row.cell("text").partition(" ")
        with self._lock:
            self.spoken[job.row.number] += 1
        if word == "slow":
            time.sleep(float(value))
        if word == "crash":
            raise ValueError("a defect")
        if word == "fail":
            yield Failure(job, "it would not", "try another", "EngineFailed", seconds=0.1, worker="w")
        elif word == "skip":
            yield Failure(job, "engine plain is not asked again", recorded=False)
        elif word != "silent":
            best_of = int(value) if word == "flawed" else 0
            clip = Clip(np.zeros((1, RATE), np.float32), RATE)
            yield Spoken(job, clip, model=unit.batch, best_of=best_of, seconds=0.01, worker="w")

    def finish(self, spoken: Spoken | Failure) -> tuple[Finished, Timing]:
        job = spoken.job
        timing = Timing(job.row.number, spoken.seconds, spoken.attempts, spoken.worker)
        record = Finished(job.row.number, job.key, DONE, job.shown, engine="plain")
        if isinstance(spoken, Failure):
            status = FAILED if spoken.recorded else SKIPPED
            told = {"error": spoken.message, "hint": spoken.hint, "kind": spoken.kind}
            return replace(record, status=status, **told), timing
        if job.row.cell("text") == "unwritable":
            raise EngineFailed(f"cannot write {job.output}")
        data = f"{job.row.cell('text')} {spoken.model}".encode() * 8
        try:
            job.output.parent.mkdir(parents=True, exist_ok=True)
            temporary = job.output.with_name(f".tmp-1-00000000-{job.output.name}")
            temporary.write_bytes(data)
            temporary.replace(job.output)
        except OSError as error:
            raise output_error(job.output, error) from error
        stat = job.output.stat()
        done = replace(record, sha256=hash_bytes(data), num_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)
        return replace(done, audio_s=spoken.clip.duration_s, best_of=spoken.best_of), timing


def rows_of(texts: Iterable[str], first: int = 1) -> Iterator[Row]:
    """A row for each text, its output named after the text's place; ``a/b`` before a colon names it otherwise."""
    for number, text in enumerate(texts, start=first):
        name, colon, rest = text.partition(": ")
        output = f"{name}.txt" if colon else f"{number}.txt"
        yield Row(
            number, number + 1, {"text": rest if colon else text, "output": output, "id": "", "mood": f"m{number}"}
        )


def _in_batch(jobs: Sequence[Job]) -> list[Job]:
    batch = hash_json([job.key for job in jobs])
    return [replace(job, key=hash_json([job.key, batch]), facts={"batch": batch}) for job in jobs]


def _numbers(jobs: Iterable[Job]) -> frozenset[int]:
    return frozenset(job.row.number for job in jobs)
