"""onnx's own test suite on our operators: a backend for its runner, which counts who computed.

    python tests/onnx_backend.py

runs all cases of nodes in one and two dimensions, those converted from PyTorch as far as this onnx
has them, and the nine light networks.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
import unittest
import warnings
from collections import Counter

import onnx.backend.base
import onnx.backend.test
from onnx.reference import ReferenceEvaluator

from fastconv.interfaces.onnx import ops

OPERATORS = [op.__name__ for op in ops]
NAMES = (
    "conv|basic_conv|convtranspose|causal_?conv|averagepool|maxpool|maxunpool|lppool|global\\w*pool|col2im"
    "|batchnorm|gemm|relu|leakyrelu|prelu|elu_|gelu|hardswish|sigmoid|softplus|tanh|softmax|add|sum"
    "|constantofshape"
)
# What onnx has converted from PyTorch; later wheels than 1.22 come without them.
CONVERTED = "(AvgPool|MaxPool|Conv|ConvTranspose|BatchNorm)[12]d|(LeakyReLU|ELU|PReLU|ReLU|Softmax)"
OTHERS = ".*(integer|qlinear|deform|conv3|pool3d|batchnorm3d|_3d_)"
# The names of cases: of the nodes that we compute, in one and two dimensions, and the networks.
NODES = re.compile(rf"test_(?!{OTHERS})({NAMES}|operator_(conv|maxpool)|{CONVERTED}).*_cpu", re.I)
CAUSAL = re.compile("test_causal_conv_with_state.*_cpu")
NETWORKS = re.compile(
    "test_(bvlc_alexnet|densenet121|inception_v1|inception_v2|resnet50|shufflenet|squeezenet"
    "|vgg19|zfnet512)_cpu"
)


def counted(op, counts):
    """The operator, counting the nodes that it computed and those that it left to onnx."""

    def take(self, *inputs, **attributes):
        y = op.take(self, *inputs, **attributes)
        counts["taken" if y is not None else "left", op.__name__] += 1
        return y

    return type(op.__name__, (op,), {"take": take})


class Prepared(onnx.backend.base.BackendRep):
    def __init__(self, model, counts):
        ours = [counted(op, counts) for op in ops]
        self.evaluator = ReferenceEvaluator(model, new_ops=ours)

    def run(self, inputs, **_):
        names = self.evaluator.input_names
        held = {i.name for i in self.evaluator.inits_}
        if len(inputs) < len(names):
            names = [name for name in names if name not in held]
        return self.evaluator.run(None, dict(zip(names, inputs, strict=True)))


def runner(pattern):
    """onnx's runner of the cases that `pattern` names, and what it will have counted."""
    counts: Counter[tuple[str, str]] = Counter()

    class Backend(onnx.backend.base.Backend):
        @classmethod
        def is_compatible(cls, model, device="CPU", **_):
            return True

        @classmethod
        def supports_device(cls, device):
            return device == "CPU"

        @classmethod
        def prepare(cls, model, device="CPU", **_):
            return Prepared(model, counts)

    tests = onnx.backend.test.BackendTest(Backend, __name__)
    tests._include_patterns.add(pattern)  # include() would lose the flags
    return tests, counts


def run(pattern):
    """Run the cases that `pattern` names: how many, what went wrong, and what was counted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnx's own, of its cases
        tests, counts = runner(pattern)
        result = unittest.TextTestRunner(stream=io.StringIO()).run(tests.test_suite)
    bad = [text for _, text in (*result.failures, *result.errors)]
    return result.testsRun - len(result.skipped), bad, counts


if __name__ == "__main__":
    wrong = 0
    with tempfile.TemporaryDirectory() as home:
        os.environ["ONNX_HOME"] = home  # where the runner puts inputs of networks
        for name, cases in (("nodes", NODES), ("networks", NETWORKS)):
            number, bad, counts = run(cases)
            print(*bad, f"{name}: {number} cases, {len(bad)} differ", sep="\n")
            for (who, op), calls in sorted(counts.items()):
                print(f"  {op}: {calls} {who}{'' if who == 'taken' else ' to onnx'}")
            wrong += len(bad) + (number == 0)
    sys.exit(wrong != 0)
