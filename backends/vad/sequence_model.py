"""Silero's sequence model in two halves: its convolutions as matrix products here, its memory in onnxruntime.

onnxruntime's convolutions take four fifths of the model's time on such small frames; the same numbers as a few large matrix
products take a third of that. So the graph is cut before its LSTM: the convolutions' weights are read from the file, and
what comes after is run as it stands. A model of another shape is not cut, but run whole.

Source: the graph of silero_vad_16k_sequence.onnx; the fields of ONNX's protocol buffers (onnx.proto).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

CUT = "/Transpose_output_0"
"""What the LSTM is given: shape (frames, 1, 128)."""
WIDTH = 128
SHAPES = {
    "stft.forward_basis_buffer": (258, 1, 256),
    "encoder.0.weight": (128, 129, 3),
    "encoder.1.weight": (64, 128, 3),
    "encoder.2.weight": (64, 64, 3),
    "encoder.3.weight": (128, 64, 3),
}
"""The convolutions' weights: over a frame's spectrum in four steps, strides 1, 2, 2, 1, one step of padding."""
GRAPH, NODE, INITIALIZER, INPUT = 7, 1, 5, 11
"""Fields of the model and of its graph."""


class SequenceModel:
    """The model, frame by frame; ``state`` is its memory.

    Args:
        data: the file.
        threads: of onnxruntime.
    """

    def __init__(self, data: bytes, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.revision = hashlib.sha256(data).hexdigest()[:16]
        weights = _weights(data)
        known = {name: each.shape for name, each in weights.items() if name in SHAPES} == SHAPES
        self._encoder = _encoder(weights) if known and CUT.encode() in data else None
        graph = _after_the_cut(data) if self._encoder else data
        self._session: Any = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(self, frames: Floats, state: tuple[Floats, Floats]) -> tuple[Floats, tuple[Floats, Floats]]:
        """Probabilities of frames of shape (n, 576), and the memory after them."""
        name, given = (CUT, self._encoder(frames)[:, None]) if self._encoder else ("input", frames)
        found, hidden, cell = self._session.run(
            ["speech_probs", "hn", "cn"], {name: given, "h": state[0], "c": state[1]}
        )
        return found.reshape(-1), (hidden, cell)


def _encoder(weights: dict[str, Floats]) -> Callable[[Floats], Floats]:
    """The convolutions: (n, 576) samples to (n, 128) numbers a frame."""
    import numpy as np

    basis = weights["stft.forward_basis_buffer"][:, 0].T.copy()
    first, second, third, fourth = (
        np.ascontiguousarray(weights[f"encoder.{n}.weight"].transpose(2, 1, 0)) for n in range(4)
    )
    biases = [weights[f"encoder.{n}.bias"] for n in range(4)]

    def relu(values: Floats, bias: Floats) -> Floats:
        values += bias
        return np.maximum(values, 0, out=values)

    def encode(frames: Floats) -> Floats:
        count = len(frames)
        wave = np.concatenate([frames, frames[:, -2:-66:-1]], axis=1)
        spectrum = _windows(wave, 4, 256, 128) @ basis
        real, imaginary = spectrum[:, :129], spectrum[:, 129:]
        steps = np.zeros((count, 6, 129), np.float32)
        steps[:, 1:5] = np.sqrt(real * real + imaginary * imaginary).reshape(count, 4, 129)
        values = np.zeros((count, 5, 128), np.float32)
        values[:, 1:] = relu(_windows(steps, 4, 387, 129) @ first.reshape(387, 128), biases[0]).reshape(count, 4, 128)
        half = relu(_windows(values, 2, 384, 256) @ second.reshape(384, 64), biases[1]).reshape(count, 128)
        # Of the last two, a part of each window is padding: those weights meet zeros.
        quarter = relu(half @ third[1:].reshape(128, 64), biases[2])
        return relu(quarter @ fourth[1], biases[3])

    return encode


def _windows(values: Floats, number: int, length: int, step: int) -> Floats:
    """``number`` windows of ``length`` numbers, ``step`` apart, of each row: shape (rows * number, length)."""
    import numpy as np

    rows = values.reshape(len(values), -1)
    found = np.lib.stride_tricks.sliding_window_view(rows, length, axis=1)[:, ::step][:, :number]
    return found.reshape(-1, length)


def _weights(data: bytes) -> dict[str, Floats]:
    """The float tensors of a model, by name."""
    import numpy as np

    found = {}
    for field, value in _fields(_graph(data)):
        if field == INITIALIZER:
            parts = list(_fields(value))
            shape = [number for each, number in parts if each == 1]
            (name,) = [bytes(each).decode() for place, each in parts if place == 8]
            raw = [each for place, each in parts if place == 9]
            if raw and (2, 1) in parts:
                found[name] = np.frombuffer(raw[0], "<f4").astype(np.float32).reshape(shape)
    return found


def _after_the_cut(data: bytes) -> bytes:
    """The model from its LSTM on, with what that is given as its input."""
    graph, cut = b"", False
    for field, value in _fields(_graph(data)):
        names = [bytes(each) for place, each in _fields(value) if place in (1, 2)] if field in (NODE, INPUT) else []
        if field == NODE and not cut:
            cut = CUT.encode() in names
            continue
        graph += _field(field, _input() if field == INPUT and names[0] == b"input" else value)
    rest = b"".join(_field(field, value) for field, value in _fields(memoryview(data)) if field != GRAPH)
    return rest + _field(GRAPH, graph)


def _input() -> bytes:
    """The declaration of the new input."""
    sizes = [_field(2, b"frames"), _field(1, 1), _field(1, WIDTH)]
    kind = _field(1, 1) + _field(2, b"".join(_field(1, size) for size in sizes))
    return _field(1, CUT.encode()) + _field(2, _field(1, kind))


def _graph(data: bytes) -> memoryview:
    return next(value for field, value in _fields(memoryview(data)) if field == GRAPH)


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
    """(field, value) of a message: a number, or the bytes of whatever is in it."""
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        if key & 7 == 0:
            value, at = _number(data, at)
            yield key >> 3, value
        elif key & 7 == 2:
            length, at = _number(data, at)
            yield key >> 3, data[at : at + length]
            at += length
        else:
            size = {1: 8, 5: 4}[key & 7]
            yield key >> 3, struct.unpack("<Q" if size == 8 else "<I", data[at : at + size])[0]
            at += size


def _number(data: Any, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return _coded(number << 3) + _coded(value)
    return _coded(number << 3 | 2) + _coded(len(value)) + bytes(value)


def _coded(value: int) -> bytes:
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])
