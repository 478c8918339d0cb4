"""OpenVINO: the CPU plugin in float32 with the latency hint."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..items.layer import Layer
from .common import Call, only_float32
from .onnx_model import model


def session(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """The input shares x; the result is a view of the request's own, overwritten each time."""
    only_float32(*arrays)
    asked = request(model(layer, *arrays), arrays[0], threads)
    result = asked.get_output_tensor()

    def call() -> np.ndarray:
        asked.infer()
        return result.data

    return {"openvino": call}


def request(graph: bytes, x: np.ndarray, threads: int) -> Any:
    """A request of a compiled model, whose only input is x."""
    import openvino as ov

    core = ov.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    compiled = core.compile_model(core.read_model(graph), "CPU", settings)
    asked = compiled.create_infer_request()
    asked.set_input_tensor(ov.Tensor(x, shared_memory=True))
    return asked
