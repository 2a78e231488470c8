"""Open a Piper voice: its two files, what is wrong with them, its session and what it is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_worker.messages import LoadRequest
from demod_worker.worker import BadRequest, EngineFault, ModelMissing, Unsupported, WorkerError
from seeded_model import SeededSession, rewrite

SPOKEN_PHONEMES = ("espeak", "text")
"""Phonemizers that this environment has; the others bring large models of their own."""
CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
RUNTIMES = ("onnxruntime", "tinygrad")
"""What runs the graph: the option ``runtime``, the default first."""
GRAPH_INPUTS = {"input", "input_lengths", "scales"}
REVISION_DIGITS = 16
_MIB = 1 << 20
_BLOCK = 1 << 20
_SUGGESTIONS = 5


@dataclass(frozen=True)
class OpenVoice:
    """A voice in memory."""

    path: Path
    voice: Any
    """``piper.PiperVoice``."""
    session: SeededSession
    settings: Mapping[str, Any]
    """The voice's JSON."""
    revision: str
    device: str
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def language(self) -> str:
        """What the voice says of itself (``en_US``), else its phonemizer's voice (``en-us``)."""
        return str(self.settings.get("language", {}).get("code") or self.settings["espeak"]["voice"]).replace("_", "-")

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the speakers, or their numbers; empty for a voice of one."""
        count = int(self.settings["num_speakers"])
        names = sorted(self.settings.get("speaker_id_map") or {}, key=self.settings.get("speaker_id_map", {}).get)
        return tuple(names) if names else tuple(str(each) for each in range(count if count > 1 else 0))

    def speaker_id(self, asked: str | None) -> int | None:
        """Number of a speaker by name or number; None for the voice's own.

        Raises:
            BadRequest: there is no such speaker; the nearest are named.
        """
        if asked is None or asked == "":
            return None
        names: Mapping[str, int] = self.settings.get("speaker_id_map") or {}
        count = max(1, int(self.settings["num_speakers"]))
        if asked in names:
            return int(names[asked])
        if asked.isdecimal() and int(asked) < count:
            return int(asked)
        raise BadRequest(f"voice {self.name} has no speaker {asked!r}", _speakers_hint(asked, list(names), count))


def open_voice(request: LoadRequest) -> OpenVoice:
    """Load a voice from ``request.model``, an absolute path of an ``.onnx`` with its ``.onnx.json`` beside it.

    Raises:
        ModelMissing: one of the two files is not there.
        BadRequest: one of them is not what it should be.
        Unsupported: the voice needs a phonemizer that is not here.
    """
    path = Path(request.model or "")
    settings = _settings(path)
    from piper import PiperVoice
    from piper.config import PiperConfig

    try:
        config = PiperConfig.from_dict(dict(settings))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRequest(
            f"{path.name}.json is not a Piper voice's settings: {type(error).__name__}: {error}"
        ) from error
    if config.phoneme_type.value not in SPOKEN_PHONEMES:
        kind = config.phoneme_type.value
        raise Unsupported(f"voice {path.stem} needs the phonemizer {kind!r}, which is not part of this engine")
    graph, notes, fresh = _graph(path)
    session = _session(path, graph, request, fresh)
    device, device_notes = _device(session, request)
    voice = PiperVoice(session=session, config=config, espeak_data_dir=Path("espeak-ng-data"))
    return OpenVoice(path, voice, session, settings, _revision(path), device, (*notes, *device_notes))


def _settings(path: Path) -> Mapping[str, Any]:
    beside = Path(f"{path}.json")
    for file, what in ((path, "voice model"), (beside, "settings of the voice model")):
        if file.is_dir():
            raise BadRequest(f"{file} is a folder", "name the .onnx file of a Piper voice")
        if not file.is_file():
            raise ModelMissing(
                f"the {what} {file} does not exist", "a Piper voice is two files: NAME.onnx and NAME.onnx.json"
            )
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{beside} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise BadRequest(f"{beside} is not a Piper voice's settings: it holds no object")
    return found


def _graph(path: Path) -> tuple[bytes, list[str], bool]:
    """The model's bytes with its alignment as an output and its noise as an input, where it can be had."""
    import onnx
    from piper.patch_voice_with_alignment import add_alignment_output

    notes = []
    try:
        model = onnx.load(str(path))
    except Exception as error:
        raise BadRequest(f"{path} is not an ONNX model: {_short(error)}") from error
    missing = GRAPH_INPUTS - {each.name for each in model.graph.input}
    if missing:
        raise BadRequest(f"{path} is not a Piper voice: its graph has no input {', '.join(sorted(missing))}")
    try:
        add_alignment_output(model)
    except ValueError as error:
        if "already" not in str(error):
            notes.append(f"voice {path.stem} gives no word times: its graph shows no alignment")
    fresh = not rewrite(model)
    if fresh:
        notes.append(
            f"voice {path.stem} has unusual random nodes: its session is made anew for every line, which is slow"
        )
    return model.SerializeToString(), notes, fresh


