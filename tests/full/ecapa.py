"""Makes an ECAPA model of the published size (channels 1024) with random weights: ``python tests/full/ecapa.py FOLDER``.

Run by the engine's interpreter.
"""

import importlib.util
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("tiny", Path(__file__).parents[1] / "tiny" / "ecapa.py")
tiny = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny)
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "backends" / "ecapa"))

import torch  # noqa: E402
import torchaudio_stub  # noqa: E402

torchaudio_stub.install()

from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN  # noqa: E402

SIZES = {
    "channels": [1024, 1024, 1024, 1024, 3072],
    "attention_channels": 128,
    "res2net_scale": 8,
    "se_channels": 128,
    "lin_neurons": 192,
}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network = ECAPA_TDNN(80, kernel_sizes=[5, 3, 3, 3, 1], dilations=[1, 2, 3, 4, 1], **SIZES)
    torch.save(network.state_dict(), folder / "embedding_model.ckpt")
    rows = tiny.SETTINGS.replace("input_size: 64", "input_size: 192").splitlines()
    names = [row.strip().partition(":")[0] for row in rows]
    rows = [f"    {name}: {SIZES[name]}" if name in SIZES else row for name, row in zip(names, rows, strict=True)]
    (folder / "hyperparams.yaml").write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(sum(each.numel() for each in network.parameters()))


if __name__ == "__main__":
    main()
