"""The CSM engine: a voice that goes on from its anchors and from the turns before.

Started by ``demod_voice.engines``; README.md says what it takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conversation import Asked, degraded, read_item
from csm_files import read_checkpoint
from demod_worker.failures import BadRequest, Cancelled, WorkerError
from demod_worker.messages import LoadRequest, LoadResult, SpeakItem, SpeakResult
from demod_worker.worker import Adapter, AudioOut, ItemFailed, Task, run

if TYPE_CHECKING:
    from codec import Sound
    from csm_model import CsmModel

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
"""A worker never asks a hub for anything."""
REPEATABLE = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
"""What cuBLAS needs to give the same sums each time. Source: NVIDIA, cuBLAS, results reproducibility."""


@dataclass
class _Speaking:
    """An item while it is spoken."""

    asked: Asked
    out: AudioOut
    spoken_s: float = 0.0
    cut: bool = False
    forgotten: int = 0
    sound: Sound | None = None
    failure: Exception | None = None

    @property
    def adapter(self) -> str | None:
        """The adapter's folder."""
        return self.asked.item.voice.adapter

    def pieces_left(self, piece: int) -> bool:
        """There is such a piece, and it is still wanted."""
        return self.failure is None and not self.cut and piece < len(self.asked.pieces)


class Csm(Adapter):
    """Speaks with one model at a time, kept in memory with its adapters."""

    name = "csm"
    version = "5.23.0"
    operations = ("load", "unload", "speak", "speak_many")

    def prepare(self) -> None:
        """Nothing is loaded yet; the environment of the libraries is set before they are imported."""
        os.environ.update(OFFLINE | REPEATABLE)
        self._model: CsmModel | None = None
        self._request = LoadRequest()

    def load(self, request: LoadRequest) -> LoadResult:
        """Load the model of ``request``; without one, only remember device, threads and options."""
        self._model = None
        self._request = request
        if request.model is None:
            return LoadResult("", "", request.device, ("en",))
        model = self._open(request)
        checkpoint = model.checkpoint
        return LoadResult(checkpoint.name, checkpoint.revision, str(model.device), ("en",), notes=tuple(model.notes))

    def unload(self) -> None:
        """Let go of the model."""
        self._model = None

    def speak_many(
        self, items: tuple[SpeakItem, ...], outs: dict[int, AudioOut], task: Task
    ) -> list[SpeakResult | ItemFailed]:
        """Speak a batch; an item that cannot be spoken fails alone."""
        failed: dict[int, Exception] = {}
        speaking: list[_Speaking] = []
        for item in items:
            try:
                asked = read_item(item)
                self._loaded(item.voice.model)
            except WorkerError as error:
                failed[item.item] = error
                continue
            speaking.append(_Speaking(asked, outs[item.item]))
        for same in _alike(speaking):
            self._speak_alike(same, task)
        done = {each.asked.item.item: each for each in speaking}
        return [
            ItemFailed(item.item, failed[item.item]) if item.item in failed else self._outcome(done[item.item])
            for item in items
        ]

    def _speak_alike(self, speaking: list[_Speaking], task: Task) -> None:
        """Items of one model and one adapter, piece after piece."""
        model = self._loaded(speaking[0].asked.item.voice.model)
        adapter = speaking[0].adapter
        try:
            if adapter is not None:
                model.adapter(adapter)
            for piece in range(max(len(each.asked.pieces) for each in speaking)):
                self._speak_piece(model, [each for each in speaking if each.pieces_left(piece)], piece, task)
        except Cancelled:
            raise
        except Exception as error:
            for each in speaking:
                each.failure = each.failure or error

    def _speak_piece(self, model: CsmModel, speaking: Sequence[_Speaking], piece: int, task: Task) -> None:
        rows, ready = [], []
        for each in speaking:
            try:
                row, each.forgotten = model.row(each.asked, piece, each.asked.longest_s - each.spoken_s)
            except WorkerError as error:
                each.failure = error
                continue
            if not each.out.rate:
                each.out.start(model.sample_rate, "pcm_f32le")
            each.sound = model.sound()
            rows.append(row)
            ready.append(each)
        if not rows:
            return
        cuts = model.generate(rows, ready[0].adapter, lambda number, frame: _hear(ready[number], frame, task))
        for each, cut in zip(ready, cuts, strict=True):
            _send(each, each.sound.end() if each.sound is not None else b"")
            each.spoken_s = each.out.num_frames / model.sample_rate
            each.cut = cut

    def _outcome(self, each: _Speaking) -> SpeakResult | ItemFailed:
        item = each.asked.item
        if each.failure is not None:
            return ItemFailed(item.item, each.failure)
        model = self._loaded(item.voice.model)
        lacks = degraded(each.asked, each.forgotten, each.cut)
        revision = model.revision(each.adapter)
        return SpeakResult(item.item, (), model.checkpoint.name, revision, model.sample_rate, lacks)

    def _loaded(self, path: str | None) -> CsmModel:
        wanted = path or self._request.model
        if wanted is None:
            raise BadRequest("csm needs a model", "run: demod-voice models pull csm-1b")
        if self._model is None or self._model.checkpoint.folder != Path(wanted):
            self._model = None
            device, threads = self._request.device, self._request.threads
            fraction, options = self._request.memory_fraction, self._request.options
            self._open(LoadRequest(wanted, device, threads, fraction, self._request.cache, options))
        assert self._model is not None
        return self._model

    def _open(self, request: LoadRequest) -> CsmModel:
        """Look at the files, then import the libraries and load."""
        read_checkpoint(request.model or "")
        from csm_model import CsmModel

        self._model = CsmModel(request)
        return self._model


def _alike(speaking: list[_Speaking]) -> Iterator[list[_Speaking]]:
    """Items of the same model and adapter together, in their order."""
    found: dict[tuple[str | None, str | None], list[_Speaking]] = {}
    for each in speaking:
        found.setdefault((each.asked.item.voice.model, each.adapter), []).append(each)
    yield from found.values()


def _hear(each: _Speaking, frame: object, task: Task) -> None:
    """Take in a frame; its sound goes out as soon as there is a piece of it."""
    task.check()
    assert each.sound is not None
    _send(each, each.sound.add(frame))


def _send(each: _Speaking, data: bytes) -> None:
    if data:
        each.out.write(data)


if __name__ == "__main__":
    run(Csm)
