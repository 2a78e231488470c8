"""The bare loop that ``bench_batch.py`` compares a batch with: fork, synthesize, trim, write the WAV; nothing else.

Run by espeak's own interpreter: ``bare_espeak.py FOLDER BEGIN END``, one WAV for each number. The library is called as
backends/espeak calls it, and the WAVs are the same bytes. Prints the seconds that the loop took.
"""

from __future__ import annotations

import array
import os
import struct
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "backends" / "espeak"), str(ROOT / "backends" / "_sdk")]

from catalogue import Catalogue  # noqa: E402 (the path comes first)
from demod_worker.messages import SpeakItem, Voice  # noqa: E402
from espeak_library import Espeak, Job  # noqa: E402
from prosody import prosody  # noqa: E402

VOICE = "en-us"
LEAD_S, TAIL_S, THRESHOLD = 0.05, 0.15, 10.0 ** (-50.0 / 20.0)
"""As demod_voice/speech/trim.py has them."""


def text_of(number: int) -> str:
    """What row ``number`` says."""
    return f"This is row number {number} of the table."


def main(folder: Path, begin: int, end: int) -> None:
    """Speak the rows from ``begin`` to ``end``."""
    found = find_spec("espeakng_loader")
    assert found is not None
    assert found.origin is not None
    parent = Path(found.origin).parent
    library = Espeak(parent / "libespeak-ng.so", parent)
    catalogue = Catalogue(library.voices(), library.variants())
    item = SpeakItem(0, "", "en", Voice(preset=VOICE))
    choice = catalogue.choose(VOICE, "en")
    asked = prosody(item, parent / "espeak-ng-data", choice)
    began = time.perf_counter()
    for number in range(begin, end):
        job = Job(text_of(number), choice.identifier, asked.rate, asked.pitch, asked.pitch_range)
        write(folder / f"{number}.wav", trimmed(spoken(library, job), library.sample_rate), library.sample_rate)
    print(time.perf_counter() - began)


def spoken(library: Espeak, job: Job) -> bytes:
    """The sound of one utterance, made in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        parts: list[bytes] = []
        library.speak(job, lambda data: parts.append(data) or True, lambda _: True)
        with os.fdopen(writing, "wb") as out:
            out.write(b"".join(parts))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    return data


def trimmed(data: bytes, rate: int) -> bytes:
    """Without the silence at its edges."""
    samples = array.array("h", data)
    limit = max(max(samples), -min(samples)) * THRESHOLD
    first = next(at for at, each in enumerate(samples) if abs(each) > limit)
    last = len(samples) - next(at for at, each in enumerate(reversed(samples)) if abs(each) > limit)
    return samples[max(0, first - round(LEAD_S * rate)) : last + round(TAIL_S * rate)].tobytes()


def write(path: Path, data: bytes, rate: int) -> None:
    """A mono WAV of 16 bits."""
    head = struct.pack(
        "<4sI8sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVEfmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", len(data)
    )
    path.write_bytes(head + data)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
