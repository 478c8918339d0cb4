"""fastconv for ``onnx.reference``: models run as written, their convolutions and pools by us.

::

    from onnx.reference import ReferenceEvaluator
    from fastconv.interfaces.onnx import ops

    evaluator = ReferenceEvaluator("model.onnx", new_ops=ops)
    (y,) = evaluator.run(None, {"x": x})

Taken are float32 and float64 in one and two dimensions (max pools of integers, too). Any other node
of these operators goes to onnx's own implementation: three dimensions, float16, batch normalisation
in training mode. Nodes of other operators are not touched.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

try:
    from fastconv.interfaces.onnx import (
        _causal,
        _constants,
        _conv,
        _elementwise,
        _gemm,
        _pool,
        _shapes,
    )
except ImportError as error:
    try:
        _found = f", got {metadata.version('onnx')}"
    except metadata.PackageNotFoundError:
        _found = ""
    raise ImportError(
        f"fastconv.interfaces.onnx needs onnx 1.17 or later{_found}: pip install 'fastconv[onnx]'"
    ) from error

__all__ = ["ops"]

ops: list[type[Any]] = [
    _conv.Conv,
    _conv.ConvTranspose,
    _causal.CausalConvWithState,
    _pool.MaxPool,
    _pool.AveragePool,
    _pool.LpPool,
    _pool.GlobalAveragePool,
    _pool.GlobalMaxPool,
    _pool.GlobalLpPool,
    _gemm.Gemm,
    _constants.ConstantOfShape,
    _shapes.MaxUnpool,
    _shapes.Col2Im,
    _shapes.BatchNormalization,
    *(getattr(_elementwise, name) for name in _elementwise.__all__),
]
"""The operators, as ``ReferenceEvaluator(model, new_ops=ops)`` takes them.

Conv, ConvTranspose, CausalConvWithState, MaxPool, AveragePool, LpPool, GlobalAveragePool,
GlobalMaxPool, GlobalLpPool, MaxUnpool, Col2Im and BatchNormalization, of every opset; between them
Relu, LeakyRelu, PRelu, Elu, Gelu, HardSwish, Sigmoid, Softplus, Tanh, Softmax, Add and Sum of two
arrays of one shape, Gemm as linear layers have it, and ConstantOfShape, made once.
"""
