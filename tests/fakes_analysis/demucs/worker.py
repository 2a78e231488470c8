"""A real worker that takes what lies between 200 and 4000 Hz for the dialogue, and tells how far it is."""

import struct
from pathlib import Path

import numpy as np
from demod_worker.messages import LoadResult, SeparateResult
from demod_worker.worker import Adapter, BadRequest, run

RATE = 44100
LOW_HZ, HIGH_HZ = 200.0, 4000.0
STEPS = 4


class Demucs(Adapter):
    name = "demucs"
    version = "1"
    operations = ("load", "unload", "separate")

    def load(self, request):
        return LoadResult("band", "1", "cpu")

    def separate(self, request, task):
        samples, floats = read(request.audio)
        for step in range(STEPS):
            task.check()
            task.progress((step + 1) / STEPS, "separate")
        spectrum = np.fft.rfft(samples, axis=1)
        frequencies = np.fft.rfftfreq(samples.shape[1], 1 / RATE)
        spectrum[:, (frequencies < LOW_HZ) | (frequencies > HIGH_HZ)] = 0
        speech = np.fft.irfft(spectrum, samples.shape[1], axis=1).astype(np.float32)
        write(Path(request.folder) / "dialogue.wav", speech)
        write(Path(request.folder) / "background.wav", samples - speech)
        stems = {"dialogue": "dialogue.wav", "background": "background.wav"}
        return SeparateResult(stems, RATE, "band", "1", () if floats else ("16 bits were heard",))


def read(path):
    try:
        data = Path(path).read_bytes()
        tag, channels, rate = struct.unpack("<HHI", data[20:28])
    except (OSError, struct.error) as error:
        raise BadRequest(f"{path} cannot be read: {error}") from error
    if rate != RATE:
        raise BadRequest(f"{path} has {rate} Hz, not {RATE}")
    flat = np.frombuffer(data[44:], "<f4") if tag == 3 else np.frombuffer(data[44:], "<i2") / np.float32(32768)
    return flat.astype(np.float32).reshape(-1, channels).T, tag == 3


def write(path, samples):
    channels = len(samples)
    data = samples.T.astype("<f4").tobytes()
    fmt = struct.pack("<HHIIHH", 3, channels, RATE, RATE * 4 * channels, 4 * channels, 32)
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
    path.write_bytes(head + b"data" + struct.pack("<I", len(data)) + data)


if __name__ == "__main__":
    run(Demucs)
