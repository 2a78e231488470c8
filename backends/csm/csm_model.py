"""A loaded model with its tokenizer, its codec and its adapters. Imports torch and transformers."""

from __future__ import annotations

import logging
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from codec import Clips, Sound
from conversation import Asked, Turn, most_frames
from csm_files import AdapterFiles, Checkpoint, adapter_stamp, read_adapter, read_checkpoint
from demod_worker.failures import BadRequest, EngineFault, OutOfMemory
from demod_worker.messages import LoadRequest
from generation import Network, Row, generate
from transformers import AutoTokenizer, CsmConfig, CsmForConditionalGeneration
from transformers.utils import logging as transformers_logging

MOST_ADAPTERS = 8
"""Adapters that are kept loaded; the one that was used the longest time ago goes first."""
ROOM = 25
"""Frames (2 s) that must be free after the prompt."""
_T = TypeVar("_T")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class CsmModel:
    """A model that speaks.

    Args:
        request: which, where, and the engine's options.

    Raises:
        WorkerError: it cannot be loaded.
    """

    def __init__(self, request: LoadRequest) -> None:
        self.checkpoint: Checkpoint = read_checkpoint(request.model or "")
        self.notes: list[str] = []
        self.device = self._device(request)
        _quiet()
        torch.set_num_threads(max(1, request.threads))
        torch.use_deterministic_algorithms(True, warn_only=True)
        with out_of_memory():
            self._tokenizer, self.model = self._loaded(_dtype(request, self.device))
        self.network = self._network(request)
        codec = self.model.codec_model
        self.sample_rate = int(codec.config.sampling_rate)
        self.frame_rate = self.sample_rate / int(codec.config.frame_size)
        self._clips = Clips(codec, self.sample_rate)
        self._adapters: OrderedDict[str, AdapterFiles] = OrderedDict()
        self._checked: dict[str, tuple[tuple[tuple[int, int], ...], AdapterFiles]] = {}
        """Adapter's folder -> sizes and times of its files when it was read."""
        self._tuned: Any = None
        """The model as peft wraps it, once there was an adapter."""

    def sound(self) -> Sound:
        """Decodes one take."""
        return Sound(self.model.codec_model)

    def adapter(self, path: str) -> AdapterFiles:
        """Check an adapter against this model; one that has not changed since is not read again.

        Raises:
            WorkerError: it cannot be used.
        """
        stamp = adapter_stamp(path)
        if path not in self._checked or self._checked[path][0] != stamp:
            self._checked[path] = (stamp, read_adapter(path, self.checkpoint))
        return self._checked[path][1]

    def revision(self, path: str | None) -> str:
        """Content hash of the model, with that of the adapter."""
        own = self.checkpoint.revision
        return own if path is None else f"{own}+{self.adapter(path).revision}"

    def row(self, asked: Asked, piece: int, seconds: float) -> tuple[Row, int]:
        """One piece of an item, ready to be generated, and how many turns it has no room for.

        Args:
            asked: the item.
            piece: number of the piece of its text.
            seconds: most that it may last.

        Raises:
            BadRequest: a clip cannot be used, or the anchors leave no room.
        """
        line = self._text(asked.role, asked.pieces[piece])
        frames = most_frames(seconds, self.frame_rate)
        whole = int(self.model.config.max_position_embeddings)
        room = whole - min(frames, ROOM) - len(line)
        # By length alone first: nothing is encoded that has no room, however long it is.
        _check_room(room - sum(map(self._least, asked.anchors)), whole)
        anchors = [self._turn(turn) for turn in asked.anchors]
        room -= sum(map(len, anchors))
        _check_room(room, whole)
        turns = [self._turn(turn) for turn in _newest(asked.turns, list(map(self._least, asked.turns)), room)]
        turns = _newest(turns, list(map(len, turns)), room)
        forgotten = len(asked.turns) - len(turns)
        prompt = torch.cat([*anchors, *turns, line])
        return Row(prompt, asked.seed(piece), asked.sampling, min(frames, whole - len(prompt))), forgotten

    def generate(
        self, rows: list[Row], adapter: str | None, on_frame: Callable[[int, torch.Tensor], None]
    ) -> list[bool]:
        """Make the frames of rows that have the same adapter; True for each that was cut.

        Raises:
            WorkerError: the adapter cannot be used, or there is no memory.
        """
        with out_of_memory(), self._tuned_by(adapter):
            return generate(self.network, rows, on_frame)

    def _device(self, request: LoadRequest) -> torch.device:
        if not request.device.startswith("cuda"):
            return torch.device("cpu")
        if not torch.cuda.is_available():
            self.notes.append(f"{request.device} cannot be used by this torch: it computes on the CPU")
            return torch.device("cpu")
        device = torch.device(request.device)
        if request.memory_fraction is not None:
            torch.cuda.set_per_process_memory_fraction(request.memory_fraction, device)
        return device

    def _loaded(self, dtype: torch.dtype) -> tuple[Any, Any]:
        """The tokenizer and the model; its codec keeps float32 whatever the rest computes with."""
        folder = str(self.checkpoint.folder)
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            config = CsmConfig.from_pretrained(folder, local_files_only=True)
            config.transformers_weights = self.checkpoint.weights
            model, told = CsmForConditionalGeneration.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:
            raise EngineFault(
                f"the model {folder} cannot be loaded: {type(error).__name__}: {error}", "bring its files again"
            ) from error
        wrong = [*told.get("missing_keys", ()), *told.get("mismatched_keys", ())]
        if wrong:
            raise EngineFault(
                f"the model {folder} lacks {len(wrong)} weights, the first is {sorted(map(str, wrong))[0]}",
                "bring its files again",
            )
        for part in (model.backbone_model, model.depth_decoder, model.lm_head, model.embed_text_tokens):
            part.to(dtype)
        return tokenizer, model.to(self.device).eval()

    def _network(self, request: LoadRequest) -> Network:
        compiled = request.options.get("compile") == "yes"
        if compiled and self.device.type != "cuda":
            self.notes.append("option compile is for a GPU: nothing is compiled")
            compiled = False
        static = compiled or request.options.get("cache") == "static"
        model = self.model
        if not compiled:
            return Network(model, model.backbone_model, model.depth_decoder, static)
        return Network(model, torch.compile(model.backbone_model), torch.compile(model.depth_decoder), static)

    def _turn(self, turn: Turn) -> torch.Tensor:
        """A turn with its sound as embeddings, shape (places, hidden size)."""
        codes = self._clips.codes(turn.audio).to(self.device)
        config = self.model.config
        end = torch.full_like(codes[:1], int(config.codebook_eos_token_id))
        with torch.inference_mode():
            heard = self.model.backbone_model.embed_tokens(torch.cat([codes, end])[None])[0]
        return torch.cat([self._text(turn.role, turn.text), heard])

    def _least(self, turn: Turn) -> int:
        """Places that a turn's sound takes at least."""
        return self._clips.frames(turn.audio)

    def _text(self, role: str, text: str) -> torch.Tensor:
        """Somebody's words as embeddings, shape (tokens, hidden size)."""
        marks = self._tokenizer
        ids = marks(f"{marks.bos_token}[{role}]{text}{marks.eos_token}", add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            found: torch.Tensor = self.model.embed_text_tokens(torch.tensor(ids, device=self.device))
        return found

    @contextmanager
    def _tuned_by(self, path: str | None) -> Iterator[None]:
        """The block computes with an adapter, or with none."""
        if path is not None:
            self._activate(self.adapter(path))
        plain = path is None and self._tuned is not None
        with self._tuned.disable_adapter() if plain else nullcontext():
            yield

    def _activate(self, files: AdapterFiles) -> None:
        """Load an adapter unless it is there, and compute with it from now on."""
        if files.revision not in self._adapters:
            self._attach(files)
            self._adapters[files.revision] = files
        self._adapters.move_to_end(files.revision)
        self._tuned.set_adapter(files.revision)
        while len(self._adapters) > MOST_ADAPTERS:
            self._tuned.delete_adapter(self._adapters.popitem(last=False)[0])

    def _attach(self, files: AdapterFiles) -> None:
        from peft import PeftModel

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if self._tuned is None:
                    self._tuned = PeftModel.from_pretrained(self.model, str(files.folder), files.revision)
                else:
                    self._tuned.load_adapter(str(files.folder), files.revision)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:
            raise EngineFault(
                f"the adapter {files.folder} cannot be loaded: {type(error).__name__}: {error}",
                "train it again with this version, or bring its files again",
            ) from error
        self._tuned.eval()


def _check_room(room: int, whole: int) -> None:
    if room < 0:
        raise BadRequest(
            f"the anchors and the text take {whole - room} of the model's {whole} places",
            "use fewer or shorter anchors: 6 to 12 s of clear speech",
        )


def _newest(turns: Sequence[_T], lengths: Sequence[int], room: int) -> list[_T]:
    """The turns that have room together, without the oldest ones."""
    first = 0
    while sum(lengths[first:]) > room:
        first += 1
    return list(turns[first:])


@contextmanager
def out_of_memory() -> Iterator[None]:
    """The error of a device or machine without memory as the protocol has it.

    Raises:
        OutOfMemory: there was none left; what torch had reserved is given back.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemory(str(error).split("\n")[0] or "no memory left", "use fewer jobs, or dtype=bfloat16") from error
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise OutOfMemory(str(error).split("\n")[0], "close other programs, or use dtype=bfloat16") from error
        raise


def _dtype(request: LoadRequest, device: torch.device) -> torch.dtype:
    asked = request.options.get("dtype", "auto")
    if asked in DTYPES:
        return DTYPES[asked]
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def _quiet() -> None:
    """The libraries' notes for developers stay out of the log."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("peft").setLevel(logging.ERROR)
