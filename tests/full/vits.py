"""Makes a Piper voice of the size ``medium`` with random weights: ``python tests/full/vits.py OUT.onnx [tiny]``.

The graph is that of Piper's own classes (``piper.train.vits``), exported as Piper exports it, so its 4,000 nodes and 63 MB
are a real voice's. ``tiny`` has the same nodes with few channels. The interpreter needs torch and the packages of the piper
engine: one of the engines with torch, with the site-packages of the piper environment in PYTHONPATH.
"""

import json
import sys

import torch
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
from piper.train.vits.models import SynthesizerTrn

RATE, HOP, SYMBOLS = 22050, 256, 256
MEDIUM = {
    "inter_channels": 192,
    "hidden_channels": 192,
    "filter_channels": 768,
    "n_layers": 6,
    "upsample_initial_channel": 256,
}
TINY = {
    "inter_channels": 16,
    "hidden_channels": 16,
    "filter_channels": 32,
    "n_layers": 1,
    "upsample_initial_channel": 32,
}
MORE = {
    "n_heads": 2,
    "kernel_size": 3,
    "p_dropout": 0.1,
    "resblock": "2",
    "resblock_kernel_sizes": (3, 5, 7),
    "resblock_dilation_sizes": ((1, 2), (2, 6), (3, 12)),
    "upsample_rates": (8, 8, 4),
    "upsample_kernel_sizes": (16, 16, 8),
}
"""The defaults of piper.train.vits.lightning.VitsModel."""
SETTINGS = {
    "audio": {"sample_rate": RATE, "quality": "medium"},
    "espeak": {"voice": "en-us"},
    "phoneme_type": "espeak",
    "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
    "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
    "num_symbols": SYMBOLS,
    "num_speakers": 1,
    "speaker_id_map": {},
    "piper_version": "1.0.0",
    "hop_length": HOP,
}


def main():
    path = sys.argv[1]
    torch.manual_seed(0)
    size = TINY if sys.argv[2:] == ["tiny"] else MEDIUM
    model = SynthesizerTrn(n_vocab=SYMBOLS, spec_channels=513, segment_size=32, **MORE, **size).eval()
    model.dec.remove_weight_norm()

    def infer(text, lengths, scales):
        found = model.infer(text, lengths, noise_scale=scales[0], length_scale=scales[1], noise_scale_w=scales[2])
        return found[0].unsqueeze(1)

    model.forward = infer
    example = (torch.randint(0, SYMBOLS, (1, 50)), torch.tensor([50]), torch.tensor([0.667, 1.0, 0.8]))
    with torch.no_grad():
        torch.onnx.export(
            model,
            example,
            path,
            dynamo=False,
            opset_version=15,
            input_names=["input", "input_lengths", "scales"],
            output_names=["output"],
            dynamic_axes={
                "input": {0: "batch_size", 1: "phonemes"},
                "input_lengths": {0: "batch_size"},
                "output": {0: "batch_size", 2: "time"},
            },
        )
    with open(path + ".json", "w") as file:
        json.dump(SETTINGS, file)
    print(sum(each.numel() for each in model.parameters()))


if __name__ == "__main__":
    main()
