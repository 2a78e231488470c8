"""Build a tiny Whisper model with random weights: ``python whisper.py FOLDER [SEED]``, under the engine's own interpreter.

CTranslate2's own description of a model is filled with random numbers, so its real code loads and runs it. The vocabulary has
Whisper's size and special tokens (the library counts on both); its words are made up, and so is whatever it hears.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

WIDTH, HEADS, LAYERS, MELS = 16, 2, 2, 80
AUDIO_FRAMES, TEXT_TOKENS = 1500, 448
TEXTS = 50257
"""Tokens of text; the special ones follow."""
TIMES = 1501
LETTERS = "etaoinshrdlu"
SPACE = "\u0120"
"""How a byte-level tokenizer writes the space before a word."""
ENDING = 4.0
"""Added to the score of the end of the text, which random weights would hardly ever find."""


def languages() -> list[str]:
    """Codes of the 99 languages of the smaller models, in Whisper's order."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    codes = [each for each in _LANGUAGE_CODES if each != "yue"]
    return ["en", *(each for each in codes if each != "en")]


def vocabulary() -> list[str]:
    """Every token: bytes, made-up words, special ones, times."""
    from tokenizers.pre_tokenizers import ByteLevel

    texts = sorted(ByteLevel.alphabet())
    for number in range(TEXTS - 1 - len(texts)):
        letters = (LETTERS[number // len(LETTERS) ** place % len(LETTERS)] for place in range(5))
        texts.append(SPACE + "".join(letters))
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in languages())]
    special += [
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
    ]
    # The empty token is how CTranslate2 tells a model of many languages from one of English.
    return [*texts, "", *special, *(f"<|{0.02 * n:.2f}|>" for n in range(TIMES))]


def write_tokenizer(tokens: list[str], path: Path) -> None:
    """A byte-level tokenizer that spells every text, byte by byte."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    made = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens[:TEXTS])}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(each, special=True) for each in tokens[TEXTS : len(tokens) - TIMES]])
    made.add_tokens([AddedToken(each, special=False) for each in tokens[-TIMES:]])
    made.save(str(path))


def shape_of(name: str, count: int) -> tuple[int, ...]:
    """The shape of a weight, by its name."""
    part, _, kind = name.rpartition("/")
    if kind in ("gamma", "beta"):
        return (WIDTH,)
    if kind == "encodings":
        return (AUDIO_FRAMES if name.startswith("encoder") else TEXT_TOKENS, WIDTH)
    if "conv" in part:
        return (WIDTH,) if kind == "bias" else (WIDTH, MELS if part.endswith("conv1") else WIDTH, 3)
    if "embeddings" in part or "projection" in part:
        return (count, WIDTH)
    rows = WIDTH
    if part.endswith("ffn/linear_0"):
        rows = 4 * WIDTH
    elif part.endswith("self_attention/linear_0"):
        rows = 3 * WIDTH
    elif part.endswith("decoder/attention/linear_1") or ("/attention/linear_1" in part):
        rows = 2 * WIDTH
    return (rows,) if kind == "bias" else (rows, 4 * WIDTH if part.endswith("ffn/linear_1") else WIDTH)


def filled(tokens: list[str], seed: int) -> Any:
    """CTranslate2's description with a random number in every place."""
    import numpy as np
    from ctranslate2.specs import whisper_spec
    from ctranslate2.specs.model_spec import visit_spec

    random = np.random.default_rng(seed)
    spec = whisper_spec.WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)

    def fill(owner: Any, name: str, value: object) -> None:
        kind = name.rpartition("/")[2]
        if value is None or kind == "encodings" or (kind == "bias" and "projection" not in name):
            made = random.standard_normal(shape_of(name, len(tokens))).astype(np.float32)
            setattr(owner, kind, made * (0.5 if kind != "gamma" else 0.0) + (1.0 if kind == "gamma" else 0.0))

    visit_spec(spec, fill)
    ending = np.zeros(len(tokens), np.float32)
    ending[tokens.index("<|endoftext|>")] = ENDING
    spec.decoder.projection.bias = ending
    return spec


def build(folder: Path, seed: int) -> None:
    """Write the model as CTranslate2 keeps it."""
    tokens = vocabulary()
    spec = filled(tokens, seed)
    spec.register_vocabulary(tokens)
    first = tokens.index("<|startoftranscript|>") + 1
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.index("<|endoftext|>")]
    spec.config.lang_ids = list(range(first, first + len(languages())))
    spec.config.alignment_heads = [(LAYERS - 1, head) for head in range(HEADS)]
    spec.validate()
    spec.optimize()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    write_tokenizer(tokens, folder / "tokenizer.json")
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": MELS, "sampling_rate": 16000}))


if __name__ == "__main__":
    sys.path = [place for place in sys.path if place != str(Path(__file__).resolve().parent)]
    build(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
