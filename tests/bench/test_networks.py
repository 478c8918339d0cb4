"""The mode of whole networks: graphs on plans, memory used again, weights that are drawn."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from bench.items import networks as light
from bench.modes import networks
from bench.network.executor import Network
from bench.network.graph import Graph, Node, read
from bench.network.join import steps
from bench.network.memory import Memory
from bench.network.shapes import infer
from bench.race.contest import Settings
from bench.report import goals, page
from bench.report.standing import standings

from bench import run
from fastconv import reference

RNG = np.random.default_rng(5)
WITHOUT = "the networks lie in the package onnx"
BATCHES = pytest.mark.parametrize("n", [1, 3])


def drawn(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


class Builder:
    """Writes a graph node by node, and computes in float64 what it must give, by the reference."""

    def __init__(self, n):
        self.nodes, self.constants = [], {}
        self.x = drawn(n, 6, 9, 8)
        self.values = {"x": self.x.astype(np.float64)}

    def add(self, op, inputs, right, constants=(), **attributes):
        name = f"v{len(self.nodes)}"
        names = []
        for constant in constants:
            names.append(f"{name}.{len(names)}")
            self.constants[names[-1]] = constant
        self.nodes.append(Node(op, [*inputs, *names], name, attributes))
        exact = (c.astype(np.float64) if c.dtype == np.float32 else c for c in constants)
        self.values[name] = right(*(self.values[i] for i in inputs), *exact)
        return name

    def conv(self, x, c_out, kernel=3, pad=1, groups=1, **more):
        c_in = self.values[x].shape[1] // groups
        constants = drawn(c_out, c_in, kernel, kernel), drawn(c_out)
        options = {"strides": (1, 1), **more}

        def right(x, w, b):
            return reference.conv2d(x, w, b, options["strides"], ((pad, pad),) * 2, 1, groups)

        return self.add("Conv", [x], right, constants, pads=[pad] * 4, group=groups,
                        kernel_shape=[kernel] * 2, **options)  # fmt: skip

    def norm(self, x):
        c = self.values[x].shape[1]
        constants = drawn(c), drawn(c), drawn(c), RNG.uniform(0.5, 2, c).astype(np.float32)

        def right(x, scale, shift, mean, variance):
            scale, shift, mean, variance = (
                a.reshape(-1, 1, 1) for a in (scale, shift, mean, variance)
            )
            return (x - mean) / np.sqrt(variance + 1e-3) * scale + shift

        return self.add("BatchNormalization", [x], right, constants, epsilon=1e-3)

    def per_channel(self, op, x):
        function = np.multiply if op == "Mul" else np.add
        return self.add(op, [x], function, (drawn(self.values[x].shape[1], 1, 1),))

    def relu(self, x):
        return self.add("Relu", [x], lambda x: np.maximum(x, 0))

    def sum(self, a, b):
        return self.add("Sum", [a, b], np.add)

    def concat(self, *names):
        return self.add("Concat", names, lambda *parts: np.concatenate(parts, 1), axis=1)

    def pool(self, kind, x, kernel, stride, pads=(0, 0, 0, 0)):
        padding = ((pads[0], pads[2]), (pads[1], pads[3]))

        def right(x):
            if kind == "MaxPool":
                return reference.max_pool2d(x, kernel, stride, padding)
            return reference.avg_pool2d(x, kernel, stride, padding, count_include_pad=False)

        return self.add(kind, [x], right, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                        pads=list(pads))  # fmt: skip

    def reshape(self, x, *shape):
        return self.add("Reshape", [x], lambda x, s: x.reshape(s), (np.array(shape),))

    def transpose(self, x, *perm):
        return self.add("Transpose", [x], lambda x: x.transpose(perm), perm=list(perm))

    def graph(self, *outputs):
        constants = dict(self.constants)
        return Graph("x", self.x.shape, list(outputs), self.nodes, constants)


def check(builder, *outputs, threads=2):
    """Run a graph twice; return its network."""
    network = Network(builder.graph(*outputs), threads)
    first, again = network(builder.x), network(builder.x)
    alone = Network(builder.graph(*outputs), 1)(builder.x)
    for name, got, second, single in zip(outputs, first, again, alone, strict=True):
        right = builder.values[name]
        size = np.abs(right).max()
        np.testing.assert_allclose(got.reshape(right.shape), right, atol=1e-5 * size, rtol=0)
        np.testing.assert_array_equal(got, second)
        np.testing.assert_array_equal(got, single)
    return network


@BATCHES
def test_what_follows_a_convolution_is_one_call(n):
    b = Builder(n)
    first = b.relu(b.per_channel("Add", b.per_channel("Mul", b.norm(b.conv("x", 8)))))
    y = b.relu(b.sum(b.norm(b.conv(first, 8, groups=2)), first))
    network = check(b, y)
    assert [call.kind for call in network.calls] == ["conv", "conv"]
    assert network.flops > 0


@BATCHES
def test_a_value_with_two_readers_is_left_as_it_is(n):
    b = Builder(n)
    a = b.conv("x", 6)
    y = b.sum(b.relu(a), b.norm(a))
    network = check(b, y, a)
    assert [call.kind for call in network.calls] == ["conv", "relu", "affine", "add"]


@BATCHES
def test_branches_are_written_side_by_side(n):
    """Nested, a part that the network's input is, a part twice, and a part read on."""
    b = Builder(n)
    left, right = b.relu(b.conv("x", 4)), b.pool("AveragePool", "x", 3, 1, (1, 1, 1, 1))
    inner = b.concat(left, right)
    grown = b.concat(inner, b.relu(b.norm(inner)), b.relu(b.conv(inner, 5, 1, 0)))
    y = b.concat(grown, "x", left, b.pool("MaxPool", left, 3, 1, (1, 1, 1, 1)))
    network = check(b, y, grown)
    copies = [call.kind for call in network.calls].count("concat")
    assert copies == 1  # of the input and of what lies elsewhere already
    todo = steps(b.graph(y))
    memory = Memory(todo, infer(todo, "x", b.x.shape), [y])
    arrays = memory.arrays()
    assert np.shares_memory(arrays[left], arrays[y])
    np.testing.assert_array_equal(arrays[y].shape, b.values[y].shape)


