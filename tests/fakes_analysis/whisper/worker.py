"""A real worker that hears a numbered word in each burst of sound, and dies of a clip that is louder than all speech."""

import os
import wave

import numpy as np
from demod_worker.messages import AlignResult, HeardWord, LoadResult, TranscribeResult
from demod_worker.worker import Adapter, BadRequest, run

RATE = 16000
BLOCK = 160
SILENCE_BLOCKS = 8
DEADLY = 0.98
"""Mean absolute level of a clip that ends the process."""


class Whisper(Adapter):
    name = "whisper"
    version = "1"
    operations = ("load", "unload", "transcribe", "align")

    def load(self, request):
        return LoadResult("bursts", "1", "cpu")

    def align(self, request, task):
        """Word n is burst n; the others share what is left."""
        samples = read(request.audio)
        found = bursts(samples)
        tokens = request.text.split()
        words = [
            HeardWord(token, found[n][0] * BLOCK / RATE, found[n][1] * BLOCK / RATE)
            if n < len(found)
            else HeardWord(token, len(samples) / RATE, len(samples) / RATE, aligned=False)
            for n, token in enumerate(tokens)
        ]
        return AlignResult(tuple(words), "bursts", "1")

    def transcribe(self, request, task):
        samples = read(request.audio)
        if len(samples) and np.abs(samples).mean() > DEADLY:
            os.abort()
        words = tuple(
            HeardWord(f"w{number}", a * BLOCK / RATE, b * BLOCK / RATE, 0.9)
            for number, (a, b) in enumerate(bursts(samples), 1)
        )
        text = " ".join(word.text for word in words)
        return TranscribeResult(text, words, request.language or "en", 0.9, -0.1, 0.0, "bursts", "1")


def read(path):
    try:
        with wave.open(path) as file:
            return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0
    except (OSError, EOFError, wave.Error) as error:
        raise BadRequest(f"{path} cannot be read: {error}") from error


def bursts(samples):
    """(first, last) block of each stretch of sound."""
    blocks = np.sqrt(np.mean(samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK) ** 2, axis=1))
    found = []
    for block in np.flatnonzero(blocks > 0.01):
        if found and block - found[-1][1] <= SILENCE_BLOCKS:
            found[-1][1] = int(block) + 1
        else:
            found.append([int(block), int(block) + 1])
    return found


if __name__ == "__main__":
    run(Whisper)
