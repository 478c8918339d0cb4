"""ONNX Runtime: a session with every graph optimisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..items.layer import Layer
from .common import Call, Skip
from .onnx_model import model

BOUND_BYTES = 1 << 20
"""Outputs up to this size are bound ahead: that saves 2.5 us of a call; large ones gain by `run`
(both measured: 8.7 and 6.2 us at 8@8, 0.93 and 1.06 ms at 64@56 -> 256 1x1)."""


def session(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """`run` with a new result each time, or buffers that are bound once."""
    return bound(model(layer, *arrays), arrays[0], layer.output_shape, threads)


def load(graph: bytes, threads: int) -> Any:
    """A session of a model; Skip where ONNX Runtime has no such operator of this dtype."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(graph, options, ["CPUExecutionProvider"])
    except Exception as error:  # its own exceptions have no common base
        raise Skip(_reason(error)) from None


def bound(graph: bytes, x: np.ndarray, shape: tuple[int, ...], threads: int) -> dict[str, Call]:
    """A session of a model from x to y, whose shape is given."""
    net = load(graph, threads)
    y = np.empty(shape, x.dtype)
    if y.nbytes > BOUND_BYTES:
        return {"onnxruntime": lambda: net.run(["y"], {"x": x})[0]}
    buffers = net.io_binding()
    buffers.bind_cpu_input("x", x)
    buffers.bind_output("y", "cpu", 0, y.dtype.type, y.shape, y.ctypes.data)

    def call() -> np.ndarray:
        net.run_with_iobinding(buffers)
        return y

    return {"onnxruntime": call}


def _reason(error: Exception) -> str:
    return "no implementation" if "NOT_IMPLEMENTED" in str(error) else str(error)[:80]
