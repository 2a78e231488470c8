"""A real worker whose framework is simulated: it computes on the first device that CUDA_VISIBLE_DEVICES shows it.

Its memory is entered in the file of the simulated driver (``TEST_FAKE_NVML``), and every load is told in a line of
``TEST_FAKE_GPU_LOG``. Markers in the text make its device run out of memory, or vanish.
"""

import array
import fcntl
import json
import os
import re
import time

from demod_worker.messages import EmbedResult, LoadResult, SpeakResult
from demod_worker.worker import Adapter, EngineFault, OutOfMemory, run

RATE = 16000
MARKER = re.compile(r"\[\[([a-z-]+)(?: ([^\]]*))?\]\]")
LOST = 15


class FakeGpu(Adapter):
    name = "fakegpu"
    version = "1"
    operations = ("load", "unload", "speak", "speak_many", "embed")

    def load(self, request):
        self.device, self.uuid = request.device, os.environ.get("CUDA_VISIBLE_DEVICES")
        names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
        seen = {name: os.environ[name] for name in names if name in os.environ}
        facts = {"fraction": request.memory_fraction, "mb": request.memory_mb}
        tell({"pid": os.getpid(), "device": request.device, **facts, **seen})
        if self.device != "cpu":
            with driver() as state:
                card = find(state, self.uuid)
                used = sum(
                    each["mb"] for each in state.get("processes", ()) if alive(each) and each["uuid"] == self.uuid
                )
                takes = int(request.options["takes"])
                if card.get("error") or card.get("used_mb", 0) + used + takes > card["total_mb"]:
                    raise OutOfMemory("CUDA out of memory")
                state.setdefault("processes", []).append({"pid": os.getpid(), "uuid": self.uuid, "mb": takes})
        return LoadResult(model="noise", model_revision="1", device=self.device, voices=("default",))

    def embed(self, request, task):
        return EmbedResult(dimension=1 if self.device == "cpu" else 2)

    def speak(self, item, out, task):
        for marker, argument in MARKER.findall(item.text):
            self.misbehave(marker, argument, task)
        out.start(RATE)
        level = 8000 if self.device == "cpu" else 16000
        out.write(array.array("h", [level, -level] * 800).tobytes())
        return SpeakResult(item.item, (), "noise", "1", RATE)

    def misbehave(self, marker, argument, task):
        on_gpu = self.device != "cpu"
        if marker == "oom-on-gpu" and on_gpu:
            raise OutOfMemory("CUDA out of memory")
        if marker == "oom-once" and not os.path.exists(argument):
            open(argument, "w").close()
            raise OutOfMemory("CUDA out of memory")
        if marker in ("lose", "lose-and-hang", "lose-and-die") and on_gpu and not os.path.exists(argument):
            open(argument, "w").close()
            with driver() as state:
                find(state, self.uuid)["error"] = LOST
            if marker == "lose-and-die":
                os.abort()
            time.sleep(1000 if marker == "lose-and-hang" else 0)
            raise EngineFault("CUDA error: the device is lost")
        if marker == "slow":
            time.sleep(float(argument))


class driver:
    """The simulated driver's state, for one change."""

    def __enter__(self):
        self.path = os.environ["TEST_FAKE_NVML"]
        self.lock = open(f"{self.path}.lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        with open(self.path, encoding="utf-8") as file:
            self.state = json.load(file)
        return self.state

    def __exit__(self, kind, error, trace):
        if kind is None:
            new = f"{self.path}.{os.getpid()}"
            with open(new, "w", encoding="utf-8") as file:
                json.dump(self.state, file)
            os.replace(new, self.path)
        self.lock.close()


def find(state, uuid):
    cards = [*state["devices"], *(part for card in state["devices"] for part in card.get("mig", ()))]
    return next(card for card in cards if card["uuid"] == uuid)


def alive(process):
    return os.path.exists(f"/proc/{process['pid']}/mem")


def tell(facts):
    path = os.environ.get("TEST_FAKE_GPU_LOG")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    run(FakeGpu)
