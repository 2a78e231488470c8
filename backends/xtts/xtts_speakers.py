"""What a voice is to the model: latents and an embedding, taken from recordings once and kept by content.

A recording's latents are kept in memory and, where the core names a folder, as a safetensors file named by the hash of
all that they depend on. A file that is damaged or gone is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections import OrderedDict
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from demod_worker.worker import BadRequest
from xtts_library import read_wav
from xtts_wishes import Taking

VERSION = 1
"""Raised by hand when the same recordings give other latents."""
KEPT = 64
"""Voices in memory, of about 130 kB each."""
SHORTEST_S = 1.0
"""Below this there is no voice in a recording; the library itself gives up under 0.33 s."""
SILENT = 1e-3
"""Peak of a silent recording: -60 dBFS."""
NAMES = ("latents", "embedding")

Voice = tuple[Any, Any]
"""Tensors: latents of the transformer, shape (1, frames, width); embedding of the decoder, shape (1, 512, 1)."""


class Speakers:
    """Voices of one model.

    Args:
        folder: where latents are kept between workers, or None.
        about: what else they depend on: the model's revision, the device, the number of threads.
    """

    def __init__(self, folder: str | None, about: tuple[Any, ...]) -> None:
        self._folder = Path(folder) if folder else None
        self._about = about
        self._known: OrderedDict[str, Voice] = OrderedDict()
        self.computed = 0
        """How often latents were computed and not found."""

    def of_recordings(self, model: Any, paths: tuple[str, ...], taking: Taking) -> Voice:
        """The voice of some recordings, taken together.

        Raises:
            BadRequest: one of them is gone, is no WAV, is too short or silent.
        """
        key = self._key(paths, taking)
        voice = self._known.get(key) or self._read(key)
        if voice is None:
            voice = take_voice(model, paths, taking)
            self.computed += 1
            self._write(key, voice)
        self._known[key] = voice
        self._known.move_to_end(key)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return voice

    def _key(self, paths: tuple[str, ...], taking: Taking) -> str:
        content = [VERSION, self._about, [_content(path) for path in paths], asdict(taking)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _read(self, key: str) -> Voice | None:
        """A voice that was kept; None when there is none, or its file is damaged."""
        if self._folder is None:
            return None
        from safetensors.torch import load_file

        try:
            found = load_file(str(self._folder / f"{key}.safetensors"))
            voice = (found["latents"], found["embedding"])
        except Exception:
            return None
        return voice if all(bool(each.isfinite().all()) for each in voice) else None

    def _write(self, key: str, voice: Voice) -> None:
        """Keep a voice; what goes wrong is no reason to fail."""
        if self._folder is None:
            return
        from safetensors.torch import save_file

        target = self._folder / f"{key}.safetensors"
        temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                save_file(
                    {name: tensor.contiguous() for name, tensor in zip(NAMES, voice, strict=True)}, str(temporary)
                )
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)


def take_voice(model: Any, paths: tuple[str, ...], taking: Taking) -> Voice:
    """Compute the voice of some recordings; on the CPU's side of memory.

    Raises:
        BadRequest: one of them is no WAV, is too short or silent.
    """
    for path in paths:
        _check(path)
    latents, embedding = model.get_conditioning_latents(
        audio_path=list(paths),
        max_ref_length=taking.max_ref_len,
        gpt_cond_len=taking.gpt_cond_len,
        gpt_cond_chunk_len=taking.gpt_cond_chunk_len,
        sound_norm_refs=taking.sound_norm_refs,
    )
    return latents.float().cpu().clone(), embedding.float().cpu().clone()


def _check(path: str) -> None:
    try:
        samples, rate = read_wav(path)
    except Exception as error:
        raise BadRequest(f"reference {path} is no WAV: {error}") from error
    length_s = samples.shape[-1] / rate
    if length_s < SHORTEST_S:
        raise BadRequest(f"reference {path} is too short: {length_s:.2f} s", "6 to 12 s of clear speech are best")
    if not bool(samples.isfinite().all()) or float(samples.abs().max()) < SILENT:
        raise BadRequest(f"reference {path} is silent", "6 to 12 s of clear speech are best")


def _content(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise BadRequest(f"reference {path} cannot be read: {error.strerror or error}") from error
