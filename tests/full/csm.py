"""Makes a CSM model of CSM-1B's size with random weights: ``python tests/full/csm.py FOLDER``, by the engine's interpreter.

The library's defaults are CSM-1B's sizes; only the tokenizer is small. 7 GB in float32, as published.
"""

import importlib.util
import sys
from pathlib import Path

import torch
from transformers import CsmConfig, CsmForConditionalGeneration, CsmProcessor, EncodecFeatureExtractor

spec = importlib.util.spec_from_file_location("tiny", Path(__file__).parents[1] / "tiny" / "csm.py")
tiny = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny)


def main():
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    marks = tiny.tokenizer()
    number = marks.convert_tokens_to_ids
    config = CsmConfig(
        pad_token_id=marks.pad_token_id,
        bos_token_id=number(tiny.BOS),
        audio_token_id=number(tiny.AUDIO),
        audio_eos_token_id=number(tiny.AUDIO_EOS),
    )
    model = CsmForConditionalGeneration(config)
    with torch.no_grad():
        for each in model.codec_model.quantizer.modules():
            if hasattr(each, "embed_sum"):
                each.embed_sum.normal_()
                each.cluster_usage.fill_(1.0)
    model.save_pretrained(folder)
    features = EncodecFeatureExtractor(feature_size=1, sampling_rate=24000)
    CsmProcessor(features, marks, chat_template=tiny.TEMPLATE).save_pretrained(folder)
    print(sum(each.numel() for each in model.parameters()))


if __name__ == "__main__":
    main()
