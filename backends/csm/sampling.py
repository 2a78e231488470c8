"""One code drawn for each row of a batch: every row has its own temperature, top-k and random numbers.

``generate`` of the library draws with the process's one generator, so a line would depend on its neighbours. Here a row's
numbers come from a generator of its own, on the CPU, so that they are the same on every device.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from conversation import Sampling

LEAST_TEMPERATURE = 1e-4
"""A temperature of 0 is top-k 1."""


class Draws:
    """The random numbers of each row, frame by frame."""

    def __init__(self, seeds: Sequence[int], num_codebooks: int, device: torch.device) -> None:
        self._generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self._num_codebooks = num_codebooks
        self._device = device

    def frame(self) -> torch.Tensor:
        """Uniform numbers 0..1 of one frame: float32, shape (rows, codebooks)."""
        rows = [torch.rand(self._num_codebooks, generator=each) for each in self._generators]
        return torch.stack(rows).to(self._device)


class Chooser:
    """Draws codes from logits.

    Args:
        rows: how each row is drawn.
        num_codes: codes that the codec knows; the model's vocabulary has a few more, which are no sound.
        device: where the logits are.
    """

    def __init__(self, rows: Sequence[Sampling], num_codes: int, device: torch.device) -> None:
        self._first = _temperatures([row.temperature for row in rows], device)
        self._depth = _temperatures([row.depth_temperature for row in rows], device)
        self._num_codes = num_codes
        self._first_k = _counts([row.top_k if row.temperature else 1 for row in rows], num_codes, device)
        self._depth_k = _counts([row.top_k if row.depth_temperature else 1 for row in rows], num_codes, device)

    def first(self, logits: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
        """Codes of the first codebook, shape (rows,), from logits (rows, vocabulary) and uniform numbers (rows,)."""
        return self._draw(logits, uniform, self._first, *self._first_k)

    def depth(self, logits: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
        """Codes of another codebook, likewise."""
        return self._draw(logits, uniform, self._depth, *self._depth_k)

    def _draw(
        self, logits: torch.Tensor, uniform: torch.Tensor, temperature: torch.Tensor, counts: torch.Tensor, most: int
    ) -> torch.Tensor:
        """Inverse of the cumulative distribution of the likeliest codes."""
        scores, codes = logits[:, : self._num_codes].float().topk(most, dim=-1)
        scores = scores / temperature
        ranks = torch.arange(most, device=logits.device)
        scores = scores.masked_fill(ranks >= counts, float("-inf"))
        heights = scores.softmax(-1).cumsum(-1)
        place = (heights <= uniform[:, None] * heights[:, -1:]).sum(-1, keepdim=True)
        return codes.gather(1, torch.minimum(place, counts - 1)).squeeze(1)


def _temperatures(values: Sequence[float], device: torch.device) -> torch.Tensor:
    return torch.tensor([max(each, LEAST_TEMPERATURE) for each in values], device=device)[:, None]


def _counts(values: Sequence[int], num_codes: int, device: torch.device) -> tuple[torch.Tensor, int]:
    """How many codes each row chooses among, and the most of them."""
    counts = [min(each, num_codes) for each in values]
    return torch.tensor(counts, device=device)[:, None], max(counts)
