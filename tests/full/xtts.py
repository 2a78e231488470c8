"""Makes an XTTS model of XTTS-v2's size with random weights: ``python tests/full/xtts.py FOLDER``, by the engine's interpreter.

The numbers are those of the published config.json where the library's defaults differ (its vocabulary, its audio tokens).
The stop token cannot be drawn, so that every line has the length that it is asked for.
"""

import importlib.util
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("tiny", Path(__file__).parents[1] / "tiny" / "xtts.py")
tiny = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny)

import torch  # noqa: E402 (the tiny model's script brings the library up)
from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig  # noqa: E402
from TTS.tts.models.xtts import Xtts  # noqa: E402

TEXT_TOKENS = 6681
WIDTH = 1024
NEVER = -1e4


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    alphabet = tiny.CHARACTERS
    fillers = TEXT_TOKENS - len(tiny.SPECIAL) - len(XttsConfig().languages) - len(alphabet)
    tiny.CHARACTERS = [*alphabet, *(f"zz{number:05}" for number in range(fillers))]
    numbers = tiny.make_vocabulary(folder / "vocab.json", XttsConfig().languages)
    args = XttsArgs(
        gpt_use_perceiver_resampler=True,
        gpt_number_text_tokens=len(numbers),
        gpt_start_text_token=numbers["[START]"],
        gpt_stop_text_token=numbers["[STOP]"],
        gpt_num_audio_tokens=1026,
        gpt_start_audio_token=1024,
        gpt_stop_audio_token=1025,
    )
    config = XttsConfig(model_args=args)
    config.save_json(str(folder / "config.json"))
    model = Xtts(config)
    with torch.no_grad():
        model.gpt.mel_head.bias[args.gpt_stop_audio_token] = NEVER
    torch.save({"model": model.state_dict(), "config": config.to_dict()}, folder / "model.pth")
    tiny.WIDTH = WIDTH
    tiny.make_speakers(folder / "speakers_xtts.pth")
    print(sum(each.numel() for each in model.parameters()))


if __name__ == "__main__":
    main()
