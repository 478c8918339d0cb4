"""Whole networks: the light topologies that lie in the `onnx` package, with weights drawn.

Those files have no weights, but a node that makes a constant of each shape. A network is measured
as it lies there otherwise: batch norm, dropout and all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path("backend", "test", "data", "light")
"""Where the `onnx` package has them."""
WITHOUT = "the networks lie in the package onnx, which is not installed: pip install onnx"


@dataclass(frozen=True)
class Network:
    """A network by the name of its file, and the images of a call."""

    name: str
    file: str
    n: int = 1
    family: str = "network"

    def model(self) -> Any:
        """The ONNX model for `n` images with weights drawn; ImportError without `onnx`.

        Beside its own output it gives what its softmax reads: a softmax hides errors.
        """
        try:
            import onnx
        except ImportError:
            raise ImportError(WITHOUT) from None
        model = onnx.load(Path(onnx.__file__).parent / FOLDER / self.file)
        draw(model.graph)
        for_batch(model.graph, self.n)
        _show_logits(model.graph)
        return model


NETWORKS = [
    Network("AlexNet", "light_bvlc_alexnet.onnx"),
    Network("DenseNet-121", "light_densenet121.onnx"),
    Network("Inception v1", "light_inception_v1.onnx"),
    Network("Inception v2", "light_inception_v2.onnx"),
    Network("ResNet-50", "light_resnet50.onnx"),
    Network("ShuffleNet", "light_shufflenet.onnx"),
    Network("SqueezeNet", "light_squeezenet.onnx"),
    Network("VGG-19", "light_vgg19.onnx"),
    Network("ZFNet-512", "light_zfnet512.onnx"),
]
BATCHES = {"quick": (1,), "core": (1, 8), "all": (1, 8)}
"""Images of a call in each set, unless told otherwise."""


def draw(graph: Any) -> None:
    """Put a drawn array in the place of each node that makes a constant of a shape.

    Weights keep the variance under a ReLU (He), scales and variances of a batch norm are near 1.
    """
    from onnx import numpy_helper

    rng = np.random.default_rng(7)
    shapes = {x.name: numpy_helper.to_array(x) for x in graph.initializer}
    readers: dict[str, tuple[str, int]] = {}
    for node in graph.node:
        readers |= {name: (node.op_type, place) for place, name in enumerate(node.input)}
    for node in [x for x in graph.node if x.op_type == "ConstantOfShape"]:
        (name,), shape = node.output, tuple(int(n) for n in shapes[node.input[0]])
        values = rng.standard_normal(shape, np.float32)
        if readers[name] in (("BatchNormalization", 1), ("BatchNormalization", 4)):
            values = rng.uniform(0.6, 1.2, shape).astype(np.float32)
        else:
            terms = np.prod(shape[1:]) if len(shape) > 1 else 200
            values *= np.float32(np.sqrt(2 / terms))
        graph.node.remove(node)
        graph.initializer.append(numpy_helper.from_array(values, name))


def for_batch(graph: Any, n: int) -> None:
    """Take `n` images instead of one: in the input's shape, and where a reshape fixes it."""
    from onnx import numpy_helper

    constants = {x.name: x for x in graph.initializer}
    for value in graph.input:
        if value.name not in constants:
            value.type.tensor_type.shape.dim[0].dim_value = n
    for node in (x for x in graph.node if x.op_type == "Reshape"):
        constant = constants.get(node.input[1])
        if constant is None or node.input[0] in constants:
            continue
        shape = numpy_helper.to_array(constant).copy()
        if shape[0] == 1:
            shape[0] = n
            constant.CopyFrom(numpy_helper.from_array(shape, constant.name))
    del graph.value_info[:]  # shapes for one image
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")


def _show_logits(graph: Any) -> None:
    from onnx import TensorProto, helper

    last = graph.node[-1]
    if last.op_type == "Softmax":
        graph.output.append(helper.make_tensor_value_info(last.input[0], TensorProto.FLOAT, None))
