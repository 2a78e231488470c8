"""The engines' libraries called by themselves: what the worker's figures are held against.

Run by bench_engines.py with an engine's interpreter: ENGINE MODEL FRAMES THREADS MORE; prints one line of JSON. MORE is the
number format (xtts, csm) or a folder of clips (ecapa).
"""

import json
import sys
import time
from pathlib import Path

WORDS = "The quick brown fox jumps over the lazy dog and runs away from all of them"
WARM_FRAMES = 11


def _now():
    return time.perf_counter(), time.process_time()


def _since(began):
    return tuple(now - then for now, then in zip(_now(), began, strict=True))


def xtts(model, frames, more):
    import xtts_library

    xtts_library.bring_up()
    import torch
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import Xtts

    began = time.perf_counter()
    config = XttsConfig()
    config.load_json(f"{model}/config.json")
    loaded = Xtts.init_from_config(config)
    loaded.load_checkpoint(config, checkpoint_dir=model, eval=True)
    load_s = time.perf_counter() - began
    speaker = torch.load(f"{model}/speakers_xtts.pth", weights_only=True)["Ada Tiny"]
    loaded.inference(WORDS, "en", *speaker.values(), max_new_tokens=WARM_FRAMES)
    began = _now()
    said = loaded.inference(WORDS, "en", *speaker.values(), max_new_tokens=frames)["wav"]
    return load_s, _since(began), len(said) / 24000


def csm(model, frames, more):
    import torch
    from transformers import AutoProcessor, CsmForConditionalGeneration

    began = time.perf_counter()
    processor = AutoProcessor.from_pretrained(model)
    loaded = CsmForConditionalGeneration.from_pretrained(model, dtype=getattr(torch, more))
    load_s = time.perf_counter() - began
    said = [{"role": "0", "content": [{"type": "text", "text": WORDS}]}]
    given = processor.apply_chat_template(said, tokenize=True, return_dict=True)
    extra = list(range(loaded.config.codec_config.codebook_size, loaded.config.vocab_size))
    quiet = {"suppress_tokens": extra, "depth_decoder_suppress_tokens": extra} if extra else {}
    drawing = {"do_sample": True, "depth_decoder_do_sample": True, **quiet}
    loaded.generate(**given, output_audio=True, max_new_tokens=WARM_FRAMES, **drawing)
    began = _now()
    found = loaded.generate(**given, output_audio=True, max_new_tokens=frames, **drawing)
    return load_s, _since(began), found[0].shape[-1] / 24000


def piper(model, frames, more):
    import os

    import piper
    from piper import PiperVoice

    os.chdir(Path(piper.__file__).parent)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = int(sys.argv[4]), 1
    began = time.perf_counter()
    voice = PiperVoice.load(model)
    voice.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    load_s = time.perf_counter() - began
    list(voice.synthesize("One."))
    began = _now()
    samples = sum(len(each.audio_float_array) for each in voice.synthesize(more))
    return load_s, _since(began), samples / 22050


def ecapa(model, frames, more):
    import numpy as np
    import torch
    import torchaudio_stub

    torchaudio_stub.install()
    import soundfile
    from plain_settings import read_settings
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import InputNormalization

    began = time.perf_counter()
    shape = read_settings(Path(model) / "hyperparams.yaml")
    network = ECAPA_TDNN(shape.n_mels, **shape.numbers, **shape.lists)
    network.load_state_dict(torch.load(f"{model}/embedding_model.ckpt", weights_only=True))
    network.eval()
    features, normalise = Fbank(n_mels=shape.n_mels), InputNormalization(norm_type="sentence", std_norm=False)
    load_s = time.perf_counter() - began
    clips = [soundfile.read(each, dtype="float32")[0] for each in sorted(Path(more).glob("*.wav"))]
    lengths = torch.ones(1)
    began = _now()
    with torch.inference_mode():
        for clip in clips:
            found = network(normalise(features(torch.from_numpy(clip)[None]), lengths), lengths)
            np.linalg.norm(found.numpy())
    return load_s, _since(began), sum(map(len, clips)) / 16000


def main():
    name, model, frames, threads, more = sys.argv[1:6]
    if name != "piper":
        import torch

        torch.set_num_threads(int(threads))
        torch.manual_seed(0)
    load_s, (work_s, cpu_s), audio_s = globals()[name](model, int(frames), more)
    print(json.dumps({"load_s": load_s, "work_s": work_s, "cpu_s": cpu_s, "audio_s": audio_s}))


if __name__ == "__main__":
    main()