@BATCHES
def test_channels_are_shuffled_by_one_copy(n):
    b = Builder(n)
    a = b.conv("x", 6, groups=3)
    apart = b.transpose(b.reshape(a, n, 3, 2, 9, 8), 0, 2, 1, 3, 4)
    y = b.conv(b.reshape(apart, n, 6, 9, 8), 6, groups=6)
    network = check(b, y)
    assert [call.kind for call in network.calls] == ["conv", "reshape", "conv"]


@BATCHES
@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_a_head_with_a_softmax_and_local_response(n, beta):
    b = Builder(n)

    def response(x):
        around = np.pad(x * x, ((0, 0), (2, 2), (0, 0), (0, 0)))
        total = sum(around[:, k : k + x.shape[1]] for k in range(5))
        return x / (2 + 0.3 / 5 * total) ** beta

    a = b.add("LRN", [b.conv("x", 7)], response, size=5, alpha=0.3, beta=beta, bias=2.0)
    a = b.add("Dropout", [b.pool("MaxPool", a, 2, 2, (0, 0, 1, 1))], lambda x: x, ratio=0.5)
    a = b.reshape(a, n, -1)
    width = b.values[a].shape[1]
    dense = b.relu(
        b.add("Gemm", [a], lambda x, w, c: x @ w.T + c, (drawn(10, width), drawn(10)), transB=1)
    )
    y = b.add("Softmax", [dense], lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True))
    b.values[y] = reference.softmax(b.values[dense], 1)  # which does not overflow
    check(b, y, dense)


def test_a_global_average_and_a_flat_weight():
    b = Builder(2)
    pooled = b.add("GlobalAveragePool", ["x"], lambda x: x.mean((2, 3), keepdims=True))
    flat = b.reshape(pooled, 2, 6)
    y = b.add("Gemm", [flat], lambda x, w, c: x @ w + c, (drawn(6, 4), drawn(4)))
    check(b, y)


