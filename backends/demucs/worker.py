"""The demucs engine: a recording as its dialogue and its background.

Started by ``demod_voice.engines``; README.md says what it takes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from demod_worker.messages import LoadRequest, LoadResult, SeparateRequest, SeparateResult
from demod_worker.worker import Adapter, BadRequest, EngineFault, OutOfMemory, Task, run
from model_files import Bag, open_bag
from separation import Separator
from wave_files import FloatWriter, Source, open_source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIALOGUE, BACKGROUND = "dialogue", "background"
MOST_SHIFTS = 20
GRID = float(1 << 22)
"""The dialogue is rounded to multiples of 2**-22 (-132 dBFS): then it and the background sum up to a 16-bit recording exactly,
in 32-bit floats."""


class Demucs(Adapter):
    """One model (or bag of models) in memory."""

    name = "demucs"
    version = "4.1.0"
    operations = ("load", "unload", "separate")

    def prepare(self) -> None:
        """Import nothing heavy: the worker is ready before torch is there."""
        self.unload()
        self._device = "cpu"
        self._overlap = 0.25

    def load(self, request: LoadRequest) -> LoadResult:
        """Load the model that ``request.model`` names."""
        self._bag = None
        self._overlap = _overlap(request.options.get("overlap", "0.25"))
        import torch

        torch.set_num_threads(max(1, request.threads))
        bag = open_bag(request.model)
        self._device, notes = _placed(bag, request)
        self._bag = bag
        return LoadResult(bag.name, bag.revision, self._device, notes=notes)

    def unload(self) -> None:
        """Let go of the model."""
        self._bag: Bag | None = None

    def separate(self, request: SeparateRequest, task: Task) -> SeparateResult:
        """Write ``dialogue.wav`` and ``background.wav``."""
        bag = self._opened()
        source = open_source(request.audio, bag.models[0].samplerate)
        folder = Path(request.folder)
        if not folder.is_dir():
            raise BadRequest(f"{folder} is no folder")
        if not 0 <= request.shifts <= MOST_SHIFTS:
            raise BadRequest(f"shifts must be 0 to {MOST_SHIFTS}, not {request.shifts}")
        names = {stem: f"{stem}.wav" for stem in (DIALOGUE, BACKGROUND)}

        def tell(done: float) -> None:
            task.check()
            task.progress(done, "separate")

        separator = Separator(bag, self._device, self._overlap, source, tell)
        with (
            FloatWriter(folder / names[DIALOGUE], source) as dialogue,
            FloatWriter(folder / names[BACKGROUND], source) as background,
        ):
            at = 0
            for block in separator.blocks(request.shifts, request.seed):
                speech = _on_grid(block)
                dialogue.write(speech)
                background.write(source.read(at, at + block.shape[1]) - speech)
                at += block.shape[1]
        return SeparateResult(names, source.sample_rate, bag.name, bag.revision, _degraded(source))

    def _opened(self) -> Bag:
        if self._bag is None:
            self._bag = open_bag(None)
        return self._bag


def _placed(bag: Bag, request: LoadRequest) -> tuple[str, tuple[str, ...]]:
    """Put the networks on the device, and a note when that is not the one that was asked for."""
    import torch

    if not request.device.startswith("cuda"):
        return "cpu", ()
    if not torch.cuda.is_available():
        return "cpu", (f"{request.device} was asked for, but this torch finds no GPU; demucs runs on the CPU",)
    try:
        if request.memory_fraction is not None:
            torch.cuda.set_per_process_memory_fraction(request.memory_fraction, request.device)
        for each in bag.models:
            each.to(request.device)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(f"the model does not fit on {request.device}: {error}") from error
    except RuntimeError as error:
        raise EngineFault(f"{request.device} cannot be used: {error}") from error
    return request.device, ()


def _on_grid(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    found: NDArray[np.float32] = (np.rint(samples.astype(np.float64) * GRID) / GRID).astype(np.float32)
    return found


def _degraded(source: Source) -> tuple[str, ...]:
    return (
        ("stereo: the recording has one channel, and the networks were trained on two",)
        if source.num_channels == 1
        else ()
    )


def _overlap(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 0.9:
        raise BadRequest(f"option overlap must be a number of 0 to 0.9, not {text!r}")
    return found


if __name__ == "__main__":
    run(Demucs)
