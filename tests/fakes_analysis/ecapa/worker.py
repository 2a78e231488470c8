"""A real worker whose vectors say how high a voice is and how bright: two espeak voices are told apart by them."""

import wave

import numpy as np
from demod_worker.messages import EmbedResult, LoadResult
from demod_worker.worker import Adapter, BadRequest, run

RATE = 16000
FRAME, HOP = 640, 320
LOWEST_HZ, HIGHEST_HZ = 60.0, 400.0
PITCH_BINS = 24
EDGES_HZ = (100, 300, 600, 1000, 1600, 2400, 3400, 5000, 7600)
SAME_SPEAKER = 0.8
LONGEST_S = 60
"""What comes later in a clip is not heard."""


class Ecapa(Adapter):
    name = "ecapa"
    version = "1"
    operations = ("load", "unload", "embed")

    def load(self, request):
        return LoadResult("pitch", "1", "cpu")

    def embed(self, request, task):
        rows, reasons = [], []
        for path in request.audio:
            task.check()
            row = vector(read(path)[: LONGEST_S * RATE])
            reasons.append("" if row is not None else "no voiced sound")
            rows.append(row if row is not None else np.full(PITCH_BINS + len(EDGES_HZ) - 1, np.nan))
        np.asarray(rows, "<f4").tofile(request.vectors)
        return EmbedResult(
            len(rows[0]) if rows else 0, "pitch", "1", SAME_SPEAKER, tuple(reasons) if any(reasons) else ()
        )


def read(path):
    try:
        with wave.open(path) as file:
            if (file.getnchannels(), file.getframerate(), file.getsampwidth()) != (1, RATE, 2):
                raise BadRequest(f"{path} must be mono, 16 kHz, 16 bit")
            return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0
    except (OSError, EOFError, wave.Error) as error:
        raise BadRequest(f"{path} cannot be read: {error}") from error


def vector(samples):
    """Soft bins of the median pitch, then the level of some bands; length 1, or None without a voice."""
    count = (len(samples) - FRAME) // HOP + 1
    if count < 5:
        return None
    frames = samples[np.arange(count)[:, None] * HOP + np.arange(FRAME)] * np.hanning(FRAME)
    spectra = np.abs(np.fft.rfft(frames, 2 * FRAME, axis=1)) ** 2
    likeness = np.fft.irfft(spectra, axis=1)
    lags = np.arange(int(RATE / HIGHEST_HZ), int(RATE / LOWEST_HZ))
    shape = likeness[:, lags] / np.maximum(likeness[:, :1], 1e-9)
    voiced = (shape.max(axis=1) > 0.4) & (likeness[:, 0] > 1e-3 * likeness[:, 0].max())
    if voiced.sum() < 5:
        return None
    pitch = np.median(RATE / lags[np.argmax(shape[voiced], axis=1)])
    centre = (PITCH_BINS - 1) * np.log(pitch / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ)
    bins = np.exp(-0.5 * ((np.arange(PITCH_BINS) - centre) / 1.5) ** 2)
    edges = np.searchsorted(np.fft.rfftfreq(2 * FRAME, 1 / RATE), EDGES_HZ)
    bands = np.sqrt(np.add.reduceat(spectra[voiced].mean(axis=0)[: edges[-1]], edges[:-1]))
    row = np.concatenate([bins / np.linalg.norm(bins), 0.5 * bands / np.linalg.norm(bands)])
    return row / np.linalg.norm(row)


if __name__ == "__main__":
    run(Ecapa)
