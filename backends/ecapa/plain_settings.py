"""Read a speechbrain ``hyperparams.yaml`` as plain data: its tags name Python objects, and none of them is ever made.

Only the numbers that describe an ECAPA-TDNN are taken, each of them checked; a file that says anything else about the features
or the network describes another model, and is refused.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demod_worker.worker import BadRequest

FILE = "hyperparams.yaml"
LARGEST_BYTES = 1 << 16
NETWORK = "speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN"
FEATURES = "speechbrain.lobes.features.Fbank"
NORMALISATION = "speechbrain.processing.features.InputNormalization"
LEAST_BLOCKS = 3
MOST = 8192
"""No number of a network is larger."""
REFERENCE = re.compile(r"<(\w+)>")


@dataclass(frozen=True)
class Architecture:
    """The shape of an ECAPA-TDNN.

    Source: B. Desplanques et al., "ECAPA-TDNN", Interspeech 2020; defaults as in speechbrain 1.1.2.
    """

    n_mels: int = 40
    numbers: Mapping[str, int] = field(default_factory=dict)
    """Of ``NUMBERS``: what the file gives."""
    lists: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Of ``LISTS``: what the file gives, one number for each block."""


NUMBERS = ("attention_channels", "lin_neurons", "res2net_scale", "se_channels")
LISTS = ("channels", "kernel_sizes", "dilations", "groups")


def read_settings(path: Path) -> Architecture:
    """The network that a ``hyperparams.yaml`` describes.

    Raises:
        BadRequest: it is no such file, or describes something else; names what.
    """
    top = _document(path)
    part = _Part(path, top)
    part.object("compute_features", FEATURES, ("n_mels", "sample_rate"))
    part.expect("compute_features", "sample_rate", 16000)
    part.object("mean_var_norm", NORMALISATION, ("norm_type", "std_norm"))
    part.expect("mean_var_norm", "norm_type", "sentence")
    part.expect("mean_var_norm", "std_norm", False)
    part.object("embedding_model", NETWORK, ("input_size", *NUMBERS, *LISTS))
    n_mels = part.number("compute_features", "n_mels") or Architecture.n_mels
    if part.number("embedding_model", "input_size") != n_mels:
        raise part.fault(f"embedding_model.input_size is not n_mels ({n_mels})")
    numbers = {name: part.number("embedding_model", name) for name in NUMBERS}
    lists = {name: part.list("embedding_model", name) for name in LISTS}
    lengths = {len(each) for each in lists.values() if each}
    if len(lengths) > 1 or min(lengths, default=LEAST_BLOCKS) < LEAST_BLOCKS:
        raise part.fault(f"{', '.join(name for name in LISTS if lists[name])} must have one number for each block")
    return Architecture(
        n_mels,
        {name: value for name, value in numbers.items() if value is not None},
        {name: value for name, value in lists.items() if value},
    )


def _document(path: Path) -> Mapping[str, Any]:
    """The file's top level. The round-trip loader keeps tags as names; it makes no objects of them."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        text = path.read_bytes()[: LARGEST_BYTES + 1].decode()
        if len(text) > LARGEST_BYTES:
            raise BadRequest(f"{path} is too large for a description of a model")
        found = YAML(typ="rt", pure=True).load(io.StringIO(text))
    except (OSError, UnicodeDecodeError, YAMLError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(found, Mapping):
        raise BadRequest(f"{path} describes no model: it holds no keys")
    return found


class _Part:
    """Takes values out of the file."""

    def __init__(self, path: Path, top: Mapping[str, Any]) -> None:
        self._path, self._top = path, top

    def fault(self, what: str) -> BadRequest:
        return BadRequest(
            f"{self._path} describes no ECAPA-TDNN that this engine knows: {what}",
            "give the folder of speechbrain/spkrec-ecapa-voxceleb, or of a model trained with its recipe",
        )

    def object(self, name: str, klass: str, known: tuple[str, ...]) -> None:
        """Check that ``name`` is of this class, with no setting but the known ones."""
        found = self._top.get(name)
        tag = str(getattr(getattr(found, "tag", None), "value", None))
        if not isinstance(found, Mapping) or tag != f"!new:{klass}":
            raise self.fault(f"{name} is {tag if isinstance(found, Mapping) else 'missing'}, not !new:{klass}")
        foreign = sorted(str(key) for key in found if key not in known)
        if foreign:
            raise self.fault(f"{name} sets {', '.join(foreign)}")

    def expect(self, name: str, key: str, wanted: object) -> None:
        found = self._value(name, key)
        if found is None and key == "sample_rate":
            return
        if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
            raise self.fault(f"{name}.{key} is {found!r}, not {wanted!r}")

    def number(self, name: str, key: str) -> int | None:
        found = self._value(name, key)
        if found is None:
            return None
        if not _is_number(found):
            raise self.fault(f"{name}.{key} is {found!r}, no whole number of 1 to {MOST}")
        return int(found)

    def list(self, name: str, key: str) -> tuple[int, ...]:
        found = self._value(name, key)
        if found is None:
            return ()
        if not isinstance(found, list) or not found or not all(map(_is_number, found)):
            raise self.fault(f"{name}.{key} is no list of whole numbers of 1 to {MOST}")
        return tuple(map(int, found))

    def _value(self, name: str, key: str) -> Any:
        """A setting; ``!ref <other>`` is the value of the key ``other`` of the file."""
        found = self._top[name].get(key)
        if getattr(getattr(found, "tag", None), "value", None) != "!ref":
            return found
        match = REFERENCE.fullmatch(str(found.value).strip())
        if match is None or match[1] not in self._top:
            raise self.fault(f"{name}.{key} refers to {found.value}, which is not in the file")
        return self._top[match[1]]


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST
