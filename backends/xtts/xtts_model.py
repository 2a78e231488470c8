"""Open a model folder: what is wrong with it, its weights, its revision.

The library's own loader is not used: it writes an old checkpoint anew where it lies, and builds the model twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_worker.worker import BadRequest, ModelMissing
from xtts_japanese import Romaji

CONFIG = "config.json"
WEIGHTS = "model.pth"
VOCABULARY = "vocab.json"
SPEAKERS = "speakers_xtts.pth"
RECORD = "model.json"
"""What the program wrote when it pulled the model: sizes, times and hashes."""
NEEDED = (CONFIG, WEIGHTS, VOCABULARY)
KIND = "xtts"
REVISION_DIGITS = 16
AGAIN = "get the model again: demod-voice models pull xtts-v2"
TRAINING_ONLY = ("torch_mel_spectrogram_style_encoder", "torch_mel_spectrogram_dvae", "dvae")
"""Parts that only training has; a fine-tuned checkpoint brings them along."""
TRAINER_PREFIX = "xtts."
LEGACY = (
    ("TTS.tts.configs.xtts_config", "XttsConfig", "TTS.tts.configs.xtts_config.XttsConfig"),
    ("TTS.tts.configs.xtts_config", "XttsArgs", "TTS.tts.models.xtts.XttsArgs"),
    ("TTS.tts.configs.xtts_config", "XttsAudioConfig", "TTS.tts.models.xtts.XttsAudioConfig"),
    ("TTS.config.shared_configs", "BaseDatasetConfig", "TTS.config.shared_configs.BaseDatasetConfig"),
)
"""Module, class, name in the file: settings that the published checkpoint holds beside its weights. Plain data classes;
nothing else but tensors and plain values is ever built from a file."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class OpenModel:
    """A model in memory."""

    folder: Path
    model: Any
    """``TTS.tts.models.xtts.Xtts``, ready to infer."""
    config: Any
    """``XttsConfig``: the model's own defaults."""
    presets: Mapping[str, tuple[Any, Any]]
    """Speakers that the model brings: name -> (latents of the transformer, embedding of the decoder)."""
    revision: str
    device: str
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name


def open_model(folder: Path, device: str, dtype: str = "float32") -> OpenModel:
    """Load the model of a folder.

    Args:
        folder: holds config.json, model.pth, vocab.json and, where it has speakers of its own, speakers_xtts.pth.
        device: ``cpu`` or ``cuda:N``.
        dtype: number format of the transformer.

    Raises:
        ModelMissing: the folder or a file of it is gone.
        BadRequest: a file is not what it should be, or holds more than weights.
    """
    config = _config(folder)
    tokenizer = _tokenizer(folder / VOCABULARY)
    model = _empty_model(config, tokenizer, folder)
    _fill(model, _weights(folder / WEIGHTS), folder / WEIGHTS)
    presets = _presets(folder / SPEAKERS)
    model.to(device)
    model.train(False)
    if dtype != "float32":
        _convert(model.gpt.gpt, dtype)
    return OpenModel(folder, model, config, presets, revision(folder), device)


def revision(folder: Path) -> str:
    """Hash of the model's files: equal revisions speak alike."""
    whole = hashlib.sha256()
    recorded = _recorded(folder)
    for name in (*NEEDED, SPEAKERS):
        path = folder / name
        if path.is_file():
            status = path.stat()
            known = recorded.get((name, status.st_size, status.st_mtime_ns))
            whole.update(name.encode() + (bytes.fromhex(known) if known else _file_hash(path)))
    return whole.hexdigest()[:REVISION_DIGITS]


def _recorded(folder: Path) -> dict[tuple[str, int, int], str]:
    """(name, size, time of change) -> SHA-256, of the files that the program pulled and read itself."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return {(each["path"], each["size"], each["mtime_ns"]): str(each["sha256"]) for each in found}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _file_hash(path: Path) -> bytes:
    one = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            one.update(block)
    return one.digest()


def check_folder(folder: Path) -> Mapping[str, Any]:
    """The settings in a model folder, without loading anything heavy.

    Raises:
        ModelMissing: the folder or a file of it is gone.
        BadRequest: it holds no XTTS model.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise ModelMissing(f"the model {folder} {what}", f"name the folder that holds {', '.join(NEEDED)}")
    if not (folder / CONFIG).is_file():
        raise ModelMissing(f"{folder} holds no {CONFIG}: it is no XTTS model", f"it must hold {', '.join(NEEDED)}")
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{folder / CONFIG} cannot be read: {error}", AGAIN) from error
    kind = found.get("model", found.get("model_type")) if isinstance(found, dict) else None
    if kind != KIND:
        raise BadRequest(f"{folder} is no XTTS model: its {CONFIG} says {kind!r}", "name the folder of an XTTS model")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ModelMissing(f"the model {folder} lacks {', '.join(missing)}", AGAIN)
    return dict(found)


def _config(folder: Path) -> Any:
    from TTS.tts.configs.xtts_config import XttsConfig

    check_folder(folder)
    config = XttsConfig()
    try:
        config.load_json(str(folder / CONFIG))
    except Exception as error:
        raise BadRequest(f"{folder / CONFIG} is not XTTS's settings: {_short(error)}", AGAIN) from error
    return config


def _tokenizer(path: Path) -> Any:
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

    try:
        tokenizer = VoiceBpeTokenizer(vocab_file=str(path))
    except Exception as error:
        raise BadRequest(f"{path} is not a tokenizer's file: {_short(error)}", AGAIN) from error
    tokenizer.katsu = Romaji()
    return tokenizer


def _empty_model(config: Any, tokenizer: Any, folder: Path) -> Any:
    from TTS.tts.models.xtts import Xtts

    config.model_args.gpt_number_text_tokens = None
    try:
        model = Xtts(config)
        model.tokenizer = tokenizer
        model.init_models()
    except Exception as error:
        raise BadRequest(f"{folder / CONFIG} describes no model that can be built: {_short(error)}", AGAIN) from error
    return model


def _weights(path: Path) -> dict[str, Any]:
    """The tensors of a checkpoint, by the names of the model's parts."""
    from importlib import import_module

    import torch

    known = [(getattr(import_module(module), name), alias) for module, name, alias in LEGACY]
    with torch.serialization.safe_globals(known):
        found = load_tensors(path)
    state = found.get("model", found) if isinstance(found, dict) else None
    if not isinstance(state, dict) or not all(isinstance(each, torch.Tensor) for each in state.values()):
        raise BadRequest(f"{path} holds no weights of a model", AGAIN)
    named = {name.removeprefix(TRAINER_PREFIX): tensor for name, tensor in state.items()}
    return {name: tensor for name, tensor in named.items() if name.split(".")[0] not in TRAINING_ONLY}


def load_tensors(path: Path) -> Any:
    """What a file of torch holds, as long as it is tensors and plain values: nothing in it is ever run.

    Raises:
        BadRequest: it is cut short or no such file, or holds something else.
    """
    import pickle
    import zipfile

    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path) or None)
    except pickle.UnpicklingError as error:
        what = f"{path} is refused: it holds more than weights ({_reason(error)})"
        raise BadRequest(what, "use weights alone; a pickle file can run any program") from error
    except MemoryError:
        raise
    except Exception as error:
        raise BadRequest(f"{path} is damaged or cut short: {_short(error)}", AGAIN) from error


def _fill(model: Any, state: dict[str, Any], path: Path) -> None:
    """Give the model its weights; those of the first version name the parts that infer too."""
    ready = any(name.startswith("gpt.gpt_inference.") for name in state)
    if ready:
        model.gpt.init_gpt_for_inference(kv_cache=model.args.kv_cache)
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise BadRequest(f"{path} does not fit its {CONFIG}: {_short(error, 2)}", AGAIN) from error
    if not ready:
        model.gpt.init_gpt_for_inference(kv_cache=model.args.kv_cache)


def _presets(path: Path) -> dict[str, tuple[Any, Any]]:
    import torch

    found = load_tensors(path) if path.is_file() else {}
    try:
        presets = {str(name): (each["gpt_cond_latent"], each["speaker_embedding"]) for name, each in found.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise BadRequest(f"{path} holds no speakers: {_short(error)}", AGAIN) from error
    if not all(isinstance(each, torch.Tensor) for pair in presets.values() for each in pair):
        raise BadRequest(f"{path} holds no speakers", AGAIN)
    return presets


def _convert(transformer: Any, dtype: str) -> None:
    """Let the transformer's blocks compute in another number format; what is around them stays as it is."""
    import torch

    kind = getattr(torch, dtype)

    def into(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(_as(each, kind) for each in args), {name: _as(each, kind) for name, each in kwargs.items()}

    transformer.h.to(kind)
    for block in transformer.h:
        block.register_forward_pre_hook(into, with_kwargs=True)
    transformer.ln_f.register_forward_pre_hook(lambda _, args: (args[0].to(torch.float32),))


def _as(value: Any, kind: Any) -> Any:
    floating = getattr(value, "is_floating_point", None)
    return value.to(kind) if floating is not None and floating() else value


def _reason(error: BaseException) -> str:
    """The one line of torch's long message that says what was refused."""
    lines = [line.strip() for line in str(error).splitlines() if "Unsupported" in line or "GLOBAL" in line]
    return (lines[0] if lines else _short(error)).removeprefix("WeightsUnpickler error: ")[:160]


def _short(error: BaseException, lines: int = 1) -> str:
    found = [line.strip() for line in str(error).strip().splitlines()[:lines]]
    return " ".join(found)[:300] or type(error).__name__
