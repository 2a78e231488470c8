"""Mimi: clips to codes, and codes to sound piece by piece.

A take is always decoded in steps of ``STEP`` frames, whether somebody listens to it as it is made or not, and always by
itself, so that its bytes do not depend on that. The codec is causal: its transformer goes on from what it kept, and its
convolutions see the last ``CONTEXT`` steps again, which is more than they reach back. Up to rounding the sound is that of
decoding all at once (tests/backends/test_csm.py).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from clip_file import FLOAT, PCM, wav_chunks
from demod_worker.failures import BadRequest
from transformers import DynamicCache

STEP = 10
"""Frames (0.8 s) that are decoded at once."""
CONTEXT = 10
"""Steps of the codec's transformer (25 a second) before a piece that its convolutions see again: they reach back by 8."""
KEPT_CLIPS = 64
"""Clips whose codes are kept: anchors are said to the model with every line."""


class Clips:
    """The codes of clips, by content."""

    def __init__(self, codec: Any, sample_rate: int) -> None:
        self._codec = codec
        self._sample_rate = sample_rate
        self._kept: OrderedDict[str, torch.Tensor] = OrderedDict()

    def frames(self, path: str) -> int:
        """Frames that a WAV has at least, told by its length alone.

        Raises:
            BadRequest: it is no mono WAV at the codec's rate.
        """
        return len(read_clip(path, self._sample_rate)) // int(self._codec.config.frame_size)

    @torch.inference_mode()
    def codes(self, path: str) -> torch.Tensor:
        """The codes of a WAV, shape (frames, codebooks).

        Raises:
            BadRequest: it is no mono WAV at the codec's rate.
        """
        data = Path(path).read_bytes()
        key = hashlib.sha256(data).hexdigest()
        if key not in self._kept:
            samples = read_clip(path, self._sample_rate).to(self._codec.device)
            self._kept[key] = self._codec.encode(samples[None, None]).audio_codes[0].transpose(0, 1)
            while len(self._kept) > KEPT_CLIPS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


class Sound:
    """The sound of one take, while its frames are made."""

    def __init__(self, codec: Any) -> None:
        self._codec = codec
        self._cache = DynamicCache(config=codec.decoder.decoder_transformer.config)
        self._frames: list[torch.Tensor] = []
        self._last: torch.Tensor | None = None
        """The frame before, as the quantizer gives it: the upsampling convolution reaches into the next one."""
        self._seen: torch.Tensor | None = None

    def add(self, frame: torch.Tensor) -> bytes:
        """Take in a frame of codes; the sound that can be told now, as float32 samples, or nothing."""
        self._frames.append(frame)
        return self._decoded() if len(self._frames) == STEP else b""

    def end(self) -> bytes:
        """The sound of the frames that are left."""
        return self._decoded() if self._frames else b""

    @torch.inference_mode()
    def _decoded(self) -> bytes:
        decoder = self._codec.decoder
        codes = torch.stack(self._frames, dim=1)[None].to(self._codec.device)
        latents = self._codec.quantizer.decode(codes)
        count = 2 * len(self._frames)
        self._frames = []
        given = latents if self._last is None else torch.cat([self._last, latents], dim=2)
        self._last = latents[:, :, -1:]
        steps = decoder.upsample(given)[:, :, -count:]
        hidden = decoder.decoder_transformer(steps.transpose(1, 2), past_key_values=self._cache, use_cache=True)
        new = hidden.last_hidden_state.transpose(1, 2)
        seen = new if self._seen is None else torch.cat([self._seen, new], dim=2)
        self._seen = seen[:, :, -CONTEXT:]
        sound = decoder.decoder_seanet(seen)[0, 0]
        hop = sound.shape[-1] // seen.shape[-1]
        data: bytes = sound[-count * hop :].float().cpu().numpy().astype("<f4").tobytes()
        return data


def read_clip(path: str, sample_rate: int) -> torch.Tensor:
    """The samples of a mono WAV, float32 -1..1, shape (samples,).

    Raises:
        BadRequest: it is no mono WAV of 16-bit or float32 samples at that rate, or empty.
    """
    try:
        form, data = wav_chunks(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise BadRequest(f"the clip {path} cannot be read: {error}") from error
    kinds = {(PCM, 16): (torch.int16, 32768.0), (FLOAT, 32): (torch.float32, 1.0)}
    kind, scale = kinds.get((form.kind, form.bits), (None, 1.0))
    if kind is None or (form.channels, form.rate) != (1, sample_rate) or len(data) < form.bits // 8:
        raise BadRequest(
            f"the clip {path} must be a mono WAV of 16-bit or float samples at {sample_rate} Hz, with sound"
        )
    whole = bytearray(data[: len(data) - len(data) % (form.bits // 8)])
    return torch.frombuffer(whole, dtype=kind).float() / scale
