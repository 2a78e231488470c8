"""Build a tiny Piper voice: run by the piper environment's interpreter, which has ``onnx``.

    python tiny_voice.py OUT.onnx '{"speakers": 3}'

A VITS-shaped graph without a network: each phoneme id has a length in frames and one frame of sound, a sine of its own.
Options: speakers (1), random (RandomNormalLike; or RandomUniformLike), alignment (true), language (en-us).
"""

import json
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

HOP = 256
RATE = 22050
SYMBOLS = 256


def build(path, speakers=1, random="RandomNormalLike", alignment=True, language="en-us", phoneme_type="espeak"):
    rng = np.random.RandomState(0)
    lengths = rng.uniform(2, 9, size=SYMBOLS).astype(np.float32)
    cycles = np.round(rng.uniform(120, 400, size=(SYMBOLS, 1)) * HOP / RATE)
    frames = np.sin(2 * np.pi * cycles * np.arange(HOP)[None] / HOP) * rng.uniform(0.1, 0.6, (SYMBOLS, 1))
    graph = helper.make_graph(
        nodes(speakers, random, alignment),
        "tiny",
        inputs(speakers),
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch_size", 1, 1, "time"])],
        [numpy_helper.from_array(value, name) for name, value in constants(lengths, frames, speakers).items()],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), path)
    with open(path + ".json", "w") as file:
        json.dump(settings(speakers, language, phoneme_type), file)


def constants(lengths, frames, speakers):
    whole = {"axis0": [0], "axis1": [1], "first": [0], "second": [1], "third": [2], "shape": [1, 1, 1, -1]}
    found = {name: np.array(value, np.int64) for name, value in whole.items()}
    found |= {"zero": np.array(0, np.int64), "one": np.array(1, np.int64), "speakers": np.array(speakers, np.float32)}
    return found | {"lengths": lengths, "frames": frames.astype(np.float32)}


def inputs(speakers):
    shapes = {"input": ["batch_size", "phonemes"], "input_lengths": ["batch_size"]}
    if speakers > 1:
        shapes["sid"] = ["batch_size"]
    found = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name, shape in shapes.items()]
    return [*found, helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3])]


def nodes(speakers, random, alignment):
    n = helper.make_node
    rounding = n("Ceil", ["scaled"], ["rounded"]) if alignment else n("Floor", ["scaled"], ["rounded"])
    found = [
        n("Gather", ["scales", "first"], ["noise_scale"]),
        n("Gather", ["scales", "second"], ["length_scale"]),
        n("Gather", ["scales", "third"], ["noise_w"]),
        n("Squeeze", ["input", "axis0"], ["ids"]),
        n("Gather", ["lengths", "ids"], ["own"]),
        n(random, ["own"], ["wide"], dtype=TensorProto.FLOAT),
        n("Mul", ["wide", "noise_w"], ["weighted"]),
        n("Add", ["own", "weighted"], ["varied"]),
        n("Abs", ["varied"], ["positive"]),
        n("Mul", ["positive", "length_scale"], ["scaled"]),
        rounding,
        n("Cast", ["rounded"], ["counts"], to=TensorProto.INT64),
        n("CumSum", ["counts", "zero"], ["ends"]),
        n("ReduceSum", ["counts", "axis0"], ["total"], keepdims=0),
        n("Range", ["zero", "total", "one"], ["times"]),
        n("Unsqueeze", ["times", "axis1"], ["rows"]),
        n("Unsqueeze", ["ends", "axis0"], ["columns"]),
        n("GreaterOrEqual", ["rows", "columns"], ["past"]),
        n("Cast", ["past"], ["ones"], to=TensorProto.INT64),
        n("ReduceSum", ["ones", "axis1"], ["places"], keepdims=0),
        n("Gather", ["ids", "places"], ["sounding"]),
        n("Gather", ["frames", "sounding"], ["clean"]),
        n(random, ["clean"], ["hiss"], dtype=TensorProto.FLOAT),
        n("Mul", ["hiss", "noise_scale"], ["loud_hiss"]),
        n("Constant", [], ["hundredth"], value_float=0.01),
        n("Mul", ["loud_hiss", "hundredth"], ["soft_hiss"]),
        n("Add", ["clean", "soft_hiss"], ["mixed"]),
    ]
    return [*found, *voiced(n, speakers)]


def voiced(n, speakers):
    """Speaker s is heard as another waveform: x + s x^2."""
    if speakers == 1:
        return [n("Reshape", ["mixed", "shape"], ["output"])]
    return [
        n("Cast", ["sid"], ["speaker"], to=TensorProto.FLOAT),
        n("Mul", ["mixed", "mixed"], ["squared"]),
        n("Mul", ["squared", "speaker"], ["bent"]),
        n("Add", ["mixed", "bent"], ["voice"]),
        n("Reshape", ["voice", "shape"], ["output"]),
    ]


def settings(speakers, language, phoneme_type):
    return {
        "audio": {"sample_rate": RATE, "quality": "x_low"},
        "espeak": {"voice": language},
        "phoneme_type": phoneme_type,
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "num_symbols": SYMBOLS,
        "num_speakers": speakers,
        "speaker_id_map": {} if speakers == 1 else {"anna": 0, "ben": 1, "carl": 2},
        "piper_version": "1.0.0",
        "hop_length": HOP,
    }


if __name__ == "__main__":
    build(sys.argv[1], **json.loads(sys.argv[2]))
