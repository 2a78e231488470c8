"""Build a tiny ECAPA model with random weights: ``python ecapa.py FOLDER [SEED]``, under the engine's own interpreter."""

from __future__ import annotations

import sys
from pathlib import Path

CHANNELS = (16, 16, 16, 16, 48)
SETTINGS = """\
n_mels: 80
pretrained_path: somewhere/else
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: !ref <n_mels>
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False
embedding_model: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
    input_size: !ref <n_mels>
    channels: [16, 16, 16, 16, 48]
    kernel_sizes: [5, 3, 3, 3, 1]
    dilations: [1, 2, 3, 4, 1]
    attention_channels: 16
    res2net_scale: 4
    se_channels: 16
    lin_neurons: 64
classifier: !new:speechbrain.lobes.models.ECAPA_TDNN.Classifier
    input_size: 64
    out_neurons: 8
modules:
    embedding_model: !ref <embedding_model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
"""


def build(folder: Path, seed: int) -> None:
    """Write ``hyperparams.yaml`` and ``embedding_model.ckpt``."""
    root = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root / "backends" / "ecapa"))
    import torch
    import torchaudio_stub

    torchaudio_stub.install()
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    torch.manual_seed(seed)
    network = ECAPA_TDNN(
        80,
        channels=list(CHANNELS),
        kernel_sizes=[5, 3, 3, 3, 1],
        dilations=[1, 2, 3, 4, 1],
        attention_channels=16,
        res2net_scale=4,
        se_channels=16,
        lin_neurons=64,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hyperparams.yaml").write_text(SETTINGS, encoding="utf-8")
    torch.save(network.state_dict(), folder / "embedding_model.ckpt")


if __name__ == "__main__":
    build(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
