"""A Piper graph run by tinygrad's ONNX runner in place of onnxruntime: experimental, exact and slow.

tinygrad writes and compiles a program for every shape that it meets, and a sentence of another length is another shape.
voice_files.py uses this when the engine's option ``runtime`` says so.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from demod_worker.worker import Unsupported

CLANGS = ("clang", *(f"clang-{version}" for version in range(21, 13, -1)))
OTHER_COMPILERS = ("cc", "gcc")
X86 = ("x86_64", "amd64")
NEW_KERNELS_AT = (
    "Conv", "ConvTranspose", "CumSum", "GatherND", "MatMul", "NonZero", "ScatterND", "Softmax",
)  # fmt: skip
"""Operators whose result is computed at once. A whole VITS graph as one expression is too deep for tinygrad's rewriter."""
SIGN_OF_LIFE_S = 5.0
REMEDY = "install clang (Debian: apt install clang), or use runtime=onnxruntime"


@dataclass(frozen=True)
class Name:
    """An input or output of a graph, as onnxruntime tells it."""

    name: str


class TinygradSession:
    """What ``SeededSession`` and Piper use of an onnxruntime session.

    Args:
        model: the graph's bytes.
        threads: of tinygrad's CPU device.

    Raises:
        Unsupported: there is no compiler, or the graph has an operator that tinygrad does not have.
    """

    def __init__(self, model: bytes, threads: int) -> None:
        device = start_tinygrad(threads)
        from tinygrad import Tensor
        from tinygrad.nn.onnx import OnnxRunner

        self.beat: Callable[[], None] = _nothing
        """Called between operators, at most every few seconds; may raise to end a run."""
        self._latest = 0.0
        self._device = device
        self._runner = OnnxRunner(Tensor(model))
        self._refuse_unknown()
        self._runner.onnx_ops = {name: self._watched(name, made) for name, made in _operators().items()}

    def get_inputs(self) -> list[Name]:
        """The graph's inputs."""
        return [Name(each) for each in self._runner.graph_inputs]

    def get_providers(self) -> list[str]:
        """The device that it computes on."""
        return [f"tinygrad {self._device}"]

    def run(self, names: Sequence[str] | None, inputs: dict[str, Any]) -> list[Any]:
        """Run the graph once; ``names`` is None: every output."""
        # The runner keeps shapes of the first run by name, as if every run had the same.
        self._runner._python_const_cache.clear()
        self._runner.variable_dims.clear()
        self._latest = time.monotonic()
        outputs = self._runner(inputs)
        return [outputs[name].numpy() for name in names or self._runner.graph_outputs]

    def _refuse_unknown(self) -> None:
        unknown = {node.op for node in self._runner.graph_nodes} - set(self._runner.onnx_ops)
        if unknown:
            raise Unsupported(
                f"tinygrad's ONNX runner has no {', '.join(sorted(unknown))}, which this voice needs",
                "use runtime=onnxruntime",
            )

    def _watched(self, name: str, made: Any) -> Any:
        """An operator (or its versions) that gives a sign of life and, where it must, computes at once."""
        if isinstance(made, dict):
            return {version: self._watched(name, each) for version, each in made.items()}

        def perform(*inputs: Any, **options: Any) -> Any:
            if time.monotonic() - self._latest > SIGN_OF_LIFE_S:
                self.beat()
                self._latest = time.monotonic()
            found = made(*inputs, **options)
            if name in NEW_KERNELS_AT and 0 not in found.shape:
                found.realize()
            return found

        return perform


def start_tinygrad(threads: int) -> str:
    """Set tinygrad up for this process (only the first call does anything) and return its device.

    Raises:
        Unsupported: there is no compiler that it can use.
    """
    clang, other = _first(CLANGS), _first(OTHER_COMPILERS)
    if clang:
        device = "CPU"
    elif other and platform.machine().lower() in X86:
        device = "CPU:X86"
    else:
        raise Unsupported("runtime tinygrad needs a C compiler, and there is none", REMEDY)
    # Read when tinygrad is imported. No pool of compiling processes, and nothing on disk.
    os.environ.update(DEV=device, CC=clang or other, NUM_CPU_THREADS=str(threads), PARALLEL="0", CACHELEVEL="0")
    if device == "CPU:X86":
        _compile_with(other)
    return device


def _first(programs: Sequence[str]) -> str:
    return next((found for each in programs if (found := shutil.which(each))), "")


def _compile_with(compiler: str) -> None:
    """Let another C compiler than clang make the four small programs around tinygrad's own machine code."""
    from tinygrad.runtime.support.compiler_cpu import ClangCompiler

    def compiled(_: Any, source: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "program.o"
            flags = ["-c", "-x", "c", "-O2", "-fPIC", "-ffreestanding", "-fno-math-errno", "-nostdlib", "-w"]
            subprocess.run([compiler, *flags, "-", "-o", str(target)], input=source.encode(), check=True)
            return target.read_bytes()

    ClangCompiler.compile = compiled


def _operators() -> dict[str, Any]:
    """tinygrad's operators, with our own where its are wrong for these graphs."""
    from tinygrad.nn.onnx import onnx_ops

    plain: FunctionType = onnx_ops["ScatterND"]

    def scatter(data: Any, indices: Any, updates: Any, reduction: str = "none") -> Any:
        """As ONNX says; tinygrad's own changes ``data``, which others still read, and takes no empty ``indices``."""
        if 0 in indices.shape:
            return data
        copied = data.clone()
        if reduction != "none":
            return plain(copied, indices, updates, reduction)
        copied[tuple(each.squeeze(-1) for each in indices.split(1, -1))] = updates
        return copied

    return {**onnx_ops, "ScatterND": scatter}


def _nothing() -> None:
    """The beat of a session that nobody watches."""
