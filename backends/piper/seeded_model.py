"""Make a voice's randomness a function of the item's seed.

A Piper graph draws its noise with RandomNormalLike. In onnxruntime such a node owns a generator that is seeded when the
session is made and advances with every run, so what an item sounds like would depend on what was spoken before it.
Here every such node is replaced by a look-up in a block of normal noise that is an input of the graph, drawn anew from
(seed, sentence) for every run. Measured: the same bytes in any order and any worker, 3 ms a sentence.

A graph with random nodes of other kinds is not rewritten; its session is made anew for every item after
``onnxruntime.set_seed``, which gives the same bytes too and costs the load time of the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NOISE_INPUT = "demod_noise"
NOISE_LENGTH = 1 << 18
"""Values in the block. A longer tensor reads it round and round; 16 s of a 192-channel voice until it repeats."""
STRIDE = 100_003
"""Distance in the block between the beginnings of two nodes; a prime, so that they never run in step."""
OLDEST_OPSET = 11
"""First version that has Range."""

_REPLACED = ("RandomNormalLike", "RandomNormal")
_OTHER = ("RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli")


class SeededSession:
    """A session (onnxruntime's, or one like it) with ``run`` as Piper calls it, and a seed.

    Args:
        model: the graph's bytes.
        make: makes a session of bytes.
        fresh: make the session anew for every item.
    """

    def __init__(self, model: bytes, make: Callable[[bytes], Any], fresh: bool) -> None:
        self._model = model
        self._make = make
        self._fresh = fresh
        self._session = make(model)
        self._takes_noise = NOISE_INPUT in {each.name for each in self._session.get_inputs()}
        self._seed = 0
        self._runs = 0

    @property
    def providers(self) -> list[str]:
        """Execution providers that the session really uses, the first one first."""
        found: list[str] = self._session.get_providers()
        return found

    def begin(self, seed: int, beat: Callable[[], None]) -> None:
        """Start an item: what ``run`` gives from here on depends on ``seed`` and the inputs alone.

        A session that can be watched calls ``beat`` in a long run, which may raise to end it.
        """
        self._seed = seed
        if hasattr(self._session, "beat"):
            self._session.beat = beat
        self._runs = 0
        if self._fresh:
            import onnxruntime

            onnxruntime.set_seed(seed)
            self._session = self._make(self._model)

    def run(self, names: Any, inputs: dict[str, Any]) -> list[Any]:
        """Run the graph once: one sentence."""
        if self._takes_noise:
            inputs = {**inputs, NOISE_INPUT: self._noise()}
        self._runs += 1
        outputs: list[Any] = self._session.run(names, inputs)
        return outputs

    def _noise(self) -> Any:
        import numpy as np

        generator = np.random.Generator(np.random.PCG64([self._seed, self._runs]))
        return generator.standard_normal(NOISE_LENGTH, dtype=np.float32)


def rewrite(model: Any) -> bool:
    """Replace the random nodes of an ``onnx.ModelProto`` in place; True when its output is then a function of its inputs.

    False: there are random nodes of a kind that is not known here, and nothing was changed.
    """
    found = {node.op_type for graph in _graphs(model.graph) for node in graph.node}
    if not found.intersection((*_REPLACED, *_OTHER)):
        return True
    version = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)
    if found.intersection(_OTHER) or version < OLDEST_OPSET:
        return False
    from onnx import TensorProto, helper

    model.graph.input.append(helper.make_tensor_value_info(NOISE_INPUT, TensorProto.FLOAT, [NOISE_LENGTH]))
    count = 0
    for graph in list(_graphs(model.graph)):
        nodes = []
        for node in graph.node:
            if node.op_type in _REPLACED:
                nodes += _lookup(node, count)
                count += 1
            else:
                nodes.append(node)
        del graph.node[:]
        graph.node.extend(nodes)
    return True


def _graphs(graph: Any) -> Any:
    """The graph and every graph inside its nodes (branches and loops)."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from _graphs(inner)


def _lookup(node: Any, number: int) -> list[Any]:
    """Nodes that give what ``node`` gives: noise[(0..size + offset) mod length], in its shape, scaled and shifted."""
    from onnx import TensorProto, helper

    options = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    name = f"{NOISE_INPUT}_{number}"

    def constant(suffix: str, value: Any, kind: int = TensorProto.INT64) -> Any:
        dims, values = ([len(value)], value) if isinstance(value, (list, tuple)) else ([], [value])
        tensor = helper.make_tensor(f"{name}_{suffix}", kind, dims, values)
        return helper.make_node("Constant", [], [f"{name}_{suffix}"], value=tensor)

    like = node.op_type == "RandomNormalLike"
    shape = (
        helper.make_node("Shape", list(node.input), [f"{name}_shape"]) if like else constant("shape", options["shape"])
    )
    steps = [
        shape,
        constant("zero", 0),
        constant("one", 1),
        constant("offset", number * STRIDE % NOISE_LENGTH),
        constant("length", NOISE_LENGTH),
        constant("scale", float(options.get("scale", 1.0)), TensorProto.FLOAT),
        constant("mean", float(options.get("mean", 0.0)), TensorProto.FLOAT),
    ]
    chain = [
        ("ReduceProd", ["shape"], "size", {"keepdims": 0}),
        ("Range", ["zero", "size", "one"], "count", {}),
        ("Add", ["count", "offset"], "moved", {}),
        ("Mod", ["moved", "length"], "index", {}),
        ("Gather", ["", "index"], "flat", {}),
        ("Reshape", ["flat", "shape"], "normal", {}),
        ("Mul", ["normal", "scale"], "scaled", {}),
        ("Add", ["scaled", "mean"], "shifted", {}),
    ]
    for kind, inputs, output, attributes in chain:
        names = [f"{name}_{each}" if each else NOISE_INPUT for each in inputs]
        steps.append(helper.make_node(kind, names, [f"{name}_{output}"], **attributes))
    kind = options.get("dtype", TensorProto.FLOAT)
    steps.append(helper.make_node("Cast", [f"{name}_shifted"], list(node.output), to=kind))
    return steps
