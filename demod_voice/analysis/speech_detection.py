"""Find the speech of a recording: the ``vad`` engine on slabs of it, in parallel; without that engine, its energy.

The recording may be ten hours long: it is heard once, in blocks, and only the slabs in work are in memory. One stream
resamples it to 16 kHz, so frame n of the track is exactly ``n * FRAME_S`` of the recording. Slabs are fixed in length and
each begins with what came before it, so the track depends neither on the size of the blocks nor on ``jobs``.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
import soxr
from demod_worker.messages import DetectRequest, DetectResult
from numpy.typing import NDArray

from demod_voice.analysis.energy_detection import band_powers, speech_probabilities
from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.audio.resample import QUALITY
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineBrokenProtocol, EngineCancelled, EngineError
from demod_voice.media.wav import WavWriter, read_blocks, wav_info
from demod_voice.records.progress import SILENT, Progress

ENGINE = "vad"
RATE = 16000
"""Hz of what the detector hears."""
FRAME = 512
"""Samples of a frame."""
SCALE = 32768
"""Full scale of the 16 bits that the detector is given."""
SLAB_FRAMES = 9375
"""Frames of a slab: 300 s."""
WARM_UP_FRAMES = 125
"""Frames before a slab that are heard with it and dropped: 4 s, in which the network's memory settles (measured: 0.1 % of
the frames change sides where it begins anew)."""
BLOCK_S = 10.0
"""Seconds that ``detect_speech`` reads at once."""


def detect_speech(wav: Path, scratch: Path, pool: Pool, *, jobs: int, progress: Progress = SILENT) -> SpeechTrack:
    """The speech of a WAV.

    Args:
        wav: mono, any rate, written by this program.
        scratch: a folder for slabs; left as it was.
        pool: runs the engine.
        jobs: slabs that are heard at once; changes nothing but the time.
        progress: told in seconds of the recording.

    Raises:
        MediaError: the WAV cannot be read.
        EngineError: the engine started, and failed on this recording twice. (When it does not start, the track is found
            by energy and says so in ``degraded``.)
    """
    info = wav_info(wav)
    step = "find speech"
    progress.start(step, info.duration_s, "s")
    with SpeechDetector(info.sample_rate, scratch, pool, jobs=jobs) as detector:
        for block in read_blocks(wav, int(BLOCK_S * info.sample_rate)):
            detector.push(block[0])
            progress.advance(step, block.shape[1] / info.sample_rate)
        track = detector.finish()
    progress.finish(step)
    return track


class SpeechDetector:
    """Is fed a recording while it is being decoded; a context manager.

    Args:
        sample_rate: Hz of what is fed.
        scratch: a folder for slabs; a folder of its own inside it goes away at the end.
        pool: runs the engine.
        jobs: slabs that are heard at once, at least 1.
    """

    def __init__(self, sample_rate: int, scratch: Path, pool: Pool, *, jobs: int) -> None:
        self._pool = pool
        self._jobs = max(1, jobs)
        self._stream = None if sample_rate == RATE else soxr.ResampleStream(sample_rate, RATE, 1, "float32", QUALITY)
        self._folder = Path(tempfile.mkdtemp(prefix="speech-", dir=scratch))
        self._threads = ThreadPoolExecutor(self._jobs, thread_name_prefix="speech")
        self._engine: Future[str] = self._threads.submit(self._start)
        self._buffer = np.empty((WARM_UP_FRAMES + SLAB_FRAMES) * FRAME, np.int16)
        self._filled = self._warm = 0
        self._slabs = 0
        self._waiting: deque[Future[NDArray[np.float32]]] = deque()
        self._found: list[NDArray[np.float32]] = []
        self._model = DetectResult(0)

    def push(self, samples: NDArray[np.float32]) -> None:
        """Hear the next samples: mono, shape (n,), any n. Waits when the engine is far behind.

        Raises:
            EngineError: an earlier slab failed.
        """
        if self._stream is not None:
            samples = self._stream.resample_chunk(np.ascontiguousarray(samples))
        self._take(samples)

    def finish(self) -> SpeechTrack:
        """The track of all that was pushed; its last frame is filled up with silence.

        Raises:
            EngineError: the engine failed on a slab.
        """
        if self._stream is not None:
            self._take(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))
        if self._filled > self._warm:
            self._send()
        while self._waiting:
            self._found.append(self._waiting.popleft().result())
        reason = self._engine.result()
        if not reason:
            found = np.concatenate([np.zeros(0, np.float32), *self._found])
            return SpeechTrack(found, ENGINE, self._model.model, self._model.model_revision)
        powers = np.concatenate([band_powers(np.zeros(0, np.float32)), *self._found])
        degraded = (f"{ENGINE}: {reason}; speech was found by its energy alone",)
        return SpeechTrack(speech_probabilities(powers), "energy", degraded=degraded)

    def __enter__(self) -> SpeechDetector:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._waiting:
            each.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> str:
        """Start the engine (an embedded one installs itself); why it cannot be, or nothing."""
        try:
            self._pool.load(ENGINE)
        except EngineCancelled:
            raise
        except EngineError as error:
            return error.message.splitlines()[0]
        return ""

    def _take(self, samples: NDArray[np.float32]) -> None:
        """Fill the slab; each full one is sent."""
        whole = np.clip(np.rint(samples * np.float32(SCALE)), -SCALE, SCALE - 1).astype(np.int16)
        at = 0
        while at < len(whole):
            size = self._warm + SLAB_FRAMES * FRAME
            part = whole[at : at + size - self._filled]
            self._buffer[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            at += len(part)
            if self._filled == size:
                self._send()

    def _send(self) -> None:
        """Hand the slab to a thread, and keep its end as the next one's beginning."""
        if len(self._waiting) > self._jobs:
            self._found.append(self._waiting.popleft().result())
        slab = self._buffer[: self._filled].copy()
        self._waiting.append(self._threads.submit(self._heard, self._slabs, slab, self._warm // FRAME))
        self._slabs += 1
        last = slab[-WARM_UP_FRAMES * FRAME :]
        self._warm = self._filled = len(last)
        self._buffer[: self._warm] = last

    def _heard(self, number: int, slab: NDArray[np.int16], warm_up: int) -> NDArray[np.float32]:
        """Probabilities of a slab's frames; the powers of its bands where there is no engine."""
        if self._engine.result():
            return band_powers(slab[warm_up * FRAME :].astype(np.float32) / np.float32(SCALE))
        wav, out = self._folder / f"{number}.wav", self._folder / f"{number}.f32"
        with WavWriter(wav, RATE, 1) as writer:
            writer.write_bytes(slab.astype("<i2", copy=False).tobytes())
        self._model = self._pool.detect(ENGINE, DetectRequest(str(wav), str(out)))
        found = _read(out, self._model, -(-len(slab) // FRAME))
        wav.unlink()
        out.unlink()
        return found[warm_up:]


def _read(path: Path, result: DetectResult, frames: int) -> NDArray[np.float32]:
    """What the engine wrote.

    Raises:
        EngineBrokenProtocol: it is not a probability for each frame.
    """
    try:
        found = np.fromfile(path, "<f4").astype(np.float32)
    except OSError as error:
        raise EngineBrokenProtocol(f"engine {ENGINE}: its probabilities cannot be read: {error}") from error
    whole = len(found) == result.frames == frames and abs(result.frame_s - FRAME_S) < 1e-6
    if not whole or not np.all((found >= 0) & (found <= 1)):
        raise EngineBrokenProtocol(f"engine {ENGINE}: {len(found)} numbers of {result.frame_s:g} s for {frames} frames")
    return found
