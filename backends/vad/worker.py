"""The vad engine: Silero's voice activity detector, its ONNX sequence model, without torch.

Started by ``demod_voice.engines``; README.md says what it takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from demod_worker.messages import DetectRequest, DetectResult, LoadRequest, LoadResult
from demod_worker.recordings import RATE, read_pcm16
from demod_worker.worker import Adapter, BadRequest, EngineFault, Task, run
from sequence_model import SequenceModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL = "silero-vad"
FILE = "silero_vad_16k_sequence.onnx"
FRAME, CONTEXT = 512, 64
"""Samples of a frame, and of the end of the frame before it that the model sees as well."""
STATE = (1, 1, 128)
BLOCK = 256
"""Frames of one run of the model (8 s): between two of them a cancel is looked at."""


class Vad(Adapter):
    """One model; the state of its memory begins anew with every request."""

    name = "vad"
    version = "6.2.3"
    operations = ("load", "unload", "detect")

    def prepare(self) -> None:
        """Import nothing heavy: the worker is ready before the model is there."""
        self._model: SequenceModel | None = None
        self._threads = 1

    def load(self, request: LoadRequest) -> LoadResult:
        """Load the model that comes with the package."""
        if request.model:
            raise BadRequest("vad has no other models to load", "leave out the model")
        self._threads = max(1, request.threads)
        return LoadResult(MODEL, self._open().revision, "cpu")

    def unload(self) -> None:
        """Let go of the model."""
        self._model = None

    def detect(self, request: DetectRequest, task: Task) -> DetectResult:
        """The probability of each frame of 512 samples, the last one filled up with silence."""
        model = self._open()
        found = list(_blocks(model, _read(request.audio), task))
        _write(request.probabilities, found)
        return DetectResult(sum(map(len, found)), FRAME / RATE, MODEL, model.revision)

    def _open(self) -> SequenceModel:
        """The model, loaded when it is not there yet."""
        if self._model is not None:
            return self._model
        os.environ.setdefault("OPENBLAS_NUM_THREADS", str(self._threads))
        self._model = SequenceModel(_model_file().read_bytes(), self._threads)
        return self._model


def _blocks(model: SequenceModel, samples: NDArray[np.float32], task: Task) -> Iterator[NDArray[np.float32]]:
    """The model's numbers, some frames at a time."""
    import numpy as np

    if len(samples) < CONTEXT + FRAME:
        return
    frames = np.lib.stride_tricks.sliding_window_view(samples, CONTEXT + FRAME)[::FRAME]
    memory = (np.zeros(STATE, np.float32), np.zeros(STATE, np.float32))
    for begin in range(0, len(frames), BLOCK):
        task.check()
        found, memory = model.run(np.ascontiguousarray(frames[begin : begin + BLOCK]), memory)
        yield found


def _model_file() -> Path:
    """The model, found without importing ``silero_vad``, which would import torch."""
    found = find_spec("silero_vad")
    path = Path(found.origin).parent / "data" / FILE if found is not None and found.origin else None
    if path is None or not path.is_file():
        raise EngineFault(f"the package silero-vad has no {FILE}", "run: demod-voice engines install vad --again")
    return path


def _read(path: str) -> NDArray[np.float32]:
    """The sound as floats, a frame's context of silence before it, whole frames after it.

    Raises:
        BadRequest: there is none, or it is no mono 16 kHz PCM_16 WAV.
    """
    import numpy as np

    heard = np.frombuffer(read_pcm16(path), "<i2")
    samples = np.zeros(CONTEXT + -(-len(heard) // FRAME) * FRAME, np.float32)
    samples[CONTEXT : CONTEXT + len(heard)] = heard
    samples /= 32768.0
    return samples


def _write(path: str, found: list[NDArray[np.float32]]) -> None:
    try:
        with open(path, "wb") as file:
            file.writelines(each.astype("<f4").tobytes() for each in found)
    except OSError as error:
        raise BadRequest(f"{path} cannot be written: {error}") from error


if __name__ == "__main__":
    run(Vad)
