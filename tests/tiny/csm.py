"""Build a tiny CSM model, or an adapter for it: run by the csm environment's interpreter.

    python csm.py FOLDER                    a model of random weights
    python csm.py FOLDER other              one with wider layers: its adapters do not fit the first
    python csm.py FOLDER twin               one like the first with other weights
    python csm.py FOLDER adapter            a LoRA adapter of the first, with random factors
    python csm.py FOLDER second-adapter     another one
    python csm.py FOLDER adapter-of-other   one of the wider model
    python csm.py FOLDER adapters           all of them, each in a folder of its name
    python csm.py FOLDER adapter-of-twin    one that says which base it was trained on, in ``revision``

Its vocabulary has only codes that the codec knows, so that random weights make sound; it never ends by itself.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CsmConfig,
    CsmDepthDecoderConfig,
    CsmForConditionalGeneration,
    CsmProcessor,
    EncodecFeatureExtractor,
    MimiConfig,
    PreTrainedTokenizerFast,
)

BOS, EOS, PAD, AUDIO, AUDIO_EOS = "<|begin_of_text|>", "<|end_of_text|>", "<|pad|>", "<|AUDIO|>", "<|audio_eos|>"
TEMPLATE = (
    "{%- for m in messages -%}{{- '<|begin_of_text|>[' ~ m['role'] ~ ']' -}}"
    "{%- for c in m['content'] -%}{%- if c['type'] == 'text' -%}{{- c['text'] ~ '<|end_of_text|>' -}}"
    "{%- elif c['type'] == 'audio' -%}{{- '<|AUDIO|><|audio_eos|>' -}}{%- endif -%}{%- endfor -%}{%- endfor -%}"
)
CODEBOOKS, CODES = 4, 64
LAYERS = r"(backbone_model|depth_decoder\.model)\.layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)"


def tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    own = Tokenizer(models.BPE(vocab={sign: number for number, sign in enumerate(alphabet)}, merges=[]))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    names = ["input_ids", "attention_mask"]
    made = PreTrainedTokenizerFast(
        tokenizer_object=own, bos_token=BOS, eos_token=EOS, pad_token=PAD, model_input_names=names
    )
    made.add_special_tokens({"additional_special_tokens": [AUDIO, AUDIO_EOS]})
    return made


def model(marks, hidden):
    mimi = MimiConfig(
        hidden_size=32,
        num_filters=4,
        codebook_size=CODES,
        codebook_dim=16,
        vector_quantization_hidden_dimension=16,
        num_quantizers=CODEBOOKS,
        upsample_groups=32,
        num_hidden_layers=1,
        intermediate_size=64,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    depth = CsmDepthDecoderConfig(
        num_codebooks=CODEBOOKS,
        backbone_hidden_size=hidden,
        vocab_size=CODES,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=CODEBOOKS + 1,
    )
    number = marks.convert_tokens_to_ids
    config = CsmConfig(
        num_codebooks=CODEBOOKS,
        vocab_size=CODES,
        text_vocab_size=len(marks),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        pad_token_id=marks.pad_token_id,
        codebook_pad_token_id=CODES - 1,
        codebook_eos_token_id=0,
        bos_token_id=number(BOS),
        audio_token_id=number(AUDIO),
        audio_eos_token_id=number(AUDIO_EOS),
        depth_decoder_config=depth.to_dict(),
        codec_config=mimi.to_dict(),
    )
    made = CsmForConditionalGeneration(config)
    # Freshly drawn heads are nearly even, and the codec's codebooks are empty: with sharper heads and drawn codebooks
    # everything that goes in can be heard. The sound stays below full scale.
    with torch.no_grad():
        made.lm_head.weight.mul_(40)
        made.depth_decoder.codebooks_head.weight.mul_(40)
        made.codec_model.decoder.decoder_seanet.layers[-1].conv.weight.mul_(0.06)
        for each in made.codec_model.quantizer.modules():
            if hasattr(each, "embed_sum"):
                each.embed_sum.normal_()
                each.cluster_usage.fill_(1.0)
    return made


def save_model(folder, hidden=64, seed=0):
    torch.manual_seed(seed)
    marks = tokenizer()
    made = model(marks, hidden)
    made.save_pretrained(folder)
    features = EncodecFeatureExtractor(feature_size=1, sampling_rate=24000)
    CsmProcessor(features, marks, chat_template=TEMPLATE).save_pretrained(folder)


def save_adapter(folder, hidden=64, seed=1, revision=None):
    torch.manual_seed(0)
    base = model(tokenizer(), hidden)
    torch.manual_seed(seed)
    config = LoraConfig(r=4, lora_alpha=16, target_modules=LAYERS, init_lora_weights=False)
    get_peft_model(base, config).save_pretrained(folder)
    if revision is not None:
        path = Path(folder) / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "revision": revision}))


MAKERS = {
    "model": save_model,
    "other": lambda folder: save_model(folder, hidden=96),
    "twin": lambda folder: save_model(folder, seed=5),
    "adapter": save_adapter,
    "second-adapter": lambda folder: save_adapter(folder, seed=2),
    "adapter-of-other": lambda folder: save_adapter(folder, hidden=96),
    "adapter-of-twin": lambda folder: save_adapter(folder, revision="sha256-0123456789abcdef"),
}


def save_adapters(folder):
    """Every kind of adapter in a folder of its own name: one start of the interpreter for all."""
    for name in ("adapter", "second-adapter", "adapter-of-other", "adapter-of-twin"):
        MAKERS[name](f"{folder}/{name}")


MAKERS["adapters"] = save_adapters

if __name__ == "__main__":
    target, kind = [*sys.argv[1:], "model"][:2]
    MAKERS[kind](target)
