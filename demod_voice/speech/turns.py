"""Earlier turns as an engine takes them: 24 kHz mono PCM_16, made of takes when a line is spoken."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from demod_worker.messages import ContextTurn

from demod_voice.audio.clip import Clip
from demod_voice.audio.resample import resample
from demod_voice.media.wav import read_wav, write_wav
from demod_voice.records.atomic import replacing
from demod_voice.speech.job import LineJob
from demod_voice.voices.references import SAMPLE_RATE


class TurnClips:
    """Copies of takes in a folder that lives as long as ``stack``. Safe for threads."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._folder: Path | None = None
        self._lock = threading.Lock()

    def of(self, job: LineJob) -> tuple[ContextTurn, ...]:
        """The turns of a job.

        Raises:
            MediaError: a take cannot be read.
            OutputError: there is no room for the copies.
        """
        return tuple(
            ContextTurn(turn.text, str(self._copy(turn.path, turn.sha256)), turn.speaker) for turn in job.context
        )

    def _copy(self, take: Path, sha256: str) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="demod-voice-")))
            copy = self._folder / f"{sha256[:32]}.wav"
            if not copy.exists():
                clip = read_wav(take)
                mono = Clip(clip.samples.mean(axis=0, keepdims=True), clip.sample_rate)
                with replacing(copy) as temporary:
                    write_wav(temporary, resample(mono, SAMPLE_RATE))
        return copy
