"""Bring up the TTS library in an environment that has only what this engine uses.

The library asks for torchcodec, which reads sound through FFmpeg: it is made findable, and WAVs are read by soundfile.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

FINDABLE = Path(__file__).with_name("findable")


def bring_up() -> None:
    """Make ``import TTS`` work; call it before. Takes seconds: torch is imported.

    Raises:
        ImportError: a package of the environment is gone, or does not load.
    """
    if str(FINDABLE) not in sys.path:
        sys.path.append(str(FINDABLE))
    warnings.filterwarnings("ignore", category=FutureWarning)
    import torchaudio

    torchaudio.load = read_wav


def read_wav(path: str, *_: Any, **__: Any) -> tuple[Any, int]:
    """A WAV as (float32 tensor of shape (channels, samples) in -1..1, sample rate in Hz).

    Raises:
        soundfile.SoundFileError: it is no WAV.
    """
    import soundfile
    import torch

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return torch.from_numpy(samples.T.copy()), rate
