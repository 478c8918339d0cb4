"""An ONNX graph as plain data: nodes in order, with constants as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass
class Node:
    """An operator, the names of what it reads and of what it makes, and its attributes."""

    op: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Graph:
    """One input, some outputs."""

    input: str
    shape: tuple[int, ...]
    outputs: list[str]
    nodes: list[Node]
    constants: dict[str, Array]

    def readers(self) -> dict[str, list[Node]]:
        """The nodes that read each value, as often as they do."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                found.setdefault(name, []).append(node)
        return found


def read(model: Any) -> Graph:
    """The graph of a ModelProto; the second output of a dropout is left out."""
    from onnx import helper, numpy_helper

    graph = model.graph
    constants = {x.name: numpy_helper.to_array(x) for x in graph.initializer}
    (given,) = (x for x in graph.input if x.name not in constants)
    nodes = []
    for node in graph.node:
        attributes = {x.name: helper.get_attribute_value(x) for x in node.attribute}
        constant = constants.get(node.input[0])
        if constant is not None and node.op_type == "Unsqueeze":
            constants[node.output[0]] = np.expand_dims(constant, tuple(attributes["axes"]))
        elif constant is not None and node.op_type == "Reshape":
            constants[node.output[0]] = constant.reshape(constants[node.input[1]])
        else:
            nodes.append(Node(node.op_type, list(node.input), node.output[0], attributes))
    shape = tuple(x.dim_value for x in given.type.tensor_type.shape.dim)
    return Graph(given.name, shape, [x.name for x in graph.output], nodes, constants)