def _session(path: Path, graph: bytes, request: LoadRequest, fresh: bool) -> SeededSession:
    runtime = request.options.get("runtime", RUNTIMES[0])
    make = _tinygrad(request) if runtime == "tinygrad" else _onnxruntime(request)
    try:
        return SeededSession(graph, make, fresh)
    except WorkerError:
        raise
    except Exception as error:
        raise EngineFault(f"{runtime} cannot run {path.name}: {_short(error)}") from error


def _tinygrad(request: LoadRequest) -> Callable[[bytes], Any]:
    from tinygrad_session import TinygradSession

    return lambda data: TinygradSession(data, request.threads)


def _onnxruntime(request: LoadRequest) -> Callable[[bytes], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = request.threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    providers: list[Any] = [CPU]
    if request.device.startswith("cuda") and CUDA in onnxruntime.get_available_providers():
        providers.insert(0, (CUDA, cuda_options(request)))
    return lambda data: onnxruntime.InferenceSession(data, sess_options=options, providers=providers)


def cuda_options(request: LoadRequest) -> dict[str, str]:
    """Options of onnxruntime's CUDA provider: the device, and the limit of its memory arena in bytes.

    Source: onnxruntime documentation, "CUDA Execution Provider" (device_id, gpu_mem_limit, arena_extend_strategy): the
    arena grows by what is asked for and not by powers of two, which would pass the limit early.
    """
    options = {"device_id": request.device.partition(":")[2] or "0", "cudnn_conv_algo_search": "HEURISTIC"}
    if request.memory_mb is not None:
        options["gpu_mem_limit"] = str(request.memory_mb * _MIB)
        options["arena_extend_strategy"] = "kSameAsRequested"
    return options


def _device(session: SeededSession, request: LoadRequest) -> tuple[str, list[str]]:
    """Where the voice really computes, and a note when that is not where it was asked to."""
    asked = request.device
    if session.providers[0].startswith("tinygrad"):
        notes = ["runtime tinygrad is experimental: each new length of a sentence is compiled anew, which is slow"]
        return "cpu", notes + [f"{asked} was asked for, but runtime tinygrad is set up for the CPU"] * (asked != "cpu")
    if not asked.startswith("cuda") or session.providers[0] == CUDA:
        return asked, []
    import onnxruntime

    reason = (
        "its CUDA provider does not start"
        if CUDA in onnxruntime.get_available_providers()
        else "it has no CUDA provider"
    )
    hint = "an interpreter with onnxruntime-gpu can be set as engines.piper.python"
    return "cpu", [f"{asked} was asked for, but this onnxruntime runs on the CPU: {reason} ({hint})"]


def _revision(path: Path) -> str:
    """Hash of both files."""
    whole = hashlib.sha256()
    for file in (path, Path(f"{path}.json")):
        one = hashlib.sha256()
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                one.update(block)
        whole.update(one.digest())
    return whole.hexdigest()[:REVISION_DIGITS]


def _speakers_hint(asked: str, names: list[str], count: int) -> str:
    from difflib import get_close_matches

    close = get_close_matches(asked, names, n=_SUGGESTIONS, cutoff=0.4) or sorted(names)[:_SUGGESTIONS]
    numbers = f"0 to {count - 1}" if count > 1 else "0"
    return f"speakers: {numbers}" + (f"; nearest: {', '.join(close)}" if close else "")


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
