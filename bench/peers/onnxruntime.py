"""ONNX Runtime: a session with every graph optimisation, by plain `run` or bound buffers."""

from __future__ import annotations

import numpy as np

from ..layers import Layer
from .common import Call, Skip
from .onnx_model import model


def session(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """Input bound once; the output is a fresh array of each call, as in a plan."""
    import onnxruntime as ort

    x, w, b = arrays
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    try:
        run = ort.InferenceSession(model(layer, *arrays), options, ["CPUExecutionProvider"])
    except Exception as error:  # its own exceptions have no common base
        raise Skip(_reason(error)) from None
    return {"onnxruntime": lambda: run.run(["y"], {"x": x})[0]}


def _reason(error: Exception) -> str:
    return "no implementation" if "NOT_IMPLEMENTED" in str(error) else str(error)[:80]
