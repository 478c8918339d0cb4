"""OpenVINO: the CPU plugin in float32 with the latency hint."""

from __future__ import annotations

import numpy as np

from ..items.layer import Layer
from .common import Call, only_float32
from .onnx_model import model


def session(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """The input shares x; the result is a view of the request's own, overwritten each time."""
    import openvino as ov

    only_float32(*arrays)
    core = ov.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    compiled = core.compile_model(core.read_model(model(layer, *arrays)), "CPU", settings)
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(arrays[0], shared_memory=True))
    result = request.get_output_tensor()

    def call() -> np.ndarray:
        request.infer()
        return result.data

    return {"openvino": call}