def test_memory_is_used_again_and_sums_are_in_place():
    b = Builder(1)
    a = b.relu(b.conv("x", 6))
    for _ in range(6):
        a = b.relu(b.sum(b.conv(b.relu(b.conv(a, 6)), 6), a))
    network = check(b, a)
    assert len(network.calls) == 13
    assert network.memory_bytes <= 2 * -(-4 * 6 * 9 * 8 // 64) * 64


@pytest.mark.parametrize(
    ("op", "attributes", "constants", "complaint"),
    [
        ("Sigmoid", {}, (), "operator Sigmoid"),
        ("MaxPool", {"kernel_shape": (2, 2), "auto_pad": b"SAME_UPPER"}, (), "auto_pad"),
        ("Add", {}, (np.ones((9, 8), np.float32),), "constant of"),
        ("Sum", {}, (), "Sum of 1 arrays"),
    ],
)
def test_what_there_is_no_step_for_is_said(op, attributes, constants, complaint):
    names = {f"c{i}": constant for i, constant in enumerate(constants)}
    node = Node(op, ["x", *names], "y", attributes)
    with pytest.raises(ValueError, match=complaint):
        Network(Graph("x", (1, 6, 9, 8), ["y"], [node], names), 1)


def test_what_is_chosen():
    names = {(x.name, x.n) for x in networks.choose(Settings(set="core", mode="networks"))}
    assert len(names) == 2 * len(light.NETWORKS) == 18
    chosen = networks.choose(Settings(only="resnet", batch=(4,)))
    assert [(x.name, x.n) for x in chosen] == [("ResNet-50", 4)]
    assert networks.choose(Settings(dtype="float64")) == []


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_package_that_is_missing_is_named(package, monkeypatch, capsys, tmp_path):
    if package == "onnxruntime":
        pytest.importorskip("onnx", reason="the networks lie in it")
    monkeypatch.setitem(sys.modules, package, None)
    words = ["--mode", "networks", "-k", "squeeze", "--out", str(tmp_path / "run.json")]
    assert run.main(words) == 1
    assert f"pip install {package}" in capsys.readouterr().err


@pytest.fixture
def squeezenet():
    pytest.importorskip("onnx", reason=WITHOUT)
    return next(x for x in light.NETWORKS if x.name == "SqueezeNet")


@BATCHES
def test_weights_are_drawn_and_the_batch_is_set(n, squeezenet):
    graph = read(replace(squeezenet, n=n).model())
    assert graph.shape == (n, 3, 224, 224)
    assert len(graph.outputs) == 2  # and what the softmax reads
    assert {"ConstantOfShape"}.isdisjoint(node.op for node in graph.nodes)
    weights = [a for a in graph.constants.values() if a.ndim == 4]
    assert len(weights) == 26
    assert all(0.5 < a.std() * np.sqrt(a[0].size / 2) < 1.5 for a in weights)


def test_every_light_network_has_its_steps():
    pytest.importorskip("onnx", reason=WITHOUT)
    for network in light.NETWORKS:
        if network.name not in ("VGG-19", "ZFNet-512", "AlexNet"):  # which draw gigabytes
            graph = read(network.model())
            assert infer(steps(graph), graph.input, graph.shape)[graph.outputs[0]][:2] == (1, 1000)


def test_a_row_of_a_network(squeezenet, quick, peak, stored_run):
    pytest.importorskip("onnxruntime", reason="it says what is right")
    settings = replace(quick, mode="networks", turns=1, seconds=0.001, peers=("onnxruntime",))
    row = networks.measure(squeezenet, settings, peak)
    assert row["outside"] == {}
    assert set(row["us"]) == {"fastconv", "fastconv 1 thread", "onnxruntime"}
    assert set(row["parts"]) == {"conv", "max pool", "global average", "softmax"}
    assert max(row["l2"].values()) < networks.ALLOWED / 3
    made = stored_run(mode="networks") | {"rows": [json.loads(json.dumps(row))]}
    (standing,) = standings(made)
    assert 0 < standing.plans < 1
    assert standing.hot > 0
    text = page.report(made)
    assert "Microseconds within our networks:" in text
    assert "| in plans | in loops |" in text
    assert "| over ONNX Runtime, N = 1 | 1 | 1.00 of 1.4 | 1.00 | 0 |" in goals.report(made)


def test_a_wrong_answer_of_a_network_is_refused(squeezenet, quick, peak, monkeypatch):
    pytest.importorskip("onnxruntime", reason="it says what is right")
    settings = replace(quick, mode="networks", turns=1, seconds=0.001, peers=())
    right = networks.our_calls(squeezenet, networks.prepare(squeezenet, settings), settings)
    answer = right["fastconv"]()
    for place in (0, 1):
        wrong = [a * np.float32(1 + 1e-4 * (i == place)) for i, a in enumerate(answer)]
        wrong[0] = wrong[0] + np.float32(place == 0)
        monkeypatch.setattr(networks, "our_calls", lambda *_, w=wrong: {"fastconv": lambda: w})
        with pytest.raises(AssertionError, match="beyond the bound"):
            networks.measure(squeezenet, settings, peak)
