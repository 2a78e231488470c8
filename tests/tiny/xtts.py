"""Makes a tiny XTTS model with random weights of a fixed seed, with the library's own classes.

Run by the engine's interpreter: ``python tests/tiny/xtts.py FOLDER [MOST_TOKENS [legacy]]``. With ``legacy`` the checkpoint
holds its settings as objects of classes that have since moved, as the published one does. The decoder's size is fixed in the
library, so the folder has about 93 MB; random weights never end a text by themselves, so MOST_TOKENS (default 20, about
0.9 s) does.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "backends" / "xtts"))

import xtts_library

xtts_library.bring_up()

import torch  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from TTS.config.shared_configs import BaseDatasetConfig  # noqa: E402
from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig, XttsConfig  # noqa: E402
from TTS.tts.models.xtts import Xtts  # noqa: E402

SPECIAL = ["[STOP]", "[UNK]", "[SPACE]", "[START]"]
CHARACTERS = "abcdefghijklmnopqrstuvwxyz.,!?'-äöüßéèñçąęółżčřšőűığşабвгдежзийклмнопрстуфхцчшщыьэюя0123456789"
WIDTH = 64


def make_vocabulary(path, languages):
    tokens = [*SPECIAL, *(f"[{each}]" for each in languages), *CHARACTERS]
    numbers = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=numbers, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([each for each in tokens if each.startswith("[")])
    tokenizer.save(str(path))
    return numbers


def make_config(numbers, most_tokens):
    args = XttsArgs(
        gpt_layers=2,
        gpt_n_model_channels=WIDTH,
        gpt_n_heads=2,
        decoder_input_dim=WIDTH,
        gpt_use_perceiver_resampler=True,
        gpt_number_text_tokens=len(numbers),
        gpt_start_text_token=numbers["[START]"],
        gpt_stop_text_token=numbers["[STOP]"],
        gpt_num_audio_tokens=1026,
        gpt_start_audio_token=1024,
        gpt_stop_audio_token=1025,
        gpt_max_audio_tokens=most_tokens,
    )
    return XttsConfig(model_args=args)


def make_speakers(path):
    speakers = {
        name: {"gpt_cond_latent": torch.randn(1, 32, WIDTH), "speaker_embedding": torch.randn(1, 512, 1)}
        for name in ("Ada Tiny", "Bo Tiny")
    }
    torch.save(speakers, path)


def save(model, config, path, legacy):
    if not legacy:
        torch.save({"model": model.state_dict(), "config": config.to_dict()}, path)
        return
    for moved in (XttsArgs, XttsAudioConfig):
        moved.__module__ = "TTS.tts.models.xtts"
    config.datasets = [BaseDatasetConfig()]
    torch.save({"model": model.state_dict(), "config": config}, path)


def main():
    folder = Path(sys.argv[1])
    most_tokens = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    numbers = make_vocabulary(folder / "vocab.json", XttsConfig().languages)
    config = make_config(numbers, most_tokens)
    config.save_json(str(folder / "config.json"))
    model = Xtts(config)
    save(model, config, folder / "model.pth", legacy="legacy" in sys.argv[3:])
    make_speakers(folder / "speakers_xtts.pth")


if __name__ == "__main__":
    main()
