"""The gallery's face detector against ONNX Runtime, on the same networks and images."""

from __future__ import annotations

import runpy
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from fastconv import nn

REASON = "not in the extra test: the networks' weights, the photograph, and the library to compare"
for package in ("matplotlib", "joblib", "lz4", "skimage", "onnx", "onnxruntime"):
    pytest.importorskip(package, reason=REASON)
if find_spec("mtcnn") is None:  # not imported: that takes TensorFlow
    pytest.skip(REASON, allow_module_level=True)
PROGRAM = Path(__file__).parents[1] / "examples" / "gallery" / "face_detector.py"
SIZES = [(60, 80), (120, 160), (240, 320), (480, 640), (1080, 1920)]


@pytest.fixture(scope="module")
def program():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "agg")
        patch.setattr("sys.argv", [str(PROGRAM), "--small"])
        return runpy.run_path(str(PROGRAM))


def in_onnx_runtime(model):
    """The same network as a graph, as a function of (N, H, W, C)."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Transpose", ["x"], ["v"], perm=[0, 3, 1, 2])]
    constants, value = [], "v"

    def constant(array):
        name = f"c{len(constants)}"
        constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(kind, inputs, **attributes):
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def conv(layer, value):
        return add("Conv", [value, constant(layer.weight), constant(layer.bias)])

    for layer in model:
        if isinstance(layer, nn.Conv2d):
            value = conv(layer, value)
        elif isinstance(layer, nn.PReLU):
            value = add("PRelu", [value, constant(layer.weight.reshape(-1, 1, 1))])
        elif isinstance(layer, nn.MaxPool2d):
            pad = "SAME_UPPER" if layer.padding == "same" else "VALID"
            window = {"kernel_shape": list(layer.kernel_size), "strides": list(layer.stride)}
            value = add("MaxPool", [value], auto_pad=pad, **window)
        else:
            value = add("Concat", [conv(branch, value) for branch in layer.branches], axis=1)
    nodes.append(helper.make_node("Transpose", [value], ["y"], perm=[0, 2, 3, 1]))
    shapes = {"x": [None, None, None, 3], "y": [None] * 4}
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items())
    graph = helper.make_graph(nodes, "network", [x], [y], constants)
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(
        whole.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return lambda array: session.run(None, {"x": np.ascontiguousarray(array)})[0]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_boxes_are_those_of_onnx_runtime(program, size):
    height, width = size
    image = np.full((height, width, 3), -1, np.float32)
    image[:, :height] = program["resized"](program["photo"], height, height)[0]
    least = max(12, height // 10)
    ours = program["faces"](image, least)
    networks = (in_onnx_runtime(program[name]) for name in ("proposals", "refinement"))
    theirs = program["faces"](image, least, *networks)
    assert len(ours) == len(theirs) == 1
    assert program["overlap"](ours[0], theirs)[0] >= 0.99
