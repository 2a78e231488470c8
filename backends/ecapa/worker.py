"""The ecapa engine: speechbrain's ECAPA-TDNN, a vector for the voice of each clip.

Started by ``demod_voice.engines``; README.md says what it takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clips import pieces, read, why_voiceless
from demod_worker.messages import EmbedRequest, EmbedResult, LoadRequest, LoadResult
from demod_worker.worker import Adapter, BadRequest, Task, run
from network import Network, open_network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_BATCH = 256


class Ecapa(Adapter):
    """One model in memory."""

    name = "ecapa"
    version = "1.1.2"
    operations = ("load", "unload", "embed")

    def prepare(self) -> None:
        """Import nothing heavy: the worker is ready before torch is there."""
        self._network: Network | None = None
        self._batch = 1

    def load(self, request: LoadRequest) -> LoadResult:
        """Load the folder that ``request.model`` names."""
        self._network = None
        self._batch = _batch(request.options.get("batch", "1"))
        self._network = network = open_network(request)
        return LoadResult(network.name, network.revision, network.device, notes=network.notes)

    def unload(self) -> None:
        """Let go of the model."""
        self._network = None

    def embed(self, request: EmbedRequest, task: Task) -> EmbedResult:
        """Write a vector of length 1 for each clip; a row of NaN where there is no voice."""
        network = self._opened()
        sounds: list[tuple[int, NDArray[np.float32]]] = []
        reasons = []
        for number, path in enumerate(request.audio):
            task.check()
            samples = read(path)
            reasons.append(why_voiceless(samples))
            sounds += [(number, piece) for piece in pieces(samples)] if not reasons[-1] else []
        rows = self._rows(network, sounds, len(reasons), task)
        try:
            rows.astype("<f4").tofile(request.vectors)
        except OSError as error:
            raise BadRequest(f"{request.vectors} cannot be written: {error}") from error
        return EmbedResult(
            network.dimension,
            network.name,
            network.revision,
            network.same_speaker,
            tuple(reasons) if any(reasons) else (),
        )

    def _rows(
        self, network: Network, sounds: list[tuple[int, NDArray[np.float32]]], count: int, task: Task
    ) -> NDArray[np.float64]:
        """The mean of each clip's pieces, of length 1, shape (count, dimension)."""
        import numpy as np

        total = np.zeros((count, network.dimension))
        ordered = sorted(sounds, key=lambda each: len(each[1])) if self._batch > 1 else sounds
        for begin in range(0, len(ordered), self._batch):
            task.check()
            part = ordered[begin : begin + self._batch]
            found = network.vectors([sound for _, sound in part])
            np.add.at(total, [number for number, _ in part], found)
            task.progress((begin + len(part)) / len(ordered), "embed")
        lengths = np.linalg.norm(total, axis=1, keepdims=True)
        return np.divide(total, lengths, out=np.full_like(total, np.nan), where=lengths > 0)

    def _opened(self) -> Network:
        if self._network is None:
            self._network = open_network(LoadRequest())
        return self._network


def _batch(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_BATCH:
        raise BadRequest(f"option batch must be a whole number of 1 to {MOST_BATCH}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    run(Ecapa)
