"""Steps of a graph, joined where a call of fastconv does several operators at once.

What a user of plans does by hand: a batch norm after a convolution goes into its weights, and a sum
and a ReLU into its last store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .graph import Array, Graph, Node


@dataclass
class Step:
    """One call, or a view: its kind, the values that it reads and the one that it makes."""

    kind: str
    inputs: list[str]
    output: str
    options: dict[str, Any] = field(default_factory=dict)


def steps(graph: Graph) -> list[Step]:
    """What remains to be done, in the order of the nodes."""
    found = [_lowered(node, graph.constants) for node in graph.nodes]
    readers: dict[str, list[Step]] = {name: [] for name in graph.outputs}
    for step in found:
        for name in step.inputs:
            readers.setdefault(name, []).append(step)
    made = {graph.input}
    for step in found:
        while step.inputs and step.output not in graph.outputs:
            first, *others = readers[step.output]
            if others or not _joined(step, first, made):
                break
            step.output = first.output
            first.inputs = []
        made.add(step.output)
    return _with_input([step for step in found if step.inputs], graph.input)


def _with_input(found: list[Step], name: str) -> list[Step]:
    """Convolutions take the network's input as it comes; anything else reads a copy."""
    copy = f"{name}, copied"
    for step in found:
        taken = 1 if step.kind == "conv" else 0
        step.inputs[taken:] = [copy if x == name else x for x in step.inputs[taken:]]
    needed = any(copy in step.inputs for step in found)
    return [Step("input", [name], copy), *found] if needed else found


def _joined(step: Step, follower: Step, made: set[str]) -> bool:
    """Let a step do what its only reader does, if one call can."""
    options = step.options
    if "activation" in options:  # nothing goes behind it
        return False
    match step.kind, follower.kind:
        case "conv" | "affine" | "add", "relu":
            options["activation"] = "relu"
        case "conv" | "affine", "affine" if len(step.inputs) == 1:
            _scale(options, follower.options)
            if "activation" in follower.options:
                options["activation"] = follower.options["activation"]
        case "conv", "add" if len(step.inputs) == 1:
            (residual,) = (name for name in follower.inputs if name != step.output)
            if residual not in made:
                return False
            step.inputs.append(residual)
        case _:
            return False
    return True


def _scale(options: dict[str, Any], after: dict[str, Any]) -> None:
    """Multiply rows of a weight, or factors, and the bias; then add to the bias."""
    factor = after["weight"]
    weight = options["weight"]
    options["weight"] = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
    options["bias"] = options["bias"] * factor + after["bias"]


def _lowered(node: Node, constants: dict[str, Array]) -> Step:
    """The step of one node; ValueError for an operator that is not here."""
    if node.op not in LOWER:
        raise ValueError(f"there is no step for the operator {node.op}")
    step = LOWER[node.op](node, constants)
    step.inputs = [name for name in step.inputs if name not in constants]
    return step


def _conv(node: Node, constants: dict[str, Array]) -> Step:
    a = node.attributes
    weight = constants[node.inputs[1]].astype(np.float64)
    bias = np.zeros(len(weight))
    if len(node.inputs) > 2:
        bias = constants[node.inputs[2]].astype(np.float64)
    more = {"groups": a.get("group", 1), "dilation": tuple(a.get("dilations", (1, 1)))}
    options = {"weight": weight, "bias": bias, "geometry": _window(a) | more}
    return Step("conv", node.inputs, node.output, options)


def _window(a: dict[str, Any]) -> dict[str, Any]:
    if a.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise ValueError(f"there is no step for auto_pad = {a['auto_pad']!r}")
    low, high = np.reshape(a.get("pads", (0, 0, 0, 0)), (2, 2)).tolist()
    return {
        "stride": tuple(a.get("strides", (1, 1))),
        "padding": tuple(zip(low, high, strict=True)),
    }


def _pool(node: Node, constants: dict[str, Array]) -> Step:
    a = node.attributes
    options = _window(a) | {"kernel_size": tuple(a["kernel_shape"])}
    options["ceil_mode"] = bool(a.get("ceil_mode", 0))
    if node.op == "AveragePool":
        options["count_include_pad"] = bool(a.get("count_include_pad", 0))
    kind = "max pool" if node.op == "MaxPool" else "average pool"
    return Step(kind, node.inputs, node.output, options)


def _gemm(node: Node, constants: dict[str, Array]) -> Step:
    """A dense layer is a convolution of an image of one pixel."""
    weight, bias = (constants[name].astype(np.float64) for name in node.inputs[1:])
    if not node.attributes.get("transB", 0):
        weight = weight.T
    options = {"weight": weight[:, :, None, None], "bias": bias, "geometry": {}}
    return Step("conv", node.inputs, node.output, options)


def _batch_norm(node: Node, constants: dict[str, Array]) -> Step:
    scale, shift, mean, variance = (constants[name].astype(np.float64) for name in node.inputs[1:5])
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    options = {"weight": factor, "bias": shift - factor * mean}
    return Step("affine", node.inputs, node.output, options)


def _elementwise(node: Node, constants: dict[str, Array]) -> Step:
    """A sum of two arrays, or one with a constant for each channel as a batch norm has it."""
    constant = [constants[name] for name in node.inputs if name in constants]
    if not constant:
        if node.op == "Mul" or len(node.inputs) != 2:
            raise ValueError(f"there is no step for {node.op} of {len(node.inputs)} arrays")
        return Step("add", node.inputs, node.output)
    values = constant[0].astype(np.float64)
    if values.size != max(values.shape) or values.shape[-2:] != (1, 1):
        raise ValueError(f"there is no step for {node.op} with a constant of {values.shape}")
    values = values.ravel()
    options = {"weight": np.ones_like(values), "bias": values}
    if node.op == "Mul":
        options = {"weight": values, "bias": np.zeros_like(values)}
    return Step("affine", node.inputs, node.output, options)


def _plain(kind: str) -> Callable[[Node, dict[str, Array]], Step]:
    return lambda node, _: Step(kind, node.inputs, node.output, dict(node.attributes))


def _reshape(node: Node, constants: dict[str, Array]) -> Step:
    shape = tuple(constants[node.inputs[1]].tolist())
    return Step("reshape", node.inputs, node.output, {"shape": shape})


LOWER: dict[str, Callable[[Node, dict[str, Array]], Step]] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "BatchNormalization": _batch_norm,
    "Add": _elementwise,
    "Sum": _elementwise,
    "Mul": _elementwise,
    "Relu": _plain("relu"),
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GlobalAveragePool": _plain("global average"),
    "Concat": _plain("concat"),
    "Dropout": _plain("identity"),
    "Reshape": _reshape,
    "Transpose": _plain("transpose"),
    "LRN": _plain("lrn"),
    "Softmax": _plain("softmax"),
}
"""A step for each operator, before any are joined."""
