"""Weights that a ConstantOfShape makes, in ``onnx.reference`` on our operators."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv

pytest.importorskip("onnx", reason="an extra of its own")
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from fastconv.interfaces.onnx import ops


def constant_model(weight_shape):
    """A Conv whose weights a ConstantOfShape makes, of a shape that the model may be given."""
    value = numpy_helper.from_array(np.array([0.5], np.float32))
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["w"], value=value),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    held = {} if weight_shape is None else {"shape": np.array(weight_shape, np.int64)}
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)]
    if weight_shape is None:
        inputs.append(helper.make_tensor_value_info("shape", TensorProto.INT64, [3]))
    graph = helper.make_graph(
        nodes,
        "test",
        inputs,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "yw"],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_constants_of_a_shape_are_made_once():
    evaluator = ReferenceEvaluator(constant_model((4, 3, 3)), new_ops=ops)
    x = np.random.default_rng(0).standard_normal((2, 3, 9)).astype(np.float32)
    (y, w), (again, same) = (evaluator.run(None, {"x": x}) for _ in range(2))
    np.testing.assert_array_equal(w, np.full((4, 3, 3), np.float32(0.5)))
    np.testing.assert_array_equal(y, again)
    assert same is w
    assert len(evaluator.rt_nodes_[1]._plans._state[2]) == 1
    with pytest.raises(ValueError, match="read-only"):
        w += 1


def test_a_constant_whose_shape_changes_is_not_kept():
    evaluator = ReferenceEvaluator(constant_model(None), new_ops=ops)
    x = np.random.default_rng(0).standard_normal((2, 3, 9)).astype(np.float32)
    for filters in (4, 5, 4):
        shape = np.array([filters, 3, 3])
        y, w = evaluator.run(None, {"x": x, "shape": shape})
        assert w.shape == (filters, 3, 3)
        want = fastconv.conv1d(x, np.full((filters, 3, 3), np.float32(0.5)))
        np.testing.assert_allclose(y, want, rtol=1e-5)
    assert evaluator.rt_nodes_[0]._known is None
    w += 1  # the last ones are the caller's
