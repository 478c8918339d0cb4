"""Keras on its NumPy backend, by fastconv: results as without us. .ci/interfaces runs its tests."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from children import run_python

pytestmark = pytest.mark.skipif(
    find_spec("keras") is None or find_spec("jax") is None,
    reason="an extra of its own: keras, and jax for its NumPy backend",
)


def in_keras(code, backend="numpy"):
    """What a child prints, where Keras runs on `backend`; here it may run on another."""
    return run_python(code, KERAS_BACKEND=backend)


# Every function of keras.ops, in both layouts, with and without us.
SAME_RESULTS = """
import itertools
import numpy as np
import keras
from keras import ops
from fastconv.interfaces import keras as ours

rng = np.random.default_rng(0)
def random(*shape):
    return rng.standard_normal(shape).astype(np.float32)

def calls():
    layouts = (("valid", "channels_last"), ("same", "channels_first"))
    for rank, (padding, layout) in itertools.product((1, 2), layouts):
        space = (11, 9)[:rank]
        def images(channels):
            return random(2, *space, channels) if layout == "channels_last" else random(
                2, channels, *space)
        x, how = images(4), {"padding": padding, "data_format": layout}
        kernel = (3, 2)[:rank]
        for strides, rate in ((1, 2), (3, 1)):
            more = {**how, "strides": strides, "dilation_rate": rate}
            for groups in (1, 2):
                yield ops.conv, (x, random(*kernel, 4 // groups, 8)), more
            yield ops.depthwise_conv, (x, random(*kernel, 4, 3)), more
            yield ops.separable_conv, (x, random(*kernel, 4, 2), random(*(1,) * rank, 8, 5)), more
            for output_padding in (None, 1):
                if output_padding is None or output_padding < max(strides, rate):
                    yield ops.conv_transpose, (x, random(*kernel, 6, 4)), {
                        **more, "output_padding": output_padding}
        for size, strides in ((3, 2), ((3, 2)[:rank], (1, 2)[:rank])):
            yield ops.max_pool, (x, size), {**how, "strides": strides}
            yield ops.average_pool, (x, size), {**how, "strides": strides}

all_calls = list(calls())
theirs = [f(*a, **k) for f, a, k in all_calls]
ours.install()
ours.install()
mine = [f(*a, **k) for f, a, k in all_calls]
for (f, a, k), want, got in zip(all_calls, theirs, mine, strict=True):
    assert got.dtype == want.dtype and got.shape == want.shape, (f, k)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4, err_msg=f"{f} {k}")
print(len(all_calls), ours.counts())
assert not any(left for _, left in ours.counts().values())
before = ours.counts()
ours.uninstall()
f, a, k = all_calls[0]
np.testing.assert_array_equal(f(*a, **k), theirs[0])
assert ours.counts() == before
ours.uninstall()
"""


def test_results_are_those_of_keras():
    assert int(in_keras(SAME_RESULTS).split()[0]) > 50


OTHER_CALLS = """
import numpy as np
from keras import ops, layers
from fastconv.interfaces import keras as ours

rng = np.random.default_rng(0)
cases = {
    "conv": (ops.conv, (rng.random((1, 4, 4, 4, 2), np.float32),
                        rng.random((2, 2, 2, 2, 3), np.float32))),
    "max_pool": (ops.max_pool, (rng.random((1, 4, 4, 2)).astype("float16"), 2, 2)),
    "average_pool": (ops.average_pool, (rng.random((1, 4, 4, 4, 2), np.float32), 2, 2)),
    "depthwise_conv": (ops.depthwise_conv, (rng.random((1, 4, 2)).astype("float16"),
                                            rng.random((2, 2, 2)).astype("float16"))),
}
theirs = {name: f(*a) for name, (f, a) in cases.items()}  # of JAX
ours.install()
for name, (f, a) in cases.items():
    np.testing.assert_array_equal(f(*a), theirs[name])
    assert ours.counts()[name] == (0, 1), ours.counts()

def said(call):
    try:
        call()
    except Exception as error:
        return type(error), str(error)

x, w = rng.random((1, 3, 3, 4), np.float32), rng.random((5, 5, 4, 2), np.float32)
wrong = [
    lambda: ops.conv(x, w),  # an empty result
    lambda: ops.conv(x, w[..., :3, :], padding="same"),
    lambda: ops.conv(x, w, padding="full"),
    lambda: ops.depthwise_conv(x, w[..., :3, :], padding="same"),
    lambda: ops.conv_transpose(x, w),
    lambda: ops.max_pool(x, 2, 2, padding="some"),
]
mine = [said(call) for call in wrong]
assert all(mine), mine
ours.uninstall()
assert mine == [said(call) for call in wrong]

ours.install()  # float64 is computed as such, where JAX would compute in float32
x, w = rng.random((1, 9, 2)), rng.random((3, 2, 3))
y = ops.conv(x, w)
assert y.dtype == np.float64
np.testing.assert_allclose(
    y[0], sum(x[0, i:i + 7] @ w[i] for i in range(3)), rtol=1e-14)
# Without strides: the size, which Keras 3.15 gets wrong on this backend.
np.testing.assert_array_equal(ops.max_pool(x, 3), ops.max_pool(x, 3, 3))
model = layers.Conv1D(4, 3, padding="causal", activation="relu")
model(x.astype("float32"))
assert ours.counts()["conv"][1] == 0
print("done")
"""


def test_what_is_not_taken_is_kerass():
    assert in_keras(OTHER_CALLS) == "done"


# The layout of 3.16, which has two modules for a while; a Keras whose functions are not those that
# we know; one that has none where we look.
OTHER_VERSIONS = """
import sys, types
from importlib import import_module
import keras
from fastconv.interfaces import keras as ours

nn = import_module("keras.src.backend.numpy.nn")
before, pool = nn.conv, nn.max_pool
new = types.ModuleType("keras.src.backend.numpy.ops.nn")
vars(new).update({k: v for k, v in vars(nn).items() if not k.startswith("__")})
sys.modules["keras.src.backend.numpy.ops"] = types.ModuleType("keras.src.backend.numpy.ops")
sys.modules[new.__name__] = new
ours.install()
assert new.conv is not before and nn.conv is not before
ours.uninstall()
assert new.conv is before and nn.conv is before

def said():
    try:
        ours.install()
    except ImportError as error:
        assert nn.conv is before and new.conv is before
        return str(error)

nn.max_pool = lambda inputs, size: None
message = said()
assert message.startswith(f"fastconv.interfaces.keras cannot patch keras {keras.__version__}")
assert "whose keras.src.backend.numpy.nn.max_pool is not as it was" in message, message
nn.max_pool = pool
del new.conv_transpose
assert "keras.src.backend.numpy.ops.nn.conv_transpose" in said()
ours._MODULES = ("keras.src.nowhere",)
assert "which has no keras.src.nowhere" in said()

keras.config.backend = lambda: "jax"  # to import it takes seconds
try:
    ours.install()
except RuntimeError as error:
    assert "set KERAS_BACKEND=numpy before keras is imported; it runs on 'jax'" in str(error)
else:
    raise AssertionError
print("done")
"""


def test_other_versions_and_backends():
    assert in_keras(OTHER_VERSIONS) == "done"


def test_what_is_missing_is_named_with_its_extra():
    code = """
import sys, fastconv
sys.modules["keras"] = None
try:
    fastconv.interfaces.keras
except ImportError as error:
    print(error)
"""
    said = in_keras(code)
    assert said.startswith("fastconv.interfaces.keras needs keras 3.15 or later, got 3.")
    assert said.endswith("pip install 'fastconv[keras]'")


def test_nothing_of_keras_is_imported_before():
    code = "import sys, fastconv.interfaces; fastconv.conv1d; print('keras' in sys.modules)"
    assert run_python(code) == "False"
