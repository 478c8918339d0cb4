"""``onnx.reference`` on our operators: onnx's own cases, and what they leave out."""

from __future__ import annotations

import re
from collections import Counter
from inspect import signature

import numpy as np
import pytest

import fastconv
from children import run_python

pytest.importorskip("onnx", reason="an extra of its own")
from onnx import TensorProto, defs, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import onnx_backend
from fastconv.interfaces.onnx import ops

RNG = np.random.default_rng(0)
OPSET = 17


def model_of(nodes, inputs, initialisers=(), opset=OPSET, outputs=("y",)):
    """A model of float32 inputs, whose shapes may be any."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in dict(initialisers).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


# onnx until 1.22 has a second Conv, a faster one, that has no empty batch.
PLAIN = {"optimized": False} if "optimized" in signature(ReferenceEvaluator).parameters else {}


def both(model, **feeds):
    """Our outputs and onnx's own, by its plain code."""
    ours = ReferenceEvaluator(model, new_ops=ops).run(None, feeds)
    theirs = ReferenceEvaluator(model, **PLAIN).run(None, feeds)
    return ours, theirs


def close(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def random(*shape, dtype=np.float32):
    return RNG.standard_normal(shape).astype(dtype)


def run_suite(pattern):
    run, bad, counts = onnx_backend.run(pattern)
    assert not bad, "\n".join(bad)
    return run, counts


def test_onnx_cases_of_nodes():
    run, counts = run_suite(onnx_backend.NODES)
    assert run >= 100
    taken = {name for (who, name), _ in counts.items() if who == "taken"}
    known = {name for name in onnx_backend.OPERATORS if defs.has(name)}
    assert taken >= known - {"GlobalLpPool", "PRelu"}
    # Left are sums with broadcasting, training, images of three axes, slopes of other shapes, and
    # causal convolutions in float16.
    assert {name for (who, name), _ in counts.items() if who == "left"} <= {
        "Add", "BatchNormalization", "CausalConvWithState", "Col2Im", "Conv", "Gemm", "PRelu", "Sum"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet", "resnet50"])
def test_networks(name, monkeypatch, tmp_path):
    """Three of onnx's nine light networks; .ci/interfaces runs all."""
    monkeypatch.setenv("ONNX_HOME", str(tmp_path))
    run, counts = run_suite(re.compile(f"test_{name}_cpu"))
    assert run == 1
    assert counts["taken", "Conv"] > 0
    assert counts["left", "Conv"] == 0


# A node, its inputs and attributes, and why it is here. onnx's own code is the reference.
CASES = {
    "strides, pads and groups": ("Conv", [random(2, 4, 9, 8), random(6, 2, 3, 2), random(6)],
                                 {"strides": [2, 1], "pads": [1, 0, 2, 1], "group": 2}),
    "dilation in one dimension": ("Conv", [random(1, 3, 30), random(2, 3, 3)], {"dilations": [4]}),
    "SAME_LOWER with an even kernel": ("Conv", [random(1, 1, 7, 7), random(1, 1, 4, 2)],
                                       {"auto_pad": "SAME_LOWER", "strides": [2, 1]}),
    "SAME_UPPER of a dilated kernel": ("Conv", [random(1, 2, 9), random(2, 2, 3)],
                                       {"auto_pad": "SAME_UPPER", "dilations": [2]}),
    "VALID": ("Conv", [random(1, 2, 9), random(2, 2, 3)], {"auto_pad": "VALID"}),
    "one bias for all channels, onnx's": ("Conv", [random(1, 2, 9), random(4, 2, 3), random(1)],
                                          {}),
    "three dimensions, onnx's": ("Conv", [random(1, 2, 4, 4, 4), random(2, 2, 3, 3, 3)], {}),
    "an empty batch": ("Conv", [random(0, 2, 9), random(4, 2, 3)], {}),
    "transposed": ("ConvTranspose", [random(2, 3, 5, 4), random(3, 2, 3, 3), random(2)],
                   {"strides": [2, 3], "pads": [1, 0, 0, 2], "output_padding": [1, 0]}),
    "transposed, dilated": ("ConvTranspose", [random(1, 3, 6), random(3, 2, 3)],
                            {"dilations": [2], "strides": [3]}),
    "transposed, SAME_UPPER": ("ConvTranspose", [random(1, 3, 6), random(3, 2, 3)],
                               {"auto_pad": "SAME_UPPER", "strides": [2]}),
    "transposed, SAME_LOWER": ("ConvTranspose", [random(1, 3, 6), random(3, 2, 4)],
                               {"auto_pad": "SAME_LOWER", "strides": [3]}),
    "transposed, to a length": ("ConvTranspose", [random(1, 2, 5), random(2, 1, 4)], {
        "auto_pad": "SAME_UPPER", "strides": [2], "output_shape": [9]}),
    "transposed, to a length, the rest cut at the start": (
        "ConvTranspose", [random(1, 2, 5), random(2, 1, 4)],
        {"auto_pad": "SAME_LOWER", "strides": [2], "output_shape": [9]}),
    "maxima, column by column": ("MaxPool", [random(2, 3, 6, 5)], {
        "kernel_shape": [2, 3], "strides": [2, 2], "storage_order": 1, "outputs": 2}),
    "maxima with indices, in one dimension": ("MaxPool", [random(2, 3, 11)], {
        "kernel_shape": [3], "strides": [2], "pads": [1, 1], "outputs": 2}),
    "maxima with ceil_mode": ("MaxPool", [random(1, 2, 8, 7)], {
        "kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    "maxima of bytes": ("MaxPool", [RNG.integers(0, 255, (1, 2, 8, 8)).astype(np.uint8)], {
        "kernel_shape": [3, 3], "strides": [2, 2]}),
    "averages with padding": ("AveragePool", [random(1, 2, 8, 7)], {
        "kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 1, 0]}),
    "averages that count padding": ("AveragePool", [random(1, 2, 8)], {
        "kernel_shape": [3], "pads": [1, 1], "count_include_pad": 1}),
    "norms": ("LpPool", [random(1, 2, 8, 8)], {"kernel_shape": [3, 3], "p": 3}),
    "planes' averages": ("GlobalAveragePool", [random(2, 3, 5)], {}),
    "volumes' averages": ("GlobalAveragePool", [random(2, 3, 5, 4, 2)], {}),
    "planes' maxima": ("GlobalMaxPool", [random(2, 3, 5, 4)], {}),
    "columns into a signal": ("Col2Im", [random(2, 6, 4), np.array([7]), np.array([3])],
                              {"strides": [2], "pads": [1, 1]}),
    "columns into images": ("Col2Im", [random(1, 8, 8), np.array([4, 6]), np.array([2, 2])],
                            {"strides": [2, 1], "pads": [1, 0, 0, 0], "dilations": [2, 2]}),
    "slopes by channel": ("PRelu", [random(2, 3, 4, 5), random(3, 1, 1)], {}),
    "slopes by row, onnx's": ("PRelu", [random(2, 3, 4, 5), random(4, 1)], {}),
    "a sum with broadcasting, onnx's": ("Add", [random(2, 3, 4), random(4)], {}),
    "a sum of three, onnx's": ("Sum", [random(2, 3), random(2, 3), random(2, 3)], {}),
    "softmax over an axis in the middle": ("Softmax", [random(2, 3, 4)], {"axis": 1}),
}  # fmt: skip


@pytest.mark.parametrize(("case", "dtype"), [
    *((case, dtype) for case in CASES for dtype in (np.float32, np.float64)),
    # onnx's throughout
    ("strides, pads and groups", np.float16), ("averages with padding", np.float16),
])  # fmt: skip
def test_nodes_give_what_onnx_gives(case, dtype):
    op, inputs, attributes = CASES[case]
    attributes = dict(attributes)
    outputs = ["y", "z"][: attributes.pop("outputs", 1)]
    arrays = {
        f"x{i}": a.astype(dtype) if a.dtype == np.float32 else a for i, a in enumerate(inputs)
    }
    # onnx until 1.22 pads where VALID says that nothing is padded, which is what no word says.
    plain = {key: value for key, value in attributes.items() if value != "VALID"}
    model, model_of_theirs = (
        model_of([helper.make_node(op, list(arrays), outputs, **which)], arrays, (), 18, outputs)
        for which in (attributes, plain)
    )
    ours = ReferenceEvaluator(model, new_ops=ops).run(None, arrays)
    # float16 is left to whichever of its two codes onnx prefers.
    options = {} if dtype is np.float16 else PLAIN
    theirs = ReferenceEvaluator(model_of_theirs, **options).run(None, arrays)
    if dtype is np.float16:
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    else:
        close(ours, theirs)


def test_what_onnx_has_no_code_for():
    x = random(2, 3, 4, 5)
    node = helper.make_node("GlobalLpPool", ["x"], ["y"], p=3)
    (y,) = ReferenceEvaluator(model_of([node], ["x"]), new_ops=ops).run(None, {"x": x})
    want = (np.abs(x.astype(np.float64)) ** 3).sum((2, 3), keepdims=True) ** (1 / 3)
    np.testing.assert_allclose(y, want, rtol=1e-5)


def test_unpooling_is_the_way_back():
    x = random(2, 3, 6, 8)
    pool = helper.make_node("MaxPool", ["x"], ["y", "i"], kernel_shape=[2, 2], strides=[2, 2])
    back = helper.make_node("MaxUnpool", ["y", "i"], ["z"], kernel_shape=[2, 2], strides=[2, 2])
    ours, theirs = both(model_of([pool, back], ["x"], outputs=("z",)), x=x)
    np.testing.assert_array_equal(ours[0], theirs[0])
    assert np.count_nonzero(ours[0]) == x.size // 4


@pytest.mark.parametrize("opset", [6, 7, 9, 14, 15])
def test_batch_normalisation_of_every_opset(opset):
    x, vectors = random(2, 3, 4, 5), [random(3), random(3), random(3), np.abs(random(3)) + 0.5]
    names = ["x", "s", "b", "m", "v"]
    attributes = {"is_test": 1} if opset == 6 else {}
    node = helper.make_node("BatchNormalization", names, ["y"], epsilon=1e-3, **attributes)
    model = model_of([node], names, opset=opset)
    (y,) = ReferenceEvaluator(model, new_ops=ops).run(
        None, dict(zip(names, [x, *vectors], strict=True))
    )
    scale, bias, mean, variance = (v.reshape(3, 1, 1) for v in vectors)
    close([y], [(x - mean) / np.sqrt(variance + np.float32(1e-3)) * scale + bias])


@pytest.mark.parametrize(("opset", "axis"), [(9, None), (11, 2), (12, -1), (13, None), (13, 1)])
def test_softmax_before_and_after_its_axis_became_one(opset, axis):
    x = random(2, 3, 4, 1)
    attributes = {} if axis is None else {"axis": axis}
    model = model_of([helper.make_node("Softmax", ["x"], ["y"], **attributes)], ["x"], opset=opset)
    (y,) = ReferenceEvaluator(model, new_ops=ops).run(None, {"x": x})
    e = np.exp(x.astype(np.float64))
    axes = (-1 if axis is None else axis) if opset >= 13 else tuple(range(axis or 1, 4))
    if axis == -1:
        axes = 3
    np.testing.assert_allclose(y, e / e.sum(axes, keepdims=True), rtol=1e-6)


def conv_model(weight, bias=None, raw=True):
    """A model of one Conv, whose weights are an initialiser: raw bytes, or a list of numbers."""
    initialisers = {"w": weight} if bias is None else {"w": weight, "b": bias}
    node = helper.make_node("Conv", ["x", *initialisers], ["y"], pads=[1, 1])
    model = model_of([node], ["x"], initialisers)
    if not raw:
        del model.graph.initializer[:]
        for name, value in initialisers.items():
            tensor = helper.make_tensor(name, TensorProto.FLOAT, value.shape, value.ravel())
            model.graph.initializer.append(tensor)
    return model


def plans_of(evaluator):
    (node,) = evaluator.rt_nodes_
    return node._plans


@pytest.mark.parametrize("raw", [True, False])
def test_weights_that_are_initialisers_are_packed_once(raw, monkeypatch):
    from fastconv.interfaces.onnx import _conv

    built = []
    plan = _conv.PLANS[False, 1]
    monkeypatch.setitem(_conv.PLANS, (False, 1), lambda *a, **k: built.append(1) or plan(*a, **k))
    w, b = random(4, 3, 3), random(4)
    evaluator = ReferenceEvaluator(conv_model(w, b, raw), new_ops=ops)
    for length in [*range(5, 25), 5, 6]:
        x = random(2, 3, length)
        (y,) = evaluator.run(None, {"x": x})
        np.testing.assert_allclose(y, fastconv.conv1d(x, w, b, padding=1), rtol=1e-5, atol=1e-5)
    assert len(built) == 1  # the others are its relatives
    assert len(plans_of(evaluator)._state[2]) == 8


def test_plans_follow_the_settings_of_a_call():
    evaluator = ReferenceEvaluator(conv_model(random(4, 3, 3)), new_ops=ops)
    x = random(2, 3, 9)
    for precision in ("high", "highest", "high"):
        with fastconv.precision(precision), fastconv.threads(2):
            evaluator.run(None, {"x": x})
    assert len(plans_of(evaluator)._state[2]) == 2


@pytest.mark.parametrize("what", ["w", "b"])
def test_weights_that_are_written_are_seen(what):
    arrays = {"w": random(4, 3, 3), "b": random(4)}
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"])
    evaluator = ReferenceEvaluator(model_of([node], ["x", "w", "b"]), new_ops=ops)
    x = random(2, 3, 9)
    for _ in range(3):
        (y,) = evaluator.run(None, {"x": x, **arrays})
        np.testing.assert_allclose(
            y, fastconv.conv1d(x, arrays["w"], arrays["b"]), rtol=1e-5, atol=1e-5
        )
        arrays[what][1] += 1  # in place: the same object
    assert plans_of(evaluator)._state is None  # and no copies are kept


def test_a_bias_that_is_gone_is_seen():
    w = random(4, 3, 3)
    plans = plans_of(ReferenceEvaluator(conv_model(w), new_ops=ops))
    x = random(2, 3, 9)
    build = lambda: fastconv.Conv1dPlan(x.shape, w)  # noqa: E731
    assert plans.find(x, w, None, build) is not None
    assert plans.find(x, w, random(4), build) is None


def test_attributes_of_a_function_may_change_from_call_to_call():
    x, w = random(1, 1, 20), random(1, 1, 3)
    inner = helper.make_node("Conv", ["x", "w"], ["y"])
    attribute = inner.attribute.add()
    attribute.name, attribute.ref_attr_name, attribute.type = "strides", "step", 7
    domain = helper.make_opsetid("", OPSET)
    function = helper.make_function(
        "own", "Stepped", ["x", "w"], ["y"], [inner], [domain], ["step"]
    )
    nodes = [
        helper.make_node("Stepped", ["x", "w"], [f"y{s}"], domain="own", step=[s]) for s in (1, 2)
    ]
    graph = helper.make_graph(
        nodes, "test",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in "xw"],
        [helper.make_tensor_value_info(f"y{s}", TensorProto.FLOAT, None) for s in (1, 2)],
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[domain, helper.make_opsetid("own", 1)], functions=[function]
    )
    close(*both(model, x=x, w=w))


def test_invalid_models_are_refused_in_our_words():
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    evaluator = ReferenceEvaluator(model_of([node], ["x", "w"]), new_ops=ops)
    with pytest.raises(ValueError, match="weight"):
        evaluator.run(None, {"x": random(1, 3, 9), "w": random(4, 2, 3)})
    with pytest.raises(ValueError, match=r"[Kk]ernel"):
        evaluator.run(None, {"x": random(1, 2, 2), "w": random(4, 2, 3)})


@pytest.mark.parametrize("missing", ["onnx", "onnx.reference.op_run"])
def test_what_is_missing_is_named_with_its_extra(missing):
    code = f"""
import sys, fastconv
sys.modules[{missing!r}] = None
try:
    fastconv.interfaces.onnx
except ImportError as error:
    print(error)
"""
    said = run_python(code)
    assert said.startswith("fastconv.interfaces.onnx needs onnx 1.17 or later")
    assert said.endswith("pip install 'fastconv[onnx]'")
    assert ", got 1." in said


def test_nothing_of_onnx_is_imported_before():
    code = (
        "import sys, fastconv, fastconv.interfaces; fastconv.conv1d; print('onnx' in sys.modules)"
    )
    assert run_python(code) == "False"


@pytest.mark.parametrize(("attributes", "shapes", "is_taken"), [
    ({"transB": 1}, [(3, 5), (4, 5), (4,)], True),
    ({}, [(1, 5), (5, 4), (1, 4)], True),
    ({"transB": 1}, [(3, 5), (4, 5)], True),
    ({"transB": 1}, [(0, 5), (4, 5), (4,)], False),  # nothing to compute
    ({}, [(3, 5), (5, 4), (3, 4)], False),  # a number for each output
    ({}, [(3, 5), (5, 4), ()], False),  # one for all
    ({"transA": 1}, [(5, 3), (5, 4)], False),
    ({"alpha": 0.5}, [(3, 5), (5, 4)], False),
    ({"beta": 2.0}, [(3, 5), (5, 4), (4,)], False),
])  # fmt: skip
def test_gemm_of_linear_layers(attributes, shapes, is_taken):
    node = helper.make_node("Gemm", ["x", "w", "c"][: len(shapes)], ["y"], **attributes)
    arrays = dict(zip(("w", "c"), (random(*shape) for shape in shapes[1:]), strict=False))
    model = model_of([node], ["x"], arrays)
    counts = Counter()
    ours = ReferenceEvaluator(model, new_ops=[onnx_backend.counted(op, counts) for op in ops])
    theirs = ReferenceEvaluator(model)
    for _ in range(3):  # the first makes a plan, the others use it
        x = random(*shapes[0])
        close(ours.run(None, {"x": x}), theirs.run(None, {"x": x}))
    assert counts == {("taken" if is_taken else "left", "Gemm"): 3}


@pytest.mark.skipif(not defs.has("CausalConvWithState"), reason="it came with onnx 1.23")
@pytest.mark.parametrize("activation", ["none", "silu", "swish"])
@pytest.mark.parametrize("pieces", [(7,), (3, 1, 2, 1)])
def test_signals_go_on_with_the_state_of_the_last_run(activation, pieces):
    names = ["x", "w", "b", "past"]
    node = helper.make_node("CausalConvWithState", names, ["y", "next"], activation=activation)
    weights = {"w": random(5, 1, 4), "b": random(5)}
    opset = defs.get_schema("CausalConvWithState").since_version
    model = model_of([node], ["x", "past"], weights, opset, outputs=("y", "next"))
    x, ours, theirs = random(2, 5, 7), np.zeros((2, 5, 3), np.float32), np.zeros((2, 5, 3), "f4")
    start = 0
    for length in pieces:
        piece = x[:, :, start : start + length]
        start += length
        y, ours = ReferenceEvaluator(model, new_ops=ops).run(None, {"x": piece, "past": ours})
        want, theirs = ReferenceEvaluator(model).run(None, {"x": piece, "past": theirs})
        close([y, ours], [want, theirs])
