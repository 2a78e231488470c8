"""The network in memory: built from checked numbers, its weights read without running any code of theirs."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demod_worker.messages import LoadRequest
from demod_worker.model_folder import content_revision, file_hash, model_name
from demod_worker.worker import BadRequest, EngineFault, ModelMissing, OutOfMemory
from plain_settings import FILE as SETTINGS
from plain_settings import Architecture, read_settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS = "embedding_model.ckpt"
PUBLISHED = {"0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2": 0.25}
"""SHA-256 of weights -> the cosine from which their makers call two clips one speaker's. Other weights: nobody knows.

Source: speechbrain 1.1.2, ``SpeakerRecognition.verify_batch``, for speechbrain/spkrec-ecapa-voxceleb.
"""


@dataclass(frozen=True)
class Network:
    """A model that can be asked."""

    name: str
    revision: str
    device: str
    dimension: int
    same_speaker: float | None
    notes: tuple[str, ...]
    _parts: tuple[Any, Any, Any]
    """Features, their normalisation, the network."""

    def vectors(self, sounds: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """A vector of length 1 for each sound, shape (sounds, dimension).

        Sounds of several lengths are filled up with silence, and the network is told how much of each is its own.

        Raises:
            OutOfMemory: they are too many or too long for the device.
        """
        import numpy as np
        import torch

        longest = max(map(len, sounds))
        batch = np.zeros((len(sounds), longest), np.float32)
        for row, sound in zip(batch, sounds, strict=True):
            row[: len(sound)] = sound
        lengths = torch.tensor([len(each) / longest for each in sounds], device=self.device)
        features, normalise, network = self._parts
        try:
            with torch.inference_mode():
                found = network(normalise(features(torch.from_numpy(batch).to(self.device)), lengths), lengths).squeeze(
                    1
                )
                rows: NDArray[np.float32] = torch.nn.functional.normalize(found, dim=1).cpu().numpy()
        except torch.OutOfMemoryError as error:
            raise OutOfMemory(f"{len(sounds)} clips of up to {longest / 16000:.0f} s do not fit: {error}") from error
        return rows


def open_network(request: LoadRequest) -> Network:
    """Load the folder ``request.model``.

    Raises:
        ModelMissing: a file of it is not there.
        BadRequest: a file is not what it should be.
    """
    folder = _folder(request.model)
    shape = read_settings(folder / SETTINGS)
    import torch
    import torchaudio_stub

    torchaudio_stub.install()
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import InputNormalization

    torch.set_num_threads(max(1, request.threads))
    device, notes = _device(request)
    try:
        network = ECAPA_TDNN(shape.n_mels, **shape.numbers, **{name: list(each) for name, each in shape.lists.items()})
    except Exception as error:
        raise BadRequest(f"{folder / SETTINGS} describes a network that cannot be built: {_short(error)}") from error
    _fill(network, folder / WEIGHTS)
    parts = (
        Fbank(n_mels=shape.n_mels).to(device).eval(),
        InputNormalization(norm_type="sentence", std_norm=False).to(device).eval(),
        network.to(device).eval(),
    )
    revision = content_revision(folder, (SETTINGS, WEIGHTS))
    published = PUBLISHED.get(file_hash(folder / WEIGHTS))
    return Network(model_name(folder), revision, device, _dimension(shape), published, notes, parts)


def _folder(model: str | None) -> Path:
    if not model:
        raise ModelMissing("ecapa needs a model", "run: demod-voice models pull ecapa-voxceleb")
    folder = Path(model)
    if folder.is_file():
        raise BadRequest(f"{folder} is a file", f"name the folder that holds {SETTINGS} and {WEIGHTS}")
    for name in (SETTINGS, WEIGHTS):
        if not (folder / name).is_file():
            raise ModelMissing(
                f"the model {folder} has no {name}", f"an ECAPA model is a folder with {SETTINGS} and {WEIGHTS}"
            )
    return folder


def _fill(network: Any, path: Path) -> None:
    """Load the weights, as tensors alone.

    Raises:
        BadRequest: the file holds code, is damaged, or fits another network.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadRequest(
            f"{path} is refused: it is damaged, or holds more than weights ({_short(error)})",
            "fetch it again from where it came; a file that runs code when it is loaded is never loaded here",
        ) from error
    except Exception as error:
        raise BadRequest(f"{path} is damaged: {_short(error)}", "fetch it again") from error
    if not isinstance(state, dict) or not all(isinstance(each, torch.Tensor) for each in state.values()):
        raise BadRequest(f"{path} holds no weights", f"it must be the {WEIGHTS} of a speechbrain model")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise BadRequest(f"{path} does not fit {SETTINGS} beside it: {_short(error)}") from error


def _device(request: LoadRequest) -> tuple[str, tuple[str, ...]]:
    """Where the network is put, and a note when that is not where it was asked to."""
    import torch

    if not request.device.startswith("cuda"):
        return "cpu", ()
    if not torch.cuda.is_available():
        return "cpu", (f"{request.device} was asked for, but this torch finds no GPU; ecapa runs on the CPU",)
    try:
        if request.memory_fraction is not None:
            torch.cuda.set_per_process_memory_fraction(request.memory_fraction, request.device)
        torch.zeros(1, device=request.device)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(f"{request.device} has no memory left: {error}") from error
    except RuntimeError as error:
        raise EngineFault(f"{request.device} cannot be used: {_short(error)}") from error
    return request.device, ()


def _dimension(shape: Architecture) -> int:
    return shape.numbers.get("lin_neurons", 192)


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (" ".join(lines[:2]) if lines else type(error).__name__)[:200]
