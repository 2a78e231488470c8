"""A key that exists is a key that is used.

One row per key: its reader is run with two values, and what can be observed of each must be what the row says. A key
without a row fails.
"""

from __future__ import annotations

import math
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demod_voice.config import load
from demod_voice.config.schema import engine_keys, find, keys
from demod_voice.config.settings import Settings
from demod_voice.errors import DemodError, EngineTimedOut, MediaError

FAKES = Path(__file__).resolve().parents[1] / "fakes"

Read = Callable[[Settings, Path], Any]


@dataclass(frozen=True)
class Row:
    """How one key is observed."""

    values: tuple[Any, Any]
    expected: tuple[Any, Any] | None
    """What the reader must show for each value; None = only that it differs."""
    read: Read


ROWS: dict[str, Row] = {}


def row(name: str, values: tuple[Any, Any], expected: tuple[Any, Any] | None = None) -> Callable[[Read], Read]:
    def keep(read: Read) -> Read:
        assert name not in ROWS
        ROWS[name] = Row(values, expected, read)
        return read

    return keep


def test_every_key_has_a_row():
    known = {*keys(), *(key.name for key in engine_keys())}
    assert known == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_key_changes_what_its_reader_does(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = ROWS[name]
    key = name.replace("<name>", "fake")
    known = find(key)
    assert known is not None
    assert found.values[0] != found.values[1]
    seen = []
    for number, value in enumerate(found.values):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        flags = {"engines.search_path": [str(FAKES)], "engines.fake.python": sys.executable, "jobs": 1, key: value}
        seen.append(found.read(load(flags).settings, folder))
    assert seen[0] != seen[1]
    if found.expected is not None:
        assert (
            tuple(seen) == pytest.approx(found.expected) if _numbers(found.expected) else tuple(seen) == found.expected
        )


def _numbers(values: tuple[Any, ...]) -> bool:
    return all(isinstance(each, float) for each in values)


# ---- what rows are made of


SCRIPT = """---
title: T
speakers:
  Ada: {engine: fake, voice: low}
  Ben: {engine: fake, voice: high}
---

Ada: One two three four five six seven.

Ben: Eight nine ten eleven twelve.
"""


def a_plan(settings: Settings, *joints: str) -> Any:
    """A plan without anything said about language, seed or pauses: one line, then one more per joint."""
    from demod_voice.episode.plan import make_plan
    from demod_voice.formats.script import Chapter, Paragraph, Script, ScriptLine, SpeakerSpec

    speakers = {name: SpeakerSpec(name, line=1) for name in ("Ada", "Ben")}
    chapters: list[list[list[ScriptLine]]] = [[[ScriptLine("Ada", "Line 0.", 1)]]]
    for number, joint in enumerate(joints, 1):
        line = ScriptLine("Ben" if joint == "speaker" else "Ada", f"Line {number}.", number)
        if joint == "chapter":
            chapters.append([[line]])
        elif joint == "paragraph":
            chapters[-1].append([line])
        else:
            chapters[-1][-1].append(line)
    made = tuple(Chapter(f"C{n}", tuple(Paragraph(tuple(p)) for p in each)) for n, each in enumerate(chapters))
    return make_plan(Script("T", "", speakers, made, "t.md"), Path("/nowhere"), settings)


def starts(settings: Settings, *joints: str) -> tuple[list[int], int]:
    """First sample of each line of one second, and the sample rate."""
    from demod_voice.episode.timing import arrange
    from demod_voice.speech.studio import Take

    plan = a_plan(settings, *joints)
    take = Take(
        path=Path("x.wav"), key="k", sha256="h", sample_rate=24000, num_samples=24000, words=(), engine="fake",
        engine_output_version=1, model="m", model_revision="1", seed=1, attempt=0, degraded=(), spoken=True,
        cached=False, text_spoken="",
    )  # fmt: skip
    timing = arrange(plan, [take] * len(plan.lines), settings.episode)
    return [each.start for each in timing.placed], timing.sample_rate


def pause_ms(settings: Settings, joint: str) -> float:
    """Silence between a line of one second and the next, in ms, without its variation."""
    episode = settings.episode
    still = replace(settings, episode=replace(episode, pauses=replace(episode.pauses, jitter=0.0)))
    found, rate = starts(still, joint)
    return (found[1] / rate - 1.0) * 1000.0


def rendered(settings: Settings, folder: Path, text: str = SCRIPT) -> Any:
    from demod_voice.api.episodes import render_episode

    script = folder / "show.md"
    script.write_text(text)
    return render_episode(script, folder / "show.wav", settings=settings)


def master_of(folder: Path) -> np.ndarray:
    from demod_voice.media.wav import read_wav

    return np.asarray(read_wav(folder / "show.demod" / "master.wav").samples[0])


def counting_python(folder: Path) -> tuple[str, Callable[[], int]]:
    """An interpreter that counts how often it is started."""
    log, script = folder / "starts", folder / "python"
    script.write_text(f'#!/bin/sh\necho start >> "{log}"\nexec "{sys.executable}" "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script), lambda: log.read_text().count("start") if log.exists() else 0


def with_python(settings: Settings, python: str) -> Settings:
    from demod_voice.config.settings import EngineSettings

    return replace(settings, engines=replace(settings.engines, named={"fake": EngineSettings(python)}))


def a_job(settings: Settings, text: str) -> Any:
    from demod_voice.speech.studio import LineJob
    from demod_voice.voices.resolve import resolve

    return LineJob("1", text, resolve(settings, engine="fake", voice="low"), "en", settings.seed, {})


MUTE = """
import sys, time
if sys.argv[1] == "ready":
    sys.stdout.write('{"type": "ready", "data": {"protocol": 1, "engine": "mute", "operations": []}}\\n')
    sys.stdout.flush()
time.sleep(60)
"""


def silence_of(settings: Settings, folder: Path, operation: str) -> str:
    """What is said about an engine that stays silent in an operation."""
    from demod_voice.engines.client import Worker
    from demod_voice.engines.types import EngineInfo

    (folder / "mute.py").write_text(MUTE)
    command = ("{python}", "mute.py", "mute" if operation == "start" else "ready")
    worker = Worker(EngineInfo("mute", "", folder, "1", 1, (), command), Path(sys.executable), settings)
    began = time.monotonic()
    try:
        worker.start()
        began = time.monotonic()
        worker.request(operation, {})
    except EngineTimedOut as error:
        assert time.monotonic() - began >= 0.2
        return error.message.splitlines()[0].partition(" and ")[0]
    finally:
        worker.kill()
    return "it answered"


def noise_wav(folder: Path, seconds: float = 4.0) -> Path:
    from demod_voice.audio.clip import Clip
    from demod_voice.media.wav import write_wav

    path = folder / "noise.wav"
    samples = 0.1 * np.random.default_rng(1).standard_normal((1, round(seconds * 24000)))
    write_wav(path, Clip(samples.astype(np.float32), 24000), "pcm_s16le")
    return path


def encoded_bytes(settings: Settings, folder: Path, format: str) -> bytes:
    from demod_voice.media.encode import encode
    from demod_voice.media.tags import Tags

    out = folder / f"x.{format}"
    encode(noise_wav(folder), out, format, settings.encode, Tags(), ())
    return out.read_bytes()


def kbps(settings: Settings, folder: Path, format: str) -> int:
    """Bit rate of four seconds of noise, in steps of 16 kbit/s."""
    return round(len(encoded_bytes(settings, folder, format)) * 8 / 4.0 / 1000 / 16) * 16


def ends_in(work: Callable[[], Any]) -> str:
    """``ok``, or the class of the error."""
    try:
        work()
    except DemodError as error:
        return type(error).__name__
    return "ok"


class Notes:
    """A progress that keeps its notes."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def start(self, step: str, total: float, unit: str = "") -> None: ...
    def advance(self, step: str, amount: float = 1.0) -> None: ...
    def finish(self, step: str) -> None: ...
    def note(self, message: str) -> None:
        self.found.append(message)


# ---- the rows, in the order of the keys


@row("language", ("de", "fr"), ("de", "fr"))
def _(settings: Settings, folder: Path) -> Any:
    return a_plan(settings).language


@row("seed", (7, 8), ({7}, {8}))
def _(settings: Settings, folder: Path) -> Any:
    return {line.job.seed for line in a_plan(settings).lines}


@row("jobs", (1, 3), (1, 3))
def _(settings: Settings, folder: Path) -> Any:
    python, count = counting_python(folder)
    lines = "\n\n".join(rf"Ada: \[\[slow 0.5\]\] word {number}." for number in range(3))
    rendered(with_python(settings, python), folder, SCRIPT.partition("Ada: One")[0] + lines)
    return count()


@row("device", ("cpu", "cuda:63"), ("cpu", "UsageError"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.engines.devices import device_for
    from demod_voice.engines.types import EngineInfo

    info = EngineInfo("x", "", folder, "1", 1, (), gpu=True)
    try:
        return device_for(info, settings)
    except DemodError as error:
        return type(error).__name__


def usable(settings: Settings, folder: Path) -> Any:
    """The numbers of the GPUs that are left of three."""
    from demod_voice.engines.devices import choose_devices
    from demod_voice.engines.inventory import Device, Inventory

    three = tuple(Device(f"GPU-{n}", "NVIDIA A", n, 8192, 8000, number=n, card=f"GPU-{n}") for n in range(3))
    return [each.number for each in choose_devices(settings, lambda: Inventory(three)).devices]


row("gpu.use", ("0,2", "none"), ([0, 2], []))(usable)
row("gpu.exclude", ("", "1"), ([0, 1, 2], [0, 2]))(usable)


def placed(settings: Settings, folder: Path, need_mb: int, *cards: dict[str, Any]) -> Any:
    """Where an engine of that need is placed on a machine with these cards."""
    from support.gpus import Machine

    from demod_voice.engines.placement import Placement
    from demod_voice.engines.types import EngineInfo

    info = EngineInfo("x", "", folder, "1", 1, (), gpu=True, gpu_memory_mb=need_mb, gpu_memory_limit="torch")
    with pytest.MonkeyPatch.context() as patch:
        Machine(folder, patch).has(*cards)
        patch.setenv("XDG_STATE_HOME", str(folder))
        return Placement(settings, print).place(info)


@row("gpu.memory_limit", (100, 50), (None, 0.5))
def _(settings: Settings, folder: Path) -> Any:
    from support.gpus import card

    return placed(settings, folder, 2000, card(0, used_mb=0)).memory_fraction


@row("gpu.strategy", ("balanced", "pack"), ("cuda:1", "cuda:0"))
def _(settings: Settings, folder: Path) -> Any:
    from support.gpus import card

    return placed(settings, folder, 2000, card(0, used_mb=4000), card(1)).shown


@row("gpu.workers", (1, 3), (1, 2))
def _(settings: Settings, folder: Path) -> Any:
    """Two lines at once on one GPU."""
    from concurrent.futures import ThreadPoolExecutor

    from support.gpus import FAKES_GPU, Machine, card

    from demod_voice.config.settings import EngineSettings
    from demod_voice.engines.pool import Pool
    from demod_voice.engines.types import SpeechRequest

    named = {"fakegpu": EngineSettings(sys.executable)}
    known = replace(settings, engines=replace(settings.engines, search_path=(str(FAKES_GPU),), named=named))
    with pytest.MonkeyPatch.context() as patch:
        machine = Machine(folder, patch)
        machine.has(card(0))
        patch.setenv("XDG_STATE_HOME", str(folder))
        with Pool(known, jobs=2) as pool, ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda _: pool.speak("fakegpu", SpeechRequest("[[slow 0.3]]")), range(2)))
        return len(machine.loads())


@row("gpu.cpu_fallback", (True, False), ("cpu", "UsageError"))
def _(settings: Settings, folder: Path) -> Any:
    try:
        return placed(settings, folder, 2000).shown
    except DemodError as error:
        return type(error).__name__


@row("batch.ray.cpus", (1.0, 0.5), ({"CPU": 1.0}, {"CPU": 0.5}))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.batch.cluster.nodes import CPU, Cluster, RayOptions

    return Cluster(settings, RayOptions()).share(CPU)


@row("batch.ray.gpus", (1.0, 0.25), ({"GPU": 1.0}, {"GPU": 0.25}))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.batch.cluster.nodes import GPU, Cluster, RayOptions

    return Cluster(settings, RayOptions()).share(GPU)


@row("batch.ray.wait_s", (5.0, 60.0), (["", "over", "over"], ["", "waits", "over"]))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.batch.cluster.crew import Patience

    patience = Patience(settings)
    return [patience.look(True, False, now) for now in (100.0, 115.0, 165.0)]


@row("attempts", (1, 3), (0, 2))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.speech.studio import Studio

    notes = Notes()
    with Studio(settings, jobs=1, progress=notes) as studio:
        assert ends_in(lambda: studio.speak(a_job(settings, "[[raise]] word"), folder)) == "EngineFailed"
    return sum("trying again" in note for note in notes.found)


@row("engines.default", ("espeak", "fake"), ("espeak", "fake"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.voices.resolve import resolve

    return resolve(settings).engine.name


@row("engines.search_path", ([], [str(FAKES)]), (False, True))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.engines.locate import find_engines

    return "fake" in find_engines(settings)


@row("engines.shared", ([], ["/shared/engines"]), (False, True))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.engines.environments import find
    from demod_voice.engines.locate import engine
    from demod_voice.engines.stamps import wanted_stamp, write_stamp

    info = engine("piper", settings)
    environment = folder / "engines" / info.name
    (environment / "bin").mkdir(parents=True, exist_ok=True)
    (environment / "bin" / "python").unlink(missing_ok=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    write_stamp(environment, wanted_stamp(info))
    places = tuple(str(folder / Path(each).name) for each in settings.engines.shared)
    return find(info, replace(settings, engines=replace(settings.engines, shared=places))).shared


@row("engines.threads", (1, 3), ("1", "3"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.engines.client import worker_environment

    return worker_environment(settings)["OMP_NUM_THREADS"]


@row("engines.idle_s", (0.0, 300.0), (2, 1))
def _(settings: Settings, folder: Path) -> Any:
    from demod_worker.messages import Voice

    from demod_voice.engines.pool import Pool
    from demod_voice.engines.types import SpeechRequest

    python, count = counting_python(folder)
    with Pool(with_python(settings, python), jobs=1) as pool:
        for _ in range(2):
            pool.speak("fake", SpeechRequest("a", voice=Voice(preset="low")))
            time.sleep(0.05)
    return count()


for _operation in ("start", "load", "speak", "train"):
    _said = tuple(f"engine mute was silent for {seconds} s ({_operation})" for seconds in (0.2, 0.4))

    @row(f"engines.timeouts.{_operation}", (0.2, 0.4), _said)
    def _(settings: Settings, folder: Path, operation: str = _operation) -> Any:
        return silence_of(settings, folder, operation)


@row("engines.<name>.model", ("/one/model", "/another/model"), ("/one/model", "/another/model"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.engines.default_model import find_model
    from demod_voice.engines.locate import engine

    return str(find_model(engine("fake", settings), settings))


@row("engines.<name>.guards", ("retry", "report"), (3, 1))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.speech.guards import tries

    return tries(settings, "fake")


@row("engines.<name>.options", (["tone=sine"], ["tone=square"]), ("sine", "square"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.engines.locate import engine
    from demod_voice.engines.options import options_of

    return options_of(engine("fake", settings), settings)["tone"]


@row("speakers.calibration", ("", "/kept/calibration.json"), ("", "/kept/calibration.json"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.analysis.calibration import calibrated

    try:
        return "" if calibrated("ecapa", "model", "revision", settings) is None else "found"
    except DemodError as error:
        return error.message.split()[2]


@row("models.search_path", ([], ["/shared/models"]), (0, 1))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.engines.default_model import model_roots

    return model_roots(settings).count(Path("/shared/models"))


@row("models.hub_url", ("", "https://hub.example.org/"), ("https://huggingface.co", "https://hub.example.org"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.models.hub import hub_url

    return hub_url(settings)


@row("models.timeout_s", (0.1, 0.4), (0.1, 0.4))
def _(settings: Settings, folder: Path) -> Any:
    """A hub that takes the connection and says nothing; in tenths of a second."""
    import socket

    from demod_voice.models.hub import Hub, HubTrouble

    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub = Hub(f"http://127.0.0.1:{silent.getsockname()[1]}", "", settings.models.timeout_s)
        began = time.monotonic()
        with pytest.raises(HubTrouble):
            hub.commit("a/b", "main")
        waited = time.monotonic() - began
    return 0.4 if waited >= 0.4 else 0.1 if waited >= 0.1 else 0.0


@row("engines.<name>.python", ("/bin/sh", sys.executable), ("/bin/sh", sys.executable))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.engines.environments import python_for
    from demod_voice.engines.locate import engine

    return str(python_for(engine("fake", settings), settings))


@row("cache.enabled", (True, False), (1, 0))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.speech.cache import SpeechCache
    from demod_voice.speech.studio import Studio

    with Studio(settings, jobs=1) as studio:
        studio.speak(a_job(settings, "word"), folder)
    return SpeechCache(settings).info().takes


@row("cache.max_size", ("1KB", "1MB"), (0, 1))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.speech.cache import SpeechCache
    from demod_voice.speech.studio import Studio

    with Studio(settings, jobs=1) as studio:
        studio.speak(a_job(settings, "word"), folder)
    return SpeechCache(settings).info().takes


@row("paths.allowed_roots", (["/nowhere"], []), ("UsageError", "ok"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.api.episodes import new_episode

    return ends_in(lambda: new_episode(folder / "x.md", settings=settings))


@row("paths.voices", ("/a", "/b"), (Path("/a"), Path("/b")))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.voices.store import VoiceStore

    return VoiceStore(settings).root


@row("episode.sample_rate", (24000, 48000), (24000, 48000))
def _(settings: Settings, folder: Path) -> Any:
    return starts(settings)[1]


@row("episode.formats", ([], ["wav", "opus"]), (["mp3"], ["mp3", "wav", "opus"]))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.episode.outputs import outputs_for

    return list(outputs_for(folder / "x.mp3", (), settings).audio)


@row("episode.context_turns", (0, 3), ((0, 0), (3, 3)))
def context_turns(settings: Settings, _: Path) -> Any:
    plan = a_plan(settings)
    return plan.turns, plan.lines[0].job.turns


@row("episode.lexicons", ([], ["words.yaml"]), ("A GIF.", "A jif."))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.episode.lexicons import read_lexicons
    from demod_voice.formats.script import Script

    (folder / "words.yaml").write_text("words: {GIF: jif}\n")
    paths = tuple(str(folder / each) for each in settings.episode.lexicons)
    script = Script("T", "", {}, (), "t.md")
    lexicon = read_lexicons(script, replace(settings, episode=replace(settings.episode, lexicons=paths)), [])
    text, spans, _ = lexicon.pronounced("A GIF.", (), "Ada", "en")
    return "".join(span.alias or span.text for span in spans) or text


@row("episode.report", (True, False), (True, False))
def _(settings: Settings, folder: Path) -> Any:
    rendered(settings, folder)
    return bool(list(folder.glob("*.report.html")))


@row("episode.fade_ms", (0.0, 200.0))
def _(settings: Settings, folder: Path) -> Any:
    rendered(settings, folder)
    sound = np.abs(master_of(folder))
    return float(sound[: 24000 // 20].max() / sound.max()) > 0.5


@row("episode.crossfade_ms", (0.0, 100.0), (24000, 24000 - 2400))
def _(settings: Settings, folder: Path) -> Any:
    pauses = replace(settings.episode.pauses, line_ms=0)
    return starts(replace(settings, episode=replace(settings.episode, pauses=pauses)), "line")[0][1]


for _joint in ("line", "speaker", "paragraph", "chapter"):

    @row(f"episode.pauses.{_joint}_ms", (100, 900), (100.0, 900.0))
    def _(settings: Settings, folder: Path, joint: str = _joint) -> Any:
        return pause_ms(settings, joint)


@row("episode.pauses.jitter", (0.0, 0.5), (1, 20))
def _(settings: Settings, folder: Path) -> Any:
    found = starts(settings, *["line"] * 20)[0]
    return len({after - before for before, after in pairwise(found)})


_GATES = {
    "rms_floor_dbfs": ("rms", {"rms_dbfs": -30.0}, (-40.0, -20.0)),
    "snr_min_db": ("snr", {"snr_db": 10.0}, (5.0, 20.0)),
    "clipping_ratio_max": ("clipping", {"clipping_ratio": 0.01}, (0.1, 0.001)),
    "hum_max_db": ("hum", {"hum_db": 20.0}, (30.0, 10.0)),
    "plosive_ratio_max": ("plosives", {"plosive_ratio": 0.1}, (0.2, 0.05)),
    "bandwidth_min_hz": ("bandwidth", {"bandwidth_hz": 4000.0}, (3000.0, 5000.0)),
    "silence_ratio_max": ("silence", {"silence_ratio": 0.5}, (0.6, 0.4)),
    "dc_offset_max": ("dc", {"dc_offset": -0.02}, (0.03, 0.01)),
    "reverb_max_s": ("reverb", {"reverb_s": 1.0}, (1.2, 0.5)),
    "chars_per_s_min": ("text", {"chars_per_s": 6.0}, (4.0, 8.0)),
    "chars_per_s_max": ("text", {"chars_per_s": 20.0}, (30.0, 15.0)),
    "unheard_ratio_max": ("alignment", {"unheard_ratio": 0.3}, (0.5, 0.1)),
    "speaker_score_min": ("speaker", {}, (0.2, 0.6)),
}
"""Key of dataset.gates -> its gate, what a segment measures (and 0.4 for its speaker), a value that lets it pass, one
that does not."""

for _key, (_gate, _qc, _limits) in _GATES.items():

    @row(f"dataset.gates.{_key}", _limits, ((), (_gate,)))
    def _(settings: Settings, folder: Path, qc: dict[str, float] = _qc) -> Any:
        from demod_voice.dataset.judging.judge import reasons

        return reasons({"chars_per_s": 10.0, **qc}, settings.dataset.gates, has_text=True, speaker_score=0.4)


@row("dataset.gates.clipping_level", (0.6, 0.999), (100, 0))
def _(settings: Settings, folder: Path) -> Any:
    """A hundred single samples of 0.8; without vad, whose place the energy takes."""
    from demod_voice.config.settings import EngineSettings
    from demod_voice.dataset.hearing import Workshop, hear
    from demod_voice.engines.pool import Pool
    from demod_voice.media.wav import WavWriter
    from demod_voice.records.progress import SILENT
    from demod_voice.records.steps import RunFolder

    wave = np.zeros((1, 48000), np.float32)
    wave[0, 1000:2000:10] = 0.8
    settings = replace(settings, engines=replace(settings.engines, named={"vad": EngineSettings("/bin/false")}))
    with WavWriter(folder / "x.wav", 24000, 1) as writer:
        writer.write(wave)
    with Pool(settings) as pool:
        heard = hear(folder / "x.wav", "0" * 64, "mix", RunFolder(folder / "run"), Workshop(settings, pool, SILENT, 1))
    return int(heard.clipped.sum())


@row("loudness.stereo_lufs", (-16.0, -20.0), (-16.0, -20.0))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.episode.targets import target_of
    from demod_voice.formats.mix_spec import MixSpec

    return target_of(MixSpec(channels=2), settings).lufs


@row("loudness.mono_lufs", (-19.0, -30.0), (-19.0, -30.0))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.mix.loudness import measure

    rendered(settings, folder)
    return round(measure(folder / "show.demod" / "master.wav").lufs, 0)


@row("loudness.true_peak_dbtp", (-1.0, -18.0), (False, True))
def _(settings: Settings, folder: Path) -> Any:
    rendered(settings, folder)
    return 20 * math.log10(float(np.abs(master_of(folder)).max())) <= -18.0


@row("loudness.tolerance_lu", (0.05, 3.0))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.media.tags import Tags
    from demod_voice.mix.loudness import measure
    from demod_voice.publish.export import Master, export

    wav = noise_wav(folder)
    found = measure(wav)
    master = Master(wav, found.lufs, found.true_peak_dbtp, found.lufs - 0.5, "")
    return export(master, folder / "x.mp3", "mp3", settings, Tags(), ()).corrected_db != 0.0


@row("encode.mp3_kbps", (64, 128), (64, 128))
def _(settings: Settings, folder: Path) -> Any:
    return kbps(settings, folder, "mp3")


@row("encode.mp3_mode", ("cbr", "vbr"), (128, False))
def _(settings: Settings, folder: Path) -> Any:
    found = kbps(settings, folder, "mp3")
    return found if settings.encode.mp3_mode == "cbr" else found == 128


@row("encode.mp3_vbr_quality", (9, 0), (False, True))
def _(settings: Settings, folder: Path) -> Any:
    return kbps(replace(settings, encode=replace(settings.encode, mp3_mode="vbr")), folder, "mp3") > 64


@row("encode.fast", (True, False))
def _(settings: Settings, folder: Path) -> Any:
    return encoded_bytes(settings, folder, "mp3"), encoded_bytes(settings, folder, "opus")


@row("encode.mp3_quality", (0, 9))
def _(settings: Settings, folder: Path) -> Any:
    return encoded_bytes(settings, folder, "mp3")


@row("encode.aac_kbps", (64, 128))
def _(settings: Settings, folder: Path) -> Any:
    return kbps(settings, folder, "m4a") > 96


@row("encode.opus_kbps", (32, 96))
def _(settings: Settings, folder: Path) -> Any:
    return kbps(settings, folder, "opus") > 64


@row("publish.licence_policy", ("refuse", "allow"), ("UsageError", "ok"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.publish.licences import VoiceLicence, check_policy

    return ends_in(lambda: check_policy([VoiceLicence("Ada", "xtts", "CPML")], settings.publish.licence_policy))


@row("publish.base_url", ("https://a.example", ""), ("https://a.example/show.wav", "show.wav"))
def _(settings: Settings, folder: Path) -> Any:
    from xml.etree import ElementTree

    rendered(settings, folder)
    return ElementTree.parse(folder / "show.item.xml").find("enclosure").attrib["url"]


@row("limits.media_seconds", (1.0, 1.5), ("was not decoded within 1 s", "was not decoded within 1.5 s"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.media.foreign import decode

    long = folder / "long.wav"
    _write_long_wav(long, hours=30)
    with pytest.raises(MediaError) as caught:
        decode(long, folder / "out.wav", 8000, settings.limits)
    return caught.value.message.removeprefix(f"{long} ")


@row("limits.media_memory", ("200MB", "1GB"), (200 << 20, 1 << 30))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.media.foreign import BASE_MEMORY, decode

    long = folder / "long.wav"
    _write_long_wav(long, hours=30)
    few = replace(settings.limits, media_seconds=2.0)
    work = threading.Thread(target=lambda: ends_in(lambda: decode(long, folder / "out.wav", 8000, few)))
    work.start()
    try:
        return _address_space_of_a_child() - BASE_MEMORY
    finally:
        work.join()


def _address_space_of_a_child() -> int:
    """Bytes that the limited child of this process may map, as the kernel says, once it has set its limit."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                limits = (process / "limits").read_text()
            except (OSError, ValueError):
                continue
            found = re.search(r"Max address space +(\d+)", limits)
            if parent == os.getpid() and found:
                return int(found[1])
        time.sleep(0.01)
    raise AssertionError("no limited child was seen")


@row("limits.script_size", ("1KB", "1MB"), ("UsageError", "ok"))
def _(settings: Settings, folder: Path) -> Any:
    return _reading(settings, folder, SCRIPT + "\nAda: word.\n" * 200)


@row("limits.line_chars", (100, 1000), ("FaultsError", "ok"))
def _(settings: Settings, folder: Path) -> Any:
    return _reading(settings, folder, SCRIPT + f"\nAda: {'word ' * 40}\n")


def _reading(settings: Settings, folder: Path, text: str) -> str:
    from demod_voice.formats.script_file import read_script

    path = folder / "show.md"
    path.write_text(text)
    return ends_in(lambda: read_script(path, settings.limits))


def _write_long_wav(path: Path, hours: float) -> None:
    """A WAV of silence that takes no room on the disk: a hole after its header."""
    import struct

    size = round(hours * 3600 * 8000) * 2
    with path.open("wb") as file:
        file.write(
            b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        )
        file.write(b"data" + struct.pack("<I", size))
        file.truncate(44 + size)


# ---- dataset


def heard_of(settings: Settings, folder: Path) -> Any:
    """A second of tone, decoded and cleaned; without vad, whose place the energy takes."""
    from demod_voice.config.settings import EngineSettings
    from demod_voice.dataset.hearing import Workshop, hear
    from demod_voice.engines.pool import Pool
    from demod_voice.media.wav import WavWriter
    from demod_voice.records.progress import SILENT
    from demod_voice.records.steps import RunFolder

    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000) * (1 + np.arange(48000) % 4800 / 1200)
    settings = replace(settings, engines=replace(settings.engines, named={"vad": EngineSettings("/bin/false")}))
    with WavWriter(folder / "x.wav", 48000, 1) as writer:
        writer.write(tone.astype(np.float32).reshape(1, -1))
    with Pool(settings) as pool:
        return hear(folder / "x.wav", "0" * 64, "mix", RunFolder(folder / "run"), Workshop(settings, pool, SILENT, 1))


@row("dataset.sample_rate", (16000, 24000), (16000, 24000))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.media.wav import wav_info

    return wav_info(heard_of(settings, folder).clean).sample_rate


@row("dataset.encoding", ("pcm_s24le", "pcm_f32le"), ("pcm_s24le", "pcm_f32le"))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.media.wav import wav_info

    return wav_info(heard_of(settings, folder).clean).encoding


@row("dataset.lufs", (-19.0, -30.0), (-19, -30))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.mix.loudness import measure

    return round(measure(heard_of(settings, folder).clean).lufs)


@row("dataset.true_peak_dbtp", (-6.0, -1.0), (True, False))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.mix.loudness import measure

    loud = replace(settings, dataset=replace(settings.dataset, lufs=-8.0))
    return measure(heard_of(loud, folder).clean).true_peak_dbtp < -5.0


@row("dataset.channels", ("left", "split"), (["left"], ["left", "right"]))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.dataset.assemble import Asked
    from demod_voice.dataset.sources import find_recordings
    from demod_voice.dataset.tasks import Material, tasks_of
    from demod_voice.media.wav import WavWriter

    with WavWriter(folder / "x.wav", 48000, 2) as writer:
        writer.write(np.zeros((2, 4800), np.float32))
    tasks, _ = tasks_of(find_recordings([folder / "x.wav"]).sources, Material(), Asked(text=False), settings)
    return [task.channel for task in tasks]


def dataset_rows(count: int) -> list[Any]:
    """Segments of one recording, ten seconds apart, fit to be anchors."""
    from demod_voice.formats.dataset_manifest import Segment

    qc = {"snr_db": 40.0, "rms_dbfs": -20.0, "chars_per_s": 14.0, "hum_db": 0.0, "clipping_ratio": 0.0}
    return [
        Segment(f"x_{n}", "x", n * 10.0, n * 10.0 + 8.0, 8.0, "Some words.", "a", "train", f"{n:064d}", qc=qc)
        for n in range(count)
    ]


@row("dataset.anchors", (2, 5), (2, 5))
def _(settings: Settings, folder: Path) -> Any:
    from demod_voice.dataset.assemble import anchors_of

    return len(anchors_of(dataset_rows(40), settings.dataset.anchors))


def divided_of(settings: Settings, recordings: int) -> Any:
    from demod_voice.dataset.splits import divide
    from demod_voice.formats.dataset_manifest import Recording

    names = [str(number) for number in range(recordings)]
    made = [Recording(f"x{n}" if recordings > 1 else "x", f"{n}.mp3", n.zfill(64), 9.0, 8000, 1, "mp3") for n in names]
    rows = dataset_rows(200) if recordings == 1 else []
    return divide(made, rows, settings.dataset.splits, settings.seed)


for _split in ("val", "test"):

    @row(f"dataset.splits.{_split}", (0.0, 0.4), (False, True))
    def _(settings: Settings, folder: Path, split: str = _split) -> Any:
        return sum(each.split == split for each in divided_of(settings, 200).recordings) > 40


@row("dataset.splits.gap_s", (0.0, 60.0), (0, 12))
def _(settings: Settings, folder: Path) -> Any:
    return len(divided_of(settings, 1).dropped)


# ---- dataset.segments


def cuts_of(settings: Settings, *speech: tuple[float, float], chance: float = 0.95) -> list[tuple[float, float]]:
    """Start and end of each segment of a recording of 40 s with speech at these times."""
    from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
    from demod_voice.dataset.cutting.cut import Sound, cut

    levels, chances = np.full(4000, -70.0, np.float32), np.zeros(1250, np.float32)
    for start, end in speech:
        levels[round(start * 100) : round(end * 100)] = -20.0
        chances[round(start / FRAME_S) : round(end / FRAME_S)] = chance
    result = cut(Sound(SpeechTrack(chances, "test"), levels, 40.0), settings.dataset.segments)
    return [(each.start_s, each.end_s) for each in result.cuts]


@row("dataset.segments.min_s", (2.0, 5.0), ([(0.85, 4.15)], []))
def _(settings: Settings, folder: Path) -> Any:
    return cuts_of(settings, (1.0, 4.0))


@row("dataset.segments.max_s", (6.0, 20.0), (2, 1))
def _(settings: Settings, folder: Path) -> Any:
    return len(cuts_of(settings, (1.0, 6.0), (6.8, 11.8)))


@row("dataset.segments.margin_ms", (0.0, 300.0), ([(1.0, 7.0)], [(0.7, 7.3)]))
def _(settings: Settings, folder: Path) -> Any:
    return cuts_of(settings, (1.0, 7.0))


@row("dataset.segments.join_s", (0.5, 2.0), (0, 1))
def _(settings: Settings, folder: Path) -> Any:
    return len(cuts_of(settings, (1.0, 4.0), (5.0, 8.0)))


@row("dataset.segments.speech_threshold", (0.3, 0.6), (1, 0))
def _(settings: Settings, folder: Path) -> Any:
    return len(cuts_of(settings, (1.0, 7.0), chance=0.5))


# ---- dataset.clean


def cleaning_of(settings: Settings, folder: Path) -> Any:
    """The report on a recording of 32 s with rumble, hum, clicks and noise, and a track that knows its speech."""
    from support.cleaned import track_of
    from support.signals import noise, sine, speechlike, wav

    from demod_voice.dataset.cleaning.chain import clean_recording

    voice = speechlike(1, 32.0, 24000)
    mixed = voice + sine(15.0, 32.0, -30.0, 24000) + sine(50.0, 32.0, -40.0, 24000) + noise(1, 32.0, -60.0, 24000)
    mixed[0, 36000::48000] += 0.7
    source = wav(folder / "source.wav", mixed, 24000)
    track = track_of(voice)
    return clean_recording(source, folder / "clean.wav", track, settings.dataset, scratch=folder, jobs=1)


@row("dataset.clean.hum", (True, False), (True, False))
def _(settings: Settings, folder: Path) -> Any:
    return cleaning_of(settings, folder).step("hum").applied


@row("dataset.clean.high_pass_hz", (0.0, 80.0), (True, False))
def _(settings: Settings, folder: Path) -> Any:
    """Whether the rumble is still the loudest thing in the pauses."""
    bare = replace(settings, dataset=replace(settings.dataset, clean=replace(settings.dataset.clean, denoise_db=0.0)))
    return bool(cleaning_of(bare, folder).step("denoise").after["noise_floor_dbfs"] > -40.0)


@row("dataset.clean.declick", (True, False), (True, False))
def _(settings: Settings, folder: Path) -> Any:
    return cleaning_of(settings, folder).step("declick").applied


@row("dataset.clean.denoise_db", (0.0, 12.0), (0, 12))
def _(settings: Settings, folder: Path) -> Any:
    """By how many decibels the pauses are lower than with hum and high-pass alone."""
    bare = replace(settings, dataset=replace(settings.dataset, clean=replace(settings.dataset.clean, denoise_db=0.0)))
    floors = [cleaning_of(each, folder).step("denoise").after["noise_floor_dbfs"] for each in (bare, settings)]
    return round(floors[0] - floors[1])
