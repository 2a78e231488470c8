"""From a text's tokens to sound: the transformer token by token, the decoder piece by piece.

The library's own stream decodes all that there is again for every piece, and crossfades where the pieces differ. Here
each frame of the decoder is computed once, with enough frames around it that the pieces are what the whole would be:
measured, what a frame does to the sound is below 1e-5 of full scale 2,000 samples away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from xtts_wishes import Wishes

FIRST_TOKENS = 12
"""Tokens of the first piece, about 0.56 s: sound begins early."""
MORE_TOKENS = 40
"""Tokens of every further piece, about 1.9 s."""
AROUND = 12
"""Frames of the decoder (256 samples each) that are computed on both sides of a piece and thrown away."""
EDGE = 2
"""Newest frames that the next token still changes: the latents are interpolated."""


class Decoder:
    """Turns latents into sound as they come, each sample once.

    Args:
        hifigan: the model's ``hifigan_decoder``.
        embedding: of the speaker, shape (1, 512, 1).
        speed: ratio; the latents are stretched by its inverse.
    """

    def __init__(self, hifigan: Any, embedding: Any, speed: float) -> None:
        self._hifigan = hifigan
        self._embedding = embedding
        self._speed = speed
        self._latents: list[Any] = []
        self._done = 0
        """Frames whose sound was given."""

    def add(self, latent: Any) -> None:
        """One more latent, shape (1, width)."""
        self._latents.append(latent)

    def sound(self, last: bool) -> Any:
        """The samples (float32, shape (n,)) that no later latent changes; all that are left when it is the last time."""
        frames = self._frames()
        end = frames.shape[-1] - (0 if last else AROUND + EDGE)
        if end <= self._done:
            return frames.new_zeros(0).cpu()
        begin = max(0, self._done - AROUND)
        wave = self._hifigan.waveform_decoder(frames[..., begin : end + AROUND], g=self._embedding).reshape(-1)
        per_frame = wave.shape[-1] // frames[..., begin : end + AROUND].shape[-1]
        found = wave[(self._done - begin) * per_frame : (end - begin) * per_frame]
        self._done = end
        return found.float().cpu()

    def _frames(self) -> Any:
        """The latents at the decoder's rate, shape (1, width, frames), as the library interpolates them."""
        import torch

        hifigan = self._hifigan
        frames = torch.cat(self._latents, dim=0)[None].transpose(1, 2)
        scales = [hifigan.ar_mel_length_compression / hifigan.output_hop_length]
        if hifigan.output_sample_rate != hifigan.input_sample_rate:
            scales.append(hifigan.output_sample_rate / hifigan.input_sample_rate)
        if self._speed != 1.0:
            scales.insert(0, 1.0 / self._speed)
        for scale in scales:
            frames = torch.nn.functional.interpolate(frames, scale_factor=[scale], mode="linear")
        return frames


class Said:
    """One text that is being said: iterate over its sound, then ask how it ended."""

    def __init__(self, opened: Any, check: Callable[[], None]) -> None:
        self._model = opened.model
        self._check = check
        self.ended = False
        """True when the model itself ended the text."""
        self.tokens = 0
        """How many it made."""

    def sound(self, ids: list[int], voice: tuple[Any, Any], wishes: Wishes, most_tokens: int) -> Iterator[Any]:
        """Pieces of float32 samples, shape (n,), as they are made.

        Args:
            ids: the text, as the tokenizer has it.
            voice: latents and embedding.
            wishes: language, speed, sampling.
            most_tokens: after so many the text is left, ended or not.
        """
        import torch

        with torch.inference_mode():
            device = self._model.device
            latents, embedding = (each.to(device) for each in voice)
            text = torch.tensor([ids], dtype=torch.int32, device=device)
            decoder = Decoder(self._model.hifigan_decoder, embedding, wishes.speed)
            if wishes.sampling.num_beams > 1:
                yield from self._searched(text, latents, decoder, wishes, most_tokens)
            else:
                yield from self._drawn(text, latents, decoder, wishes, most_tokens)

    def _drawn(self, text: Any, latents: Any, decoder: Decoder, wishes: Wishes, most_tokens: int) -> Iterator[Any]:
        """Token by token, each drawn after the one before."""
        gpt = self._model.gpt
        tokens = gpt.get_generator(
            fake_inputs=gpt.compute_embeddings(latents, text),
            **_drawing(wishes),
            num_beams=1,
            num_return_sequences=1,
            output_attentions=False,
            output_hidden_states=True,
            return_dict_in_generate=True,
        )
        pending, wanted = 0, FIRST_TOKENS
        for token, latent in tokens:
            self._check()
            decoder.add(latent.float())
            self.tokens, pending = self.tokens + 1, pending + 1
            self.ended = int(token[0]) == gpt.stop_audio_token
            if self.ended or self.tokens >= most_tokens:
                break
            if pending >= wanted:
                yield decoder.sound(last=False)
                pending, wanted = 0, MORE_TOKENS
        yield decoder.sound(last=True)

    def _searched(self, text: Any, latents: Any, decoder: Decoder, wishes: Wishes, most_tokens: int) -> Iterator[Any]:
        """All tokens at once, the best of several beams; then their latents, as the library has them."""
        import torch

        gpt = self._model.gpt
        codes = gpt.generate(
            cond_latents=latents,
            text_inputs=text,
            **_drawing(wishes),
            num_beams=wishes.sampling.num_beams,
            num_return_sequences=1,
            length_penalty=wishes.sampling.length_penalty,
            output_attentions=False,
            max_new_tokens=most_tokens,
            stopping_criteria=_stopping(self._check),
        )
        self._check()
        self.tokens = int(codes.shape[-1])
        self.ended = int(codes[0, -1]) == gpt.stop_audio_token
        device = text.device
        text_length = torch.tensor([text.shape[-1]], device=device)
        sound_length = torch.tensor([codes.shape[-1] * gpt.code_stride_len], device=device)
        found = gpt(text, text_length, codes, sound_length, cond_latents=latents, return_latent=True)
        for latent in found[0]:
            decoder.add(latent[None].float())
        yield decoder.sound(last=True)


def tokens_within(hifigan: Any, length_s: float, speed: float) -> int:
    """How many tokens make ``length_s`` seconds of sound, at least 1."""
    seconds = hifigan.ar_mel_length_compression / hifigan.input_sample_rate / speed
    return max(1, int(length_s / seconds))


def _drawing(wishes: Wishes) -> dict[str, Any]:
    sampling = wishes.sampling
    return {
        "do_sample": True,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "repetition_penalty": sampling.repetition_penalty,
    }


def _stopping(check: Callable[[], None]) -> Any:
    """A criterion that never ends a search by itself, and leaves it when the request was cancelled."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Cancelling(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            check()
            return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)

    return StoppingCriteriaList([Cancelling()])
