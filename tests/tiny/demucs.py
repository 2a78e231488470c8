"""Build a tiny Demucs model with random weights: ``python demucs.py FOLDER [SEED]``, under the engine's own interpreter.

The folder is as on the model hub: a bag (``tiny.yaml``) of one model in a safetensors file whose metadata name its class.
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

SIGNATURE = "0123abcd"
SOURCES = ["drums", "bass", "other", "vocals"]


def network(seed: int) -> object:
    """A hybrid transformer Demucs of half a million numbers, which hears 2 s at once."""
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(seed)
    return HTDemucs(
        SOURCES,
        channels=4,
        growth=2,
        dconv_comp=2,
        t_layers=1,
        t_heads=2,
        bottom_channels=16,
        segment=Fraction(2, 1),
    )


def encoded(value: object) -> object:
    """Arguments as the hub's files have them."""
    if isinstance(value, Fraction):
        return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}
    if isinstance(value, dict):
        return {key: encoded(each) for key, each in value.items()}
    return [encoded(each) for each in value] if isinstance(value, (list, tuple)) else value


def build(folder: Path, seed: int) -> None:
    """Write the bag and its model."""
    from safetensors.torch import save_file

    made = network(seed)
    args, kwargs = made._init_args_kwargs
    metadata = {
        "klass": "demucs.htdemucs.HTDemucs",
        "args": json.dumps(encoded(args)),
        "kwargs": json.dumps(encoded(kwargs)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous().clone() for name, tensor in made.state_dict().items()}
    save_file(state, folder / f"{SIGNATURE}.safetensors", metadata)
    (folder / "tiny.yaml").write_text(f"models: ['{SIGNATURE}']\n", encoding="utf-8")


if __name__ == "__main__":
    # The script's own folder holds this file, which would be taken for the package.
    sys.path = [place for place in sys.path if place != str(Path(__file__).resolve().parent)]
    build(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
