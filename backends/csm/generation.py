"""Frames of codes, many rows at once: the backbone gives a frame's first code, the depth decoder the others.

The library's own ``generate`` drops stopping criteria, draws with one global generator and sets the depth decoder's
generation up again for every frame. This loop calls the same modules; tests/backends/test_csm.py checks that the two agree
where nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from conversation import Sampling
from sampling import Chooser, Draws
from transformers import DynamicCache, StaticCache

STATIC_STEP = 256
"""A static cache is as long as the next multiple of this, so that few shapes are compiled."""


@dataclass(frozen=True)
class Row:
    """One utterance to be generated."""

    prompt: torch.Tensor
    """Embeddings of all that comes before, shape (tokens, hidden size)."""
    seed: int
    sampling: Sampling
    most_frames: int


@dataclass(frozen=True)
class Network:
    """The parts of a model that make codes."""

    model: Any
    """``CsmForConditionalGeneration``; adapters are inside its layers."""
    backbone: Callable[..., Any]
    """Its backbone, or the compiled one, for single steps."""
    depth: Callable[..., Any]
    """Its depth decoder, or the compiled one."""
    static: bool = False
    """Caches of a fixed size."""

    @property
    def num_codes(self) -> int:
        """Codes of a codebook that are sound."""
        return int(self.model.config.codec_config.codebook_size)

    def cache(self, config: Any, length: int) -> Any:
        """An empty cache of keys and values."""
        return StaticCache(config=config, max_cache_len=length) if self.static else DynamicCache(config=config)


@torch.inference_mode()
def generate(network: Network, rows: Sequence[Row], on_frame: Callable[[int, torch.Tensor], None]) -> list[bool]:
    """Make frames until each row has ended; True for the rows that were cut at ``most_frames``.

    Args:
        network: what makes them.
        rows: the utterances, all computed together.
        on_frame: told each row's number and its frame, shape (codebooks,), on the CPU; what it raises ends the work.
    """
    model = network.model
    device = rows[0].prompt.device
    config = model.config
    choose = Chooser([row.sampling for row in rows], network.num_codes, device)
    draws = Draws([row.seed for row in rows], config.num_codebooks, device)
    steps = _Steps(network, rows)
    left = [row.most_frames for row in rows]
    cut = [False] * len(rows)
    while True:
        hidden = steps.hidden
        frame = _frame(network, hidden, choose, draws.frame())
        told = frame.cpu()
        for number, codes in enumerate(told):
            if not left[number]:
                continue
            if bool((codes == config.codebook_eos_token_id).all()):
                left[number] = 0
                continue
            on_frame(number, codes)
            left[number] -= 1
            cut[number] = left[number] == 0
        if not any(left):
            return cut
        steps.advance(frame)


def _frame(network: Network, hidden: torch.Tensor, choose: Chooser, uniform: torch.Tensor) -> torch.Tensor:
    """The codes of one frame, shape (rows, codebooks), from the backbone's last hidden state (rows, hidden size)."""
    codes = [choose.first(network.model.lm_head(hidden), uniform[:, 0])]
    depth = network.model.depth_decoder
    cache = network.cache(depth.config, uniform.shape[1] + 1)
    given = torch.stack([torch.zeros_like(codes[0]), codes[0]], dim=1)
    for codebook in range(1, uniform.shape[1]):
        first = {"backbone_last_hidden_state": hidden} if codebook == 1 else {}
        out = network.depth(input_ids=given, past_key_values=cache, use_cache=True, logits_to_keep=1, **first)
        codes.append(choose.depth(out.logits[:, -1], uniform[:, codebook]))
        given = codes[-1][:, None]
    return torch.stack(codes, dim=1)


class _Steps:
    """The backbone over prompts of unequal length, padded on the left, and then frame by frame."""

    def __init__(self, network: Network, rows: Sequence[Row]) -> None:
        self._network = network
        longest = max(len(row.prompt) for row in rows)
        device, dtype = rows[0].prompt.device, rows[0].prompt.dtype
        prompts = torch.zeros(len(rows), longest, rows[0].prompt.shape[1], device=device, dtype=dtype)
        self._mask = torch.zeros(len(rows), longest, device=device, dtype=torch.long)
        for number, row in enumerate(rows):
            prompts[number, longest - len(row.prompt) :] = row.prompt
            self._mask[number, longest - len(row.prompt) :] = 1
        whole = longest + max(row.most_frames for row in rows)
        self._cache = network.cache(network.model.backbone_model.config, -(-whole // STATIC_STEP) * STATIC_STEP)
        self._places = (self._mask.cumsum(-1) - 1).clamp(min=0)
        self.hidden = self._forward(network.model.backbone_model, prompts)
        """The last hidden state of each row, shape (rows, hidden size)."""

    def advance(self, frame: torch.Tensor) -> None:
        """Take in the frame that was made last, shape (rows, codebooks)."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], dim=1)
        self._places = self._places[:, -1:] + 1
        embedded = self._network.model.backbone_model.embed_tokens(frame[:, None, :])
        self.hidden = self._forward(self._network.backbone, embedded)

    def _forward(self, backbone: Callable[..., Any], embedded: torch.Tensor) -> torch.Tensor:
        out = backbone(
            inputs_embeds=embedded,
            attention_mask=self._mask,
            position_ids=self._places,
            past_key_values=self._cache,
            use_cache=True,
        )
        last: torch.Tensor = out.last_hidden_state[:, -1]
        return last
