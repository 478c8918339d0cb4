"""Sessions of whole networks: ONNX Runtime and OpenVINO read the ONNX model as it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from .common import Call
from .onnxruntime import load
from .openvino import request

Arrays = tuple[np.ndarray, Any]
WITHOUT = "answers of networks are checked against ONNX Runtime: pip install onnxruntime"


def answer(arrays: Arrays) -> list[np.ndarray]:
    """What all contestants must find, by ONNX Runtime; ImportError without it."""
    try:
        return onnxruntime_call(None, arrays, 1)["onnxruntime"]()
    except ImportError:
        raise ImportError(WITHOUT) from None


def onnxruntime_call(item: Any, arrays: Arrays, threads: int) -> dict[str, Call]:
    """`run`, which returns new arrays."""
    x, model = arrays
    net = load(model.SerializeToString(), threads)
    (given,) = net.get_inputs()
    return {"onnxruntime": lambda: net.run(None, {given.name: x})}


def openvino_call(item: Any, arrays: Arrays, threads: int) -> dict[str, Call]:
    """A request whose results are views of its own."""
    x, model = arrays
    call = request(model.SerializeToString(), x, threads)

    def outputs() -> list[np.ndarray]:
        call.infer()
        return [tensor.data for tensor in call.output_tensors]

    return {"openvino": outputs}


BUILDERS = {"onnxruntime": onnxruntime_call, "openvino": openvino_call}
