"""A real worker that speaks sines whose pitch depends on all items of a request, in their order.

``style.log`` names a file that is told of each request. In a text: ``[[crash]]`` ends the process, ``[[refuse]]`` is refused,
``[[silent]]`` is silent in a batch and sounds alone, ``[[mute]]`` is always silent. ``style.trouble`` names a file whose
presence is the machine's trouble: the worker says nothing, and the file is removed.
"""

import array
import math
import os
import signal
import time
import zlib

from demod_worker.messages import LoadResult, SpeakResult
from demod_worker.worker import Adapter, BadRequest, ItemFailed, run

RATE = 16000
SECONDS_PER_CHARACTER = 0.05


class Together(Adapter):
    name = "together"
    version = "1"
    operations = ("load", "unload", "speak", "speak_many")

    def load(self, request):
        return LoadResult("together-1", "r1", request.device)

    def speak_many(self, items, outs, task):
        if items[0].style.get("log"):
            with open(items[0].style["log"], "a") as log:
                log.write(" | ".join(item.text for item in items) + "\n")
        if os.path.exists(items[0].style.get("trouble", "/nowhere")):
            os.unlink(items[0].style["trouble"])
            time.sleep(60)
        if any("[[crash]]" in item.text for item in items):
            os.kill(os.getpid(), signal.SIGSEGV)
        whole = zlib.crc32("\n".join(f"{item.text} {item.seed}" for item in items).encode())
        return [self._one(item, outs[item.item], whole, len(items)) for item in items]

    def _one(self, item, out, whole, count):
        if "[[refuse]]" in item.text:
            return ItemFailed(item.item, BadRequest("this line is refused"))
        heard = b"".join(open(path, "rb").read() for path in item.voice.references)
        pitch = 200.0 + (whole + zlib.crc32(heard) + item.seed) % 97
        silent = "[[mute]]" in item.text or ("[[silent]]" in item.text and count > 1)
        out.start(RATE)
        length = int(len(item.text) * SECONDS_PER_CHARACTER * RATE)
        level = 0 if silent else 12000
        sound = [int(level * math.sin(2 * math.pi * pitch * n / RATE)) for n in range(length)]
        for n in range(min(240, length // 2)):
            sound[n] = sound[n] * n // 240
            sound[-1 - n] = sound[-1 - n] * n // 240
        out.write(array.array("h", sound).tobytes())
        return SpeakResult(item.item, (), "together-1", "r1", RATE)


if __name__ == "__main__":
    run(Together)
